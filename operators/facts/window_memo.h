// WindowMemo: the windows that were asked for last, so that most events cost a look-up instead of
// civil-time arithmetic. One per thread.
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/civil_time.h"

namespace leadflow {

class WindowMemo {
 public:
  explicit WindowMemo(const TimeZone& zone) : zone_(zone) {}

  std::int64_t Start(std::int64_t time_ms, WindowUnit unit) {
    if (unit == WindowUnit::kTotal) return 0;
    const std::int64_t step = unit == WindowUnit::kHour ? 3'600'000 : 86'400'000;
    const auto number = static_cast<std::uint64_t>(time_ms / step);
    Window& window = windows_[static_cast<std::size_t>(unit)][number % kRemembered];
    if (time_ms < window.start_ms || time_ms >= window.end_ms) {
      window.start_ms = zone_.WindowStart(time_ms, unit);
      window.end_ms = zone_.WindowEnd(window.start_ms, unit);
    }
    return window.start_ms;
  }

 private:
  static constexpr std::size_t kRemembered = 256;
  struct Window {
    std::int64_t start_ms = 0, end_ms = 0;  // empty at first
  };
  TimeZone zone_;
  std::array<std::array<Window, kRemembered>, 7> windows_;
};

}  // namespace leadflow
