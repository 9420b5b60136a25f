#include "operators/journey/journey.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"

namespace leadflow {
namespace {

constexpr std::int64_t kDay = 86'400'000;

// What a journey was written to.
struct Disk {
  std::map<std::int64_t, std::string> chunks;
  std::string head;
  int loads = 0;

  Journey::LoadChunk Loader() {
    return [this](std::int64_t key) -> Result<std::optional<std::string>> {
      ++loads;
      const auto found = chunks.find(key);
      if (found == chunks.end()) return std::optional<std::string>();
      return std::optional<std::string>(found->second);
    };
  }
  void Save(Journey& journey) {
    journey.VisitDirtyChunks([&](std::int64_t key, std::optional<std::string_view> bytes) {
      if (bytes.has_value()) {
        chunks[key] = std::string(*bytes);
      } else {
        chunks.erase(key);
      }
    });
    head.clear();
    journey.AppendHead(&head);
    journey.ClearDirty();
  }
  Journey Open() {
    auto journey = Journey::Decode(head, Loader());
    EXPECT_TRUE(journey.ok()) << journey.status();
    return *std::move(journey);
  }
};

const std::string kLong(2000, 'l');  // an entry that a head does not take

Entry Make(std::uint64_t key, std::int64_t time_ms, std::string_view id, std::string_view fields,
           std::uint8_t source = 0) {
  Entry entry;
  entry.key = key;
  entry.time_ms = time_ms;
  entry.kind = Kind::kPageView;
  entry.source = source;
  entry.home.bytes[0] = static_cast<std::uint8_t>(IdentifierType::kEmail);
  entry.id = id;
  entry.fields = fields;
  return entry;
}

std::vector<std::string> Ids(Journey& journey, std::int64_t from, std::int64_t to, bool backward) {
  std::vector<std::string> ids;
  const auto visit = [&](const Entry& entry) {
    ids.push_back(entry.id.ToString());
    return true;
  };
  EXPECT_TRUE(
      (backward ? journey.ForEachBackward(from, to, visit) : journey.ForEach(from, to, visit))
          .ok());
  return ids;
}

TEST(JourneyTest, EntriesOfOneMomentAreOrderedBySourceThenId) {
  Disk disk;
  Journey journey(disk.Loader());
  ASSERT_TRUE(journey.Insert(Make(1, 100, "b", "", 0)).ok());
  ASSERT_TRUE(journey.Insert(Make(2, 100, "a", "", 1)).ok());
  ASSERT_TRUE(journey.Insert(Make(3, 100, "a", "", 0)).ok());
  ASSERT_TRUE(journey.Insert(Make(4, 99, "z", "", 5)).ok());
  const std::vector<std::string> expected = {"z", "a", "b", "a"};
  EXPECT_EQ(Ids(journey, INT64_MIN, INT64_MAX, false), expected);
  EXPECT_EQ(journey.oldest_ms(), 99);
  EXPECT_EQ(journey.newest_ms(), 100);
}

TEST(JourneyTest, LateEntryWritesItsMonthOnly) {
  Disk disk;
  Journey journey(disk.Loader());
  for (int i = 0; i < 1440; ++i) {
    ASSERT_TRUE(
        journey.Insert(Make(static_cast<std::uint64_t>(i) + 1, i * kDay / 4, "x", "")).ok());
  }
  disk.Save(journey);
  EXPECT_EQ(disk.chunks.size(), 12u);
  Journey reopened = disk.Open();
  ASSERT_TRUE(reopened.Insert(Make(999, 40 * kDay, "late", "")).ok());
  EXPECT_EQ(disk.loads, 1);
  int dirty = 0;
  reopened.VisitDirtyChunks([&](std::int64_t key, std::optional<std::string_view>) {
    EXPECT_EQ(key, 31 * kDay);  // February 1970
    ++dirty;
  });
  EXPECT_EQ(dirty, 1);
}

TEST(JourneyTest, FewEntriesShareAChunkAcrossMonths) {
  Disk disk;
  Journey journey(disk.Loader());
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(
        journey.Insert(Make(static_cast<std::uint64_t>(i) + 1, i * 20 * kDay, "x", "")).ok());
  }
  disk.Save(journey);
  EXPECT_EQ(disk.chunks.size(), 4u);  // of eight; the last one lies in the head
  Journey reopened = disk.Open();
  std::int64_t last = -1;
  int seen = 0;
  ASSERT_TRUE(reopened
                  .ForEach(-kDay, 1000 * kDay,
                           [&](const Entry& entry) {
                             EXPECT_GT(entry.time_ms, last);
                             last = entry.time_ms;
                             return ++seen > 0;
                           })
                  .ok());
  EXPECT_EQ(seen, 40);
}

TEST(JourneyTest, EntriesBeforeTheEpochHaveMonthsToo) {
  Disk disk;
  Journey journey(disk.Loader());
  ASSERT_TRUE(journey.Insert(Make(1, -1, "x", kLong)).ok());
  disk.Save(journey);
  EXPECT_TRUE(disk.chunks.contains(-31 * kDay));  // December 1969
}

TEST(JourneyTest, ASmallLastChunkLiesInTheHead) {
  Disk disk;
  Journey journey(disk.Loader());
  ASSERT_TRUE(journey.Insert(Make(1, 5, "x", "")).ok());
  disk.Save(journey);
  EXPECT_TRUE(disk.chunks.empty());
  Journey reopened = disk.Open();
  reopened.DropCleanChunks();
  auto found = reopened.Find(1, 5);
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->has_value());
  EXPECT_EQ(disk.loads, 0);
  ASSERT_TRUE(reopened.Insert(Make(2, 6, "x", kLong)).ok());
  disk.Save(reopened);
  EXPECT_EQ(disk.chunks.size(), 1u);
  Journey grown = disk.Open();
  ASSERT_TRUE(grown.Remove(2, 6).ok());
  disk.Save(grown);
  EXPECT_TRUE(disk.chunks.empty());
}

