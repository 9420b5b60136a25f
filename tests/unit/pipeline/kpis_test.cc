#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/pipeline/loading.h"

namespace leadflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The KPI `k` of a file with these `kpis:`.
struct One {
  Loaded loaded;
  const KpiSpec* k = nullptr;
};

One LoadKpi(std::string_view kpis) {
  One one{Loading().Load(Framed("kpis:\n" + std::string(kpis))), nullptr};
  if (one.loaded.pipeline != nullptr) one.k = one.loaded.pipeline->FindKpi("k");
  return one;
}

TEST(KpiTest, SimpleForms) {
  struct Case {
    std::string_view kpi;
    Measure::Type type;
    Subject::Of of;
    std::string_view field;
  };
  const Case cases[] = {
      {"{count: page_view}", Measure::Type::kCount, Subject::Of::kEvent, ""},
      {"{count: visit}", Measure::Type::kCount, Subject::Of::kVisit, ""},
      {"{count: order}", Measure::Type::kCount, Subject::Of::kOrder, ""},
      {"{count: deal.won}", Measure::Type::kCount, Subject::Of::kDealWon, ""},
      {"{count: deal.lost}", Measure::Type::kCount, Subject::Of::kDealLost, ""},
      {"{count: stage.sql}", Measure::Type::kCount, Subject::Of::kStageFirst, ""},
      {"{count: stage.sql.entries}", Measure::Type::kCount, Subject::Of::kStageEntry, ""},
      {"{count: no_rate}", Measure::Type::kCount, Subject::Of::kTrust, ""},
      {"{distinct: lead, of: visit}", Measure::Type::kDistinctLeads, Subject::Of::kVisit, ""},
      {"{distinct: account, of: order}", Measure::Type::kDistinctAccounts, Subject::Of::kOrder, ""},
      {"{sum: cost.clicks}", Measure::Type::kSum, Subject::Of::kEvent, "clicks"},
      {"{sum: deal.won.amount}", Measure::Type::kSum, Subject::Of::kDealWon, "amount"},
      {"{mean: visit.page_views}", Measure::Type::kMean, Subject::Of::kVisit, "page_views"},
      {"{quantile: [0.5], of: order.amount}", Measure::Type::kQuantile, Subject::Of::kOrder,
       "amount"},
      {"{attributed: demo, by: [model]}", Measure::Type::kAttributed, Subject::Of::kGoal, ""},
      {"{attributed: order, value: amount, by: [model]}", Measure::Type::kAttributedValue,
       Subject::Of::kGoal, ""},
  };
  for (const Case& one : cases) {
    const One read = LoadKpi("  k: " + std::string(one.kpi) + "\n");
    ASSERT_NE(read.k, nullptr) << one.kpi << read.loaded.diagnostics->Text();
    EXPECT_EQ(read.k->measure.type, one.type) << one.kpi;
    EXPECT_EQ(read.k->measure.subject.of, one.of) << one.kpi;
    EXPECT_EQ(read.k->measure.field, one.field) << one.kpi;
    EXPECT_EQ(read.k->slots, 1);
    EXPECT_EQ(read.k->window, WindowUnit::kTotal);
  }
}

TEST(KpiTest, DurationsFindTheirEnds) {
  const One time = LoadKpi("  k: {mean: {time: {from: first_touch, to: demo}}, unit: h}\n");
  ASSERT_NE(time.k, nullptr) << time.loaded.diagnostics->Text();
  EXPECT_EQ(time.k->measure.type, Measure::Type::kMeanTime);
  EXPECT_TRUE(time.k->measure.duration);
  EXPECT_EQ(time.k->measure.from.of, Subject::Of::kFirstTouch);
  EXPECT_EQ(time.k->measure.to.of, Subject::Of::kGoal);
  EXPECT_EQ(time.k->measure.to.goal, 1);
  EXPECT_EQ(time.k->unit, "h");
  EXPECT_EQ(time.k->unit_ms, 3'600'000);

  const One in = LoadKpi("  k: {quantile: [0.9, 0.125], of: {time_in: stage.mql}}\n");
  ASSERT_NE(in.k, nullptr) << in.loaded.diagnostics->Text();
  EXPECT_TRUE(in.k->measure.time_in);
  EXPECT_EQ(in.k->measure.from.stage, 2);
  EXPECT_THAT(in.k->measure.quantile_columns, ElementsAre("p90", "p12_5"));
  EXPECT_EQ(in.k->unit, "s");
}

TEST(KpiTest, NamesAreReplacedByMeasuresAndLeavesNumbered) {
  const One one = LoadKpi(
      "  cost: {sum: cost.amount, by: [network], window: 1y}\n"
      "  k: {ratio: [{minus: [revenue, cost]}, cost], by: [model, campaign], window: 1mo}\n"
      "  revenue: {attributed: order, value: amount, by: [model], ledger: booked}\n");
  ASSERT_NE(one.k, nullptr) << one.loaded.diagnostics->Text();
  EXPECT_EQ(one.k->slots, 3);
  EXPECT_EQ(one.k->window, WindowUnit::kMonth);
  const Measure& minus = one.k->measure.operands[0];
  EXPECT_EQ(minus.operands[0].slot, 0);
  EXPECT_EQ(minus.operands[0].ledger, Ledger::kBooked);
  EXPECT_EQ(minus.operands[1].slot, 1);
  EXPECT_EQ(one.k->measure.operands[1].slot, 2);
  EXPECT_EQ(one.k->measure.operands[1].field, "amount");
  EXPECT_FALSE(one.k->money);
}

