#include "engine/metrics/histogram.h"

#include <algorithm>

namespace leadflow {

void DurationHistogram::Observe(std::int64_t duration_ns) {
  const auto bucket =
      std::lower_bound(kBoundsMs.begin(), kBoundsMs.end(), duration_ns,
                       [](std::int64_t ms, std::int64_t ns) { return ms * 1'000'000 < ns; });
  counts_[static_cast<std::size_t>(bucket - kBoundsMs.begin())].fetch_add(
      1, std::memory_order_relaxed);
  sum_ns_.fetch_add(duration_ns, std::memory_order_relaxed);
}

std::array<std::int64_t, DurationHistogram::kBoundsMs.size() + 1> DurationHistogram::Cumulative()
    const {
  std::array<std::int64_t, kBoundsMs.size() + 1> sums{};
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    sum += counts_[i].load(std::memory_order_relaxed);
    sums[i] = sum;
  }
  return sums;
}

}  // namespace leadflow
