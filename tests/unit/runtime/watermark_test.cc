// How far event time is: the slowest source that delivers, and what happens when sources fall
// silent.
#include "engine/runtime/watermark.h"

#include <gtest/gtest.h>

namespace leadflow {
namespace {

constexpr SourceMark Active(std::int64_t at) { return {.watermark_ms = at, .active = true}; }
constexpr SourceMark Idle(std::int64_t at) { return {.watermark_ms = at, .active = false}; }

TEST(WatermarkTest, UnknownUntilEverySourceHasSpoken) {
  WatermarkTable table(2, 1);
  table.Set(0, 0, Active(100));
  table.Recompute();
  EXPECT_EQ(table.watermark_ms(), kNoWatermark);
  table.Set(0, 1, Active(70));
  table.Recompute();
  EXPECT_EQ(table.watermark_ms(), 70);
}

TEST(WatermarkTest, AnIdleSourceHoldsNobodyUp) {
  WatermarkTable table(2, 1);
  table.Set(0, 0, Active(100));
  table.Set(0, 1, Idle(20));
  table.Recompute();
  EXPECT_EQ(table.watermark_ms(), 100);
}

// In which order inputs end must not matter.
TEST(WatermarkTest, WhenAllAreIdleTheHighestCounts) {
  for (const std::size_t last : {0u, 1u}) {
    WatermarkTable table(2, 1);
    table.Set(0, 0, Active(100));
    table.Set(0, 1, Active(20));
    table.Set(0, 1 - last, Idle(kNoWatermark));
    table.Recompute();
    table.Set(0, last, Idle(kNoWatermark));
    table.Recompute();
    EXPECT_EQ(table.watermark_ms(), 100);
  }
}

// Only if every sender says that a source is idle, it is: one of them may still hold its messages.
TEST(WatermarkTest, IdlenessHasToBeProvenByEverySender) {
  WatermarkTable table(2, 2);
  for (const std::size_t sender : {0u, 1u}) table.Set(sender, 0, Active(100));
  for (const std::size_t sender : {0u, 1u}) table.Set(sender, 1, Active(20));
  table.Set(0, 1, Idle(20));
  table.Recompute();
  EXPECT_EQ(table.watermark_ms(), 20);
  table.Set(1, 1, Idle(20));
  table.Recompute();
  EXPECT_EQ(table.watermark_ms(), 100);
}

TEST(WatermarkTest, TheSlowestSenderCounts) {
  WatermarkTable table(1, 2);
  table.Set(0, 0, Active(100));
  table.Recompute();
  EXPECT_EQ(table.watermark_ms(), kNoWatermark);
  table.Set(1, 0, Active(60));
  table.Recompute();
  EXPECT_EQ(table.watermark_ms(), 60);
  EXPECT_EQ(table.Combined(0), Active(60));
}

TEST(WatermarkTest, NeverGoesBack) {
  WatermarkTable table(2, 1);
  table.Set(0, 0, Active(100));
  table.Set(0, 1, Idle(20));
  table.Recompute();
  table.Set(0, 1, Active(30));  // Awake again, far behind.
  table.Recompute();
  EXPECT_EQ(table.watermark_ms(), 100);
}

TEST(WatermarkTest, AMarkNeverGoesBackButMayFallSilent) {
  WatermarkTable table(1, 1);
  EXPECT_TRUE(table.Set(0, 0, Active(100)));
  EXPECT_FALSE(table.Set(0, 0, Active(50)));
  EXPECT_TRUE(table.Set(0, 0, Idle(50)));
  EXPECT_EQ(table.mark(0, 0), Idle(100));
}

TEST(WatermarkTest, RestoreKeepsWhatWasReached) {
  WatermarkTable table(1, 1);
  table.Restore(500);
  table.Set(0, 0, Active(100));
  table.Recompute();
  EXPECT_EQ(table.watermark_ms(), 500);
}

TEST(WatermarkTest, NoSourcesNoWatermark) {
  WatermarkTable table(0, 1);
  table.Recompute();
  EXPECT_EQ(table.watermark_ms(), kNoWatermark);
  EXPECT_EQ(table.senders(), 0u);
}

}  // namespace
}  // namespace leadflow
