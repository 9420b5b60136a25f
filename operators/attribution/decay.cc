#include "operators/attribution/decay.h"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>

#include "engine/base/check.h"

namespace leadflow {
namespace {

// A big number kept to its highest words, with the power of two that stands for the others:
// words x 2^shift, least significant word first.
struct Float {
  std::vector<std::uint32_t> words;
  std::int64_t shift = 0;

  std::int64_t BitLength() const {
    return shift + static_cast<std::int64_t>(words.size()) * 32 - std::countl_zero(words.back());
  }
};

// Cuts to `most` words, down or up.
void Cut(Float* number, std::size_t most, bool up) {
  if (number->words.size() <= most) return;
  const std::size_t cut = number->words.size() - most;
  number->words.erase(number->words.begin(),
                      number->words.begin() + static_cast<std::ptrdiff_t>(cut));
  number->shift += static_cast<std::int64_t>(cut) * 32;
  if (!up) return;
  for (std::uint32_t& word : number->words) {
    if (++word != 0) return;
  }
  number->words.push_back(1);
}

Float Multiply(const Float& a, const Float& b, std::size_t most, bool up) {
  Float product;
  product.shift = a.shift + b.shift;
  product.words.assign(a.words.size() + b.words.size(), 0);
  for (std::size_t i = 0; i < a.words.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < b.words.size(); ++j) {
      carry += std::uint64_t{a.words[i]} * b.words[j] + product.words[i + j];
      product.words[i + j] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    product.words[i + b.words.size()] = static_cast<std::uint32_t>(carry);
  }
  while (product.words.size() > 1 && product.words.back() == 0) product.words.pop_back();
  Cut(&product, most, up);
  return product;
}

// A bound of base^exponent: from below, or from above if `up`.
Float Power(std::uint32_t base, std::int64_t exponent, std::size_t most, bool up) {
  Float result{{1}, 0};
  Float square{{base}, 0};
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = Multiply(result, square, most, up);
    if (exponent > 1) square = Multiply(square, square, most, up);
  }
  return result;
}

// Whether odd^exponent < 2^bits. An odd number above 1 has no power that is a power of two, so the
// length in bits decides; words are added until both bounds have the same.
bool PowerIsBelow(std::uint32_t odd, std::int64_t exponent, std::int64_t bits) {
  for (std::size_t most = 8;; most *= 2) {
    const std::int64_t low = Power(odd, exponent, most, false).BitLength();
    const std::int64_t high = Power(odd, exponent, most, true).BitLength();
    if (low == high) return low <= bits;
  }
}

}  // namespace

std::int64_t DecayEntry(std::int64_t half_life_hours, std::int64_t r) {
  LEADFLOW_CHECK(r >= 0 && r < half_life_hours);
  // The number is at most 2^30, so 64 bits of mantissa leave an error below 1e-7: what is nearer to
  // the middle between two integers than that is decided by whole numbers.
  static_assert(LDBL_MANT_DIG >= 64);
  constexpr long double kUnsure = 1e-6L;
  const long double about =
      std::exp2(30.0L - static_cast<long double>(r) / static_cast<long double>(half_life_hours));
  const long double below = std::floor(about);
  const auto m = static_cast<std::int64_t>(below);
  const long double rest = about - below;
  if (std::abs(rest - 0.5L) > kUnsure) return rest > 0.5L ? m + 1 : m;
  // Round up if m + 1/2 < 2^(30 - r / H), that is (2m + 1)^H < 2^(31 H - r).
  const auto odd = static_cast<std::uint32_t>(2 * m + 1);
  return PowerIsBelow(odd, half_life_hours, 31 * half_life_hours - r) ? m + 1 : m;
}

DecayTable::DecayTable(std::int64_t half_life_hours) {
  LEADFLOW_CHECK(half_life_hours > 0);
  entries_.reserve(static_cast<std::size_t>(half_life_hours));
  for (std::int64_t r = 0; r < half_life_hours; ++r) {
    entries_.push_back(static_cast<std::uint32_t>(DecayEntry(half_life_hours, r)));
  }
}

std::int64_t DecayTable::Weight(std::int64_t hours) const {
  const auto t = static_cast<std::uint64_t>(std::max<std::int64_t>(hours, 0));
  const std::uint64_t halvings = t / entries_.size();
  if (halvings > 30) return 1;
  return std::max<std::int64_t>(1, entries_[t - halvings * entries_.size()] >> halvings);
}

std::int64_t DecayWeight(std::int64_t half_life_hours, std::int64_t hours) {
  const std::int64_t t = std::max<std::int64_t>(hours, 0);
  const std::int64_t halvings = t / half_life_hours;
  if (halvings > 30) return 1;
  return std::max<std::int64_t>(1, DecayEntry(half_life_hours, t % half_life_hours) >> halvings);
}

}  // namespace leadflow