TEST(KpiTest, WhereOfTheOuterAndTheInnerBothCount) {
  const One one = LoadKpi(
      "  demos: {count: form_submit, where: 'form == \"demo\"'}\n"
      "  k: {ratio: [demos, {count: visit, where: bounce}], where: 'country == \"AT\"'}\n");
  ASSERT_NE(one.k, nullptr) << one.loaded.diagnostics->Text();
  const std::string_view demos = one.k->measure.operands[0].where->text();
  EXPECT_THAT(std::string(demos), HasSubstr("demo"));
  EXPECT_THAT(std::string(demos), HasSubstr("AT"));
  EXPECT_THAT(one.k->measure.operands[1].where->slots(),
              ElementsAre(static_cast<int>(Field::kCountry), kSlotBounce));
}

TEST(KpiTest, ChannelInAConditionIsThatOfTheOccurrence) {
  const One one = LoadKpi("  k: {count: visit, where: 'channel == \"Email\"'}\n");
  ASSERT_NE(one.k, nullptr) << one.loaded.diagnostics->Text();
  EXPECT_THAT(one.k->measure.where->slots(), ElementsAre(kSlotOwnChannel));
}

TEST(KpiTest, OptionsOfARatioHoldForItsMeasures) {
  const One one = LoadKpi(
      "  k: {ratio: [{count: email_open, machine: exclude}, {count: email_sent}], machine: "
      "include, credit: first}\n");
  ASSERT_NE(one.k, nullptr) << one.loaded.diagnostics->Text();
  EXPECT_FALSE(one.k->measure.operands[0].machine);
  EXPECT_TRUE(one.k->measure.operands[1].machine);
  EXPECT_EQ(one.k->measure.operands[0].credit, Credit::kFirst);
}

TEST(KpiTest, MoneyAndUnits) {
  const std::pair<std::string_view, bool> cases[] = {
      {"{sum: cost.amount}", true},
      {"{sum: cost.clicks}", false},
      {"{mean: order.amount}", true},
      {"{quantile: [0.5], of: order.discount}", true},
      {"{attributed: order, value: amount, by: [model]}", true},
      {"{attributed: order, by: [model]}", false},
      {"{ratio: [{sum: cost.amount}, {count: order}]}", true},
      {"{ratio: [{sum: cost.amount}, {sum: order.amount}]}", false},
      {"{ratio: [{count: order}, {sum: cost.amount}]}", false},
      {"{minus: [{sum: order.amount}, {sum: cost.amount}]}", true},
      {"{share_of: {sum: cost.amount}, along: channel, by: [channel]}", false},
  };
  for (const auto& [kpi, money] : cases) {
    const One one = LoadKpi("  k: " + std::string(kpi) + "\n");
    ASSERT_NE(one.k, nullptr) << kpi << one.loaded.diagnostics->Text();
    EXPECT_EQ(one.k->money, money) << kpi;
    EXPECT_EQ(one.k->unit, "") << kpi;
  }
}

TEST(KpiTest, ShareOfFindsItsDimension) {
  const One one = LoadKpi(
      "  revenue: {attributed: order, value: amount, by: [model]}\n"
      "  k: {share_of: revenue, along: channel, by: [model, channel]}\n");
  ASSERT_NE(one.k, nullptr) << one.loaded.diagnostics->Text();
  EXPECT_EQ(one.k->measure.along, 1);
  EXPECT_EQ(one.k->measure.operands[0].type, Measure::Type::kAttributedValue);
}

TEST(KpiTest, SourceIsOfTheTouchOrOfATrustCounter) {
  const One touch = LoadKpi("  k: {count: visit, by: [source]}\n");
  ASSERT_NE(touch.k, nullptr) << touch.loaded.diagnostics->Text();
  EXPECT_EQ(touch.k->by[0].dimension, Dimension::kSource);
  const One trust = LoadKpi("  k: {count: refused, by: [source, reason]}\n");
  ASSERT_NE(trust.k, nullptr) << trust.loaded.diagnostics->Text();
  EXPECT_EQ(trust.k->by[0].dimension, Dimension::kTrustSource);
  EXPECT_EQ(trust.k->by[1].dimension, Dimension::kTrustReason);
}

TEST(KpiTest, LabelsAreDimensions) {
  const One one = LoadKpi("  k: {count: action, by: [labels.color]}\n");
  ASSERT_NE(one.k, nullptr) << one.loaded.diagnostics->Text();
  EXPECT_EQ(one.k->by[0].dimension, Dimension::kLabel);
  EXPECT_EQ(one.k->by[0].label, "color");
  EXPECT_EQ(one.k->by[0].name, "labels.color");
}

TEST(KpiTest, ModelsAreNumbered) {
  const One one = LoadKpi("  k: {attributed: order, by: [model], models: [linear, first_touch]}\n");
  ASSERT_NE(one.k, nullptr) << one.loaded.diagnostics->Text();
  EXPECT_THAT(one.k->measure.models, ElementsAre(3, 0));
}

}  // namespace
}  // namespace leadflow