TEST(JourneyTest, GrowingJourneyFillsItsChunks) {
  Disk disk;
  Journey journey(disk.Loader());
  for (int i = 0; i < 2560; ++i) {
    ASSERT_TRUE(journey.Insert(Make(static_cast<std::uint64_t>(i) + 1, i, "x", "")).ok());
  }
  disk.Save(journey);
  EXPECT_EQ(disk.chunks.size(), 10u);
}

TEST(JourneyTest, EraseKeepsWhenAndWhoButNotWhat) {
  Disk disk;
  Journey journey(disk.Loader());
  ASSERT_TRUE(journey.Insert(Make(7, 5, "order-1", "payload")).ok());
  ASSERT_TRUE(journey.Erase(7, 5).ok());
  disk.Save(journey);
  EXPECT_EQ(disk.head.find("payload"), std::string::npos);
  Journey reopened = disk.Open();
  auto found = reopened.Find(7, 5);
  ASSERT_TRUE(found.ok());
  ASSERT_TRUE(found->has_value());
  EXPECT_TRUE((*found)->erased());
  EXPECT_EQ((*found)->home.type(), IdentifierType::kEmail);
  EXPECT_TRUE((*found)->id.empty());
}

TEST(JourneyTest, AnotherFormatIsNamedWithTheWayOut) {
  Disk disk;
  Journey journey(disk.Loader());
  ASSERT_TRUE(journey.Insert(Make(7, 5, "x", "")).ok());
  disk.Save(journey);
  disk.head[0] = 1;
  const Status status = Journey::Decode(disk.head, disk.Loader()).status();
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("state_dir"), std::string::npos) << status;
}

TEST(JourneyTest, MissingChunkIsCorruption) {
  Disk disk;
  Journey journey(disk.Loader());
  ASSERT_TRUE(journey.Insert(Make(7, 5, "x", kLong)).ok());
  disk.Save(journey);
  disk.chunks.clear();
  Journey reopened = disk.Open();
  EXPECT_EQ(reopened.Find(7, 5).status().code(), ErrorCode::kCorruption);
}

TEST(JourneyTest, CutHeadsAndChunksAreRefusedOrRead) {
  Disk disk;
  Journey journey(disk.Loader());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(journey.Insert(Make(static_cast<std::uint64_t>(i) + 1, i, "x", "abc")).ok());
  }
  Record record;
  record.id = "order/1";
  record.fields = "f";
  record.refunds.push_back({5, 10, true});
  journey.PutRecord(record);
  *journey.mutable_state() = "state";
  disk.Save(journey);
  for (std::size_t size = 0; size < disk.head.size(); ++size) {
    EXPECT_FALSE(Journey::Decode(disk.head.substr(0, size), disk.Loader()).ok()) << size;
  }
  ASSERT_TRUE(journey.Insert(Make(6, 5, "x", kLong)).ok());
  disk.Save(journey);
  ASSERT_EQ(disk.chunks.size(), 1u);
  const std::string chunk = disk.chunks.begin()->second;
  for (std::size_t size = 0; size < chunk.size(); ++size) {
    disk.chunks.begin()->second = chunk.substr(0, size);
    Journey reopened = disk.Open();
    EXPECT_FALSE(reopened.Find(1, 0).ok()) << size;
  }
}

