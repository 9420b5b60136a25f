#!/bin/sh
# Events of made-up people who look around, ask and buy, one JSON object a line, as of now:
#     events.sh [PEOPLE] [PAUSE_SECONDS] [SEED]
# Without PEOPLE it goes on for ever, with a pause of a fifth of a second between two events.
exec awk -v people="${1:-0}" -v pause="${2:-0.2}" -v seed="${3:-$$}" '
function Say(kind, more) {
  printf "{\"id\":\"%s-%d\",\"kind\":\"%s\",\"time\":%d000,%s}\n", run, ++said, kind, systime(), more
  fflush()
  if (pause > 0) system("sleep " pause)
}
function Visit(person, campaign) {
  Say("page_view", "\"anonymous_id\":\"cookie-" person "\",\"page\":{\"url\":\"https://www.example.com/" pages[int(rand() * 4) + 1] "\"}" \
    (campaign ? "," campaigns[campaign] : ""))
}
BEGIN {
  srand(seed); run = seed "-" systime()
  split("products pricing contact fairs", pages, " ")
  campaigns[1] = "\"utm\":{\"source\":\"google\",\"medium\":\"cpc\",\"campaign\":\"spring\"}"
  campaigns[2] = "\"utm\":{\"source\":\"newsletter\",\"medium\":\"email\",\"campaign\":\"april-mailing\"}"
  campaigns[3] = "\"utm\":{\"source\":\"linkedin\",\"medium\":\"paid-social\",\"campaign\":\"fair-hannover\"}"
  for (number = 1; people == 0 || number <= people; ++number) {
    person = run "-" number
    Visit(person, int(rand() * 4))
    if (rand() < 0.5) Visit(person, int(rand() * 4))
    if (rand() < 0.4) {
      mail = "\"email\":\"person-" person "@example.org\""
      Say("form_submit", "\"anonymous_id\":\"cookie-" person "\"," mail ",\"form\":\"contact\"")
      if (rand() < 0.5) {
        Visit(person, int(rand() * 4))
        Say("order", mail ",\"order_id\":\"order-" person "\",\"amount\":{\"minor\":" int(rand() * 400000) + 10000 ",\"currency\":\"EUR\"}")
      }
    }
  }
}'
