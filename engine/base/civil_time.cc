#include "engine/base/civil_time.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "engine/base/civil_day.h"

namespace leadflow {

struct TimeZone::Impl {
  std::string name;
  absl::TimeZone zone;
  std::uint64_t id;  // tells zones apart in the memo; never reused
};

namespace {

constexpr std::int64_t kSecondMs = 1000;
constexpr std::int64_t kHourMs = 3600 * kSecondMs;
// Years 1 to 9998: a margin of a year on both sides keeps every window inside the range in which
// civil arithmetic cannot overflow.
constexpr std::int64_t kFirstMs = DaysFromCivil(1, 1, 1) * 24 * kHourMs;
constexpr std::int64_t kLastMs = DaysFromCivil(9999, 1, 1) * 24 * kHourMs - 1;

constexpr std::array<std::string_view, 7> kUnitNames = {"1h", "1d", "1w",   "1mo",
                                                        "1q", "1y", "total"};

// The windows that this thread met last, direct-mapped by unit and coarse time: events come roughly
// in order of time, and rows of one batch fall into few windows.
struct Memo {
  struct Entry {
    std::uint64_t zone_and_unit = 0;  // 0: empty
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::int64_t day = 0;  // local day of `start`
  };
  std::array<Entry, 512> entries;
};

Memo::Entry& MemoEntry(std::uint64_t key, std::int64_t time_ms, WindowUnit unit) {
  // About half of the window's length, so that one window takes two or three entries.
  static constexpr std::array<int, 7> kShift = {21, 25, 28, 30, 32, 34, 0};
  thread_local Memo memo;
  const auto coarse = static_cast<std::uint64_t>(time_ms >> kShift[static_cast<std::size_t>(unit)]);
  return memo.entries[(coarse + key * 67) % memo.entries.size()];
}

std::int64_t OffsetSeconds(const absl::TimeZone& zone, std::int64_t time_ms) {
  return zone.At(absl::FromUnixMillis(time_ms)).offset;
}

std::int64_t FirstInstant(const absl::TimeZone& zone, std::int64_t local_day) {
  const absl::CivilDay day = absl::CivilDay(1970, 1, 1) + local_day;
  const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(day));
  const bool skipped = info.kind == absl::TimeZone::TimeInfo::SKIPPED;
  return absl::ToUnixMillis(skipped ? info.trans : info.pre);
}

// First local day of the window of a unit that holds `day`.
std::int64_t FirstDay(std::int64_t day, WindowUnit unit) {
  if (unit == WindowUnit::kDay) return day;
  if (unit == WindowUnit::kWeek) return day - WeekdayFromMonday(day);
  CivilDate date = CivilFromDays(day);
  if (unit == WindowUnit::kQuarter) date.month -= (date.month - 1) % 3;
  if (unit == WindowUnit::kYear) date.month = 1;
  return DaysFromCivil(date.year, date.month, 1);
}

// First local day after the window of a unit that holds `day`.
std::int64_t NextFirstDay(std::int64_t day, WindowUnit unit) {
  const std::int64_t first = FirstDay(day, unit);
  if (unit == WindowUnit::kDay) return first + 1;
  if (unit == WindowUnit::kWeek) return first + 7;
  CivilDate date = CivilFromDays(first);
  date.month += unit == WindowUnit::kMonth ? 1 : unit == WindowUnit::kQuarter ? 3 : 12;
  if (date.month > 12) {
    date.month -= 12;
    ++date.year;
  }
  return DaysFromCivil(date.year, date.month, 1);
}

// Hours begin where the local clock shows :00, and where it is set to another offset: the hour that
// is shown twice in autumn is two windows.
void FillHour(const absl::TimeZone& zone, std::int64_t time_ms, Memo::Entry* entry) {
  const std::int64_t offset_ms = OffsetSeconds(zone, time_ms) * kSecondMs;
  entry->start = FloorTo(time_ms + offset_ms, kHourMs) - offset_ms;
  entry->end = entry->start + kHourMs;
  absl::TimeZone::CivilTransition transition;
  absl::Time at = absl::FromUnixMillis(entry->start);
  while (zone.NextTransition(at, &transition)) {
    at = zone.At(transition.to).trans;
    const std::int64_t change = absl::ToUnixMillis(at);
    if (change >= entry->end) break;
    if (OffsetSeconds(zone, change) == OffsetSeconds(zone, change - 1)) continue;
    if (change <= time_ms) {
      entry->start = change;
    } else {
      entry->end = change;
      break;
    }
  }
}

void FillDays(const absl::TimeZone& zone, std::int64_t time_ms, WindowUnit unit,
              Memo::Entry* entry) {
  const absl::CivilDay local(zone.At(absl::FromUnixMillis(time_ms)).cs);
  std::int64_t day = FirstDay(local - absl::CivilDay(1970, 1, 1), unit);
  std::int64_t next = NextFirstDay(day, unit);
  std::int64_t end = FirstInstant(zone, next);
  // A clock set back across midnight shows the old date again: the new day has begun all the same.
  while (end <= time_ms) {
    day = next;
    next = NextFirstDay(day, unit);
    end = FirstInstant(zone, next);
  }
  *entry = {entry->zone_and_unit, FirstInstant(zone, day), end, day};
}

const Memo::Entry& Window(std::uint64_t zone_id, const absl::TimeZone& zone, std::int64_t time_ms,
                          WindowUnit unit) {
  const std::uint64_t key = zone_id * 8 + static_cast<std::uint64_t>(unit);
  Memo::Entry& entry = MemoEntry(key, time_ms, unit);
  if (entry.zone_and_unit == key && time_ms >= entry.start && time_ms < entry.end) return entry;
  entry.zone_and_unit = key;
  if (unit == WindowUnit::kHour) {
    FillHour(zone, time_ms, &entry);
  } else {
    FillDays(zone, time_ms, unit, &entry);
  }
  return entry;
}

std::uint64_t NextZoneId() {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

std::int64_t Clamp(std::int64_t time_ms) { return std::clamp(time_ms, kFirstMs, kLastMs); }

}  // namespace

std::string_view WindowUnitName(WindowUnit unit) {
  return kUnitNames[static_cast<std::size_t>(unit)];
}

std::optional<WindowUnit> WindowUnitFromName(std::string_view name) {
  for (std::size_t i = 0; i < kUnitNames.size(); ++i) {
    if (kUnitNames[i] == name) return static_cast<WindowUnit>(i);
  }
  return std::nullopt;
}

std::optional<TimeZone> TimeZone::Load(std::string_view name) {
  absl::TimeZone zone;
  if (name.empty() || !absl::LoadTimeZone(std::string(name), &zone)) return std::nullopt;
  return TimeZone(std::make_shared<const Impl>(Impl{std::string(name), zone, NextZoneId()}));
}

TimeZone TimeZone::Utc() {
  static const auto impl = std::make_shared<const Impl>(Impl{"UTC", absl::UTCTimeZone(), 0});
  return TimeZone(impl);
}

const std::string& TimeZone::name() const { return impl_->name; }

std::int64_t TimeZone::WindowStart(std::int64_t time_ms, WindowUnit unit) const {
  if (unit == WindowUnit::kTotal) return 0;
  return Window(impl_->id, impl_->zone, Clamp(time_ms), unit).start;
}

std::int64_t TimeZone::WindowEnd(std::int64_t start_ms, WindowUnit unit) const {
  if (unit == WindowUnit::kTotal) return std::numeric_limits<std::int64_t>::max();
  return Window(impl_->id, impl_->zone, Clamp(start_ms), unit).end;
}

std::int64_t TimeZone::LocalDay(std::int64_t time_ms) const {
  return Window(impl_->id, impl_->zone, Clamp(time_ms), WindowUnit::kDay).day;
}

std::int64_t TimeZone::DayStart(std::int64_t local_day) const {
  constexpr std::int64_t kDayMs = 24 * kHourMs;
  return FirstInstant(impl_->zone, std::clamp(local_day, kFirstMs / kDayMs, kLastMs / kDayMs));
}

std::int64_t TimeZone::FromLocal(std::int64_t local_ms) const {
  const std::int64_t local = Clamp(local_ms);
  const std::int64_t second = FloorTo(local, kSecondMs);
  const absl::CivilSecond civil = absl::CivilSecond(1970, 1, 1) + second / kSecondMs;
  return absl::ToUnixMillis(impl_->zone.At(civil).pre) + (local - second);
}

std::string TimeZone::Format(std::int64_t time_ms) const {
  const std::int64_t time = Clamp(time_ms);
  // RFC 3339 knows no seconds of an offset, old local mean times do.
  const std::int64_t offset = FloorTo(OffsetSeconds(impl_->zone, time), 60);
  const std::int64_t local = time + offset * kSecondMs;
  constexpr std::int64_t kDayMs = 24 * kHourMs;
  const std::int64_t midnight = FloorTo(local, kDayMs);
  const std::int64_t ms_of_day = local - midnight;
  std::string text = FormatDate(midnight / kDayMs);
  const auto two = [&text](char before, std::int64_t number) {
    text.push_back(before);
    text.push_back(static_cast<char>('0' + number / 10));
    text.push_back(static_cast<char>('0' + number % 10));
  };
  two('T', ms_of_day / kHourMs);
  two(':', ms_of_day / 60'000 % 60);
  two(':', ms_of_day / kSecondMs % 60);
  if (const std::int64_t ms = ms_of_day % kSecondMs; ms != 0) {
    two('.', ms / 10);
    text.push_back(static_cast<char>('0' + ms % 10));
  }
  const std::int64_t minutes = offset < 0 ? -offset / 60 : offset / 60;
  two(offset < 0 ? '-' : '+', minutes / 60);
  two(':', minutes % 60);
  return text;
}

}  // namespace leadflow
