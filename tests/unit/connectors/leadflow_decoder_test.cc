#include "connectors/formats/leadflow_decoder.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/unit/connectors/decoded.h"

namespace leadflow {
namespace {

Decoded Decode(const std::string& message) {
  const auto decoder = MakeLeadflowDecoder(TimeZone::Utc());
  return DecodeAll(*decoder, {message});
}

TEST(LeadflowDecoderTest, ReadsEveryShapeOfField) {
  struct Case {
    std::string json, shown;
  };
  const std::string head = R"({"id":"e1","kind":"order","time":"2026-03-01T10:00:00+01:00",)";
  const std::string shown = "order id=e1 time=2026-03-01T09:00:00+00:00";
  const Case cases[] = {
      {R"("email":"a@b.c","user_id":["u1","u2"],"user_id@shop":"s1")",
       " email=a@b.c user_id=u1 user_id=u2 user_id@shop=s1"},
      {R"("utm":{"source":"g","medium":"cpc","campaign":"c","content":null,"term":""})",
       " utm.source=g utm.medium=cpc utm.campaign=c"},
      {R"("page":{"url":"https://a.b/c","path":"/c"})", " page.url=https://a.b/c page.path=/c"},
      {R"("amount":{"minor":-100,"currency":"EUR"},"order_id":"o1")",
       " order_id=o1 amount=-100 currency=EUR"},
      {R"("discount":{"currency":"JPY","minor":5})", " discount=5 discount_currency=JPY"},
      {R"("labels":{"test":"true"},"profile":{"employees":250,"job_title":"CTO"})",
       " labels.test=true profile.employees=250 profile.job_title=CTO"},
      {R"("machine":true,"hard":false,"count":3,"rating":5)", " count=3 rating=5 hard=0 machine=1"},
      {R"("updated":1772359200000,"day":"2026-03-01","rate":"1.25")",
       " updated=1772359200000 day=20513 rate=1250000000"},
      {R"("period":{"start":"2026-03-01","end":"2026-03-31T10:00:00+00:00"})",
       " period.start=20513 period.end=20543"},
      {R"("company":"M\u00fcller \"Werke\"","campaign":null,"referrer":"")",
       " company=M\u00fcller \"Werke\""},
  };
  for (const Case& c : cases) {
    const Decoded decoded = Decode(head + c.json + "}");
    ASSERT_EQ(decoded.refused, std::vector<std::string>()) << c.json;
    ASSERT_EQ(decoded.events.size(), 1u);
    EXPECT_EQ(decoded.events[0], shown + c.shown);
  }
}

TEST(LeadflowDecoderTest, TimeMayBeMilliseconds) {
  EXPECT_EQ(Decode(R"({"time":1772359200000,"kind":"page_view","id":"e"})").events,
            (std::vector<std::string>{"page_view id=e time=2026-03-01T10:00:00+00:00"}));
}

TEST(LeadflowDecoderTest, RefusalsNameTheField) {
  struct Case {
    std::string json, reason;
  };
  const std::string long_text(1025, 'x');
  const Case cases[] = {
      {R"({"id":"e","kind":"page_view","time":1,"campain":"x"})",
       "no field `campain` in an event; did you mean `campaign`?"},
      {R"({"id":"e","kind":"page_view","time":1,"quux_unheard_of":"x"})",
       "no field `quux_unheard_of` in an event"},
      {R"({"id":"e","kind":"page_veiw","time":1})",
       "unknown `kind` `page_veiw`; did you mean `page_view`?"},
      {R"({"kind":"page_view","time":1})", "no `id`"},
      {R"({"id":"","kind":"page_view","time":1})", "no `id`"},
      {R"({"id":"e","time":1})", "no `kind`"},
      {R"({"id":"e","kind":"page_view"})", "no `time`"},
      {R"({"id":"e","kind":"page_view","time":"2026-03-01T10:00:00"})",
       "`time` must be an RFC 3339 time with offset, or milliseconds"},
      {R"({"id":"e","kind":"page_view","time":1.5})", "`time` must be an integer"},
      {R"({"id":5,"kind":"page_view","time":1})", "`id` must be a string"},
      {R"({"id":"e","id":"f","kind":"page_view","time":1})", "`id` stands twice"},
      {R"({"id":"e","kind":"order","time":1,"amount":100})",
       "`amount` must be an object {minor, currency}"},
      {R"({"id":"e","kind":"order","time":1,"amount":{"minor":1}})",
       "`amount` must be an object {minor, currency}"},
      {R"({"id":"e","kind":"order","time":1,"amount":{"minor":1,"currency":"euro"}})",
       "unknown currency `euro` in `amount`"},
      {R"({"id":"e","kind":"order","time":1,"amount":{"minor":1,"currency":"EUR","x":1}})",
       "no field `x` in `amount`"},
      {R"({"id":"e","kind":"page_view","time":1,"utm":{"sauce":"x"}})", "no field `sauce` in `utm`"},
      {R"({"id":"e","kind":"page_view","time":1,"utm":"x"})", "`utm` must be an object"},
      {R"({"id":"e","kind":"page_view","time":1,"email":5})",
       "`email` must be a string or a list of strings"},
      {R"({"id":"e","kind":"page_view","time":1,"email":[5]})", "`email` must be a string"},
      {R"({"id":"e","kind":"page_view","time":1,"count":"5"})", "`count` must be an integer"},
      {R"({"id":"e","kind":"page_view","time":1,"machine":"yes"})", "`machine` must be true or false"},
      {R"({"id":"e","kind":"page_view","time":1,"labels":{"a":1}})", "`a` must be a string"},
      {R"({"id":"e","kind":"page_view","time":1,"labels":{"a":"1","a":"2"}})",
       "`a` stands twice in `labels`"},
      {R"({"id":"e","kind":"page_view","time":1,"email_domain":"x.y"})",
       "no field `email_domain` in an event"},
      {R"({"id":"e","kind":"page_view","time":1,"company":")" + long_text + R"("})",
       "`company` has 1025 bytes; at most 1024"},
      {R"(["id"])", "an event is a JSON object"},
      {R"({"id":"e","kind":"page_view","time":1)", "no JSON: expected `,` or `}` at byte 38"},
      {R"({"id":"e","kind":"page_view","time":1} x)",
       "no JSON: expected the end of the message at byte 40"},
      {"", "no JSON: expected a value at byte 1"},
      {"{\"id\":\"\xff\"}", "not UTF-8"},
  };
  for (const Case& c : cases) {
    const Decoded decoded = Decode(c.json);
    EXPECT_EQ(decoded.events, std::vector<std::string>()) << c.json;
    EXPECT_EQ(decoded.refused, std::vector<std::string>{c.reason}) << c.json;
  }
}

TEST(LeadflowDecoderTest, LimitsAreRefused) {
  std::string ids, labels;
  for (int i = 0; i < 17; ++i) {
    ids += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\"";
    labels += (i == 0 ? "\"l" : ",\"l") + std::to_string(i) + "\":\"x\"";
  }
  const std::string head = R"({"id":"e","kind":"page_view","time":1,)";
  EXPECT_EQ(Decode(head + "\"user_id\":[" + ids + "]}").refused[0], "more than 16 identifiers");
  EXPECT_EQ(Decode(head + "\"labels\":{" + labels + "}}").refused[0], "more than 16 labels");
  EXPECT_EQ(Decode(head + "\"x\":\"" + std::string(70'000, 'x') + "\"}").refused[0],
            "event larger than 64 KiB");
  EXPECT_EQ(Decode(head + "\"page\":{\"url\":\"" + std::string(8192, 'x') + "\"}}").events.size(), 1u);
  EXPECT_EQ(Decode(head + "\"page\":{\"url\":\"" + std::string(8193, 'x') + "\"}}").refused[0],
            "`page.url` has 8193 bytes; at most 8192");
}

TEST(LeadflowDecoderTest, ABadMessageLeavesNothingForTheNext) {
  const auto decoder = MakeLeadflowDecoder(TimeZone::Utc());
  const Decoded decoded = DecodeAll(
      *decoder, {R"({"id":"a","kind":"page_view","time":1,"email":"x@y.z","labels":{"k":"v"},"bad":1})",
                 R"({"id":"b","kind":"page_ping","time":1000})"});
  EXPECT_EQ(decoded.events, std::vector<std::string>{"page_ping id=b time=1970-01-01T00:00:01+00:00"});
}

}  // namespace
}  // namespace leadflow
