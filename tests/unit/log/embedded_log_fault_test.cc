// The suite of every log on the embedded one, and what a crash, a disk or damage does to it.
#include <algorithm>
#include <functional>
#include <random>

#include "tests/unit/log/conformance.h"
#include "tests/unit/log/embedded_log_harness.h"
#include "tests/unit/log/membership_conformance.h"

namespace leadflow {
namespace {

std::unique_ptr<LogHarness> MakeMemoryHarness() { return std::make_unique<MemoryHarness>(); }
std::unique_ptr<LogHarness> MakeOneSegmentHarness() {
  return std::make_unique<MemoryHarness>(64 << 20);
}
std::unique_ptr<LogHarness> MakeDiskHarness() { return std::make_unique<DiskHarness>(); }

INSTANTIATE_TEST_SUITE_P(Memory, LogConformanceTest, testing::Values(&MakeMemoryHarness));
INSTANTIATE_TEST_SUITE_P(OneSegment, LogConformanceTest, testing::Values(&MakeOneSegmentHarness));
INSTANTIATE_TEST_SUITE_P(Disk, LogConformanceTest, testing::Values(&MakeDiskHarness));
INSTANTIATE_TEST_SUITE_P(Memory, MembershipConformanceTest, testing::Values(&MakeMemoryHarness));

// ---- Faults.

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

}  // namespace
}  // namespace leadflow
