#include "operators/facts/exchange.h"

#include <algorithm>

#include "engine/base/money.h"

namespace leadflow {
namespace {

std::int64_t PowerOfTen(int exponent) {
  std::int64_t power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

constexpr std::int64_t kRateOne = 1'000'000'000;

}  // namespace

Exchange::Exchange(const Pipeline& pipeline)
    : pipeline_(pipeline), report_(pipeline.report_currency) {
  for (const auto& [key, rate] : pipeline.rates.rates) {  // sorted by (currency, day)
    const auto& [currency, day] = key;
    const std::optional<int> exponent = CurrencyExponent(currency);
    if (!exponent.has_value()) continue;
    if (series_.empty() || series_.back().currency != currency) {
      series_.push_back({currency, *exponent, {}});
    }
    series_.back().rates.push_back({day, rate});
  }
}

std::optional<std::int64_t> Exchange::Convert(std::int64_t minor, std::string_view currency,
                                              std::int64_t time_ms) const {
  if (currency == report_) return minor;
  for (const Series& series : series_) {
    if (series.currency != currency) continue;
    const std::int64_t day = pipeline_.zone.LocalDay(time_ms);
    const auto after = std::upper_bound(
        series.rates.begin(), series.rates.end(), day,
        [](std::int64_t wanted, const DayRate& rate) { return wanted < rate.day; });
    if (after == series.rates.begin()) return std::nullopt;
    const DayRate& newest = *std::prev(after);
    if (newest.day < day - kOldestRateDays) return std::nullopt;
    std::int64_t factor = 0;
    if (__builtin_mul_overflow(newest.rate, PowerOfTen(pipeline_.report_exponent), &factor)) {
      return std::nullopt;
    }
    return MulDivHalfEven(minor, factor, kRateOne * PowerOfTen(series.exponent));
  }
  return std::nullopt;
}

}  // namespace leadflow
