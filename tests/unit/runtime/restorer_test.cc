// Stores that are completed from many changelogs at once.
#include "engine/runtime/restorer.h"

#include <algorithm>
#include <set>

#include "tests/unit/log/forwarding_log.h"
#include "tests/unit/runtime/toy_job.h"

namespace leadflow {
namespace {

constexpr std::uint32_t kPartitions = 30;
constexpr std::string_view kTopic = "changelog";

constexpr std::size_t kPollMax = 100;  // Bytes, so that there are several rounds.

// Remembers how many partitions a reader read at once.
class WatchedLog final : public ForwardingLog {
 public:
  using ForwardingLog::ForwardingLog;
  std::size_t most_open() const { return most_; }
  std::unique_ptr<LogReader> NewReader(std::size_t ahead_bytes) override {
    return std::make_unique<Reader>(ForwardingLog::NewReader(ahead_bytes), &most_);
  }

 private:
  class Reader final : public LogReader {
   public:
    Reader(std::unique_ptr<LogReader> reader, std::size_t* most)
        : reader_(std::move(reader)), most_(*most) {}
    Status Seek(const TopicPartition& partition, std::int64_t offset) override {
      open_.insert(partition);
      most_ = std::max(most_, open_.size());
      return reader_->Seek(partition, offset);
    }
    void Pause(const TopicPartition& partition) override {
      open_.erase(partition);
      reader_->Pause(partition);
    }
    void Resume(const TopicPartition& partition) override { reader_->Resume(partition); }
    Result<std::size_t> Poll(
        std::size_t max_bytes,
        const std::function<void(const TopicPartition&, std::span<const LogRecord>)>& handle)
        override {
      return reader_->Poll(std::min(max_bytes, kPollMax), handle);
    }
    std::int64_t Position(const TopicPartition& partition) const override {
      return reader_->Position(partition);
    }
    bool AtEnd(const TopicPartition& partition) const override { return reader_->AtEnd(partition); }
    std::int64_t Left(const TopicPartition& partition) const override {
      return reader_->Left(partition);
    }

   private:
    const std::unique_ptr<LogReader> reader_;
    std::set<TopicPartition> open_;
    std::size_t& most_;
  };

  std::size_t most_ = 0;
};

TopicPartition ChangelogOf(std::uint32_t partition) { return {std::string(kTopic), partition}; }

// Of partition p: keys 0 to p, once and again.
void Fill(Log& log) {
  const TopicSpec spec{std::string(kTopic), kPartitions, Cleanup::kCompact};
  EXPECT_OK(log.EnsureTopics({&spec, 1}));
  auto writer = log.NewWriter("writer", nullptr);
  ASSERT_TRUE(writer.ok()) << writer.status();
  for (const std::string value : {"old", "new"}) {
    EXPECT_OK((*writer)->Begin());
    for (std::uint32_t p = 0; p < kPartitions; ++p) {
      for (std::uint32_t key = 0; key <= p; ++key) {
        EXPECT_OK((*writer)->Append(ChangelogOf(p), std::to_string(key), value));
      }
    }
    EXPECT_OK((*writer)->Commit());
  }
}

TEST(RestorerTest, ManyChangelogsAreReadAFewAtATime) {
  MemoryFileSystem files;
  VirtualClock clock;
  const auto embedded = EmbeddedLog::Open({.directory = "log", .file_system = &files});
  ASSERT_TRUE(embedded.ok()) << embedded.status();
  Fill(**embedded);
  WatchedLog log(**embedded);
  MemoryStoreFactory factory;
  std::vector<std::unique_ptr<KeyedStore>> stores;
  Restorer restorer(log, clock);
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    auto store = factory.Open(std::to_string(p));
    ASSERT_TRUE(store.ok());
    stores.push_back(*std::move(store));
    EXPECT_OK(restorer.Add(ChangelogOf(p), "", stores.back().get()));
  }
  std::int64_t before = INT64_MAX;
  EXPECT_OK(restorer.Run([&] {
    EXPECT_LE(restorer.left(), before);
    before = restorer.left();
    return true;
  }));
  EXPECT_EQ(restorer.left(), 0);
  EXPECT_EQ(restorer.records(), kPartitions * (kPartitions + 1));
  EXPECT_LE(log.most_open(), 8u);
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    std::size_t keys = 0;
    EXPECT_OK(stores[p]->Scan("", [&](std::string_view, std::string_view value) {
      EXPECT_EQ(value, "new");
      ++keys;
      return true;
    }));
    EXPECT_EQ(keys, p + 1);
  }
}

// A store without a meta record says since when it is being restored, until it is complete.
TEST(RestorerTest, AStoreKnowsWhenItsRestoreBegan) {
  MemoryFileSystem files;
  VirtualClock clock{1000};
  const auto embedded = EmbeddedLog::Open({.directory = "log", .file_system = &files});
  ASSERT_TRUE(embedded.ok()) << embedded.status();
  Fill(**embedded);
  WatchedLog log(**embedded);
  MemoryStoreFactory factory;
  const auto store = factory.Open("store");
  ASSERT_TRUE(store.ok());
  const auto restore = [&](int rounds) {
    Restorer restorer(log, clock);
    EXPECT_OK(restorer.Add(ChangelogOf(29), "", store->get()));
    const Status status = restorer.Run([&] { return rounds-- > 0; });
    const auto current = CurrentAsOf(**store);
    EXPECT_TRUE(current.ok());
    return std::pair(status.code(), *current);
  };
  EXPECT_EQ(restore(0), std::pair(ErrorCode::kCancelled, std::optional<std::int64_t>()));
  EXPECT_EQ(restore(1), std::pair(ErrorCode::kCancelled, std::optional<std::int64_t>(1000)));
  clock.Advance(5);
  EXPECT_EQ(restore(1), std::pair(ErrorCode::kCancelled, std::optional<std::int64_t>(1000)));
  EXPECT_EQ(restore(1000), std::pair(ErrorCode::kOk, std::optional<std::int64_t>()));
}

}  // namespace
}  // namespace leadflow
