#include "operators/attribution/decay.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace leadflow {
namespace {

// Length in bits of base^exponent, by schoolbook multiplication.
std::int64_t PowerBits(std::uint64_t base, std::int64_t exponent) {
  std::vector<std::uint32_t> words = {1};
  for (std::int64_t i = 0; i < exponent; ++i) {
    std::uint64_t carry = 0;
    for (std::uint32_t& word : words) {
      carry += word * base;
      word = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) words.push_back(static_cast<std::uint32_t>(carry));
  }
  std::int64_t bits = static_cast<std::int64_t>(words.size() - 1) * 32;
  for (std::uint32_t top = words.back(); top != 0; top >>= 1) ++bits;
  return bits;
}

// m - 1/2 < 2^(30 - r/H) < m + 1/2, in whole numbers: (2m - 1)^H < 2^(31H - r) < (2m + 1)^H.
void ExpectNearest(std::int64_t hours, std::int64_t r, std::int64_t m) {
  const std::int64_t bits = 31 * hours - r;
  EXPECT_LE(PowerBits(static_cast<std::uint64_t>(2 * m - 1), hours), bits) << hours << " " << r;
  EXPECT_GT(PowerBits(static_cast<std::uint64_t>(2 * m + 1), hours), bits) << hours << " " << r;
}

TEST(DecayTest, EveryEntryOfShortTablesIsTheNearestInteger) {
  for (const std::int64_t hours : {1, 2, 3, 5, 7, 24, 48, 168}) {
    for (std::int64_t r = 0; r < hours; ++r) ExpectNearest(hours, r, DecayEntry(hours, r));
  }
}

TEST(DecayTest, SamplesOfLongTablesAreTheNearestInteger) {
  for (const std::int64_t hours : {336, 720, 2160, 8760}) {
    for (const std::int64_t r : {std::int64_t{0}, std::int64_t{1}, hours / 3, hours - 1}) {
      ExpectNearest(hours, r, DecayEntry(hours, r));
    }
  }
}

TEST(DecayTest, EntriesThatAreAlmostAHalfAreDecidedByWholeNumbers) {
  // Found by search: the fraction of 2^(30 - r/H) is nearer to 1/2 than a long double can be asked.
  struct Case {
    std::int64_t hours, r;
  };
  int close = 0;
  for (std::int64_t hours = 1; hours <= 1200; ++hours) {
    for (std::int64_t r = 0; r < hours; ++r) {
      const long double exact = std::exp2(30.0L - static_cast<long double>(r) / hours);
      if (std::abs(exact - std::floor(exact) - 0.5L) > 2e-6L) continue;
      ++close;
      ExpectNearest(hours, r, DecayEntry(hours, r));
    }
  }
  EXPECT_GE(close, 1);
}

TEST(DecayTest, WeightHalvesEveryHalfLifeAndNeverVanishes) {
  const DecayTable table(168);
  EXPECT_EQ(table.Weight(0), 1 << 30);
  EXPECT_EQ(table.Weight(168), 1 << 29);
  EXPECT_EQ(table.Weight(168 * 30), 1);
  EXPECT_EQ(table.Weight(168 * 31), 1);
  EXPECT_EQ(table.Weight(std::int64_t{1} << 62), 1);
  EXPECT_EQ(table.Weight(-1), 1 << 30);
}

TEST(DecayTest, TableEqualsSingleEntries) {
  for (const std::int64_t hours : {1, 24, 100}) {
    const DecayTable table(hours);
    for (std::int64_t t = -1; t < 40 * hours; ++t) {
      ASSERT_EQ(table.Weight(t), DecayWeight(hours, t)) << hours << " " << t;
    }
  }
}

}  // namespace
}  // namespace leadflow
