// The cheap way is taken where it has to be, and what stands alone counts.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "operators/journey/lead_function.h"
#include "tests/unit/journey/lead_testing.h"

namespace leadflow {
namespace {

using enum Dimension;
using O = EventMaker::Options;

// Pages of a long web journey, stages, scores, orders; every third KPI of a real file.
Pipeline UsualPipeline(bool web) {
  PipelineMaker m;
  using Type = Measure::Type;
  StageSpec visitor, lead, mql, customer;
  visitor.name = "visitor";
  visitor.on = IsKind("page_view");
  lead.name = "lead";
  lead.on_lead_creation = true;
  mql.name = "mql";
  mql.when = When([](const FieldSource& f) { return f.Field(kSlotScore).integer >= 5; });
  m.p.scoring = {{1, IsKind("page_view"), 0, 0}};
  customer.name = "customer";
  customer.on = IsKind("order");
  if (web) m.p.stages = {visitor, lead, mql, customer};
  GoalSpec order;
  order.name = "order";
  m.p.goals = {order};
  for (const Model model :
       {Model::kFirstTouch, Model::kLastTouch, Model::kLinear, Model::kUShape, Model::kTimeDecay}) {
    ModelSpec spec;
    spec.name = std::to_string(static_cast<int>(model));
    spec.model = model;
    m.p.attribution.models.push_back(spec);
  }
  if (!web) {
    m.p.attribution.touch_kinds =
        PipelineMaker::Bit(Kind::kAdClick) | PipelineMaker::Bit(Kind::kEmailClick) |
        PipelineMaker::Bit(Kind::kFormSubmit) | PipelineMaker::Bit(Kind::kFairVisit);
  }
  m.Kpi("visits",
        web ? m.Of(Type::kCount, Subject::Of::kVisit)
            : m.Of(Type::kCount, Subject::Of::kEvent, Kind::kAdClick),
        {kChannel, kCampaign});
  m.Kpi("opens", m.Of(Type::kCount, Subject::Of::kEvent, Kind::kEmailOpen), {kCampaign});
  m.Kpi("clicks", m.Of(Type::kCount, Subject::Of::kEvent, Kind::kEmailClick), {kCampaign});
  Measure leads = m.Of(Type::kCount, Subject::Of::kLeadCreation);
  leads.credit = Credit::kOwn;
  m.Kpi("leads", leads, {kChannel});
  m.Kpi("orders", m.Of(Type::kAttributed, Subject::Of::kGoal, {}, 0), {kModel, kChannel, kCampaign},
        WindowUnit::kMonth);
  Measure revenue = m.Of(Type::kAttributedValue, Subject::Of::kGoal, {}, 0);
  revenue.field = "amount";
  m.Kpi("revenue", revenue, {kModel, kChannel, kCampaign}, WindowUnit::kMonth);
  return std::move(m.p);
}

class LeadApplyTest : public testing::Test {
 protected:
  LeadApplyTest() : pipeline_(UsualPipeline(true)), f_(pipeline_), cells_(pipeline_) {}

  void Event(double minutes, Kind kind, O options = O()) {
    if (options.id.empty()) options.id = "e" + std::to_string(++events_);
    const auto time = kDay + static_cast<std::int64_t>(minutes * static_cast<double>(kMinute));
    ASSERT_TRUE(f_.ApplyEntry(journey_, maker_.Make(kind, time, options), cells_).ok());
  }
  void Order(const std::string& id, int minutes, std::int64_t amount) {
    Record record;
    record.id = "order/" + id;
    record.event_id = id;
    record.time_ms = kDay + minutes * kMinute;
    record.gross_minor = record.net_minor = amount;
    record.currency = "EUR";
    ASSERT_TRUE(f_.ApplyRecord(journey_, record, cells_).ok());
  }
  void ExpectRight() {
    ASSERT_TRUE(f_.Settle(journey_, cells_).ok());
    EXPECT_EQ(cells_.sums(), BatchOf(f_, pipeline_, journey_));
  }
  // A lead that has been through all stages.
  void Customer() {
    for (int i = 0; i < 6; ++i) Event(100 + i, Kind::kPageView, {.device = "d"});
    Event(110, Kind::kFormSubmit, {.device = "d"});
    Event(120, Kind::kOrder, {.id = "o1"});
    Order("o1", 120, 100);
  }

