#include "operators/facts/fact_builder.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "operators/facts/trust_facts.h"
#include "tests/unit/facts/fact_cells.h"

namespace leadflow {
namespace {

using Of = Subject::Of;
using Type = Measure::Type;

Occurrence Click(std::int64_t day, std::string_view channel, std::string_view campaign = {}) {
  Occurrence occurrence;
  occurrence.kind = Kind::kAdClick;
  occurrence.time_ms = day * kDayMs + 5;
  occurrence.by_default.channel = channel;
  occurrence.by_default.campaign = campaign;
  return occurrence;
}

TEST(FactBuilderTest, CountsGoByWindowAndDimensions) {
  Pipeline pipeline;
  AddKpi(&pipeline, "clicks", MeasureOf(Type::kCount, Of::kEvent, Kind::kAdClick),
         {By(Dimension::kChannel), By(Dimension::kCampaign)});
  Occurrence counted = Click(3, "Email", "spring");
  counted.count = 40;
  Occurrence other = Click(2, "Email");
  other.kind = Kind::kEmailOpen;
  EXPECT_EQ(SumsOf(pipeline, {Click(2, "Email"), Click(2, "Email"), Click(3, "Email", "spring"),
                              counted, other}),
            (Sums{{"clicks 2/Email/(none) 0", 2}, {"clicks 3/Email/spring 0", 41}}));
}

TEST(FactBuilderTest, CreditChoosesWhoseDimensionsCount) {
  struct Case {
    Credit credit;
    const char* channel;
  };
  const Case cases[] = {{Credit::kDefault, "default"},
                        {Credit::kOwn, "own"},
                        {Credit::kFirst, "first"},
                        {Credit::kLast, "last"},
                        {Credit::kLastNonDirect, "last_non_direct"}};
  for (const Case& c : cases) {
    Pipeline pipeline;
    Measure measure = MeasureOf(Type::kCount, Of::kLeadCreation);
    measure.credit = c.credit;
    AddKpi(&pipeline, "leads", measure, {By(Dimension::kChannel)});
    Occurrence occurrence;
    occurrence.of = Of::kLeadCreation;
    occurrence.by_default.channel = "default";
    occurrence.own.channel = "own";
    occurrence.first.channel = "first";
    occurrence.last.channel = "last";
    occurrence.last_non_direct.channel = "last_non_direct";
    EXPECT_EQ(SumsOf(pipeline, {occurrence}),
              (Sums{{std::string("leads 0/") + c.channel + " 0", 1}}));
  }
}

TEST(FactBuilderTest, EveryClassOfDimensionIsRead) {
  Pipeline pipeline;
  DimensionSpec label = By(Dimension::kLabel);
  label.label = "team";
  const int slot = kSlotNamed + pipeline.names.Intern("labels.team");
  AddKpi(
      &pipeline, "k", MeasureOf(Type::kCount, Of::kEvent, Kind::kFormSubmit),
      {By(Dimension::kSource), By(Dimension::kFair), By(Dimension::kPersona), By(Dimension::kOwner),
       By(Dimension::kOffer), By(Dimension::kForm), By(Dimension::kKind), label});
  SlotFields fields;
  fields.Set(Field::kOffer, Value::String("o"));
  fields.Set(Field::kForm, Value::String("demo"));
  fields.Set(kSlotKind, Value::String("form_submit"));
  fields.Set(slot, Value::String("red"));
  Occurrence occurrence;
  occurrence.kind = Kind::kFormSubmit;
  occurrence.by_default.source = "google";
  occurrence.lead.persona = "Engineering";
  occurrence.fields = &fields;
  EXPECT_EQ(SumsOf(pipeline, {occurrence}),
            (Sums{{"k 0/google/(none)/Engineering/(none)/o/demo/form_submit/red 0", 1}}));
}

TEST(FactBuilderTest, MachineEventsCountOnlyWhereTheyAreIncluded) {
  for (const bool included : {false, true}) {
    Pipeline pipeline;
    Measure measure = MeasureOf(Type::kCount, Of::kEvent, Kind::kAdClick);
    measure.machine = included;
    AddKpi(&pipeline, "k", measure, {});
    Occurrence machine = Click(0, "x");
    machine.machine = true;
    EXPECT_EQ(SumsOf(pipeline, {machine}).size(), included ? 1u : 0u);
  }
}

TEST(FactBuilderTest, MailOccurrencesGoToTheirMeasures) {
  Pipeline pipeline;
  AddKpi(&pipeline, "raw", MeasureOf(Type::kCount, Of::kEvent, Kind::kEmailOpen), {});
  AddKpi(&pipeline, "leads", MeasureOf(Type::kDistinctLeads, Of::kEvent, Kind::kEmailOpen), {});
  Occurrence plain;
  plain.kind = Kind::kEmailOpen;
  plain.count_only = true;
  Occurrence implied;
  implied.kind = Kind::kEmailOpen;
  implied.distinct_only = true;
  EXPECT_EQ(SumsOf(pipeline, {plain, plain, plain, implied}),
            (Sums{{"leads 0 0", 1}, {"raw 0 0", 3}}));
}

TEST(FactBuilderTest, WhereSeesWhatTheVisitIs) {
  Pipeline pipeline;
  Measure bounces = MeasureOf(Type::kCount, Of::kVisit);
  bounces.where = std::make_shared<SlotIsTrue>(kSlotBounce);
  AddKpi(&pipeline, "rate", Combine(Type::kRatio, {bounces, MeasureOf(Type::kCount, Of::kVisit)}),
         {});
  Occurrence visit;
  visit.of = Of::kVisit;
  Occurrence bounce = visit;
  bounce.bounce = true;
  EXPECT_EQ(SumsOf(pipeline, {visit, bounce, visit}), (Sums{{"rate 0 0", 1}, {"rate 0 1", 3}}));
}

TEST(FactBuilderTest, DistinctLeadsCountOnceFromTheirNthOccurrence) {
  for (const int least : {1, 2, 3}) {
    Pipeline pipeline;
    Measure measure = MeasureOf(Type::kDistinctLeads, Of::kEvent, Kind::kAdClick);
    measure.at_least = least;
    AddKpi(&pipeline, "k", measure, {By(Dimension::kChannel)});
    FactBuilder builder(pipeline);
    Cells cells(pipeline);
    SeenMap seen;
    builder.Begin(&cells, &seen);
    for (int n = 1; n <= 4; ++n) {
      builder.Add(Click(0, "a"), 1);
      EXPECT_EQ(cells.sums().size(), n >= least ? 1u : 0u) << n << " of " << least;
    }
    for (int n = 3; n >= 0; --n) {
      builder.Add(Click(0, "a"), -1);
      EXPECT_EQ(cells.sums().size(), n >= least ? 1u : 0u) << n << " of " << least;
    }
    EXPECT_TRUE(seen.empty());
  }
}

TEST(FactBuilderTest, AnonymousTotalsAreAddedToDistinctAsTheyAre) {
  Pipeline pipeline;
  AddKpi(&pipeline, "k", MeasureOf(Type::kDistinctLeads, Of::kEvent, Kind::kFairVisit), {});
  Occurrence lead;
  lead.kind = Kind::kFairVisit;
  Occurrence total = lead;
  total.anonymous_count = true;
  total.count = 120;
  EXPECT_EQ(SumsOf(pipeline, {lead, total, lead}), (Sums{{"k 0 0", 121}}));
}

TEST(FactBuilderTest, AccountsAreReferencesPerAccount) {
  Pipeline pipeline;
  AddKpi(&pipeline, "k", MeasureOf(Type::kDistinctAccounts, Of::kVisit), {});
  Occurrence acme;
  acme.of = Of::kVisit;
  acme.lead.account = "acme";
  Occurrence nobody = acme;
  nobody.lead.account = {};
  EXPECT_EQ(SumsOf(pipeline, {acme, nobody, acme}), (Sums{{"k 0 0 @acme", 2}}));
}

TEST(FactBuilderTest, FieldsAreSummedByTheirTypes) {
  struct Case {
    const char* field;
    std::int64_t sum;
  };
  const Case cases[] = {{"clicks", 12},    {"dwell_time", 61'000}, {"engaged_time", 25'000},
                        {"page_views", 4}, {"touches", 9},         {"amount", 500},
                        {"discount", 70}};
  for (const Case& c : cases) {
    Pipeline pipeline;
    Measure measure = MeasureOf(Type::kSum, Of::kVisit);
    measure.field = c.field;
    AddKpi(&pipeline, "k", measure, {});
    SlotFields fields;
    fields.Set(Field::kClicks, Value::Int(12));
    fields.Set(Field::kDiscount, Value::Money(70, {'E', 'U', 'R'}));
    Occurrence visit;
    visit.of = Of::kVisit;
    visit.fields = &fields;
    visit.dwell_ms = 61'000;
    visit.engaged_ms = 25'000;
    visit.page_views = 4;
    visit.touches = 9;
    visit.has_amount = true;
    visit.amount = 500;
    visit.currency = "EUR";
    EXPECT_EQ(SumsOf(pipeline, {visit}), (Sums{{"k 0 0", c.sum}})) << c.field;
  }
}

TEST(FactBuilderTest, AbsentFieldsCountNothing) {
  Pipeline pipeline;
  Measure measure = MeasureOf(Type::kMean, Of::kEvent, Kind::kCardCollected);
  measure.field = "rating";
  AddKpi(&pipeline, "k", measure, {});
  SlotFields fields;
  Occurrence card;
  card.kind = Kind::kCardCollected;
  card.fields = &fields;
  EXPECT_EQ(SumsOf(pipeline, {card}), Sums());
  fields.Set(Field::kRating, Value::Int(4));
  EXPECT_EQ(SumsOf(pipeline, {card, card}), (Sums{{"k 0 0", 8}, {"k 0 0 n", 2}}));
}

TEST(FactBuilderTest, DurationsGoToTheirMeasuresOnly) {
  Pipeline pipeline;
  Measure quantile = MeasureOf(Type::kQuantile, Of::kEvent);
  quantile.duration = true;
  quantile.quantiles = {0.5};
  quantile.from.of = Of::kFirstTouch;
  quantile.to.of = Of::kOrder;
  KpiSpec& days = AddKpi(&pipeline, "days", quantile, {});
  days.unit_ms = kDayMs;
  Measure mean = quantile;
  mean.type = Type::kMeanTime;
  AddKpi(&pipeline, "mean", mean, {});
  Measure stage = mean;
  stage.time_in = true;
  AddKpi(&pipeline, "stage", stage, {});
  const FactBuilder builder(pipeline);
  ASSERT_EQ(builder.durations().size(), 2u);
  EXPECT_EQ(builder.durations()[0].to.of, Of::kOrder);
  EXPECT_TRUE(builder.durations()[1].time_in);

  Occurrence pair;
  pair.of = Of::kOrder;
  pair.duration = 0;
  pair.duration_ms = 3 * kDayMs + 7;  // cut to whole days for the median, exact for the mean
  Occurrence negative = pair;
  negative.duration_ms = -1;
  EXPECT_EQ(SumsOf(pipeline, {pair, negative}),
            (Sums{{"days 0 0 =3", 1}, {"mean 0 0", 3 * kDayMs + 7}, {"mean 0 0 n", 1}}));
}

Pipeline WithRates() {
  Pipeline pipeline;
  pipeline.rates.rates[{"USD", 10}] = 900'000'000;
  pipeline.rates.rates[{"USD", 20}] = 800'000'000;
  pipeline.rates.rates[{"JPY", 10}] = 6'000'000;  // 0.006 EUR
  return pipeline;
}

Occurrence Order(std::int64_t day, std::int64_t minor, std::string_view currency) {
  Occurrence order;
  order.of = Of::kOrder;
  order.time_ms = day * kDayMs;
  order.has_amount = true;
  order.amount = minor;
  order.currency = currency;
  return order;
}

TEST(FactBuilderTest, MoneyIsConvertedAtTheDayOrUpToSevenDaysBefore) {
  struct Case {
    std::int64_t day, minor;
    const char* currency;
    const char* row;
    std::int64_t sum;
  };
  const Case cases[] = {
      {10, 1000, "EUR", "EUR", 1000}, {10, 1000, "USD", "EUR", 900}, {17, 1000, "USD", "EUR", 900},
      {18, 1000, "USD", "USD", 1000}, {9, 1000, "USD", "USD", 1000}, {20, 1000, "USD", "EUR", 800},
      {25, 1000, "USD", "EUR", 800},  {10, 1000, "JPY", "EUR", 600}, {10, 5, "GBP", "GBP", 5},
      {10, 5, "USD", "EUR", 4},       {10, 15, "USD", "EUR", 14},    {10, -15, "USD", "EUR", -14},
  };  // 4.5 and 13.5: half to even
  for (const Case& c : cases) {
    Pipeline pipeline = WithRates();
    Measure measure = MeasureOf(Type::kSum, Of::kOrder);
    measure.field = "amount";
    AddKpi(&pipeline, "k", measure, {}, WindowUnit::kTotal).money = true;
    const std::string cell = std::string("k 0/") + c.row + " 0";
    EXPECT_EQ(SumsOf(pipeline, {Order(c.day, c.minor, c.currency)}), (Sums{{cell, c.sum}}))
        << c.day << " " << c.currency;
  }
}

TEST(FactBuilderTest, MoneyInRatiosCountsOnlyWithARate) {
  Pipeline pipeline = WithRates();
  Measure sum = MeasureOf(Type::kSum, Of::kOrder);
  sum.field = "amount";
  Measure mean = sum;
  mean.type = Type::kMean;
  AddKpi(&pipeline, "ratio", Combine(Type::kRatio, {sum, MeasureOf(Type::kCount, Of::kOrder)}), {},
         WindowUnit::kTotal)
      .money = true;
  AddKpi(&pipeline, "mean", mean, {}, WindowUnit::kTotal).money = true;
  EXPECT_EQ(SumsOf(pipeline, {Order(10, 100, "EUR"), Order(10, 100, "GBP")}),
            (Sums{{"mean 0/EUR 0", 100},
                  {"mean 0/EUR 0 n", 1},
                  {"ratio 0/EUR 0", 100},
                  {"ratio 0/EUR 1", 2}}));
}

TEST(FactBuilderTest, MissingRatesAreCountedAndTakenBack) {
  Pipeline pipeline = WithRates();
  Measure holes = MeasureOf(Type::kCount, Of::kTrust);
  holes.subject.trust = "no_rate";
  AddKpi(&pipeline, "holes", holes, {By(Dimension::kTrustSource), By(Dimension::kTrustReason)},
         WindowUnit::kTotal);
  SlotFields fields;
  fields.Set(kSlotSource, Value::String("shop"));
  Occurrence order = Order(10, 100, "GBP");
  order.fields = &fields;
  FactBuilder builder(pipeline);
  EXPECT_TRUE(builder.Wants(Of::kOrder, Kind::kNone));
  Cells cells(pipeline);
  SeenMap seen;
  builder.Begin(&cells, &seen);
  builder.Add(order, 1);
  builder.Add(Order(10, 100, "USD"), 1);
  EXPECT_EQ(cells.sums(), (Sums{{"holes 0/shop/GBP 0", 1}}));
  builder.Add(order, -1);
  EXPECT_EQ(cells.sums(), Sums());
}

TEST(FactBuilderTest, BookedRefundsMoveTheValueAndAtTheEndTheCount) {
  Pipeline pipeline;
  Measure sum = MeasureOf(Type::kSum, Of::kOrder);
  sum.field = "amount";
  sum.ledger = Ledger::kBooked;
  AddKpi(&pipeline, "sum", sum, {}).money = true;
  Measure count = MeasureOf(Type::kCount, Of::kOrder);
  count.ledger = Ledger::kBooked;
  AddKpi(&pipeline, "count", count, {});
  Measure median = sum;
  median.type = Type::kQuantile;
  AddKpi(&pipeline, "median", median, {}, WindowUnit::kTotal).money = true;
  AddKpi(&pipeline, "restated", MeasureOf(Type::kCount, Of::kOrder), {});

  Occurrence order = Order(1, 100, "EUR");
  order.restated = false;
  Occurrence part = Order(2, -40, "EUR");
  part.restated = false;
  part.booked_refund = true;
  part.booked_before = 100;
  part.counts = false;
  Occurrence rest = Order(3, -60, "EUR");
  rest.restated = false;
  rest.booked_refund = true;
  rest.booked_before = 60;
  EXPECT_EQ(SumsOf(pipeline, {order, part}), (Sums{{"count 1 0", 1},
                                                   {"median 0/EUR 0 =60", 1},
                                                   {"sum 1/EUR 0", 100},
                                                   {"sum 2/EUR 0", -40}}));
  EXPECT_EQ(SumsOf(pipeline, {order, part, rest}), (Sums{{"count 1 0", 1},
                                                         {"count 3 0", -1},
                                                         {"sum 1/EUR 0", 100},
                                                         {"sum 2/EUR 0", -40},
                                                         {"sum 3/EUR 0", -60}}));
}

TEST(FactBuilderTest, TrustCountersHaveSourceAndReason) {
  Pipeline pipeline;
  Measure measure = MeasureOf(Type::kCount, Of::kTrust);
  measure.subject.trust = "dead_letter";
  AddKpi(&pipeline, "bad", measure, {By(Dimension::kTrustSource), By(Dimension::kTrustReason)});
  TrustFacts trust(pipeline);
  EXPECT_TRUE(trust.Wants("dead_letter"));
  EXPECT_FALSE(trust.Wants("machine"));
  Cells cells(pipeline);
  trust.Count("dead_letter", "web", "no time", 2 * kDayMs, 3, cells);
  trust.Count("dead_letter", "", "no time", 2 * kDayMs, 1, cells);
  trust.Count("machine", "web", "", 2 * kDayMs, 9, cells);
  EXPECT_EQ(cells.sums(), (Sums{{"bad 2/(none)/no time 0", 1}, {"bad 2/web/no time 0", 3}}));
}

TEST(FactBuilderTest, WantsWhatSomeMeasureReads) {
  Pipeline pipeline;
  pipeline.stages.resize(2);
  pipeline.goals.resize(2);
  pipeline.attribution.models = {MakeModel("linear", Model::kLinear)};
  Measure stage = MeasureOf(Type::kCount, Of::kStageFirst);
  stage.subject.stage = 1;
  AddKpi(&pipeline, "s", stage, {});
  Measure goal = MeasureOf(Type::kAttributed, Of::kGoal);
  goal.subject.goal = 0;
  AddKpi(&pipeline, "g", goal, {By(Dimension::kModel)});
  AddKpi(&pipeline, "e", MeasureOf(Type::kCount, Of::kEvent, Kind::kAdClick), {});
  const FactBuilder builder(pipeline);
  EXPECT_TRUE(builder.Wants(Of::kEvent, Kind::kAdClick));
  EXPECT_FALSE(builder.Wants(Of::kEvent, Kind::kCall));
  EXPECT_FALSE(builder.Wants(Of::kVisit, Kind::kNone));
  EXPECT_FALSE(builder.WantsStage(0));
  EXPECT_TRUE(builder.WantsStage(1));
  EXPECT_TRUE(builder.WantsGoal(0));
  EXPECT_FALSE(builder.WantsGoal(1));
  EXPECT_FALSE(builder.UsesNowDimensions());
  AddKpi(&pipeline, "p", stage, {By(Dimension::kPersona)});
  EXPECT_TRUE(FactBuilder(pipeline).UsesNowDimensions());
}

TEST(FactBuilderTest, InsertThenRetractLeavesNothing) {
  Pipeline pipeline = WithRates();
  Measure distinct = MeasureOf(Type::kDistinctLeads, Of::kOrder);
  distinct.at_least = 2;
  Measure mean = MeasureOf(Type::kMean, Of::kOrder);
  mean.field = "amount";
  Measure sum = MeasureOf(Type::kSum, Of::kOrder);
  sum.field = "amount";
  AddKpi(&pipeline, "distinct", distinct, {By(Dimension::kChannel)});
  AddKpi(&pipeline, "mean", mean, {By(Dimension::kChannel)}).money = true;
  AddKpi(&pipeline, "sum", sum, {By(Dimension::kCampaign)}).money = true;
  const char* channels[] = {"a", "b", ""};
  const char* currencies[] = {"EUR", "USD", "GBP"};
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<Occurrence> added;
    for (unsigned i = 0; i < 20; ++i) {
      Occurrence order = Order(8 + random() % 20, static_cast<int>(random() % 999) - 400,
                               currencies[random() % 3]);
      order.by_default.channel = channels[random() % 3];
      order.by_default.campaign = channels[random() % 3];
      added.push_back(order);
    }
    FactBuilder builder(pipeline);
    Cells cells(pipeline);
    SeenMap seen;
    builder.Begin(&cells, &seen);
    for (const Occurrence& order : added) builder.Add(order, 1);
    EXPECT_FALSE(cells.sums().empty());
    std::shuffle(added.begin(), added.end(), random);
    for (const Occurrence& order : added) builder.Add(order, -1);
    EXPECT_EQ(cells.sums(), Sums());
    EXPECT_TRUE(seen.empty());
  }
}

}  // namespace
}  // namespace leadflow
