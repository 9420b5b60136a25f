#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/base/money.h"
#include "operators/attribution/attribution.h"
#include "operators/facts/fact_builder.h"
#include "tests/unit/facts/fact_cells.h"

namespace leadflow {
namespace {

using Of = Subject::Of;
using Type = Measure::Type;

Measure Attributed(bool value) {
  Measure measure = MeasureOf(value ? Type::kAttributedValue : Type::kAttributed, Of::kGoal);
  measure.subject.goal = 0;
  return measure;
}

Pipeline WithModels(std::vector<ModelSpec> models) {
  Pipeline pipeline;
  pipeline.goals.resize(1);
  pipeline.attribution.models = std::move(models);
  return pipeline;
}

// A conversion worth `minor` EUR behind touches of these channels, all of one campaign.
struct Sale {
  Sale(const std::vector<std::string>& channels, std::int64_t minor) {
    for (std::size_t i = 0; i < channels.size(); ++i) {
      CreditedTouch touch;
      touch.dimensions.channel = channels[i];
      touch.dimensions.campaign = i % 2 == 0 ? "even" : "odd";
      touch.time_ms = static_cast<std::int64_t>(i);
      touches.push_back(touch);
    }
    conversion.touches = touches;
    conversion.first = channels.empty() ? -1 : 0;
    conversion.conversion = static_cast<int>(channels.size()) - 1;
    occurrence.of = Of::kGoal;
    occurrence.goal = 0;
    occurrence.time_ms = kDayMs;
    occurrence.has_amount = true;
    occurrence.amount = minor;
    occurrence.currency = "EUR";
    occurrence.conversion = &conversion;
  }
  Sale(const Sale&) = delete;

