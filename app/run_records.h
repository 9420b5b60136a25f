// RunRecords: how a run goes, in records of the log, as ProgressLine shows it to people: what
// changed, and how far it is, every half minute. From one
// thread, but Trouble.
#pragma once

#include <cstdint>

#include "app/job.h"
#include "engine/base/clock.h"
#include "engine/base/logger.h"

namespace leadflow::app {

class RunRecords {
 public:
  static constexpr std::int64_t kEveryMs = 30'000;

  // `log` null: nothing is written. `quiet`: only warnings and errors.
  RunRecords(Clock& clock, Logger* log, bool quiet);

  void Show(const Runtime::Progress& progress, bool stopping);
  // What passed by itself, or is waited out. Any thread.
  void Trouble(const Status& status);
  void Stopped(const JobResult& result);
  void Failed(const Status& error);

 private:
  std::int64_t NowMs() { return clock_.MonotonicNanos() / 1'000'000; }
  void Info(std::string_view message, std::initializer_list<Logger::Field> fields);

  Clock& clock_;
  Logger* const log_;
  const bool quiet_;
  const std::int64_t started_ms_;
  std::int64_t shown_ms_;
  std::int64_t shown_messages_ = 0;
  std::int64_t retries_ = 0, retries_shown_ms_ = 0;
  bool restored_ = false, stopping_ = false;
};

}  // namespace leadflow::app
