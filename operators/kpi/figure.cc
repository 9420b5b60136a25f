#include "operators/kpi/figure.h"

#include <algorithm>
#include <cmath>

#include "engine/base/money.h"
#include "operators/facts/measure_unit.h"

namespace leadflow {
namespace {

constexpr int kRatioDigits = 6;
constexpr std::int64_t kMicro = 1'000'000;

__int128 Gcd(__int128 a, __int128 b) {
  if (a < 0) a = -a;
  while (b != 0) {
    const __int128 rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

Figure Reduced(Figure figure) {
  const __int128 common = Gcd(figure.numerator, figure.denominator);
  if (common > 1) {
    figure.numerator /= common;
    figure.denominator /= common;
  }
  return figure;
}

std::int64_t PowerOfTen(int exponent) {
  std::int64_t power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

}  // namespace

std::optional<std::string> Figure::Text() const {
  if (!present) return std::nullopt;
  return FormatRatio(numerator, denominator, digits);
}

Figure Plus(const Figure& a, const Figure& b) {
  Figure result;
  result.digits = std::max(a.digits, b.digits);
  if (!a.present || !b.present) return result;
  __int128 left = 0, right = 0;
  result.present = !__builtin_mul_overflow(a.numerator, b.denominator, &left) &&
                   !__builtin_mul_overflow(b.numerator, a.denominator, &right) &&
                   !__builtin_add_overflow(left, right, &result.numerator) &&
                   !__builtin_mul_overflow(a.denominator, b.denominator, &result.denominator);
  return result.present ? Reduced(result) : Figure{false, 0, 1, result.digits};
}

Figure Divide(const Figure& a, const Figure& b, int digits) {
  Figure result;
  result.digits = digits;
  if (!a.present || !b.present || b.numerator == 0) return result;
  const Figure over = Reduced(a);
  const Figure under = Reduced(b);
  result.present = !__builtin_mul_overflow(over.numerator, under.denominator, &result.numerator) &&
                   !__builtin_mul_overflow(over.denominator, under.numerator, &result.denominator);
  if (!result.present) return {false, 0, 1, digits};
  if (result.denominator < 0) {
    result.numerator = -result.numerator;
    result.denominator = -result.denominator;
  }
  return Reduced(result);
}

const SlotSums& FigureReader::Sums(const Measure& measure) const {
  static const SlotSums kNothing;
  const auto slot = static_cast<std::size_t>(measure.slot);
  return slot < sums_.size() ? sums_[slot] : kNothing;
}

// A sum in the units that are shown: currency units, conversions, the KPI's unit of time.
Figure FigureReader::Whole(const Measure& measure, std::int64_t value) const {
  Figure figure;
  figure.present = true;
  figure.numerator = value;
  switch (NumberUnitOf(measure)) {
    case MeasureUnit::kPlain: break;
    case MeasureUnit::kMicro:
      figure.denominator = kMicro;
      figure.digits = kRatioDigits;
      break;
    case MeasureUnit::kMoney:
      figure.denominator = PowerOfTen(money_exponent_);
      figure.digits = money_exponent_;
      break;
    case MeasureUnit::kDuration:
      if (measure.type == Measure::Type::kQuantile) break;  // whole units already
      figure.denominator = kpi_.unit_ms;
      figure.digits = kpi_.unit_ms == 1 ? 0 : kRatioDigits;
      break;
  }
  return figure;
}

std::pair<Figure, Figure> FigureReader::Parts(const Measure& measure) const {
  if (measure.type == Measure::Type::kRatio) {
    return {Of(measure.operands[0]), Of(measure.operands[1])};
  }
  Figure count;
  count.present = true;
  count.numerator = Sums(measure).count;
  return {Whole(measure, Sums(measure).sum), count};
}

Figure FigureReader::Quantile(const Measure& measure, double quantile) const {
  std::int64_t values = 0;
  for (const auto& [value, count] : Sums(measure).buckets) values += count;
  Figure figure = Whole(measure, 0);
  figure.present = values > 0;
  if (!figure.present) return figure;
  // The rank in whole numbers: 0.9 of 10 values is the 9th, whatever a double makes of it.
  constexpr std::int64_t kParts = 1'000'000'000;
  const __int128 parts = static_cast<__int128>(std::llround(quantile * kParts)) * values;
  const auto rank =
      std::max<std::int64_t>(1, static_cast<std::int64_t>((parts + kParts - 1) / kParts));
  std::int64_t below = 0;
  for (const auto& [value, count] : Sums(measure).buckets) {
    below += count;
    figure.numerator = value;
    if (below >= rank) break;
  }
  return figure;
}

Figure FigureReader::Of(const Measure& measure) const {
  switch (measure.type) {
    case Measure::Type::kRatio:
    case Measure::Type::kMean:
    case Measure::Type::kMeanTime: {
      const auto [above, below] = Parts(measure);
      return Divide(above, below, kRatioDigits);
    }
    case Measure::Type::kMinus: {
      Figure taken = Of(measure.operands[1]);
      taken.numerator = -taken.numerator;
      return Plus(Of(measure.operands[0]), taken);
    }
    case Measure::Type::kShareOf: return Of(measure.operands[0]);
    case Measure::Type::kQuantile:
      return Quantile(measure, measure.quantiles.empty() ? 0.5 : measure.quantiles.front());
    case Measure::Type::kDistinctAccounts: {
      std::int64_t accounts = Sums(measure).sum;  // anonymous totals
      for (const std::int64_t times : Sums(measure).accounts) {
        if (times >= measure.at_least) ++accounts;
      }
      return Whole(measure, accounts);
    }
    default: return Whole(measure, Sums(measure).sum);
  }
}

}  // namespace leadflow
