// DurationHistogram: how many durations were at most so long. Observed by any threads while others
// read; a reader may see an observation in the buckets and not yet in the sum.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace leadflow {

class DurationHistogram {
 public:
  // Upper bounds of the buckets, ascending; behind the last one there is no bound.
  static constexpr std::array<std::int64_t, 13> kBoundsMs = {
      1, 2, 5, 10, 25, 50, 100, 250, 500, 1'000, 2'500, 10'000, 60'000};

  void Observe(std::int64_t duration_ns);

  // How many were at most kBoundsMs[i]; at kBoundsMs.size(): all.
  std::array<std::int64_t, kBoundsMs.size() + 1> Cumulative() const;
  std::int64_t sum_ns() const { return sum_ns_.load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<std::int64_t>, kBoundsMs.size() + 1> counts_{};
  std::atomic<std::int64_t> sum_ns_{0};
};

}  // namespace leadflow
