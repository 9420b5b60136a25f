// What the embedded log does by itself: room on the disk, files, threads.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <thread>

#include "tests/unit/log/embedded_log_harness.h"

namespace leadflow {
namespace {

using Strings = std::vector<std::string>;

// ---- Room.

// The suite lets a log take its time; this one has no reason to.
TEST(EmbeddedLogTest, ACommitIsVisibleWhenItReturns) {
  MemoryHarness harness;
  LOG_ASSERT_OK(harness.log().EnsureTopics(Topics()));
  const auto writer = MustWriter(harness.log());
  const auto reader = harness.log().NewReader();
  LOG_ASSERT_OK(reader->Seek(kEvents, 0));
  const auto ignore = [](const TopicPartition&, std::span<const LogRecord>) {};
  for (int number = 0; number < 3; ++number) {
    LOG_ASSERT_OK(CommitNumber(writer.get(), number));
    EXPECT_EQ(*reader->Poll(1 << 20, ignore), 2u);
    EXPECT_TRUE(reader->AtEnd(kEvents));
  }
}

TEST(EmbeddedLogTest, PurgedSegmentsLeaveTheDisk) {
  MemoryHarness harness;
  LOG_ASSERT_OK(harness.log().EnsureTopics(Topics()));
  const auto writer = MustWriter(harness.log());
  for (int i = 1; i <= 500; ++i) LOG_ASSERT_OK(CommitNumber(writer.get(), i));
  const std::uint64_t before = harness.embedded().file_bytes();
  LOG_ASSERT_OK(harness.log().Purge(kEvents, *harness.log().EndOffset(kEvents)));
  LOG_ASSERT_OK(harness.log().Purge(kFacts, *harness.log().EndOffset(kFacts)));
  EXPECT_LT(harness.embedded().file_bytes(), before / 10);
  EXPECT_EQ(harness.embedded().file_bytes(), harness.files.total_bytes());
}

TEST(EmbeddedLogTest, CompactionBoundsTheDiskByWhatLives) {
  MemoryHarness harness;
  LOG_ASSERT_OK(harness.log().EnsureTopics(Topics()));
  const auto writer = MustWriter(harness.log());
  std::uint64_t most = 0;
  for (int i = 0; i < 3000; ++i) {
    LOG_ASSERT_OK(writer->Begin());
    LOG_ASSERT_OK(writer->Append(kState, "k" + std::to_string(i % 50), std::string(50, 'v')));
    LOG_ASSERT_OK(writer->Commit());
    if (i > 500) most = std::max(most, harness.embedded().file_bytes());
  }
  // 50 records of about 60 bytes live; 3,000 were written, in frames of about 150.
  EXPECT_LT(most, 60'000u);
}

TEST(EmbeddedLogTest, TombstonesGoAfterTheirRetentionOnly) {
  MemoryHarness harness;
  LOG_ASSERT_OK(harness.log().EnsureTopics(Topics()));
  const auto writer = MustWriter(harness.log());
  const auto fill = [&] {
    for (int i = 0; i < 100; ++i) {
      LOG_ASSERT_OK(writer->Begin());
      LOG_ASSERT_OK(writer->Append(kState, "filler", std::string(100, 'f')));
      LOG_ASSERT_OK(writer->Commit());
    }
    harness.Compact();
  };
  const auto tombstones = [&] {
    int count = 0;
    for (const ReadRecord& record : ReadFrom(harness.log(), kState, 0)) {
      EXPECT_TRUE(record.tombstone || record.key != "gone") << "a deleted value is back";
      count += record.tombstone;
    }
    return count;
  };
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(writer->Append(kState, "gone", "value"));
  LOG_ASSERT_OK(writer->Commit());
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(writer->Append(kState, "gone", std::nullopt));
  LOG_ASSERT_OK(writer->Commit());
  fill();
  EXPECT_EQ(tombstones(), 1);
  harness.clock.Advance(8 * kDay);
  fill();
  EXPECT_EQ(tombstones(), 0);
}

// A disk that says when cleaning begins to write what it keeps.
class CleaningObserver final : public FileSystem {
 public:
  std::function<void()> on_cleaning;

  Result<std::unique_ptr<File>> Create(const std::string& path) override {
    if (path.ends_with("clean.tmp") && on_cleaning) on_cleaning();
    return files_.Create(path);
  }
  Status CreateDirectory(const std::string& path) override { return files_.CreateDirectory(path); }
  Result<std::vector<std::string>> List(const std::string& directory) override {
    return files_.List(directory);
  }
  Status SyncDirectory(const std::string& path) override { return files_.SyncDirectory(path); }
  Result<std::unique_ptr<File>> Open(const std::string& path) override { return files_.Open(path); }
  Status Rename(const std::string& from, const std::string& to) override {
    return files_.Rename(from, to);
  }
  Status Remove(const std::string& path) override { return files_.Remove(path); }
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    return files_.Lock(path);
  }

 private:
  MemoryFileSystem files_{1};
};

// Another thread purges all that a run of cleaning is about to keep of a topic, and only newer
// records of it live.
TEST(EmbeddedLogTest, PurgeDuringCleaningLosesNothingBehindIt) {
  CleaningObserver files;
  VirtualClock clock{kDay};
  Result<std::unique_ptr<EmbeddedLog>> opened = EmbeddedLog::Open({.directory = "/log",
                                                                   .file_system = &files,
                                                                   .clock = &clock,
                                                                   .segment_bytes = 2048,
                                                                   .cache_bytes = 4096,
                                                                   .cleaning_bytes = 0});
  LOG_ASSERT_OK(opened.status());
  EmbeddedLog& log = **opened;
  LOG_ASSERT_OK(log.EnsureTopics(Topics()));
  const auto writer = MustWriter(log);
  int purges = 0;
  files.on_cleaning = [&] {
    const int newer =
        ++purges % 12;  // Records that stay: in the last segment only, or before it too.
    LOG_EXPECT_OK(log.Purge(kEvents, *log.EndOffset(kEvents) - newer));
  };
  for (int i = 0; i < 1000; ++i) {
    LOG_ASSERT_OK(writer->Begin());
    LOG_ASSERT_OK(writer->Append(kEvents, "k", std::to_string(i)));
    LOG_ASSERT_OK(writer->Append(kState, "k", std::string(200, 'v')));
    LOG_ASSERT_OK(writer->Commit());
    const std::int64_t start = *log.StartOffset(kEvents);
    const std::vector<ReadRecord> found = ReadFrom(log, kEvents, start);
    ASSERT_EQ(static_cast<std::int64_t>(found.size()), i + 1 - start);
    for (const ReadRecord& record : found) {
      ASSERT_EQ(record.value, std::to_string(record.offset));
    }
  }
  EXPECT_GT(purges, 10);
}

// ---- One process, many threads.

// Only so many files stay open: others are closed and opened again as readers come to them. The one
// that was the last at a restart is known twice.
TEST(EmbeddedLogTest, SegmentsAreReadThroughFewOpenFiles) {
  constexpr int kSegments = 100;
  constexpr int kBeforeRestart = 80;
  MemoryHarness harness(1);  // Each commit rolls.
  LOG_ASSERT_OK(harness.log().EnsureTopics(Topics()));
  auto writer = MustWriter(harness.log());
  for (int i = 1; i <= kSegments; ++i) {
    LOG_ASSERT_OK(writer->Begin());
    LOG_ASSERT_OK(writer->Append(kEvents, std::to_string(i), std::string(5000, 'x')));
    LOG_ASSERT_OK(writer->Commit());
    if (i != kBeforeRestart) continue;
    writer.reset();
    harness.Reopen();
    writer = MustWriter(harness.log());
  }
  const auto reader = harness.log().NewReader();
  for (int i = 1; i <= kSegments; ++i) {
    for (const int number : {i, kBeforeRestart, kBeforeRestart + 1}) {
      LOG_ASSERT_OK(reader->Seek(kEvents, number - 1));
      std::string key;
      LOG_ASSERT_OK(
          reader
              ->Poll(1, [&](const TopicPartition&,
                            std::span<const LogRecord> records) { key = records.front().key; })
              .status());
      ASSERT_EQ(key, std::to_string(number));
    }
  }
}

TEST(EmbeddedLogTest, TheHolderOfADirectoryIsNamed) {
  const DiskHarness harness;
  const auto second = EmbeddedLog::Open({.directory = harness.directory()});
  EXPECT_EQ(second.status().code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(second.status().message().find("process " + std::to_string(::getpid())),
            std::string::npos)
      << second.status();
}

TEST(EmbeddedLogTest, ThreadsCommitSideBySide) {
  constexpr int kThreads = 4;
  constexpr int kCommits = 100;
  MemoryHarness harness(20'000);
  const std::vector<TopicSpec> topics = {{"events", kThreads, Cleanup::kDelete},
                                         {"state", 1, Cleanup::kCompact}};
  LOG_ASSERT_OK(harness.log().EnsureTopics(topics));
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      const TopicPartition own{"events", thread};
      const auto writer = MustWriter(harness.log(), "writer-" + std::to_string(thread));
      for (int i = 0; i < kCommits; ++i) {
        LOG_ASSERT_OK(writer->Begin());
        LOG_ASSERT_OK(writer->Append(own, "k", std::to_string(i)));
        LOG_ASSERT_OK(writer->Append(kState, std::to_string(thread), std::to_string(i)));
        LOG_ASSERT_OK(writer->SendOffset("group", own, i));
        LOG_ASSERT_OK(writer->Commit());
        ASSERT_EQ(*harness.log().CommittedOffset("group", own), i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int reopened = 0; reopened < 2; ++reopened) {
    for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
      const Strings values = ValuesFrom(harness.log(), {"events", thread});
      ASSERT_EQ(values.size(), static_cast<std::size_t>(kCommits));
      for (int i = 0; i < kCommits; ++i) EXPECT_EQ(values[i], std::to_string(i));
    }
    std::map<std::string, std::string> state;
    for (const ReadRecord& record : ReadFrom(harness.log(), kState, 0)) {
      state[record.key] = record.value;
    }
    EXPECT_EQ(state.size(), static_cast<std::size_t>(kThreads));
    for (const auto& [key, value] : state) EXPECT_EQ(value, std::to_string(kCommits - 1));
    harness.Reopen();
  }
}

TEST(EmbeddedLogTest, ATransactionOfManyMegabytesIsOneFrameAndReadBackWhole) {
  MemoryHarness harness(64 << 20);
  LOG_ASSERT_OK(harness.log().EnsureTopics(Topics()));
  const auto writer = MustWriter(harness.log());
  LOG_ASSERT_OK(writer->Begin());
  const std::string value(100'000, 'v');
  for (int i = 0; i < 120; ++i) {
    LOG_ASSERT_OK(writer->Append(kEvents, std::to_string(i), value));
    LOG_ASSERT_OK(writer->Append(kFacts, std::to_string(i), "small"));
  }
  LOG_ASSERT_OK(writer->Commit());
  EXPECT_EQ(writer->LastOffset(kEvents), 119);
  EXPECT_EQ(writer->LastOffset(kFacts), 119);
  const std::vector<ReadRecord> records = ReadFrom(harness.log(), kEvents, 0);
  ASSERT_EQ(records.size(), 120u);
  for (int i = 0; i < 120; ++i) {
    EXPECT_EQ(records[i].offset, i);
    EXPECT_EQ(records[i].key, std::to_string(i));
    EXPECT_EQ(records[i].value, value);
  }
}

}  // namespace
}  // namespace leadflow
