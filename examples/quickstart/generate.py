"""Writes a made-up year of B2B journeys as canonical events, one JSON object a line. Nothing in it is real.

    generate.py OUT.jsonl [LEADS]

The story: a maker of industrial sensors. Two fairs, a newsletter each month, paid search all year, LinkedIn in two
waves. A lead may meet the firm at a fair in April, read mails through the summer and order in autumn: so half of the
revenue belongs to touches that are months old. The same arguments always give the same bytes.
"""
import datetime
import json
import sys

YEAR = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
CHANNELS = [  # utm, weight
    ({"source": "google", "medium": "cpc", "campaign": "sensors-search"}, 24),
    ({"source": "google", "medium": "organic"}, 22),
    ({"source": "linkedin", "medium": "paid-social", "campaign": "linkedin-automation"}, 12),
    ({"source": "linkedin", "medium": "social"}, 6),
    ({"source": "trade-journal.example", "medium": "referral"}, 8),
    ({}, 28),
]
FAIRS = [("Hannover", 90), ("Nuremberg", 328)]
PAGES = ["/", "/pressure", "/temperature", "/flow", "/prices", "/case-studies", "/contact"]


class Dice:
    """A small generator of our own, so that every Python makes the same year."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        return (self.state >> 33) % n

    def chance(self, percent):
        return self.below(100) < percent

    def pick(self, weighted):
        dice = self.below(sum(weight for _, weight in weighted))
        for value, weight in weighted:
            if dice < weight:
                return value
            dice -= weight


class Year:
    def __init__(self, dice):
        self.dice, self.events, self.start = dice, [], int(YEAR.timestamp() * 1000)

    def add(self, kind, day, **fields):
        time = self.start + round(day * 1440) * MINUTE
        number = len(self.events)
        self.events.append({"id": f"g{number:06d}", "kind": kind, "time": time, **fields})

    def visit(self, day, person, utm):
        device = {"anonymous_id": person["cookie"]}
        url = "https://www.sensors.example"
        for step in range(1 + self.dice.below(5)):
            page = {"url": url + PAGES[self.dice.below(len(PAGES))]}
            self.add("page_view", day + step * 2 / 1440, **device, page=page, **({"utm": utm} if utm and step == 0 else {}))
        return device

    def form(self, day, person, utm, form):
        device = self.visit(day, person, utm)
        self.add("form_submit", day + 15 / 1440, **device, email=person["email"], company=person["company"], form=form)

    def mail(self, month, person):
        day = month * 30.4 + 5.3
        who = {"email": person["email"], "campaign": f"newsletter-{month + 1:02d}", "message_id": f"m{month}-{person['number']}"}
        self.add("email_sent", day, **who)
        self.add("email_delivered", day + 1 / 1440, **who)
        if self.dice.chance(38):
            self.add("email_open", day + 0.1 + self.dice.below(48) / 24, **who)
            if self.dice.chance(30):
                self.add("email_click", day + 2.2 + self.dice.below(12) / 24, **who, link="https://www.sensors.example/case-studies")


def live(year, dice, number):
    person = {"number": number, "cookie": f"cookie-{number}", "company": f"Works {number % 700} GmbH",
              "email": f"person{number}@works{number % 700}.example"}
    born = 3 + dice.below(330)
    at_fair = dice.chance(18)
    if at_fair:
        fair, first = FAIRS[dice.below(2)]
        born = first + dice.below(4)
        year.add("card_collected", born + 0.4, email=person["email"], company=person["company"], fair=fair, campaign=f"fair-{fair.lower()}",
                 rating=1 + dice.below(5), card_id=f"card-{number}")
    for _ in range(1 + dice.below(4)):
        year.visit(born + dice.below(40) + dice.below(24) / 24, person, dice.pick(CHANNELS))
    known = at_fair or dice.chance(30)
    if not known:
        return
    form_day = born + 1 + dice.below(30)
    year.form(form_day, person, dice.pick(CHANNELS), "contact" if dice.chance(60) else "white-paper")
    for month in range(int(born / 30.4) + 1, 12):
        year.mail(month, person)
    if not dice.chance(45):
        return
    sql = form_day + 7 + dice.below(60)
    year.add("stage_change", sql, email=person["email"], stage="SQL")
    deal = {"deal_id": f"d{number}", "email": person["email"]}
    year.add("deal_change", sql + 5, **deal, status="open", amount={"minor": 100 * (2000 + dice.below(90000)), "currency": "EUR"})
    close = sql + 20 + dice.below(120)
    if dice.chance(35):
        amount = {"minor": 100 * (1500 + dice.below(60000)) + dice.below(100), "currency": "EUR"}
        year.add("deal_change", close, **deal, status="won", amount=amount)
        year.visit(close - 1, person, dice.pick(CHANNELS))
        year.add("order", close + 0.1, email=person["email"], order_id=f"o{number}", amount=amount,
                 product_line=["pressure", "temperature", "flow"][dice.below(3)])
        if dice.chance(6):
            year.add("refund", close + 12, order_id=f"o{number}", refund_id=f"r{number}",
                     amount={"minor": amount["minor"] // 4, "currency": "EUR"})
    elif dice.chance(60):
        year.add("deal_change", close, **deal, status="lost")


def costs(year):
    for month in range(12):
        first = datetime.date(2025, month + 1, 1)
        for campaign, channel, amount in (("sensors-search", "Paid search", 4200), ("linkedin-automation", "Paid social", 2600 if month in (2, 3, 8, 9) else 0),
                                          (f"newsletter-{month + 1:02d}", "Email", 350)):
            if amount:
                year.add("cost", (first - YEAR.date()).days, campaign=campaign, channel=channel, amount={"minor": amount * 100, "currency": "EUR"})
    for fair, day in FAIRS:
        year.add("cost", day, campaign=f"fair-{fair.lower()}", channel="Trade fair", amount={"minor": 3_800_000, "currency": "EUR"})


def main():
    dice = Dice(20250101)
    year = Year(dice)
    for number in range(int(sys.argv[2]) if len(sys.argv) > 2 else 3000):
        live(year, dice, number)
    costs(year)
    last = year.start + 380 * DAY
    events = sorted((e for e in year.events if e["time"] < last), key=lambda e: (e["time"], e["id"]))
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        for event in events:
            out.write(json.dumps(event, separators=(",", ":")) + "\n")
    print(f"{len(events)} made-up events", file=sys.stderr)


if __name__ == "__main__":
    main()
