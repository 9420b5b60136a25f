// Counters move with transactions.
#include "engine/runtime/counters.h"

#include <gtest/gtest.h>

namespace leadflow {
namespace {

std::int64_t Committed(const Counters& counters, const char* name, const char* label) {
  const auto found = counters.values().find({name, label});
  return found == counters.values().end() ? -1 : found->second.committed;
}

TEST(CountersTest, CountOnlyAtACommit) {
  Counters counters;
  counters.Add("events", "", 2);
  counters.Add("events", "", 3);
  EXPECT_TRUE(counters.changed());
  EXPECT_EQ(Committed(counters, "events", ""), 0);
  counters.Commit();
  EXPECT_EQ(Committed(counters, "events", ""), 5);
  EXPECT_FALSE(counters.changed());
}

TEST(CountersTest, ForgetWhatWasAborted) {
  Counters counters;
  counters.Add("events", "", 2);
  counters.Commit();
  counters.Add("events", "", 40);
  counters.Rollback();
  counters.Commit();
  EXPECT_EQ(Committed(counters, "events", ""), 2);
}

TEST(CountersTest, WhatIsAddedAfterTheSealIsNotCommitted) {
  Counters counters;
  counters.Add("events", "", 2);
  counters.Seal();
  counters.Add("events", "", 40);
  counters.Add("others", "", 1);
  EXPECT_TRUE(counters.changed());
  counters.Commit();
  EXPECT_EQ(Committed(counters, "events", ""), 2);
  EXPECT_EQ(Committed(counters, "others", ""), 0);
  counters.Seal();
  counters.Add("events", "", 100);
  counters.Rollback();
  EXPECT_FALSE(counters.changed());
  counters.Commit();
  EXPECT_EQ(Committed(counters, "events", ""), 2);
}

TEST(CountersTest, GoOnFromWhatWasRestored) {
  Counters counters;
  counters.Restore("events", "a", 10);
  counters.Add("events", "a", 1);
  counters.Commit();
  EXPECT_EQ(Committed(counters, "events", "a"), 11);
}

// Counters that are used again and again are found by the address of their names; the text decides.
TEST(CountersTest, TextsAtOneAddressMayChange) {
  Counters counters;
  std::string label = "a";
  for (const char c : {'a', 'b', 'a', 'c', 'b', 'a'}) {
    label[0] = c;
    counters.Add("events", label, 1);
  }
  counters.Commit();
  EXPECT_EQ(Committed(counters, "events", "a"), 3);
  EXPECT_EQ(Committed(counters, "events", "b"), 2);
  EXPECT_EQ(Committed(counters, "events", "c"), 1);
}

TEST(CountersTest, LabelsBeyondTheLimitAreCountedTogether) {
  Counters counters;
  const int extra = 5;
  for (std::size_t i = 0; i < Counters::kMax + extra; ++i) {
    counters.Add("reason", std::to_string(i), 1);
  }
  counters.Commit();
  EXPECT_EQ(Committed(counters, "reason", "(other)"), extra);
  EXPECT_EQ(counters.values().size(), Counters::kMax + 1);
}

}  // namespace
}  // namespace leadflow
