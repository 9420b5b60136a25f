#include "engine/log/embedded_log.h"

#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include <sys/wait.h>
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

}  // namespace
}  // namespace leadflow
