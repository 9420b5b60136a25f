#include "engine/base/money.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace leadflow {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

TEST(MoneyTest, KnowsExponents) {
  EXPECT_EQ(CurrencyExponent("EUR"), 2);
  EXPECT_EQ(CurrencyExponent("USD"), 2);
  EXPECT_EQ(CurrencyExponent("JPY"), 0);
  EXPECT_EQ(CurrencyExponent("KRW"), 0);
  EXPECT_EQ(CurrencyExponent("KWD"), 3);
  EXPECT_EQ(CurrencyExponent("TND"), 3);
  EXPECT_EQ(CurrencyExponent("CLF"), 4);
  EXPECT_EQ(CurrencyExponent("AED"), 2);
  EXPECT_EQ(CurrencyExponent("ZWL"), 2);
  for (const char* code : {"", "EU", "EURO", "eur", "XXX", "XAU", "E R", "\xff\xff\xff"}) {
    EXPECT_FALSE(CurrencyExponent(code).has_value()) << code;
  }
}

TEST(MoneyTest, ParsesAmounts) {
  struct Case {
    const char* text;
    int exponent;
    std::optional<std::int64_t> minor;
  };
  const Case cases[] = {
      {"17436.97", 2, 1743697},
      {"0", 2, 0},
      {"-0.01", 2, -1},
      {"+5", 2, 500},
      {".5", 2, 50},
      {"1.5", 2, 150},
      {"1.500", 2, 150},
      {"1.505", 2, std::nullopt},
      {"100", 0, 100},
      {"100.00", 0, 100},
      {"100.5", 0, std::nullopt},
      {"1.234", 3, 1234},
      {"92233720368547758.07", 2, kMax},
      {"-92233720368547758.08", 2, kMin},
      {"92233720368547758.08", 2, std::nullopt},
      {"-92233720368547758.09", 2, std::nullopt},
      {"99999999999999999999999", 2, std::nullopt},
      {"", 2, std::nullopt},
      {"-", 2, std::nullopt},
      {".", 2, std::nullopt},
      {"5.", 2, std::nullopt},
      {"1,000.00", 2, std::nullopt},
      {"1e3", 2, std::nullopt},
      {" 1", 2, std::nullopt},
      {"1.2.3", 2, std::nullopt},
      {"--1", 2, std::nullopt},
      {"NaN", 2, std::nullopt},
  };
  for (const Case& c : cases) EXPECT_EQ(ParseMinor(c.text, c.exponent), c.minor) << c.text;
}

TEST(MoneyTest, FormatsAmounts) {
  EXPECT_EQ(FormatMinor(1743697, 2), "17436.97");
  EXPECT_EQ(FormatMinor(0, 2), "0.00");
  EXPECT_EQ(FormatMinor(-1, 2), "-0.01");
  EXPECT_EQ(FormatMinor(5, 3), "0.005");
  EXPECT_EQ(FormatMinor(-1234, 0), "-1234");
  EXPECT_EQ(FormatMinor(kMin, 2), "-92233720368547758.08");
  for (const std::int64_t minor : {kMin, kMax, std::int64_t{-99}, std::int64_t{100}}) {
    EXPECT_EQ(ParseMinor(FormatMinor(minor, 2), 2), minor);
  }
}

TEST(MoneyTest, RoundsHalfToEven) {
  struct Case {
    std::int64_t a, b, c;
    std::optional<std::int64_t> result;
  };
  const Case cases[] = {
      {1, 1, 2, 0},
      {3, 1, 2, 2},
      {5, 1, 2, 2},
      {-1, 1, 2, 0},
      {-3, 1, 2, -2},
      {7, 1, 3, 2},
      {8, 1, 3, 3},
      {kMax, kMax, kMax, kMax},
      {kMin, 1, 1, kMin},
      {kMin, -1, 1, std::nullopt},
      {kMin, kMin, 1, std::nullopt},
      {kMax, 2, 1, std::nullopt},
      {kMax, 1, 2, 4611686018427387904},
      {0, kMin, kMax, 0},
      {10000, 1'085'000'000, 1'000'000'000, 10850},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(MulDivHalfEven(c.a, c.b, c.c), c.result) << c.a << " * " << c.b << " / " << c.c;
  }
}

