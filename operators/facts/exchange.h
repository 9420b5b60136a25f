// Exchange: money of any currency in the report currency, at the rate of a local day or the newest
// of the 7 days before, in fixed point 1e-9, half-even. Never guesses: without a rate there is no
// value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operators/pipeline/pipeline.h"

namespace leadflow {

class Exchange {
 public:
  static constexpr std::int64_t kOldestRateDays = 7;

  // `pipeline` outlives it.
  explicit Exchange(const Pipeline& pipeline);

  bool IsReport(std::string_view currency) const { return currency == report_; }
  std::string_view report() const { return report_; }

  // Minor units of the report currency; nullopt: no rate, no such currency, or out of range.
  std::optional<std::int64_t> Convert(std::int64_t minor, std::string_view currency,
                                      std::int64_t time_ms) const;

 private:
  struct DayRate {
    std::int64_t day;
    std::int64_t rate;  // x 1e-9
  };
  struct Series {
    std::string currency;
    int exponent;
    std::vector<DayRate> rates;  // ascending
  };

  const Pipeline& pipeline_;
  std::string report_;
  std::vector<Series> series_;  // a few currencies: looked up by walking
};

}  // namespace leadflow
