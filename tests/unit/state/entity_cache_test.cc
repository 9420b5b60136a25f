#include "engine/state/entity_cache.h"

#include <array>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "engine/state/staged_writes.h"

namespace leadflow {
namespace {

using Cache = EntityCache<std::uint64_t, std::string>;

std::unique_ptr<std::string> Text(std::uint64_t key) {
  return std::make_unique<std::string>(std::to_string(key));
}

TEST(EntityCacheTest, FindsWhatWasInserted) {
  EntityCache<std::array<std::uint8_t, 16>, std::string> cache(1 << 20);
  const std::array<std::uint8_t, 16> key = {1, 2, 3};
  EXPECT_EQ(cache.Find(key), nullptr);
  std::string* const inserted = cache.Insert(key, Text(7));
  EXPECT_EQ(cache.Find(key), inserted);
  EXPECT_EQ(*inserted, "7");
  EXPECT_TRUE(cache.Erase(key));
  EXPECT_FALSE(cache.Erase(key));
  EXPECT_EQ(cache.Find(key), nullptr);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(EntityCacheTest, EvictionGoesDownToTheLimitAndTellsOfEach) {
  Cache cache(100'000);
  for (std::uint64_t key = 0; key < 100; ++key) cache.Insert(key, Text(key), 2000);
  EXPECT_EQ(cache.size(), 100u) << "nothing goes before Evict";
  std::size_t evicted = 0;
  cache.Evict([&](const std::uint64_t& key, std::string& value) {
    EXPECT_EQ(value, std::to_string(key));
    ++evicted;
  });
  EXPECT_LE(cache.bytes(), cache.capacity_bytes());
  EXPECT_GT(cache.bytes(), cache.capacity_bytes() - 2500);
  EXPECT_EQ(cache.size() + evicted, 100u);
}

TEST(EntityCacheTest, PinnedEntitiesStayUntilTheCommit) {
  Cache cache(0);
  cache.Insert(1, Text(1), 10);
  cache.Insert(2, Text(2), 10);
  cache.Pin(1);
  cache.Pin(1);
  cache.Evict();
  EXPECT_NE(cache.Find(1), nullptr);
  EXPECT_EQ(cache.Find(2), nullptr);
  cache.UnpinAll();
  cache.Evict();
  EXPECT_EQ(cache.Find(1), nullptr);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(EntityCacheTest, AnErasedPinnedEntityDoesNotPinItsSuccessor) {
  Cache cache(0);
  cache.Insert(1, Text(1));
  cache.Pin(1);
  EXPECT_TRUE(cache.Erase(1));
  cache.Insert(2, Text(2));
  cache.Evict();
  EXPECT_EQ(cache.size(), 0u);
}

TEST(EntityCacheTest, WhatIsUsedOutlivesWhatIsNot) {
  Cache cache(0);
  for (std::uint64_t key = 0; key < 100; ++key) cache.Insert(key, Text(key));
  const std::size_t bytes = cache.bytes();
  cache.set_capacity_bytes(bytes);
  for (std::uint64_t key = 100; key < 1000; ++key) {
    for (std::uint64_t hot = 0; hot < 10; ++hot) ASSERT_NE(cache.Find(hot), nullptr) << key;
    cache.Insert(key, Text(key));
    cache.Evict();
    ASSERT_LE(cache.bytes(), bytes);
  }
}

TEST(EntityCacheTest, BytesEqualTheSumOfWhatIsThere) {
  std::mt19937_64 random(5);
  Cache cache(40'000);
  Cache empty(0);
  empty.Insert(0, Text(0));
  const std::size_t per_entry = empty.bytes();
  std::map<std::uint64_t, std::size_t> model;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t key = random() % 200;
    const std::size_t bytes = random() % 1000;
    switch (random() % 5) {
      case 0:
        if (!model.contains(key)) {
          cache.Insert(key, Text(key), bytes);
          model[key] = bytes;
        }
        break;
      case 1:
        if (model.contains(key)) {
          cache.SetBytes(key, bytes);
          model[key] = bytes;
        }
        break;
      case 2: ASSERT_EQ(cache.Erase(key), model.erase(key) == 1); break;
      case 3:
        cache.Evict(
            [&](const std::uint64_t& gone, std::string&) { ASSERT_EQ(model.erase(gone), 1u); });
        ASSERT_LE(cache.bytes(), cache.capacity_bytes());
        break;
      default:
        ASSERT_EQ(cache.Find(key) != nullptr, model.contains(key));
        if (model.contains(key) && random() % 4 == 0) cache.Pin(key);
        if (random() % 8 == 0) cache.UnpinAll();
        if (random() % 500 == 0) {
          cache.Clear();
          model.clear();
        }
    }
    if (step % 5 == 3) cache.UnpinAll();
    std::size_t sum = 0;
    for (const auto& [known, size] : model) sum += size + per_entry;
    ASSERT_EQ(cache.bytes(), sum);
    ASSERT_EQ(cache.size(), model.size());
  }
}

TEST(StagedWritesTest, ManyWritesBetweenManyScansEqualAMap) {
  std::mt19937_64 random(9);
  StagedWrites staged;
  std::map<std::string, std::optional<std::string>> model;
  for (int step = 0; step < 30'000; ++step) {
    const std::string key = std::to_string(random() % 5000);
    std::optional<std::string> value;
    if (random() % 4 != 0) value.emplace(random() % (random() % 50 == 0 ? 30'000 : 30), 'v');
    staged.Put(key, value);
    model[key] = value;
    if (random() % 40 == 0) {
      const std::string prefix = key.substr(0, 2);
      std::size_t found = 0;
      auto expected = model.lower_bound(prefix);
      for (const StagedWrites::Write& write : staged.WithPrefix(prefix)) {
        ASSERT_EQ(write.key, expected->first);
        ASSERT_EQ(write.value.has_value(), expected->second.has_value());
        if (write.value) {
          ASSERT_EQ(*write.value, *expected->second);
        }
        ++expected;
        ++found;
      }
      ASSERT_TRUE(expected == model.end() || !expected->first.starts_with(prefix)) << found;
    }
    if (random() % 3000 == 0) {
      staged.Clear();
      model.clear();
      ASSERT_TRUE(staged.All().empty());
    }
  }
  std::size_t bytes = 0;
  for (const auto& [key, value] : model) bytes += key.size() + (value ? value->size() : 0);
  EXPECT_EQ(staged.bytes(), bytes);
}

TEST(StagedWritesTest, AValueMayBeWrittenFromItself) {
  StagedWrites staged;
  staged.Put("k", "0123456789");
  staged.Put("k", staged.Find("k")->value->substr(3));
  EXPECT_EQ(*staged.Find("k")->value, "3456789");
}

}  // namespace
}  // namespace leadflow
