#include "engine/log/read_ranges.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace leadflow {
namespace {

constexpr std::size_t kReadBytes = std::size_t{4} << 20;

}  // namespace

Status ReadRanges(
    Log& log, std::span<const LogRange> ranges,
    const std::function<Status(const TopicPartition&, std::span<const LogRecord>)>& take,
    const std::function<Status(const TopicPartition& open, bool moved)>& wait) {
  const std::unique_ptr<LogReader> reader = log.NewReader();
  std::vector<LogRange> open;
  for (const LogRange& range : ranges) {
    if (range.from >= range.end) continue;
    LEADFLOW_RETURN_IF_ERROR(reader->Seek(range.partition, range.from));
    open.push_back(range);
  }
  while (!open.empty()) {
    Status failure;
    const auto polled = reader->Poll(
        kReadBytes, [&](const TopicPartition& name, std::span<const LogRecord> records) {
          if (failure.ok()) failure = take(name, records);
        });
    LEADFLOW_RETURN_IF_ERROR(polled.status());
    LEADFLOW_RETURN_IF_ERROR(failure);
    const std::size_t through = std::erase_if(open, [&](const LogRange& range) {
      if (reader->Position(range.partition) < range.end) return false;
      reader->Pause(range.partition);
      return true;
    });
    if (!wait || open.empty()) continue;
    LEADFLOW_RETURN_IF_ERROR(wait(open[0].partition, *polled > 0 || through > 0));
  }
  return {};
}

}  // namespace leadflow
