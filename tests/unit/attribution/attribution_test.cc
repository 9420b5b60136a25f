#include "operators/attribution/attribution.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/base/money.h"

namespace leadflow {
namespace {

using ::testing::ElementsAreArray;
using Numbers = std::vector<std::int64_t>;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kMicro = 1'000'000;

struct Journey {
  std::vector<CreditedTouch> touches;
  Conversion conversion;
  std::int64_t time_ms = 0;
};

// `n` touches an hour apart, the last an hour before the conversion.
Journey Touches(int n) {
  Journey journey;
  journey.time_ms = (n + 1) * kHour;
  for (int i = 0; i < n; ++i) {
    CreditedTouch touch;
    touch.time_ms = (i + 1) * kHour;
    journey.touches.push_back(touch);
  }
  journey.conversion.first = n > 0 ? 0 : -1;
  journey.conversion.conversion = n - 1;
  return journey;
}

Numbers Shares(const ModelSpec& spec, Journey& journey, std::int64_t total) {
  journey.conversion.touches = journey.touches;
  Numbers weights;
  Weights(spec, journey.conversion, journey.time_ms, &weights);
  Numbers shares(weights.size());
  SplitByWeights(total, weights, shares);
  return shares;
}

ModelSpec Spec(Model model) {
  ModelSpec spec;
  spec.model = model;
  return spec;
}

TEST(AttributionTest, ModelsByPosition) {
  struct Case {
    const char* name;
    Model model;
    Numbers shares;  // of 1000
  };
  const Case cases[] = {
      {"first, n=1", Model::kFirstTouch, {1000}},
      {"first, n=3", Model::kFirstTouch, {1000, 0, 0}},
      {"last, n=3", Model::kLastTouch, {0, 0, 1000}},
      {"linear, n=1", Model::kLinear, {1000}},
      {"linear, n=3", Model::kLinear, {334, 333, 333}},
      {"linear, n=4", Model::kLinear, {250, 250, 250, 250}},
      {"u, n=1", Model::kUShape, {1000}},
      {"u, n=2", Model::kUShape, {500, 500}},
      {"u, n=3", Model::kUShape, {400, 200, 400}},
      {"u, n=4", Model::kUShape, {400, 100, 100, 400}},
      {"u, n=6", Model::kUShape, {400, 50, 50, 50, 50, 400}},
      {"j, n=1", Model::kJShape, {1000}},
      {"j, n=2", Model::kJShape, {250, 750}},
      {"j, n=3", Model::kJShape, {200, 200, 600}},
      {"j, n=4", Model::kJShape, {200, 100, 100, 600}},
      {"inverse j, n=1", Model::kInverseJ, {1000}},
      {"inverse j, n=2", Model::kInverseJ, {750, 250}},
      {"inverse j, n=3", Model::kInverseJ, {600, 200, 200}},
      {"inverse j, n=4", Model::kInverseJ, {600, 100, 100, 200}},
  };
  for (const Case& c : cases) {
    Journey journey = Touches(static_cast<int>(c.shares.size()));
    EXPECT_THAT(Shares(Spec(c.model), journey, 1000), ElementsAreArray(c.shares)) << c.name;
  }
}

TEST(AttributionTest, PositionTakesItsThreeNumbers) {
  struct Case {
    std::int64_t a, b, c;
    Numbers shares;
  };
  const Case cases[] = {
      {1, 2, 3, {1000}},          {1, 2, 3, {250, 750}},
      {1, 2, 3, {167, 333, 500}}, {30, 40, 30, {300, 200, 200, 300}},
      {0, 1, 0, {0, 1000, 0}},    {0, 1, 0, {500, 500}},
      {0, 0, 0, {334, 333, 333}}, {0, 0, 0, {1000}},
  };
  for (const Case& c : cases) {
    ModelSpec spec = Spec(Model::kPosition);
    spec.position[0] = c.a;
    spec.position[1] = c.b;
    spec.position[2] = c.c;
    Journey journey = Touches(static_cast<int>(c.shares.size()));
    EXPECT_THAT(Shares(spec, journey, 1000), ElementsAreArray(c.shares)) << c.a << c.b << c.c;
  }
}

TEST(AttributionTest, LastNonDirectPassesOverDirectTouches) {
  struct Case {
    std::vector<bool> direct;
    std::size_t gets;
  };
  const Case cases[] = {{{false}, 0},
                        {{true}, 0},
                        {{true, true}, 1},
                        {{false, true}, 0},
                        {{false, false, true}, 1},
                        {{true, false}, 1}};
  for (const Case& c : cases) {
    Journey journey = Touches(static_cast<int>(c.direct.size()));
    for (std::size_t i = 0; i < c.direct.size(); ++i) journey.touches[i].direct = c.direct[i];
    Numbers expected(c.direct.size(), 0);
    expected[c.gets] = 1000;
    EXPECT_THAT(Shares(Spec(Model::kLastNonDirect), journey, 1000), ElementsAreArray(expected));
    const AttributionModel model(Spec(Model::kLastNonDirect));
    EXPECT_EQ(model.Single(journey.conversion), static_cast<int>(c.gets));
  }
}

TEST(AttributionTest, TimeDecayHalvesPerHalfLife) {
  ModelSpec spec = Spec(Model::kTimeDecay);
  spec.half_life_hours = 2;
  Journey journey = Touches(3);
  journey.time_ms = 5 * kHour;  // the touches are 4, 3 and 2 whole hours old
  journey.conversion.touches = journey.touches;
  Numbers weights;
  Weights(spec, journey.conversion, journey.time_ms, &weights);
  EXPECT_THAT(weights, ElementsAreArray(Numbers{1 << 28, 759250125 / 2, 1 << 29}));
  // Not quite an hour more is the same whole hour.
  Weights(spec, journey.conversion, journey.time_ms + kHour - 1, &weights);
  EXPECT_EQ(weights[0], 1 << 28);
  Weights(spec, journey.conversion, journey.time_ms + kHour, &weights);
  EXPECT_EQ(weights[0], 759250125 / 4);
}

TEST(AttributionTest, Milestones) {
  struct Case {
    const char* name;
    Model model;
    int first, creation, opportunity;
    bool reached;
    Numbers shares;  // of 1,000,000; the conversion's milestone is the last touch
  };
  const Case cases[] = {
      {"w: the example of the docs", Model::kWShape, 0, 1, 1, true, {300000, 600000, 100000}},
      {"w: three milestones, two others",
       Model::kWShape,
       0,
       1,
       2,
       true,
       {300000, 300000, 300000, 50000, 50000}},
      {"w: no other touch", Model::kWShape, 0, 1, 2, true, {333334, 333333, 333333}},
      {"w: one touch", Model::kWShape, 0, 0, 0, true, {1000000}},
      {"w: creation missing", Model::kWShape, 0, -1, 2, true, {450000, 100000, 450000}},
      {"w: opportunity before all touches",
       Model::kWShape,
       0,
       1,
       -1,
       true,
       {450000, 450000, 100000}},
      {"w: opportunity not reached, the conversion stands in",
       Model::kWShape,
       0,
       1,
       -1,
       false,
       {300000, 300000, 50000, 50000, 300000}},
      {"w: only the first", Model::kWShape, 0, -1, -1, true, {900000, 50000, 50000}},
      {"full: four milestones",
       Model::kFullPath,
       0,
       1,
       2,
       true,
       {225000, 225000, 225000, 100000, 225000}},
      {"full: no others", Model::kFullPath, 0, 1, 2, true, {250000, 250000, 250000, 250000}},
      {"full: opportunity missing",
       Model::kFullPath,
       0,
       1,
       -1,
       false,
       {300000, 300000, 100000, 300000}},
      {"full: all on one", Model::kFullPath, 0, 0, 0, true, {1000000}},
      {"full: creation with conversion", Model::kFullPath, 0, 2, 1, true, {250000, 250000, 500000}},
      {"first and creation", Model::kFirstAndCreation, 0, 1, -1, false, {500000, 500000, 0}},
      {"first is creation", Model::kFirstAndCreation, 0, 0, -1, false, {1000000, 0, 0}},
      {"creation missing", Model::kFirstAndCreation, 0, -1, -1, false, {1000000, 0, 0}},
      {"no milestone at all", Model::kFirstAndCreation, -1, -1, -1, false, {500000, 500000}},
  };
  for (const Case& c : cases) {
    Journey journey = Touches(static_cast<int>(c.shares.size()));
    journey.conversion.first = c.first;
    journey.conversion.creation = c.creation;
    journey.conversion.opportunity = c.opportunity;
    journey.conversion.opportunity_reached = c.reached;
    EXPECT_THAT(Shares(Spec(c.model), journey, kMicro), ElementsAreArray(c.shares)) << c.name;
  }
}

constexpr Model kAll[] = {Model::kFirstTouch, Model::kLastTouch, Model::kLastNonDirect,
                          Model::kLinear,     Model::kUShape,    Model::kJShape,
                          Model::kInverseJ,   Model::kPosition,  Model::kTimeDecay,
                          Model::kWShape,     Model::kFullPath,  Model::kFirstAndCreation};

Journey RandomJourney(std::mt19937& random, int most) {
  const int n = 1 + static_cast<int>(random() % static_cast<unsigned>(most));
  Journey journey = Touches(n);
  std::int64_t time = 0;
  for (CreditedTouch& touch : journey.touches) {
    time += static_cast<std::int64_t>(random() % (500 * kHour));
    touch.time_ms = time;
    touch.direct = random() % 3 == 0;
  }
  journey.time_ms = time + static_cast<std::int64_t>(random() % (9000 * kHour));
  const auto any = [&] { return static_cast<int>(random() % static_cast<unsigned>(n + 1)) - 1; };
  journey.conversion.creation = any();
  journey.conversion.opportunity = any();
  journey.conversion.opportunity_reached = random() % 2 == 0;
  return journey;
}

TEST(AttributionTest, SharesOfEveryModelAddUpToOneConversion) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    Journey journey = RandomJourney(random, 40);
    ModelSpec spec = Spec(kAll[random() % std::size(kAll)]);
    for (auto& weight : spec.position) weight = static_cast<std::int64_t>(random() % 3);
    const Numbers shares = Shares(spec, journey, kMicro);
    EXPECT_EQ(std::accumulate(shares.begin(), shares.end(), std::int64_t{0}), kMicro);
    EXPECT_GE(*std::min_element(shares.begin(), shares.end()), 0);
  }
}

