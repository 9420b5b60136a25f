#include "operators/kpi/kpi_row.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/base/wire.h"
#include "operators/facts/fact.h"
#include "tests/unit/facts/fact_cells.h"

namespace leadflow {
namespace {

using ::testing::ElementsAre;
using Of = Subject::Of;
using Type = Measure::Type;

struct Part {
  std::uint64_t slot;
  ComponentKind kind;
  std::int64_t value;
  std::int64_t bucket = 0;
  std::string along = {};
  std::string account = {};
};

std::vector<KpiRow> Rows(const Pipeline& pipeline, const std::vector<Part>& parts,
                         const std::vector<std::string>& texts = {}, std::int64_t watermark_ms = 0,
                         RowState state = {}) {
  const KpiSpec& kpi = pipeline.kpis.back();
  const bool along = kpi.measure.type == Type::kShareOf;
  std::vector<std::string> keys;
  for (const Part& part : parts) {
    Component component;
    component.slot = part.slot;
    component.kind = part.kind;
    component.bucket = part.bucket;
    component.along = part.along;
    component.account = part.account;
    AppendComponent(component, along, &keys.emplace_back());
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    state.components.emplace_back(keys[i], parts[i].value);
  }
  std::string group;
  AppendGroupHead(1, 10 * kDayMs, &group);
  for (const std::string& text : texts) WireWriter(&group).Bytes(text);
  std::string_view rest = group;
  return RenderRows(kpi, pipeline, rest, state, watermark_ms);
}

std::string Shown(const std::optional<std::string>& text) { return text.value_or("null"); }

Measure Sum(const char* field, Type type = Type::kSum) {
  Measure measure = MeasureOf(type, Of::kOrder);
  measure.field = field;
  return measure;
}

TEST(KpiRowTest, EveryMeasureHasItsExactForm) {
  constexpr auto kSum = ComponentKind::kSum;
  constexpr auto kCount = ComponentKind::kCount;
  const Measure count = MeasureOf(Type::kCount, Of::kVisit);
  const Measure attributed = MeasureOf(Type::kAttributed, Of::kGoal);
  const Measure value = MeasureOf(Type::kAttributedValue, Of::kGoal);
  Measure accounts = MeasureOf(Type::kDistinctAccounts, Of::kVisit);
  accounts.at_least = 2;
  Measure mean_time = MeasureOf(Type::kMeanTime, Of::kOrder);
  const auto roi =
      Combine(Type::kRatio, {Combine(Type::kMinus, {value, Sum("amount")}), Sum("amount")});
  struct Case {
    const char* name;
    Measure measure;
    std::string currency;  // of money rows
    std::vector<Part> parts;
    const char* value;
    const char* numerator;
    const char* denominator;
  };
  const Case cases[] = {
      {"count", count, "", {{0, kSum, 42}}, "42", "null", "null"},
      {"nothing", count, "", {}, "0", "null", "null"},
      {"conversions", attributed, "", {{0, kSum, 333'334}}, "0.333334", "null", "null"},
      {"negative", attributed, "", {{0, kSum, -2'500'000}}, "-2.500000", "null", "null"},
      {"euro", value, "EUR", {{0, kSum, 123'456}}, "1234.56", "null", "null"},
      {"yen", value, "JPY", {{0, kSum, 123'456}}, "123456", "null", "null"},
      {"dinar", value, "KWD", {{0, kSum, 123'456}}, "123.456", "null", "null"},
      {"money sum", Sum("amount"), "EUR", {{0, kSum, -5}}, "-0.05", "null", "null"},
      {"clicks", Sum("clicks"), "", {{0, kSum, 7}}, "7", "null", "null"},
      {"seconds", Sum("dwell_time"), "", {{0, kSum, 61'500}}, "61.500000", "null", "null"},
      {"mean",
       Sum("page_views", Type::kMean),
       "",
       {{0, kSum, 10}, {0, kCount, 3}},
       "3.333333",
       "10",
       "3"},
      {"mean of nothing", Sum("page_views", Type::kMean), "", {}, "null", "0", "0"},
      {"mean of money",
       Sum("amount", Type::kMean),
       "EUR",
       {{0, kSum, 1000}, {0, kCount, 3}},
       "3.333333",
       "10.00",
       "3"},
      {"mean time",
       mean_time,
       "",
       {{0, kSum, 90'000}, {0, kCount, 4}},
       "22.500000",
       "90.000000",
       "4"},
      {"accounts",
       accounts,
       "",
       {{0, ComponentKind::kAccount, 1, 0, "", "a"},
        {0, ComponentKind::kAccount, 2, 0, "", "b"},
        {0, ComponentKind::kAccount, 9, 0, "", "c"},
        {0, kSum, 100}},
       "102",
       "null",
       "null"},
      {"ratio",
       Combine(Type::kRatio, {count, count}),
       "",
       {{0, kSum, 1}, {1, kSum, 3}},
       "0.333333",
       "1",
       "3"},
      {"half to even",
       Combine(Type::kRatio, {count, count}),
       "",
       {{0, kSum, 1}, {1, kSum, 2'000'000}},
       "0.000000",
       "1",
       "2000000"},
      {"half to even, up",
       Combine(Type::kRatio, {count, count}),
       "",
       {{0, kSum, 3}, {1, kSum, 2'000'000}},
       "0.000002",
       "3",
       "2000000"},
      {"division by zero",
       Combine(Type::kRatio, {count, count}),
       "",
       {{0, kSum, 1}},
       "null",
       "1",
       "0"},
      {"missing numerator",
       Combine(Type::kRatio, {count, count}),
       "",
       {{1, kSum, 4}},
       "0.000000",
       "0",
       "4"},
      {"cost per order",
       Combine(Type::kRatio, {Sum("amount"), attributed}),
       "EUR",
       {{0, kSum, 1000}, {1, kSum, 500'000}},
       "20.000000",
       "10.00",
       "0.500000"},
      {"roi",
       roi,
       "",
       {{0, kSum, 300}, {1, kSum, 100}, {2, kSum, 100}},
       "2.000000",
       "2.00",
       "1.00"},
      {"roi of cost alone",
       roi,
       "",
       {{1, kSum, 100}, {2, kSum, 100}},
       "-1.000000",
       "-1.00",
       "1.00"},
      {"negative denominator",
       Combine(Type::kRatio, {count, count}),
       "",
       {{0, kSum, 1}, {1, kSum, -4}},
       "-0.250000",
       "1",
       "-4"},
      {"minus",
       Combine(Type::kMinus, {Sum("amount"), Sum("amount")}),
       "EUR",
       {{0, kSum, 100}, {1, kSum, 250}},
       "-1.50",
       "null",
       "null"},
  };
  for (const Case& c : cases) {
    Pipeline pipeline;
    AddKpi(&pipeline, "k", c.measure, {}).money = !c.currency.empty();
    std::vector<std::string> texts;
    if (!c.currency.empty()) texts.push_back(c.currency);
    const std::vector<KpiRow> rows = Rows(pipeline, c.parts, texts);
    ASSERT_EQ(rows.size(), 1u) << c.name;
    EXPECT_EQ(Shown(rows[0].value), c.value) << c.name;
    EXPECT_EQ(Shown(rows[0].numerator), c.numerator) << c.name;
    EXPECT_EQ(Shown(rows[0].denominator), c.denominator) << c.name;
    EXPECT_EQ(rows[0].currency, c.currency) << c.name;
  }
}

TEST(KpiRowTest, QuantilesAreNearestRank) {
  struct Case {
    std::vector<std::int64_t> counts;  // of the values 10, 20, 30
    const char* p50;
    const char* p90;
    const char* p12_5;
  };
  const Case cases[] = {{{0, 0, 0}, "null", "null", "null"}, {{1, 0, 0}, "10", "10", "10"},
                        {{1, 1, 0}, "10", "20", "10"},       {{1, 1, 1}, "20", "30", "10"},
                        {{9, 1, 0}, "10", "10", "10"},       {{8, 1, 1}, "10", "20", "10"},
                        {{1, 6, 3}, "20", "30", "20"},       {{1, 6, 1}, "20", "30", "10"}};
  for (const Case& c : cases) {
    Pipeline pipeline;
    Measure measure = Sum("page_views", Type::kQuantile);
    measure.quantiles = {0.5, 0.9, 0.125};
    measure.quantile_columns = {"p50", "p90", "p12_5"};
    AddKpi(&pipeline, "k", measure, {});
    std::vector<Part> parts;
    for (std::size_t i = 0; i < c.counts.size(); ++i) {
      if (c.counts[i] == 0) continue;
      parts.push_back({0, ComponentKind::kBucket, c.counts[i], 10 * (std::int64_t(i) + 1)});
    }
    const std::vector<KpiRow> rows = Rows(pipeline, parts);
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(Shown(rows[0].value), c.p50);
    ASSERT_EQ(rows[0].quantiles.size(), 3u);
    EXPECT_EQ(Shown(rows[0].quantiles[0]), c.p50);
    EXPECT_EQ(Shown(rows[0].quantiles[1]), c.p90);
    EXPECT_EQ(Shown(rows[0].quantiles[2]), c.p12_5);
  }
}

TEST(KpiRowTest, SharesBecomeOneRowPerValueOfTheirDimension) {
  Pipeline pipeline;
  Measure share = Combine(Type::kShareOf, {MeasureOf(Type::kAttributedValue, Of::kGoal)});
  share.along = 0;
  AddKpi(&pipeline, "share", share, {By(Dimension::kChannel), By(Dimension::kModel)});
  const std::vector<KpiRow> rows = Rows(
      pipeline,
      {{0, ComponentKind::kSum, 2500, 0, "Email"}, {0, ComponentKind::kSum, 7500, 0, "Direct"}},
      {"linear"});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0].dimensions, ElementsAre("Direct", "linear"));
  EXPECT_EQ(Shown(rows[0].value), "0.750000");
  EXPECT_EQ(Shown(rows[0].numerator), "75.00");
  EXPECT_EQ(Shown(rows[0].denominator), "100.00");
  EXPECT_THAT(rows[1].dimensions, ElementsAre("Email", "linear"));
  EXPECT_EQ(Shown(rows[1].value), "0.250000");
}

TEST(KpiRowTest, RowsAreSettledWhenTheWatermarkPassedTheirEndAndTheLateness) {
  Pipeline pipeline;
  pipeline.lateness_ms = 7 * kDayMs;
  AddKpi(&pipeline, "k", MeasureOf(Type::kCount, Of::kVisit), {});
  const std::int64_t settled = (11 + 7) * kDayMs;
  EXPECT_FALSE(Rows(pipeline, {}, {}, settled - 1)[0].settled);
  EXPECT_TRUE(Rows(pipeline, {}, {}, settled)[0].settled);
  pipeline.kpis.back().window = WindowUnit::kTotal;
  EXPECT_FALSE(Rows(pipeline, {}, {}, INT64_MAX)[0].settled);
}

TEST(KpiRowTest, BytesThatAreNoRowOfThisKpiMakeNone) {
  Pipeline pipeline;
  AddKpi(&pipeline, "k", MeasureOf(Type::kCount, Of::kVisit), {By(Dimension::kChannel)});
  EXPECT_EQ(Rows(pipeline, {}, {"Email"}).size(), 1u);
  EXPECT_EQ(Rows(pipeline, {}, {}).size(), 0u);
  EXPECT_EQ(Rows(pipeline, {}, {"Email", "x"}).size(), 0u);
}

TEST(KpiRowTest, FieldsStandInTheOrderOfTheColumns) {
  Pipeline pipeline;
  DimensionSpec channel = By(Dimension::kChannel);
  channel.name = "channel";
  AddKpi(&pipeline, "cost_per_visit",
         Combine(Type::kRatio, {Sum("amount"), MeasureOf(Type::kCount, Of::kVisit)}), {channel})
      .money = true;
  RowState state;
  state.revision = 3;
  state.flags = RowState::kChangedLate;
  state.changed_ms = 1500;
  const std::vector<KpiRow> rows =
      Rows(pipeline, {{0, ComponentKind::kSum, 100}, {1, ComponentKind::kSum, 4}}, {"Email", "EUR"},
           0, state);
  ASSERT_EQ(rows.size(), 1u);
  std::string text;
  for (const RowField& field : RowFields(rows[0], pipeline.zone)) {
    text += std::string(field.name) + "=" + field.text.value_or("null") + "\n";
  }
  EXPECT_EQ(text,
            "kpi=cost_per_visit\nwindow=1d\nwindow_start=1970-01-11T00:00:00+00:00\n"
            "window_end=1970-01-12T00:00:00+00:00\nchannel=Email\nvalue=0.250000\n"
            "numerator=1.00\ndenominator=4\ncurrency=EUR\nunit=\nsettled=false\nrevision=3\n"
            "cause=late\nupdated_at=1970-01-01T00:00:01.500+00:00\n");
}

TEST(KpiRowTest, RowStateComesBackAsItWasWritten) {
  RowState state;
  state.revision = 300;
  state.flags = 1;
  state.created_ms = -5;
  state.changed_ms = 1'700'000'000'000;
  state.components = {{"a", -1}, {"bc", 1'000'000}};
  std::string bytes;
  AppendRowState(state, &bytes);
  RowState read;
  ASSERT_TRUE(ReadRowState(bytes, &read));
  EXPECT_EQ(read.revision, state.revision);
  EXPECT_EQ(read.flags, state.flags);
  EXPECT_EQ(read.created_ms, state.created_ms);
  EXPECT_EQ(read.changed_ms, state.changed_ms);
  EXPECT_EQ(read.components, state.components);
  EXPECT_FALSE(ReadRowState(bytes.substr(0, bytes.size() - 1), &read));
  bytes[0] = 9;  // another version
  EXPECT_FALSE(ReadRowState(bytes, &read));
}

}  // namespace
}  // namespace leadflow
