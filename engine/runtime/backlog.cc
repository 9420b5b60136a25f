#include "engine/runtime/backlog.h"

#include <algorithm>

namespace leadflow {

// Beyond the limit the newest part grows: its bytes then count until all of it is handled.
void Backlog::Sent(std::size_t partition, std::int64_t end, std::int64_t bytes) {
  const std::lock_guard lock(mutex_);
  Partition& to = partitions_[partition];
  if (end <= to.handled) return;
  to.bytes += bytes;
  if (to.parts.size() == kPartsMax) {
    to.parts.back().end = std::max(to.parts.back().end, end);
    to.parts.back().bytes += bytes;
    return;
  }
  // Threads that commit at the same time may tell in another order.
  const auto at = std::upper_bound(to.parts.begin(), to.parts.end(), end,
                                   [](std::int64_t e, const Part& part) { return e < part.end; });
  to.parts.insert(at, {end, bytes});
}

void Backlog::Handled(std::size_t partition, std::int64_t offset) {
  const std::lock_guard lock(mutex_);
  Partition& at = partitions_[partition];
  at.handled = std::max(at.handled, offset);
  while (!at.parts.empty() && at.parts.front().end <= at.handled) {
    at.bytes -= at.parts.front().bytes;
    at.parts.pop_front();
  }
}

std::int64_t Backlog::Max() const {
  const std::lock_guard lock(mutex_);
  std::int64_t most = 0;
  for (const Partition& partition : partitions_) most = std::max(most, partition.bytes);
  return most;
}

std::int64_t Backlog::Total() const {
  const std::lock_guard lock(mutex_);
  std::int64_t sum = 0;
  for (const Partition& partition : partitions_) sum += partition.bytes;
  return sum;
}

std::vector<std::size_t> Backlog::Unfinished() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    if (!partitions_[i].parts.empty()) found.push_back(i);
  }
  return found;
}

}  // namespace leadflow
