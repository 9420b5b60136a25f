// The embedded log in memory and on disk, and the transactions that its tests count.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "engine/log/embedded_log.h"
#include "engine/log/memory_file_system.h"
#include "tests/unit/log/log_harness.h"
#include "tests/unit/log/log_reading.h"

namespace leadflow {

inline constexpr std::int64_t kDay = 24 * 3600 * 1000;

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

inline const TopicPartition kEvents{"events", 0};
inline const TopicPartition kFacts{"facts", 0};
inline const TopicPartition kState{"state", 0};

inline std::vector<TopicSpec> Topics() {
  return {{"events", 1, Cleanup::kDelete},
          {"facts", 1, Cleanup::kDelete},
          {"state", 1, Cleanup::kCompact}};
}

inline std::unique_ptr<LogWriter> MustWriter(Log& log, std::string_view id = "writer") {
  Result<std::unique_ptr<LogWriter>> writer = log.NewWriter(id);
  LOG_EXPECT_OK(writer.status());
  return *std::move(writer);
}

// Transaction `number`: two events, a fact, and the offset `number`.
inline Status CommitNumber(LogWriter* writer, int number) {
  const std::string text = std::to_string(number);
  LEADFLOW_RETURN_IF_ERROR(writer->Begin());
  LEADFLOW_RETURN_IF_ERROR(writer->Append(kEvents, "k", text + "a"));
  LEADFLOW_RETURN_IF_ERROR(writer->Append(kFacts, "k", text));
  LEADFLOW_RETURN_IF_ERROR(writer->Append(kEvents, "k", text + "b"));
  LEADFLOW_RETURN_IF_ERROR(writer->SendOffset("group", kEvents, number));
  return writer->Commit();
}

// How many transactions a log holds, whole; fails if one is there in part.
inline int CountNumbers(Log& log) {
  const std::vector<std::string> facts = ValuesFrom(log, kFacts);
  std::vector<std::string> expected_events;
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

}  // namespace leadflow
