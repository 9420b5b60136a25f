#include "operators/ingest/event_checks.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"

#include "tests/unit/ingest/ingest_testing.h"

namespace leadflow {
namespace {

constexpr char kWho[] = R"("email":"a@b.c")";

TEST(EventChecksTest, EachKindNeedsItsFields) {
  const std::string eur = R"("amount":{"minor":5,"currency":"EUR"})";
  const std::string negative = R"("amount":{"minor":-5,"currency":"EUR"})";
  const struct {
    const char* kind;
    std::string rest;
    const char* why;  // empty: it is an event
  } cases[] = {
      {"page_view", kWho, ""},
      {"order", R"("order_id":"o",)" + eur, ""},
      {"order", R"("order_id":"o",)" + negative, ""},  // a correction
      {"order", eur, "order without `order_id`"},
      {"order", R"("order_id":"o")", "order without `amount`"},
      {"order", R"("order_id":"o","discount":{"minor":-1,"currency":"EUR"},)" + eur,
       "negative `discount`"},
      {"order_cancel", R"("order_id":"o")", ""},
      {"order_cancel", kWho, "order_cancel without `order_id`"},
      {"refund", R"("refund_id":"r","order_id":"o",)" + eur, ""},
      {"refund", R"("order_id":"o",)" + eur, "refund without `refund_id`"},
      {"refund", R"("refund_id":"r",)" + eur, "refund without `order_id`"},
      {"refund", R"("refund_id":"r","order_id":"o")", "refund without `amount`"},
      {"refund", R"("refund_id":"r","order_id":"o",)" + negative, "negative `amount` of a refund"},
      {"deal_change", R"("deal_id":"d")", ""},
      {"deal_change", R"("deal_id":"d","status":"won",)" + negative, ""},
      {"deal_change", R"("status":"won")", "deal_change without `deal_id`"},
      {"deal_change", R"("deal_id":"d","status":"Won")",
       "`status` of a deal is open, won or lost, not `Won`"},
      {"cost", eur, ""},
      {"cost", R"("clicks":5)", ""},
      {"cost", R"("impressions":5)", ""},
      {"cost", R"("campaign":"c")", "cost without `amount`"},
      {"cost", negative, "negative `amount` of a cost"},
      {"cost", R"("clicks":-5)", "negative `clicks`"},
      {"cost", R"("impressions":-5)", "negative `impressions`"},
      {"cost", R"("period":{"start":"2026-03-01","end":"2026-03-01"},)" + eur, ""},
      {"cost", R"("period":{"start":"2026-03-02","end":"2026-03-01"},)" + eur,
       "`period` ends before it starts"},
      {"cost", R"("period":{"start":"2026-01-01","end":"2036-12-31"},)" + eur,
       "`period` is longer than ten years"},
      {"rate", R"("currency":"USD","day":"2026-03-01","rate":"0.9")", ""},
      {"rate", R"("day":"2026-03-01","rate":"0.9")", "rate without `currency`"},
      {"rate", R"("currency":"USD","rate":"0.9")", "rate without `day`"},
      {"rate", R"("currency":"USD","day":"2026-03-01")", "rate without `rate`"},
      {"rate", R"("currency":"USD","day":"2026-03-01","rate":"0")", "`rate` must be above 0"},
      {"rate", R"("currency":"USD","day":"2026-03-01","rate":"-1")", "`rate` must be above 0"},
      {"follower_count", R"("network":"x","followers":5)", ""},
      {"follower_count", R"("followers":5)", "follower_count without `network`"},
      {"follower_count", R"("network":"x")", "follower_count without `followers`"},
      {"follower_count", R"("network":"x","followers":-5)", "negative `followers`"},
      {"discount_issued", R"("discount_code":"c")", ""},
      {"discount_issued", kWho, "discount_issued without `discount_code`"},
      {"stage_change", std::string(R"("stage":"SQL",)") + kWho, ""},
      {"stage_change", kWho, "stage_change without `stage`"},
      {"action", std::string(R"("name":"play",)") + kWho, ""},
      {"action", kWho, "action without `name`"},
      {"fair_visit", R"("count":5)", ""},
      {"fair_visit", R"("count":-5)", "negative `count`"},
  };
  for (const auto& c : cases) {
    IngestRun run;
    ASSERT_TRUE(run.Event(c.kind, c.rest).ok());
    const std::vector<std::string> why = {"crm crm.jsonl:1: " + std::string(c.why)};
    EXPECT_EQ(run.refused, *c.why == '\0' ? std::vector<std::string>() : why)
        << c.kind << " " << c.rest;
    EXPECT_EQ(run.emitted.empty(), *c.why != '\0') << c.kind << " " << c.rest;
  }
}

TEST(EventChecksTest, WhoNeedsIdentifiers) {
  const struct {
    const char* kind;
    const char* rest;
    const char* why;
  } cases[] = {
      {"page_view", "", "page_view without an identifier"},
      {"page_view", R"("count":3)", ""},
      {"email_open", R"("count":3)", ""},
      {"contact_created", R"("count":3)", "contact_created without an identifier"},
      {"identify", "", "identify without an identifier"},
      {"erase", "", "erase without an identifier"},
      {"profile", R"("profile":{"job_title":"CTO"})", "profile without an identifier"},
      {"form_submit", R"("email":"  ")", "form_submit without an identifier"},
      {"unlink", R"("email":"a@b.c")", "unlink needs two identifiers"},
      {"unlink", R"("email":"a@b.c","user_id":"u")", ""},
      {"unlink", R"("email":["a@b.c","d@b.c"],"user_id":"u")", "unlink needs two identifiers"},
      {"unlink", R"("email":["a@b.c"," A@B.C"])", "unlink needs two identifiers"},
  };
  for (const auto& c : cases) {
    IngestRun run;
    ASSERT_TRUE(run.Event(c.kind, c.rest).ok());
    const std::vector<std::string> why = {"crm crm.jsonl:1: " + std::string(c.why)};
    EXPECT_EQ(run.refused, *c.why == '\0' ? std::vector<std::string>() : why)
        << c.kind << " " << c.rest;
  }
}

TEST(EventChecksTest, TimesBeyondTheCalendarAreRefused) {
  Event event;
  event.kind = Kind::kPageView;
  for (const std::int64_t time :
       {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min(),
        std::int64_t{253'402'300'800'000}}) {
    event.time_ms = time;
    EXPECT_EQ(EventChecks::CheckFields(event), "`time` is out of range") << time;
    event.time_ms = kNow;
    event.SetNumber(Field::kUpdated, time);
    EXPECT_EQ(EventChecks::CheckFields(event), "`updated` is out of range") << time;
    event.Remove(Field::kUpdated);
  }
  event.kind = Kind::kCost;
  event.SetNumber(Field::kClicks, 1);
  event.SetNumber(Field::kPeriodStart, 0);
  EXPECT_EQ(EventChecks::CheckFields(event), "`period` needs start and end");
  event.SetNumber(Field::kPeriodEnd, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(EventChecks::CheckFields(event), "`period` is out of range");
}

TEST(EventChecksTest, CountsWithPeopleGoToThePeople) {
  Event event;
  event.kind = Kind::kPageView;
  EXPECT_EQ(RouteOf(event), Route::kPeople);
  event.SetNumber(Field::kCount, 3);
  EXPECT_EQ(RouteOf(event), Route::kStandalone);
  event.identifiers.push_back({IdentifierType::kEmail, "", "a@b.c"});
  EXPECT_EQ(RouteOf(event), Route::kPeople);
  event.kind = Kind::kCost;
  EXPECT_EQ(RouteOf(event), Route::kStandalone);
}

}  // namespace
}  // namespace leadflow
