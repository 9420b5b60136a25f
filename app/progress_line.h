// ProgressLine: how far a run is, in one line of a terminal that is written over and over; nothing
// if standard error is none. At the end what was read, written, refused and counted.
#pragma once

#include <cstdint>
#include <string>

#include "app/job.h"
#include "engine/base/clock.h"

namespace leadflow::app {

class ProgressLine {
 public:
  ProgressLine(Clock& clock, bool quiet);
  ~ProgressLine();

  void Show(const Runtime::Progress& progress);
  void Clear();

 private:
  std::string Restoring(const Runtime::Progress& progress);

  Clock& clock_;
  const bool on_;
  const std::int64_t started_ns_;
  std::int64_t shown_ns_ = 0;
  std::int64_t rate_from_ns_ = 0, rate_from_messages_ = 0, rate_ = 0;
  std::int64_t restore_most_ = 0;
};

// The counters of a run for people: one line each, what was refused with its reasons.
std::string Summary(const JobResult& result);

}  // namespace leadflow::app