TEST(AttributionTest, OneTouchGetsEverythingUnderEveryModel) {
  std::mt19937 random(8);
  for (int round = 0; round < 200; ++round) {
    Journey journey = RandomJourney(random, 1);
    for (const Model model : kAll) {
      EXPECT_THAT(Shares(Spec(model), journey, kMicro), ElementsAreArray(Numbers{kMicro}));
    }
  }
}

TEST(AttributionTest, TwoTouchesOfUShapeAreLinear) {
  Journey journey = Touches(2);
  EXPECT_EQ(Shares(Spec(Model::kUShape), journey, kMicro),
            Shares(Spec(Model::kLinear), journey, kMicro));
}

TEST(AttributionTest, CompiledModelEqualsTheFunction) {
  std::mt19937 random(9);
  for (const Model kind : kAll) {
    const AttributionModel model(Spec(kind));
    for (int round = 0; round < 100; ++round) {
      Journey journey = RandomJourney(random, 30);
      journey.conversion.touches = journey.touches;
      Numbers once, compiled;
      Weights(Spec(kind), journey.conversion, journey.time_ms, &once);
      model.Weights(journey.conversion, journey.time_ms, &compiled);
      ASSERT_EQ(once, compiled);
      const int single = model.Single(journey.conversion);
      if (single >= 0) {
        EXPECT_EQ(compiled[static_cast<std::size_t>(single)], 1);
        EXPECT_EQ(std::accumulate(compiled.begin(), compiled.end(), std::int64_t{0}), 1);
      }
    }
  }
}

}  // namespace
}  // namespace leadflow
