// ReadRanges: the committed records of some partitions between two offsets, however long the log
// takes to say what became of transactions that lie there.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "engine/base/status.h"
#include "engine/log/log.h"

namespace leadflow {

struct LogRange {
  TopicPartition partition;
  std::int64_t from = 0;
  std::int64_t end = 0;  // As WrittenOffset said.
};

// Hands `take` the records, those of a partition in their order; they end behind `end`, or some
// records later. `wait` (may be empty) is asked before each further look, with a partition that is
// not through; `moved`: something was read, or another is through. An error of either ends it.
Status ReadRanges(
    Log& log, std::span<const LogRange> ranges,
    const std::function<Status(const TopicPartition&, std::span<const LogRecord>)>& take,
    const std::function<Status(const TopicPartition& open, bool moved)>& wait = {});

}  // namespace leadflow
