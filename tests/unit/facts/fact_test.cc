#include "operators/facts/fact.h"

#include <cstdint>
#include <limits>
#include <string>

#include "gtest/gtest.h"

#include "operators/facts/fact_builder.h"

namespace leadflow {
namespace {

TEST(FactTest, MessagesOfSeveralFactsAreReadOneByOne) {
  std::string message;
  AppendFact("group", "c", 5, &message);
  AppendFact(std::string(300, 'g'), "", -1, &message);
  std::string_view rest = message;
  Fact fact;
  ASSERT_TRUE(ReadFact(&rest, &fact));
  EXPECT_EQ(fact.group, "group");
  EXPECT_EQ(fact.component, "c");
  EXPECT_EQ(fact.delta, 5);
  ASSERT_TRUE(ReadFact(&rest, &fact));
  EXPECT_EQ(fact.group, std::string(300, 'g'));
  EXPECT_EQ(fact.delta, -1);
  EXPECT_TRUE(rest.empty());
}

TEST(FactTest, CutMessagesAreNoFacts) {
  std::string message;
  AppendFact("group", "component", -12345, &message);
  for (std::size_t size = 0; size < message.size(); ++size) {
    std::string_view cut(message.data(), size);
    Fact fact;
    EXPECT_FALSE(ReadFact(&cut, &fact)) << size;
  }
}

TEST(FactTest, ComponentsKeepEverything) {
  Component bucket;
  bucket.slot = 3;
  bucket.kind = ComponentKind::kBucket;
  bucket.along = "Email";
  bucket.bucket = -77;
  Component account;
  account.kind = ComponentKind::kAccount;
  account.account = "acme.example";
  for (const bool along : {false, true}) {
    for (const Component& component : {bucket, account}) {
      std::string bytes;
      AppendComponent(component, along, &bytes);
      Component read;
      ASSERT_TRUE(ReadComponent(bytes, along, &read));
      EXPECT_EQ(read.slot, component.slot);
      EXPECT_EQ(read.kind, component.kind);
      EXPECT_EQ(read.along, along ? component.along : "");
      EXPECT_EQ(read.bucket, component.bucket);
      EXPECT_EQ(read.account, component.account);
    }
  }
}

TEST(FactTest, UnknownComponentsAreRefused) {
  Component component;
  EXPECT_FALSE(ReadComponent("", false, &component));
  EXPECT_FALSE(ReadComponent(std::string_view("\0", 1), false, &component));
  EXPECT_FALSE(ReadComponent(std::string_view("\0\x09", 2), false, &component));
  EXPECT_FALSE(ReadComponent(std::string_view("\0\0x", 3), false, &component));  // too long
}

TEST(FactTest, BucketsKeepTheEightHighestBits) {
  struct Case {
    std::int64_t value, bucket;
  };
  const Case cases[] = {
      {0, 0},
      {1, 1},
      {255, 255},
      {256, 256},
      {257, 256},
      {259, 258},
      {-257, -256},
      {1'000'000, 999'424},
      {511, 510},
      {1023, 1020},
      {-255, -255},
      {std::numeric_limits<std::int64_t>::max(), 0x7f80'0000'0000'0000},
      {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::min()}};
  for (const Case& c : cases) EXPECT_EQ(QuantileBucket(c.value), c.bucket) << c.value;
}

TEST(FactTest, BucketErrorIsBelowOneIn128) {
  for (std::int64_t value = 1; value < 5'000'000; value = value * 9 / 8 + 1) {
    const std::int64_t lost = value - QuantileBucket(value);
    EXPECT_GE(lost, 0);
    EXPECT_LT(lost * 128, value);
  }
}

TEST(SeenMapTest, CountsComeBackAsTheyWereWritten) {
  SeenMap seen;
  EXPECT_EQ(seen.Add(7, 1), 1);
  EXPECT_EQ(seen.Add(7, 1), 2);
  EXPECT_EQ(seen.Add(9, -1), -1);
  EXPECT_EQ(seen.Add(11, 4), 4);
  EXPECT_EQ(seen.Add(11, -4), 0);
  std::string bytes;
  seen.Append(&bytes);
  bytes += "tail";
  SeenMap again;
  std::string_view rest = bytes;
  ASSERT_TRUE(again.Read(&rest));
  EXPECT_EQ(rest, "tail");
  EXPECT_EQ(again.Add(7, 0), 2);
  EXPECT_EQ(again.Add(9, 1), 0);
  EXPECT_EQ(again.Add(7, -2), 0);
  EXPECT_TRUE(again.empty());
}

TEST(SeenMapTest, CutBytesAreRefused) {
  SeenMap seen;
  seen.Add(1, 1);
  std::string bytes;
  seen.Append(&bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::string_view cut(bytes.data(), size);
    SeenMap again;
    EXPECT_FALSE(again.Read(&cut)) << size;
  }
}

}  // namespace
}  // namespace leadflow
