// Civil time: hours to years cut in an IANA time zone, correct across daylight saving, and RFC
// 3339. Times are milliseconds since 1970-01-01T00:00:00Z. A TimeZone is a cheap, immutable value.
// Times outside the years 1 to 9998 are taken as the nearest time inside.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace leadflow {

enum class WindowUnit : std::uint8_t { kHour, kDay, kWeek, kMonth, kQuarter, kYear, kTotal };

std::string_view WindowUnitName(WindowUnit unit);  // "1h" "1d" "1w" "1mo" "1q" "1y" "total"
std::optional<WindowUnit> WindowUnitFromName(std::string_view name);

class TimeZone {
 public:
  // nullopt: no such zone in the system's tzdata.
  static std::optional<TimeZone> Load(std::string_view name);
  static TimeZone Utc();

  const std::string& name() const;

  // Start of the window that holds `time_ms`. kTotal: 0. Weeks are ISO (Monday). Hours begin where
  // the local clock shows :00 and where it is set back or forward: an hour shown twice is two
  // windows. Remembers the last windows asked for per thread, so that neighbouring times are cheap.
  std::int64_t WindowStart(std::int64_t time_ms, WindowUnit unit) const;
  // Exclusive end of the window that begins at `start_ms`. kTotal: INT64_MAX.
  std::int64_t WindowEnd(std::int64_t start_ms, WindowUnit unit) const;

  // Days since 1970-01-01 of the local date.
  std::int64_t LocalDay(std::int64_t time_ms) const;
  std::int64_t DayStart(std::int64_t local_day) const;  // ms UTC

  // The instant at which the local clock shows `local_ms` (milliseconds since 1970-01-01T00:00
  // local). A time that a clock change skips or repeats is taken with the offset before the change.
  std::int64_t FromLocal(std::int64_t local_ms) const;

  // "2026-03-03T10:00:00+01:00", ".123" only if there are milliseconds.
  std::string Format(std::int64_t time_ms) const;

 private:
  struct Impl;
  explicit TimeZone(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// RFC 3339 with an offset or Z (`T` or a space between date and time; 0 to 9 digits of fraction,
// cut to milliseconds). nullopt if it is anything else. Fast: on the path of every event.
std::optional<std::int64_t> ParseRfc3339(std::string_view text);

// "2026-03-03", "2026-03-03 10:00", "2026-03-03T10:00:00.5": a local time in `zone`. A time that a
// clock change skips or repeats is taken with the offset before the change.
std::optional<std::int64_t> ParseLocalTime(std::string_view text, const TimeZone& zone);

// strptime-like format: %Y %y %m %d %j %b %B (English) %H %I %p %M %S %f (1 to 9 digits of
// fraction) %z (Z, +01:00, +0100) %% and literals; a space stands for any spaces, none too. What
// the format does not ask for is 1 (month, day) or 0. nullopt: the text does not fit, or the format
// has no year.
std::optional<std::int64_t> ParseTimeWithFormat(std::string_view text, std::string_view format,
                                                const TimeZone& zone);

// Does the format consist of these, and name a year?
bool IsTimeFormat(std::string_view format);

// "2026-03-03" as days since 1970.
std::optional<std::int64_t> ParseDate(std::string_view text);
std::string FormatDate(std::int64_t days);

}  // namespace leadflow