TEST(MoneyTest, FormatsRatios) {
  struct Case {
    __int128 numerator, denominator;
    int digits;
    const char* text;
  };
  const __int128 large = (static_cast<__int128>(kMax) << 63);
  const Case cases[] = {
      {1, 3, 6, "0.333333"},
      {2, 3, 6, "0.666667"},
      {1, 2, 0, "0"},
      {3, 2, 0, "2"},
      {-1, 3, 6, "-0.333333"},
      {1, -3, 6, "-0.333333"},
      {-1, -3, 6, "0.333333"},
      {0, -5, 2, "0.00"},
      {-1, 1000, 2, "0.00"},
      {999'999, 1'000'000, 2, "1.00"},
      {9'995, 1000, 2, "10.00"},
      {125, 1000, 2, "0.12"},
      {375, 1000, 2, "0.38"},
      {large, large, 6, "1.000000"},
      {large - 1, large, 3, "1.000"},
      {large, 1, 0, "85070591730234615856620279821087277056"},
      {large, 3, 1, "28356863910078205285540093273695759018.7"},
      {7, 1, 0, "7"},
  };
  for (const Case& c : cases) EXPECT_EQ(FormatRatio(c.numerator, c.denominator, c.digits), c.text);
}

// Shares by sorting all remainders: obvious, slow.
std::vector<std::int64_t> SlowSplit(std::int64_t total, const std::vector<std::int64_t>& given) {
  std::vector<std::int64_t> weights = given;
  if (std::all_of(weights.begin(), weights.end(), [](auto w) { return w == 0; })) {
    std::fill(weights.begin(), weights.end(), 1);
  }
  const __int128 magnitude = total < 0 ? -static_cast<__int128>(total) : total;
  __int128 sum = 0;
  for (const auto w : weights) sum += w;
  std::vector<__int128> shares;
  std::vector<std::pair<__int128, std::size_t>> order;  // -remainder, index
  __int128 rest = magnitude;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    shares.push_back(magnitude * weights[i] / sum);
    order.emplace_back(-(magnitude * weights[i] % sum), i);
    rest -= shares.back();
  }
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; rest > 0; ++i, --rest) ++shares[order[i].second];
  std::vector<std::int64_t> result;
  for (const __int128 s : shares) result.push_back(static_cast<std::int64_t>(total < 0 ? -s : s));
  return result;
}

std::vector<std::int64_t> Split(std::int64_t total, const std::vector<std::int64_t>& weights) {
  std::vector<std::int64_t> shares(weights.size(), -7);
  SplitByWeights(total, weights, shares);
  return shares;
}

TEST(SplitByWeightsTest, Table) {
  using Shares = std::vector<std::int64_t>;
  EXPECT_EQ(Split(100, {1, 1, 1}), (Shares{34, 33, 33}));
  EXPECT_EQ(Split(-100, {1, 1, 1}), (Shares{-34, -33, -33}));
  EXPECT_EQ(Split(1'000'000, {40, 20, 40}), (Shares{400'000, 200'000, 400'000}));
  EXPECT_EQ(Split(10, {0, 0, 0, 0}), (Shares{3, 3, 2, 2}));
  EXPECT_EQ(Split(10, {0, 3, 0}), (Shares{0, 10, 0}));
  EXPECT_EQ(Split(0, {1, 2}), (Shares{0, 0}));
  EXPECT_EQ(Split(1, {1, 2}), (Shares{0, 1}));
  EXPECT_EQ(Split(3, {1, 1, 2, 2}), (Shares{1, 0, 1, 1}));
  EXPECT_EQ(Split(kMin, {5}), (Shares{kMin}));
  EXPECT_EQ(Split(kMin, {0, 5}), (Shares{0, kMin}));
  EXPECT_EQ(Split(kMax, {kMax, kMax, 1}), SlowSplit(kMax, {kMax, kMax, 1}));
}

TEST(SplitByWeightsTest, AgreesWithSortingEveryRemainder) {
  std::mt19937_64 random(42);
  for (int round = 0; round < 20'000; ++round) {
    const std::size_t count = 1 + random() % (round % 500 == 0 ? 900 : 12);
    const unsigned bits = static_cast<unsigned>(random() % 64);
    std::vector<std::int64_t> weights;
    for (std::size_t i = 0; i < count; ++i) {
      const auto weight = static_cast<std::int64_t>(random() >> (1 + bits % 63));
      weights.push_back(random() % 4 == 0 ? 0 : weight);
    }
    if (round % 7 == 0) std::fill(weights.begin(), weights.end(), weights[0]);
    const auto total = static_cast<std::int64_t>(random()) >> (random() % 64);
    const auto shares = Split(total, weights);
    ASSERT_EQ(shares, SlowSplit(total, weights)) << "round " << round;
    __int128 sum = 0;
    for (const auto share : shares) sum += share;
    ASSERT_TRUE(sum == total);
  }
}

}  // namespace
}  // namespace leadflow
