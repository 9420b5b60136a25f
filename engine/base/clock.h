// Clock: the only source of wall time. The system clock in production, a virtual one in tests and in
// the simulation, so that a run is a function of its input and its seed.
#pragma once

#include <cstdint>

namespace leadflow {

class Clock {
 public:
  virtual ~Clock() = default;

  // Milliseconds since 1970-01-01T00:00:00Z.
  virtual std::int64_t WallMillis() = 0;

  // Nanoseconds of a clock that never goes back. For intervals only.
  virtual std::int64_t MonotonicNanos() = 0;

  // The process's own clock. Thread-safe; lives for ever.
  static Clock& System();
};

// Stands still until told otherwise. Not thread-safe.
class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(std::int64_t wall_ms = 0) : wall_ms_(wall_ms) {}
  std::int64_t WallMillis() override { return wall_ms_; }
  std::int64_t MonotonicNanos() override { return monotonic_ns_; }
  void Advance(std::int64_t ms) {
    wall_ms_ += ms;
    monotonic_ns_ += ms * 1'000'000;
  }

 private:
  std::int64_t wall_ms_;
  std::int64_t monotonic_ns_ = 0;
};

}  // namespace leadflow
