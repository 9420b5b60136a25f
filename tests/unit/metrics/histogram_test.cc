#include "engine/metrics/histogram.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace leadflow {
namespace {

TEST(DurationHistogramTest, ABoundBelongsToItsBucket) {
  for (std::size_t i = 0; i < DurationHistogram::kBoundsMs.size(); ++i) {
    DurationHistogram durations;
    durations.Observe(DurationHistogram::kBoundsMs[i] * 1'000'000);
    durations.Observe(DurationHistogram::kBoundsMs[i] * 1'000'000 + 1);
    EXPECT_EQ(durations.Cumulative()[i], 1) << i;
    EXPECT_EQ(durations.Cumulative()[i + 1], 2) << i;
  }
}

TEST(DurationHistogramTest, CountsWhatManyThreadsObserve) {
  DurationHistogram durations;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&durations] {
      for (int j = 0; j < 1000; ++j) durations.Observe(j * 1'000'000);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(durations.Cumulative().back(), 4000);
  EXPECT_EQ(durations.sum_ns(), 4LL * 999 * 1000 / 2 * 1'000'000);
}

}  // namespace
}  // namespace leadflow
