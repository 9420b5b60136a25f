// Logger: records of what the process does, for machines that collect them: one JSON object a line,
// {"ts": "2026-03-01T12:00:00.123Z", "level": "info", "message": "restored", ...}. Thread-safe.
//
// For rare things: a record is written at once, so whoever logs waits for the reader of the log. No
// thread that handles events does. Never log a secret, or what an event says.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

#include "engine/base/clock.h"

namespace leadflow {

class Logger {
 public:
  enum class Level : std::uint8_t { kInfo, kWarning, kError };
  static constexpr std::size_t kTextMax =
      4096;  // Bytes of one text; the rest is cut off, with a mark.

  struct Field {
    std::string_view name;  // lower_snake_case
    std::variant<std::string_view, std::int64_t> value;
  };

  // `write` gets whole lines, one call at a time.
  using Write = std::function<void(std::string_view line)>;
  Logger(Clock& clock, Write write) : clock_(clock), write_(std::move(write)) {}

  void Log(Level level, std::string_view message, std::initializer_list<Field> fields = {});

 private:
  Clock& clock_;
  const Write write_;
  std::mutex mutex_;
};

}  // namespace leadflow