  std::vector<CreditedTouch> touches;
  Conversion conversion;
  Occurrence occurrence;
};

TEST(AttributedFactsTest, TouchesOfOneCombinationAreOnePart) {
  Pipeline pipeline = WithModels({MakeModel("linear", Model::kLinear)});
  AddKpi(&pipeline, "orders", Attributed(false), {By(Dimension::kModel), By(Dimension::kChannel)});
  AddKpi(&pipeline, "revenue", Attributed(true), {By(Dimension::kModel), By(Dimension::kCampaign)})
      .money = true;
  const std::vector<std::string> channels = {"Email", "Direct", "Email"};
  const Sale sale(channels, 100);
  EXPECT_EQ(SumsOf(pipeline, {sale.occurrence}), (Sums{{"orders 1/linear/Direct 0", 333'333},
                                                       {"orders 1/linear/Email 0", 666'667},
                                                       {"revenue 1/linear/even/EUR 0", 67},
                                                       {"revenue 1/linear/odd/EUR 0", 33}}));
}

TEST(AttributedFactsTest, WithoutTouchesItIsUnattributed) {
  Pipeline pipeline = WithModels(
      {MakeModel("linear", Model::kLinear), MakeModel("influenced", Model::kParticipation)});
  AddKpi(&pipeline, "orders", Attributed(false),
         {By(Dimension::kChannel), By(Dimension::kCampaign), By(Dimension::kModel)});
  const Sale sale({}, 100);
  EXPECT_EQ(SumsOf(pipeline, {sale.occurrence}),
            (Sums{{"orders 1/Unattributed/(none)/influenced 0", 1'000'000},
                  {"orders 1/Unattributed/(none)/linear 0", 1'000'000}}));
}

TEST(AttributedFactsTest, ParticipationGivesEverythingToEachDistinctCombination) {
  Pipeline pipeline = WithModels({MakeModel("influenced", Model::kParticipation)});
  AddKpi(&pipeline, "revenue", Attributed(true), {By(Dimension::kModel), By(Dimension::kChannel)})
      .money = true;
  AddKpi(&pipeline, "all", Attributed(true), {By(Dimension::kModel)}).money = true;
  const std::vector<std::string> channels = {"Email", "Direct", "Email"};
  const Sale sale(channels, 100);
  EXPECT_EQ(SumsOf(pipeline, {sale.occurrence}), (Sums{{"all 1/influenced/EUR 0", 100},
                                                       {"revenue 1/influenced/Direct/EUR 0", 100},
                                                       {"revenue 1/influenced/Email/EUR 0", 100}}));
}

TEST(AttributedFactsTest, ModelsChooseAndOtherLeavesRepeat) {
  Pipeline pipeline =
      WithModels({MakeModel("first", Model::kFirstTouch), MakeModel("last", Model::kLastTouch),
                  MakeModel("linear", Model::kLinear)});
  pipeline.goals.resize(1);
  Measure some = Attributed(true);
  some.models = {0, 1};
  Measure cost = MeasureOf(Type::kSum, Of::kEvent, Kind::kCost);
  cost.field = "amount";
  AddKpi(&pipeline, "some", Combine(Type::kRatio, {some, cost}), {By(Dimension::kModel)});
  AddKpi(&pipeline, "all", cost, {By(Dimension::kModel)}).money = true;
  SlotFields fields;
  fields.Set(Field::kAmount, Value::Money(7, {'E', 'U', 'R'}));
  Occurrence spent;
  spent.kind = Kind::kCost;
  spent.time_ms = kDayMs;
  spent.fields = &fields;
  const std::vector<std::string> channels = {"a", "b"};
  const Sale sale(channels, 100);
  EXPECT_EQ(SumsOf(pipeline, {sale.occurrence, spent}), (Sums{{"all 1/first/EUR 0", 7},
                                                              {"all 1/last/EUR 0", 7},
                                                              {"all 1/linear/EUR 0", 7},
                                                              {"some 1/first 0", 100},
                                                              {"some 1/first 1", 7},
                                                              {"some 1/last 0", 100},
                                                              {"some 1/last 1", 7}}));
}

TEST(AttributedFactsTest, SharesRunAlongADimensionInsideTheGroup) {
  Pipeline pipeline = WithModels({MakeModel("linear", Model::kLinear)});
  Measure share = Combine(Type::kShareOf, {Attributed(true)});
  share.along = 0;
  AddKpi(&pipeline, "share", share, {By(Dimension::kChannel), By(Dimension::kModel)});
  const std::vector<std::string> channels = {"Email", "Direct"};
  const Sale sale(channels, 100);
  EXPECT_EQ(SumsOf(pipeline, {sale.occurrence}),
            (Sums{{"share 1/linear 0~Direct", 50}, {"share 1/linear 0~Email", 50}}));
}

TEST(AttributedFactsTest, BookedRefundsAreDifferencesOfSplits) {
  Pipeline pipeline = WithModels({MakeModel("linear", Model::kLinear)});
  for (const bool value : {true, false}) {
    Measure measure = Attributed(value);
    measure.ledger = Ledger::kBooked;
    AddKpi(&pipeline, value ? "revenue" : "orders", measure,
           {By(Dimension::kModel), By(Dimension::kChannel)}, WindowUnit::kDay)
        .money = value;
  }
  const std::vector<std::string> channels = {"a", "b", "c"};
  const Sale sale(channels, 100);  // 34 33 33
  Sale refund(channels, -2);       // 98: 33 33 32
  refund.occurrence.time_ms = 2 * kDayMs;
  refund.occurrence.booked_refund = true;
  refund.occurrence.booked_before = 100;
  refund.occurrence.counts = false;
  Sale rest(channels, -98);
  rest.occurrence.time_ms = 3 * kDayMs;
  rest.occurrence.booked_refund = true;
  rest.occurrence.booked_before = 98;
  EXPECT_EQ(SumsOf(pipeline, {sale.occurrence, refund.occurrence, rest.occurrence}),
            (Sums{{"orders 1/linear/a 0", 333'334},
                  {"orders 1/linear/b 0", 333'333},
                  {"orders 1/linear/c 0", 333'333},
                  {"orders 3/linear/a 0", -333'334},
                  {"orders 3/linear/b 0", -333'333},
                  {"orders 3/linear/c 0", -333'333},
                  {"revenue 1/linear/a/EUR 0", 34},
                  {"revenue 1/linear/b/EUR 0", 33},
                  {"revenue 1/linear/c/EUR 0", 33},
                  {"revenue 2/linear/a/EUR 0", -1},
                  {"revenue 2/linear/c/EUR 0", -1},
                  {"revenue 3/linear/a/EUR 0", -33},
                  {"revenue 3/linear/b/EUR 0", -33},
                  {"revenue 3/linear/c/EUR 0", -32}}));
}

TEST(AttributedFactsTest, MoneyWithoutARateIsSplitInItsOwnCurrency) {
  Pipeline pipeline = WithModels({MakeModel("linear", Model::kLinear)});
  AddKpi(&pipeline, "revenue", Attributed(true), {By(Dimension::kChannel)}).money = true;
  const std::vector<std::string> channels = {"a", "b"};
  Sale sale(channels, 100);
  sale.occurrence.currency = "GBP";
  EXPECT_EQ(SumsOf(pipeline, {sale.occurrence}),
            (Sums{{"revenue 1/a/GBP 0", 50}, {"revenue 1/b/GBP 0", 50}}));
}

// Every part by its own definition: no sharing between KPIs, no hash table.
Sums Obvious(const Pipeline& pipeline, const Sale& sale) {
  Sums sums;
  for (const KpiSpec& kpi : pipeline.kpis) {
    const bool value = kpi.measure.type == Type::kAttributedValue;
    const std::int64_t total = value ? sale.occurrence.amount : 1'000'000;
    for (const ModelSpec& model : pipeline.attribution.models) {
      std::vector<std::int64_t> weights;
      Weights(model, sale.conversion, sale.occurrence.time_ms, &weights);
      std::vector<std::int64_t> shares(weights.size());
      SplitByWeights(total, weights, shares);
      std::set<std::string> given;
      for (std::size_t i = 0; i < shares.size(); ++i) {
        std::string cell = kpi.name + " 1";
        for (const DimensionSpec& by : kpi.by) {
          const TouchDimensions& touch = sale.touches[i].dimensions;
          if (by.dimension == Dimension::kModel) cell += "/" + model.name;
          if (by.dimension == Dimension::kChannel) cell += "/" + std::string(touch.channel);
          if (by.dimension == Dimension::kCampaign) cell += "/" + std::string(touch.campaign);
        }
        if (value) cell += "/EUR";
        cell += " 0";
        if (model.model != Model::kParticipation) {
          sums[cell] += shares[i];
        } else if (given.insert(cell).second) {
          sums[cell] += total;
        }
      }
    }
  }
  std::erase_if(sums, [](const auto& cell) { return cell.second == 0; });
  return sums;
}

class RandomSales : public testing::Test {
 protected:
  RandomSales()
      : pipeline_(
            WithModels({MakeModel("first", Model::kFirstTouch),
                        MakeModel("last", Model::kLastTouch), MakeModel("linear", Model::kLinear),
                        MakeModel("u", Model::kUShape), MakeModel("decay", Model::kTimeDecay),
                        MakeModel("influenced", Model::kParticipation)})) {
    AddKpi(&pipeline_, "orders", Attributed(false),
           {By(Dimension::kModel), By(Dimension::kChannel), By(Dimension::kCampaign)});
    AddKpi(&pipeline_, "revenue", Attributed(true),
           {By(Dimension::kChannel), By(Dimension::kModel)})
        .money = true;
    AddKpi(&pipeline_, "total", Attributed(true), {By(Dimension::kModel)}).money = true;
  }

  std::vector<std::string> Channels(int most) {
    std::vector<std::string> channels(1 + random_() % static_cast<unsigned>(most));
    for (std::string& channel : channels) {
      channel = "channel " + std::to_string(random_() % 7);
    }
    return channels;
  }

  std::mt19937 random_{11};
  Pipeline pipeline_;
};

TEST_F(RandomSales, EqualTheObviousWay) {
  for (int round = 0; round < 300; ++round) {
    const std::vector<std::string> channels = Channels(round % 10 == 0 ? 500 : 30);
    const Sale sale(channels, static_cast<std::int64_t>(random_() % 100'000) - 20'000);
    ASSERT_EQ(SumsOf(pipeline_, {sale.occurrence}), Obvious(pipeline_, sale)) << round;
  }
}

TEST_F(RandomSales, SharesAddUpAndParticipationIsNeverLess) {
  for (int round = 0; round < 200; ++round) {
    const std::vector<std::string> channels = Channels(30);
    const Sale sale(channels, static_cast<std::int64_t>(1 + random_() % 100'000));
    const Sums sums = SumsOf(pipeline_, {sale.occurrence});
    std::map<std::string, std::int64_t> orders, revenue;  // by model
    for (const auto& [cell, sum] : sums) {
      for (const ModelSpec& model : pipeline_.attribution.models) {
        if (cell.find("/" + model.name + "/") == std::string::npos) continue;
        if (cell.starts_with("orders")) orders[model.name] += sum;
        if (!cell.starts_with("revenue")) continue;
        revenue[model.name] += sum;
        std::string influenced = cell;
        influenced.replace(cell.find(model.name + "/EUR"), model.name.size(), "influenced");
        ASSERT_TRUE(sums.contains(influenced));
        EXPECT_LE(sum, sums.at(influenced)) << cell;
      }
    }
    for (const ModelSpec& model : pipeline_.attribution.models) {
      EXPECT_EQ(sums.at("total 1/" + model.name + "/EUR 0"), sale.occurrence.amount);
      if (model.model == Model::kParticipation) continue;
      EXPECT_EQ(orders[model.name], 1'000'000) << model.name;
      EXPECT_EQ(revenue[model.name], sale.occurrence.amount) << model.name;
    }
  }
}

TEST_F(RandomSales, TakenBackLeaveNothing) {
  FactBuilder builder(pipeline_);
  Cells cells(pipeline_);
  SeenMap seen;
  builder.Begin(&cells, &seen);
  for (int round = 0; round < 50; ++round) {
    const std::vector<std::string> channels = Channels(30);
    const Sale sale(channels, static_cast<std::int64_t>(random_() % 100'000));
    builder.Add(sale.occurrence, 1);
    EXPECT_FALSE(cells.sums().empty());
    builder.Add(sale.occurrence, -1);
    ASSERT_EQ(cells.sums(), Sums());
  }
}

}  // namespace
}  // namespace leadflow