  Pipeline pipeline_;
  LeadFunction f_;
  Cells cells_;
  EventMaker maker_;
  Journey journey_ = NewJourney();
  int events_ = 0;
};

TEST_F(LeadApplyTest, NewestEventsOfAnyKindAreCheap) {
  int minutes = 0;
  for (int round = 0; round < 3; ++round) {
    for (const Kind kind : AllKinds()) {
      if (kind == Kind::kErase || kind == Kind::kUnlink) continue;
      Event(minutes += 7, kind, {.device = round == 1 ? "d" : ""});
    }
    Order("o" + std::to_string(round), minutes += 7, 100);
  }
  EXPECT_EQ(f_.slow(), 0u);
  ExpectRight();
}

TEST_F(LeadApplyTest, LateTouchesVisitsAndOrdersAreCheap) {
  Customer();
  for (int i = 0; i < 50; ++i) Event(200 + 60 * i, Kind::kPageView, {.device = "d"});
  Order("o2", 4000, 300);
  Event(150, Kind::kMeeting, {.campaign = "c"});
  Event(1999, Kind::kEmailClick);
  Event(1000, Kind::kPageView, {.device = "d", .campaign = "late", .medium = "cpc"});
  Order("o3", 1500, 700);
  EXPECT_EQ(f_.slow(), 0u);
  ExpectRight();
}

TEST_F(LeadApplyTest, LateTouchMovesCreditOfLaterOrder) {
  Event(0, Kind::kMeeting);
  Order("o", 60, 100);
  const auto before = cells_.sums();
  Event(30, Kind::kMeeting, {.medium = "cpc"});
  EXPECT_FALSE(cells_.sums().contains("revenue 0/1/Paid/(none) 0"));  // the order is owed
  Event(31, Kind::kMeeting);
  Event(32, Kind::kMeeting, {.medium = "cpc"});
  ASSERT_TRUE(f_.Settle(journey_, cells_).ok());
  const auto after = cells_.sums();
  EXPECT_EQ(before.at("revenue 0/1/Direct/(none) 0"), 100);
  EXPECT_FALSE(after.contains("revenue 0/1/Direct/(none) 0"));
  EXPECT_EQ(after.at("revenue 0/1/Paid/(none) 0"), 100);
}

TEST_F(LeadApplyTest, RefundChangesTheOrderWhereItIs) {
  Customer();
  Event(400, Kind::kMeeting);
  Record record = journey_.records().at("order/o1");
  record.net_minor = 60;
  record.refunds = {{kDay + 500 * kMinute, 40, false}};
  ASSERT_TRUE(f_.ApplyRecord(journey_, record, cells_).ok());
  EXPECT_EQ(f_.slow(), 0u);
  ExpectRight();
}

TEST_F(LeadApplyTest, SecondDeliveryChangesNothing) {
  Event(0, Kind::kMeeting, {.id = "x", .campaign = "c"});
  const auto before = cells_.sums();
  const Entry again = maker_.Make(Kind::kMeeting, kDay, {.id = "x", .campaign = "c"});
  auto applied = f_.ApplyEntry(journey_, again, cells_);
  ASSERT_TRUE(applied.ok());
  EXPECT_FALSE(*applied);
  EXPECT_EQ(cells_.sums(), before);
}

TEST_F(LeadApplyTest, TakingBackEverythingLeavesNothing) {
  Customer();
  Cells& cells = cells_;
  ASSERT_TRUE(f_.Settle(journey_, cells).ok());
  ASSERT_TRUE(f_.Batch(journey_, nullptr, -1, cells).ok());
  EXPECT_TRUE(cells.sums().empty());
}

TEST_F(LeadApplyTest, FilterKeepsOnlyOneLead) {
  Customer();
  Cells all(pipeline_), none(pipeline_);
  ASSERT_TRUE(f_.Batch(
                    journey_, [](const Identifier&) { return false; }, +1, none)
                  .ok());
  EXPECT_TRUE(none.sums().empty());
}

TEST_F(LeadApplyTest, UnownedOrderIsUnattributed) {
  Record record;
  record.id = "order/x";
  record.time_ms = kDay;
  record.gross_minor = record.net_minor = 500;
  record.currency = "EUR";
  f_.Unowned(record, +1, cells_);
  EXPECT_EQ(cells_.sums().at("revenue 0/1/Unattributed/(none) 0"), 500);
  f_.Unowned(record, -1, cells_);
  EXPECT_TRUE(cells_.sums().empty());
}

TEST_F(LeadApplyTest, ExplainNamesWhatHappened) {
  Customer();
  auto lines = f_.Explain(journey_, nullptr);
  ASSERT_TRUE(lines.ok());
  int visits = 0, goals = 0, stages = 0;
  for (const LeadFunction::Line& line : *lines) {
    visits += line.what == "visit";
    stages += line.what.rfind("stage ", 0) == 0;
    if (line.what == "goal order") {
      ++goals;
      EXPECT_NE(line.detail.find("Direct 100.0 %"), std::string::npos) << line.detail;
    }
  }
  EXPECT_EQ(visits, 1);
  EXPECT_EQ(goals, 1);
  EXPECT_EQ(stages, 4);
}

TEST(StandaloneTest, CostIsSpreadOverItsDaysByLargestRemainder) {
  PipelineMaker m;
  Measure cost = m.Of(Measure::Type::kSum, Subject::Of::kEvent, Kind::kCost);
  cost.field = "amount";
  m.Kpi("cost", cost, {kChannel, kCampaign});
  m.Kpi("rows", m.Of(Measure::Type::kCount, Subject::Of::kEvent, Kind::kCost), {});
  LeadFunction f(m.p);
  Entry entry;
  std::string fields;
  FieldsWriter writer(&fields);
  writer.Text(Field::kCampaign, "c");
  writer.Text(Field::kChannel, "Ads");
  writer.Number(Field::kAmount, 100);
  writer.Text(Field::kCurrency, "EUR");
  writer.Number(Field::kPeriodStart, 10);
  writer.Number(Field::kPeriodEnd, 12);
  entry.kind = Kind::kCost;
  entry.time_ms = 10 * kDay;
  entry.fields = fields;
  Cells cells(m.p);
  f.Standalone(entry, +1, cells);
  const std::map<std::string, std::int64_t> expected = {
      {"cost 10/Ads/c 0", 34}, {"cost 11/Ads/c 0", 33}, {"cost 12/Ads/c 0", 33}, {"rows 10 0", 1}};
  EXPECT_EQ(cells.sums(), expected);
  f.Standalone(entry, -1, cells);
  EXPECT_TRUE(cells.sums().empty());
}

TEST(StandaloneTest, AnonymousCountsAddAsTheyAre) {
  PipelineMaker m;
  m.Kpi("likes", m.Of(Measure::Type::kCount, Subject::Of::kEvent, Kind::kSocialLike), {});
  m.Kpi("people", m.Of(Measure::Type::kDistinctLeads, Subject::Of::kEvent, Kind::kSocialLike), {});
  LeadFunction f(m.p);
  std::string fields;
  FieldsWriter(&fields).Number(Field::kCount, 42);
  Entry entry;
  entry.kind = Kind::kSocialLike;
  entry.fields = fields;
  Cells cells(m.p);
  f.Standalone(entry, +1, cells);
  EXPECT_EQ(cells.sums().at("likes 0 0"), 42);
  EXPECT_EQ(cells.sums().at("people 0 0"), 42);
}

class Sums final : public FactSink {
 public:
  void Add(std::string_view, std::string_view, std::int64_t delta) override { sum += delta; }
  std::int64_t sum = 0;
};

// How much of a journey one event reads, by its length. With LEADFLOW_TIMES=1 it prints times.
TEST(LeadApplyCostTest, DoesNotGrowWithTheJourney) {
  const Pipeline pipeline = UsualPipeline(false);
  const bool print = std::getenv("LEADFLOW_TIMES") != nullptr;
  for (const int length : {15, 1000, 10000}) {
    LeadFunction f(pipeline);
    std::mt19937 random(1);
    EventMaker maker;
    const int leads = print ? std::max(1, 300000 / length) : 1;
    std::int64_t count = 0;
    std::chrono::nanoseconds spent{0};
    for (int lead = 0; lead < leads; ++lead) {
      EventMaker events;
      std::vector<Entry> entries;
      std::vector<int> order;
      for (int i = 0; i < length; ++i) {
        static constexpr Kind kKinds[] = {Kind::kAdClick,    Kind::kAdClick,    Kind::kEmailOpen,
                                          Kind::kEmailClick, Kind::kFormSubmit, Kind::kFairVisit};
        const bool buys = random() % 50 == 0;
        std::int64_t time = kDay + i * (730 * kDay / length);
        if (random() % 50 == 0) time -= static_cast<std::int64_t>(random() % 86'400'000);
        O o{.id = std::to_string(i), .campaign = random() % 2 == 0 ? "c1" : "c2"};
        if (random() % 2 == 0) o.medium = "cpc";
        entries.push_back(events.Make(buys ? Kind::kOrder : kKinds[random() % 6], time, o));
      }
      Journey journey = NewJourney();
      Sums sums;
      const auto begin = std::chrono::steady_clock::now();
      for (const Entry& entry : entries) {
        ASSERT_TRUE(f.ApplyEntry(journey, entry, sums).ok() && f.Settle(journey, sums).ok());
        ++count;
        if (entry.kind != Kind::kOrder) continue;
        Record record;
        record.id = "order/" + entry.id.ToString();
        record.event_id = entry.id.ToString();
        record.time_ms = entry.time_ms;
        record.gross_minor = record.net_minor = 100;
        record.currency = "EUR";
        ASSERT_TRUE(f.ApplyRecord(journey, record, sums).ok());
      }
      spent += std::chrono::steady_clock::now() - begin;
    }
    // Only the very first events of a lead may come late enough to move its beginning.
    EXPECT_LE(f.slow(), static_cast<std::uint64_t>(leads)) << length;
    if (print) {
      std::cout << length << " events a lead: " << spent.count() / count << " ns each, slow "
                << f.slow() << "\n";
    }
  }
}

// The same for a journey of visits: pages, clicks, forms, orders; stages, scores; some late.
TEST(LeadApplyCostTest, DoesNotGrowWithTheVisits) {
  const Pipeline pipeline = UsualPipeline(true);
  const bool print = std::getenv("LEADFLOW_TIMES") != nullptr;
  for (const int length : {200, 2000, 20000}) {
    LeadFunction f(pipeline);
    std::mt19937 random(2);
    EventMaker maker;
    Journey journey = NewJourney();
    Sums sums;
    std::int64_t time = kDay;
    std::chrono::nanoseconds spent{0};
    for (int i = 0; i < length; ++i) {
      time += random() % 4 == 0 ? 12 * kHour : 2 * kMinute;
      const std::int64_t late = i > 20 && random() % 50 == 0 ? 30 * kHour : 0;
      O o{.session = "s" + std::to_string(i / 4), .device = "d"};
      o.id = std::to_string(i);
      if (random() % 3 == 0) o.medium = "cpc";
      static constexpr Kind kKinds[] = {Kind::kPageView, Kind::kPageView,   Kind::kPageView,
                                        Kind::kAction,   Kind::kEmailClick, Kind::kPageView,
                                        Kind::kMeeting,  Kind::kFormSubmit};
      const bool buys = random() % 50 == 0;
      const Entry entry = maker.Make(buys ? Kind::kOrder : kKinds[random() % 8], time - late, o);
      Record record;
      record.id = "order/" + o.id;
      record.event_id = o.id;
      record.time_ms = entry.time_ms;
      record.gross_minor = record.net_minor = 100;
      record.currency = "EUR";
      const auto begin = std::chrono::steady_clock::now();
      ASSERT_TRUE(f.ApplyEntry(journey, entry, sums).ok() && f.Settle(journey, sums).ok());
      if (buys) {
        ASSERT_TRUE(f.ApplyRecord(journey, record, sums).ok());
      }
      spent += std::chrono::steady_clock::now() - begin;
    }
    EXPECT_LE(f.slow(), 1u) << length;
    if (print) {
      std::cout << length << " web events: " << spent.count() / length << " ns each, slow "
                << f.slow() << "\n";
    }
  }
}

}  // namespace
}  // namespace leadflow
