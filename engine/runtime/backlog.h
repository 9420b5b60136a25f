// Backlog: how much of what this process sent to the partitions of the topics between stages is not
// handled yet, wherever that is done. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "engine/log/log.h"

namespace leadflow {

class Backlog {
 public:
  // Partitions are numbered by whoever uses it.
  explicit Backlog(std::size_t partitions) : partitions_(partitions) {}

  // `bytes` were sent; they lie below `end`.
  void Sent(std::size_t partition, std::int64_t end, std::int64_t bytes);
  // What lies below `offset` is handled. May come before Sent, and again.
  void Handled(std::size_t partition, std::int64_t offset);

  std::int64_t Max() const;
  std::int64_t Total() const;
  // Of which partitions something is waited for.
  std::vector<std::size_t> Unfinished() const;

 private:
  struct Part {
    std::int64_t end = 0;
    std::int64_t bytes = 0;
  };
  struct Partition {
    std::deque<Part> parts;  // By `end`; at most kPartsMax.
    std::int64_t bytes = 0;  // Their sum.
    std::int64_t handled = 0;
  };
  static constexpr std::size_t kPartsMax = 256;

  mutable std::mutex mutex_;
  std::vector<Partition> partitions_;  // Guarded by mutex_.
};

}  // namespace leadflow
