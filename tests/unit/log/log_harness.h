// A Log that a test runs on.
#pragma once

#include <string>
#include <string_view>

#include "engine/log/log.h"

namespace leadflow {

class LogHarness {
 public:
  virtual ~LogHarness() = default;
  virtual Log& log() = 0;
  // Ends the log and opens it again on the same bytes.
  virtual void Reopen() = 0;
  // Lets compaction and retention do what they can.
  virtual void Compact() = 0;
  // The test's own name for a topic, a group or a writer, where logs of many tests are one.
  virtual std::string Name(std::string_view name) { return std::string(name); }
};

}  // namespace leadflow
