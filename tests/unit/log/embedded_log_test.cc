#include "engine/log/embedded_log.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>

#include <unistd.h>

#include "engine/log/memory_file_system.h"
#include "tests/unit/log/conformance.h"

namespace leadflow {
namespace {

constexpr std::int64_t kDay = 24 * 3600 * 1000;

// A log with segments so small that every test crosses many of them.
class MemoryHarness final : public LogHarness {
 public:
  explicit MemoryHarness(std::uint64_t segment_bytes = 2048) : segment_bytes_(segment_bytes) {
    Reopen();
  }
  Log& log() override { return *log_; }
  void Reopen() override {
    log_.reset();
    Result<std::unique_ptr<EmbeddedLog>> opened =
        EmbeddedLog::Open({.directory = "/log",
                           .file_system = &files,
                           .clock = &clock,
                           .segment_bytes = segment_bytes_,
                           .cache_bytes = 4096,
                           .cleaning_bytes = 0});
    LOG_EXPECT_OK(opened.status());
    log_ = *std::move(opened);
  }
  void Compact() override { LOG_EXPECT_OK(log_->Compact()); }
  EmbeddedLog& embedded() { return *log_; }

  MemoryFileSystem files{1};
  VirtualClock clock{1'700'000'000'000};

 private:
  std::uint64_t segment_bytes_;
  std::unique_ptr<EmbeddedLog> log_;
};

class DiskHarness final : public LogHarness {
 public:
  DiskHarness() {
    std::string pattern = (std::filesystem::temp_directory_path() / "leadflow-log-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    Reopen();
  }
  ~DiskHarness() override {
    log_.reset();
    std::filesystem::remove_all(directory_);
  }
  Log& log() override { return *log_; }
  void Reopen() override {
    log_.reset();
    Result<std::unique_ptr<EmbeddedLog>> opened = EmbeddedLog::Open(
        {.directory = directory_, .segment_bytes = 16384, .cache_bytes = 0, .cleaning_bytes = 0});
    LOG_EXPECT_OK(opened.status());
    log_ = *std::move(opened);
  }
  void Compact() override { LOG_EXPECT_OK(log_->Compact()); }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
  std::unique_ptr<EmbeddedLog> log_;
};

std::unique_ptr<LogHarness> MakeMemoryHarness() { return std::make_unique<MemoryHarness>(); }
std::unique_ptr<LogHarness> MakeOneSegmentHarness() {
  return std::make_unique<MemoryHarness>(64 << 20);
}
std::unique_ptr<LogHarness> MakeDiskHarness() { return std::make_unique<DiskHarness>(); }

INSTANTIATE_TEST_SUITE_P(Memory, LogConformanceTest, testing::Values(&MakeMemoryHarness));
INSTANTIATE_TEST_SUITE_P(OneSegment, LogConformanceTest, testing::Values(&MakeOneSegmentHarness));
INSTANTIATE_TEST_SUITE_P(Disk, LogConformanceTest, testing::Values(&MakeDiskHarness));

// ---- Faults.

const TopicPartition kEvents{"events", 0};
const TopicPartition kFacts{"facts", 0};
const TopicPartition kState{"state", 0};

std::vector<TopicSpec> Topics() {
  return {{"events", 1, Cleanup::kDelete},
          {"facts", 1, Cleanup::kDelete},
          {"state", 1, Cleanup::kCompact}};
}

std::unique_ptr<LogWriter> MustWriter(Log& log, std::string_view id = "writer") {
  Result<std::unique_ptr<LogWriter>> writer = log.NewWriter(id);
  LOG_EXPECT_OK(writer.status());
  return *std::move(writer);
}

// Transaction `number`: two events, a fact, and the offset `number`.
Status CommitNumber(LogWriter* writer, int number) {
  const std::string text = std::to_string(number);
  LEADFLOW_RETURN_IF_ERROR(writer->Begin());
  LEADFLOW_RETURN_IF_ERROR(writer->Append(kEvents, "k", text + "a"));
  LEADFLOW_RETURN_IF_ERROR(writer->Append(kFacts, "k", text));
  LEADFLOW_RETURN_IF_ERROR(writer->Append(kEvents, "k", text + "b"));
  LEADFLOW_RETURN_IF_ERROR(writer->SendOffset("group", kEvents, number));
  return writer->Commit();
}

// How many transactions a log holds, whole; fails if one is there in part.
int CountNumbers(Log& log) {
  const Strings facts = ValuesFrom(log, kFacts);
  Strings expected_events;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    EXPECT_EQ(facts[i], std::to_string(i + 1));
    expected_events.push_back(facts[i] + "a");
    expected_events.push_back(facts[i] + "b");
  }
  EXPECT_EQ(ValuesFrom(log, kEvents), expected_events);
  const Result<std::int64_t> offset = log.CommittedOffset("group", kEvents);
  EXPECT_EQ(*offset, facts.empty() ? -1 : static_cast<std::int64_t>(facts.size()));
  return static_cast<int>(facts.size());
}

TEST(EmbeddedLogFaultTest, ACrashAtAnyByteOfACommitLeavesAllOfItOrNothing) {
  int whole = 0;
  int nothing = 0;
  bool ended = false;
  for (std::uint64_t bytes = 0; !ended; ++bytes) {
    MemoryHarness harness(64 << 20);
    LOG_ASSERT_OK(harness.log().EnsureTopics(Topics()));
    auto writer = MustWriter(harness.log());
    LOG_ASSERT_OK(CommitNumber(writer.get(), 1));
    harness.files.CrashAfterBytes(bytes);
    const Status status = CommitNumber(writer.get(), 2);
    ended = status.ok();
    if (ended) harness.files.Crash();
    writer.reset();
    harness.files.Restart();
    harness.Reopen();
    const int count = CountNumbers(harness.log());
    ASSERT_GE(count, status.ok() ? 2 : 1) << bytes;
    ASSERT_LE(count, 2);
    (count == 2 ? whole : nothing)++;
    const auto next = MustWriter(harness.log());
    LOG_ASSERT_OK(CommitNumber(next.get(), count + 1));
    EXPECT_EQ(CountNumbers(harness.log()), count + 1);
  }
  EXPECT_GT(nothing, 100) << "the loop crossed the whole frame";
  EXPECT_GT(whole, 0);
}

TEST(EmbeddedLogFaultTest, AFailedSyncStopsTheLogAndHidesTheTransaction) {
  MemoryHarness harness;
  LOG_ASSERT_OK(harness.log().EnsureTopics(Topics()));
  auto writer = MustWriter(harness.log());
  LOG_ASSERT_OK(CommitNumber(writer.get(), 1));
  harness.files.FailSyncAfter(0);
  const Status failed = CommitNumber(writer.get(), 2);
  EXPECT_EQ(failed.code(), ErrorCode::kInternal);
  EXPECT_NE(failed.message().find("start again"), std::string::npos) << failed;
  EXPECT_EQ(CommitNumber(writer.get(), 2).code(), ErrorCode::kInternal);
  EXPECT_EQ(CountNumbers(harness.log()), 1);
  writer.reset();
  harness.Reopen();
  EXPECT_EQ(CountNumbers(harness.log()), 1);
  writer = MustWriter(harness.log());
  LOG_ASSERT_OK(CommitNumber(writer.get(), 2));
  EXPECT_EQ(CountNumbers(harness.log()), 2);
}

TEST(EmbeddedLogFaultTest, AFullDiskFailsOneCommitAndNothingOfItRemains) {
  for (const std::uint64_t segment_bytes : {1u, 1u << 20}) {
    bool fits = false;
    std::uint64_t room = 0;
    for (; !fits; room += 7) {
      MemoryHarness harness(segment_bytes);
      LOG_ASSERT_OK(harness.log().EnsureTopics(Topics()));
      auto writer = MustWriter(harness.log());
      LOG_ASSERT_OK(CommitNumber(writer.get(), 1));
      harness.files.SetCapacity(harness.files.total_bytes() + room);
      const Status full = CommitNumber(writer.get(), 2);
      fits = full.ok();
      if (fits) continue;
      ASSERT_EQ(full.code(), ErrorCode::kInternal) << room;
      EXPECT_NE(full.message().find("no space left on device: /log/"), std::string::npos) << full;
      EXPECT_NE(full.message().find("free space and start again, nothing is lost"),
                std::string::npos)
          << full;
      EXPECT_EQ(CountNumbers(harness.log()), 1);
      harness.files.SetCapacity(UINT64_MAX);
      LOG_ASSERT_OK(CommitNumber(writer.get(), 2));
      EXPECT_EQ(CountNumbers(harness.log()), 2);
      writer.reset();
      harness.Reopen();
      EXPECT_EQ(CountNumbers(harness.log()), 2);
    }
    EXPECT_GT(room, 100u) << "the loop crossed the whole frame";
  }
}

std::string OnlySegment(MemoryFileSystem& files) {
  std::string path;
  const auto names = files.List("/log");
  for (const std::string& name : *names) {
    if (name.ends_with(".seg")) path = "/log/" + name;
  }
  return path;
}

TEST(EmbeddedLogFaultTest, DamageToCommittedBytesIsRefusedAndNotCutOff) {
  std::string bytes;
  std::string path;
  {
    MemoryHarness harness(64 << 20);
    LOG_ASSERT_OK(harness.log().EnsureTopics(Topics()));
    const auto writer = MustWriter(harness.log());
    for (int i = 1; i <= 3; ++i) LOG_ASSERT_OK(CommitNumber(writer.get(), i));
    path = OnlySegment(harness.files);
    bytes = harness.files.Bytes(path);
  }
  const std::size_t second = bytes.find("2a");
  for (const std::size_t at : {second, second - 30, second + 1}) {
    MemoryFileSystem files;
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    files.Put(path, damaged);
    const auto opened = EmbeddedLog::Open({.directory = "/log", .file_system = &files});
    EXPECT_EQ(opened.status().code(), ErrorCode::kCorruption);
    EXPECT_NE(opened.status().message().find(path), std::string::npos) << opened.status();
    EXPECT_EQ(files.Bytes(path), damaged);
  }
}

TEST(EmbeddedLogFaultTest, DamageInAnOldSegmentIsFoundWhenItIsRead) {
  MemoryHarness harness(1);
  LOG_ASSERT_OK(harness.log().EnsureTopics(Topics()));
  auto writer = MustWriter(harness.log());
  for (int i = 1; i <= 3; ++i) LOG_ASSERT_OK(CommitNumber(writer.get(), i));
  writer.reset();
  const auto names = harness.files.List("/log");
  for (const std::string& name : *names) {
    std::string bytes = harness.files.Bytes("/log/" + name);
    const std::size_t at = bytes.find("2a");
    if (at == std::string::npos) continue;
    bytes[at] = '9';
    harness.files.Put("/log/" + name, bytes);
  }
  harness.Reopen();
  const auto reader = harness.log().NewReader();
  LOG_ASSERT_OK(reader->Seek(kEvents, 0));
  const Result<std::size_t> polled =
      reader->Poll(1 << 20, [](const TopicPartition&, std::span<const LogRecord>) {});
  EXPECT_EQ(polled.status().code(), ErrorCode::kCorruption);
}

TEST(EmbeddedLogFaultTest, ASegmentOfANewerReleaseIsRefused) {
  MemoryFileSystem files;
  files.Put("/log/000000000001-000000000001.seg", std::string("leadflog\x02\0\0\0\0\0\0\0", 16));
  const auto opened = EmbeddedLog::Open({.directory = "/log", .file_system = &files});
  EXPECT_EQ(opened.status().code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(opened.status().message().find("newer release"), std::string::npos);
}

// Random work on tiny segments, with cleaning and purges, and a crash at a random change of the
// disk. What was reported as committed is there afterwards; what was not is there whole or not at
// all.
class CrashRun {
 public:
  explicit CrashRun(std::uint64_t seed) : random_(seed), files_(seed) {}

  void Run() {
    for (int life = 0; life < 6; ++life) {
      Open();
      if (testing::Test::HasFailure()) return;
      files_.CrashAfterChanges(random_() % 120);
      for (int i = 0; i < 200 && !files_.crashed(); ++i) Step();
      writer_.reset();
      log_.reset();
      files_.Crash();
      files_.Restart();
    }
    Open();
    LOG_EXPECT_OK(log_->Compact());
    Check();
  }

 private:
  struct Content {
    std::map<std::string, std::string> state;
    std::vector<std::pair<std::int64_t, std::string>> events;
    std::int64_t state_end = 0;
    std::int64_t offset = -1;
  };

  void Open() {
    Result<std::unique_ptr<EmbeddedLog>> opened = EmbeddedLog::Open({.directory = "/log",
                                                                     .file_system = &files_,
                                                                     .clock = &clock_,
                                                                     .segment_bytes = 700,
                                                                     .cache_bytes = 500,
                                                                     .cleaning_bytes = 0});
    LOG_ASSERT_OK(opened.status());
    log_ = *std::move(opened);
    LOG_ASSERT_OK(log_->EnsureTopics(Topics()));
    writer_ = MustWriter(*log_);
    Check();
  }

  void Step() {
    if (random_() % 10 == 0) {
      const std::int64_t to =
          *log_->StartOffset(kEvents) + static_cast<std::int64_t>(random_() % 30);
      const Status purged = log_->Purge(kEvents, to);
      LOG_EXPECT_OK(purged);
      return;
    }
    if (random_() % 15 == 0) {
      const Status compacted = log_->Compact();
      EXPECT_TRUE(compacted.ok() || files_.crashed()) << compacted;
      return;
    }
    Content next = sure_;
    if (!writer_->Begin().ok()) return;
    for (std::uint64_t i = 1 + random_() % 6; i > 0; --i) {
      const std::string key = "k" + std::to_string(random_() % 12);
      const std::string value(random_() % 60, static_cast<char>('a' + random_() % 26));
      ++next.state_end;
      if (random_() % 5 == 0) {
        LOG_EXPECT_OK(writer_->Append(kState, key, std::nullopt));
        next.state.erase(key);
      } else {
        LOG_EXPECT_OK(writer_->Append(kState, key, value));
        next.state[key] = value;
      }
    }
    const std::int64_t at = next.events.empty() ? 0 : next.events.back().first + 1;
    LOG_EXPECT_OK(writer_->Append(kEvents, "", std::to_string(at)));
    next.events.emplace_back(at, std::to_string(at));
    ++next.offset;
    LOG_EXPECT_OK(writer_->SendOffset("group", kEvents, next.offset));
    const Status status = writer_->Commit();
    if (status.ok()) {
      sure_ = std::move(next);
    } else {
      EXPECT_TRUE(files_.crashed()) << status;
      perhaps_ = std::move(next);
    }
  }

  void Check() {
    if (perhaps_ && *log_->CommittedOffset("group", kEvents) == perhaps_->offset) sure_ = *perhaps_;
    perhaps_.reset();
    ASSERT_EQ(*log_->CommittedOffset("group", kEvents), sure_.offset);
    ASSERT_EQ(*log_->EndOffset(kState), sure_.state_end);
    std::map<std::string, std::string> state;
    for (const ReadRecord& record : ReadFrom(*log_, kState, 0, 200)) {
      if (record.tombstone) {
        state.erase(record.key);
      } else {
        state[record.key] = record.value;
      }
    }
    ASSERT_EQ(state, sure_.state);
    const std::int64_t start = *log_->StartOffset(kEvents);
    std::vector<std::pair<std::int64_t, std::string>> events;
    for (const ReadRecord& record : ReadFrom(*log_, kEvents, start)) {
      events.emplace_back(record.offset, record.value);
    }
    std::vector<std::pair<std::int64_t, std::string>> expected;
    for (const auto& event : sure_.events) {
      if (event.first >= start) expected.push_back(event);
    }
    ASSERT_EQ(events, expected);
  }

  std::mt19937_64 random_;
  MemoryFileSystem files_;
  VirtualClock clock_{kDay};
  std::unique_ptr<EmbeddedLog> log_;
  std::unique_ptr<LogWriter> writer_;
  Content sure_;
  std::optional<Content> perhaps_;
};

TEST(EmbeddedLogFaultTest, RandomWorkSurvivesRandomCrashes) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    CrashRun(seed).Run();
    if (HasFailure()) return;
  }
}

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
