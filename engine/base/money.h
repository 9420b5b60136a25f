// Money: integer minor units and the ISO 4217 exponent of their currency. Nothing here rounds unless it
// says how.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leadflow {

// Digits behind the point: 2 for EUR, 0 for JPY, 3 for KWD. nullopt: no such code (three capitals).
std::optional<int> CurrencyExponent(std::string_view code);

// "17436.97" in EUR -> 1743697. nullopt: no number, more digits than the currency has (unless zeros),
// or out of range.
std::optional<std::int64_t> ParseMinor(std::string_view text, int exponent);
// 1743697 -> "17436.97"
std::string FormatMinor(std::int64_t minor, int exponent);

// a * b / c, rounded half to even, in 128 bits; nullopt on overflow. REQUIRES: c > 0
std::optional<std::int64_t> MulDivHalfEven(std::int64_t a, std::int64_t b, std::int64_t c);

// numerator / denominator with `digits` digits behind the point, half to even: "0.333333".
// REQUIRES: denominator != 0
std::string FormatRatio(__int128 numerator, __int128 denominator, int digits);

// share_i = floor(total x w_i / sum w), the rest by largest remainder, ties to the earlier; a negative
// total splits its absolute value and negates. All weights 0: as if each were 1. Sum = total, always.
// REQUIRES: weights non-negative, not empty; shares.size() == weights.size()
void SplitByWeights(std::int64_t total, std::span<const std::int64_t> weights,
                    std::span<std::int64_t> shares);

}  // namespace leadflow