TEST(RecordTest, SurvivesItsBytes) {
  Record record;
  record.id = "deal/9";
  record.kind = Kind::kDealChange;
  record.version = 77;
  record.source = 3;
  record.time_ms = -5;
  record.counts = false;
  record.gross_minor = -100;
  record.net_minor = -40;
  record.currency = "EUR";
  record.fields = "xyz";
  record.home.bytes[0] = 2;
  record.event_id = "e";
  record.refunds = {{1, 2, false}, {3, 4, true}};
  std::string bytes;
  AppendRecord(record, &bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::string_view cut(bytes.data(), size);
    Record read;
    EXPECT_FALSE(ReadRecord(&cut, &read));
  }
  std::string_view rest = bytes;
  Record read;
  ASSERT_TRUE(ReadRecord(&rest, &read));
  EXPECT_TRUE(rest.empty());
  std::string again;
  AppendRecord(read, &again);
  EXPECT_EQ(again, bytes);
}

// The same operations on a journey, with reloads, and on a set of tuples.
class JourneyModelTest : public testing::TestWithParam<int> {};

TEST_P(JourneyModelTest, IsASortedSet) {
  using Row = std::tuple<std::int64_t, std::uint8_t, std::string, std::uint64_t, std::string>;
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Disk disk;
  Journey journey(disk.Loader());
  std::set<Row> model;
  const std::int64_t span = GetParam() % 3 == 0 ? 300 : GetParam() % 3 == 1 ? 90 * kDay : 5 * kDay;
  const auto random_time = [&] {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(span)) - span / 2;
  };
  for (int step = 0; step < 3000; ++step) {
    // Some stay about as short as what fits into a head.
    const bool long_enough = GetParam() % 4 == 3 && model.size() > 20;
    const int action = long_enough ? 70 + below(30) : below(100);
    if (action < 70 || model.empty()) {
      const std::uint64_t key = random() % 5000 + 1;
      const std::int64_t time = random_time();
      const std::string id = std::to_string(below(5));
      const std::string fields(static_cast<std::size_t>(below(40)), 'f');
      const auto source = static_cast<std::uint8_t>(below(3));
      std::erase_if(model, [&](const Row& row) {
        return std::get<0>(row) == time && std::get<3>(row) == key;
      });
      model.emplace(time, source, id, key, fields);
      ASSERT_TRUE(journey.Insert(Make(key, time, id, fields, source)).ok());
    } else if (action < 90) {
      auto row = std::next(model.begin(), below(static_cast<int>(model.size())));
      if (action < 80) {
        ASSERT_TRUE(journey.Remove(std::get<3>(*row), std::get<0>(*row)).ok());
        model.erase(row);
      } else {
        ASSERT_TRUE(journey.Erase(std::get<3>(*row), std::get<0>(*row)).ok());
        Row erased = *row;
        std::get<2>(erased).clear();
        std::get<4>(erased).clear();
        model.erase(row);
        model.insert(erased);
      }
    } else if (action < 95) {
      disk.Save(journey);
      if (below(2) == 0) {
        journey = disk.Open();
      } else {
        journey.DropCleanChunks();
      }
    } else {
      const std::int64_t a = random_time(), b = random_time();
      std::vector<std::string> expected;
      for (const Row& row : model) {
        if (std::get<0>(row) >= a && std::get<0>(row) <= b) expected.push_back(std::get<2>(row));
      }
      EXPECT_EQ(Ids(journey, a, b, false), expected);
      std::reverse(expected.begin(), expected.end());
      EXPECT_EQ(Ids(journey, a, b, true), expected);
    }
    ASSERT_EQ(journey.size(), model.size());
  }
  disk.Save(journey);
  journey = disk.Open();
  std::set<Row> all;
  ASSERT_TRUE(journey
                  .ForEach(INT64_MIN, INT64_MAX,
                           [&](const Entry& entry) {
                             all.emplace(entry.time_ms, entry.source, entry.id.ToString(),
                                         entry.key, std::string(entry.fields));
                             return true;
                           })
                  .ok());
  EXPECT_EQ(all, model);
  for (const auto& [key, bytes] : disk.chunks) {
    (void)key;
    EXPECT_GT(bytes.size(), 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, JourneyModelTest, testing::Range(1, 13));

}  // namespace
}  // namespace leadflow
