// Times as text, read: RFC 3339, local times and strptime-like formats.
#include <array>
#include <cstddef>

#include "engine/base/civil_day.h"
#include "engine/base/civil_time.h"

namespace leadflow {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kHourMs = 60 * kMinuteMs;
constexpr std::int64_t kDayMs = 24 * kHourMs;

// Walks a text; every Take leaves the cursor where it was if the text is something else.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  bool AtEnd() const { return at_ == end_; }
  char Peek() const { return at_ == end_ ? '\0' : *at_; }
  void Skip() { ++at_; }

  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  // Exactly `digits` digits.
  bool Fixed(int digits, int* value) {
    if (end_ - at_ < digits) return false;
    int result = 0;
    for (int i = 0; i < digits; ++i) {
      const auto digit = static_cast<unsigned>(at_[i] - '0');
      if (digit > 9) return false;
      result = result * 10 + static_cast<int>(digit);
    }
    at_ += digits;
    *value = result;
    return true;
  }

  // One to `most` digits.
  bool UpTo(int most, int* value) {
    int result = 0;
    int count = 0;
    while (count < most && at_ != end_ && *at_ >= '0' && *at_ <= '9') {
      result = result * 10 + (*at_++ - '0');
      ++count;
    }
    *value = result;
    return count > 0;
  }

  // One to nine digits behind the point, cut to milliseconds.
  bool Fraction(int* ms) {
    static constexpr std::array<int, 10> kPower = {
        1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};
    const char* const begin = at_;
    int value = 0;
    if (!UpTo(9, &value) || (at_ != end_ && *at_ >= '0' && *at_ <= '9')) return false;
    const auto digits = static_cast<std::size_t>(at_ - begin);
    *ms = digits <= 3 ? value * kPower[3 - digits] : value / kPower[digits - 3];
    return true;
  }

  // A case-insensitive word.
  bool Word(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
      if ((at_[i] | 0x20) != (word[i] | 0x20)) return false;
    }
    at_ += word.size();
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

struct Fields {
  int year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int ms = 0;

  bool ValidDate() const {
    return month >= 1 && month <= 12 && day >= 1 && day <= DaysInMonth(year, month);
  }
  // Seconds up to 60: a leap second is taken as the second after it, as POSIX does.
  bool ValidTime() const { return hour <= 23 && minute <= 59 && second <= 60; }
  std::int64_t Days() const { return DaysFromCivil(year, month, day); }
  std::int64_t MsOfDay() const {
    return hour * kHourMs + minute * kMinuteMs + second * std::int64_t{1000} + ms;
  }
};

bool TakeDate(Cursor& cursor, Fields* fields) {
  return cursor.Fixed(4, &fields->year) && cursor.Take('-') && cursor.Fixed(2, &fields->month) &&
         cursor.Take('-') && cursor.Fixed(2, &fields->day) && fields->ValidDate();
}

// Z, +01:00 and, if `loose`, +0100 and +01.
bool TakeOffset(Cursor& cursor, bool loose, std::int64_t* offset_ms) {
  if (cursor.Take('Z') || cursor.Take('z')) {
    *offset_ms = 0;
    return true;
  }
  const bool negative = cursor.Peek() == '-';
  if (!cursor.Take('+') && !cursor.Take('-')) return false;
  int hours = 0;
  int minutes = 0;
  if (!cursor.Fixed(2, &hours)) return false;
  const bool colon = cursor.Take(':');
  if (!colon && !loose) return false;
  if (!cursor.Fixed(2, &minutes) && colon) return false;
  if (hours > 23 || minutes > 59) return false;
  *offset_ms = hours * kHourMs + minutes * kMinuteMs;
  if (negative) *offset_ms = -*offset_ms;
  return true;
}

// Does a second that reads 60 stand where leap seconds stand, at the end of a UTC day?
bool LeapSecondFits(const Fields& fields, std::int64_t utc_ms) {
  return fields.second < 60 || (utc_ms - fields.ms) % kDayMs == 0;
}

constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};

bool TakeMonth(Cursor& cursor, int* month) {
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (cursor.Word(kMonths[i]) || cursor.Word(kMonths[i].substr(0, 3))) {
      *month = static_cast<int>(i) + 1;
      return true;
    }
  }
  return false;
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// What a format collects before it becomes an instant.
struct Collected {
  Fields fields;
  int day_of_year = 0;  // 0: not given
  int hour12 = 0;       // 0: not given
  bool has_year = false;
  bool pm = false;
  bool has_offset = false;
  std::int64_t offset_ms = 0;
};

bool TakeHalfOfDay(Cursor& cursor, bool* pm) {
  *pm = cursor.Peek() == 'p' || cursor.Peek() == 'P';
  return cursor.Word("am") || cursor.Word("pm");
}

bool TakeYear(Cursor& cursor, bool two_digits, Collected* out) {
  out->has_year = true;
  if (!two_digits) return cursor.Fixed(4, &out->fields.year);
  int year = 0;
  if (!cursor.Fixed(2, &year)) return false;
  out->fields.year = year + (year < 69 ? 2000 : 1900);  // the pivot of POSIX
  return true;
}

bool TakeDirective(Cursor& cursor, char directive, Collected* out) {
  switch (directive) {
    case 'Y': return TakeYear(cursor, false, out);
    case 'y': return TakeYear(cursor, true, out);
    case 'm': return cursor.UpTo(2, &out->fields.month);
    case 'd': return cursor.UpTo(2, &out->fields.day);
    case 'H': return cursor.UpTo(2, &out->fields.hour);
    case 'I': return cursor.UpTo(2, &out->hour12) && out->hour12 >= 1 && out->hour12 <= 12;
    case 'M': return cursor.UpTo(2, &out->fields.minute);
    case 'S': return cursor.UpTo(2, &out->fields.second);
    case 'f': return cursor.Fraction(&out->fields.ms);
    case 'b':
    case 'B': return TakeMonth(cursor, &out->fields.month);
    case 'p': return TakeHalfOfDay(cursor, &out->pm);
    case 'j': return cursor.UpTo(3, &out->day_of_year) && out->day_of_year >= 1;
    case 'z': out->has_offset = true; return TakeOffset(cursor, true, &out->offset_ms);
    case '%': return cursor.Take('%');
    default: return false;
  }
}

bool TakeByFormat(Cursor& cursor, std::string_view format, Collected* out) {
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] == '%') {
      if (++i == format.size() || !TakeDirective(cursor, format[i], out)) return false;
    } else if (IsSpace(format[i])) {
      while (IsSpace(cursor.Peek())) cursor.Skip();
    } else if (!cursor.Take(format[i])) {
      return false;
    }
  }
  return cursor.AtEnd();
}

}  // namespace

std::optional<std::int64_t> ParseRfc3339(std::string_view text) {
  Cursor cursor(text);
  Fields fields;
  if (!TakeDate(cursor, &fields)) return std::nullopt;
  if (!cursor.Take('T') && !cursor.Take('t') && !cursor.Take(' ')) return std::nullopt;
  if (!cursor.Fixed(2, &fields.hour) || !cursor.Take(':') || !cursor.Fixed(2, &fields.minute) ||
      !cursor.Take(':') || !cursor.Fixed(2, &fields.second) || !fields.ValidTime()) {
    return std::nullopt;
  }
  if (cursor.Take('.') && !cursor.Fraction(&fields.ms)) return std::nullopt;
  std::int64_t offset_ms = 0;
  if (!TakeOffset(cursor, false, &offset_ms) || !cursor.AtEnd()) return std::nullopt;
  const std::int64_t utc_ms = fields.Days() * kDayMs + fields.MsOfDay() - offset_ms;
  if (!LeapSecondFits(fields, utc_ms)) return std::nullopt;
  return utc_ms;
}

std::optional<std::int64_t> ParseLocalTime(std::string_view text, const TimeZone& zone) {
  Cursor cursor(text);
  Fields fields;
  if (!TakeDate(cursor, &fields)) return std::nullopt;
  if (!cursor.AtEnd()) {
    if (!cursor.Take('T') && !cursor.Take('t') && !cursor.Take(' ')) return std::nullopt;
    if (!cursor.Fixed(2, &fields.hour) || !cursor.Take(':') || !cursor.Fixed(2, &fields.minute)) {
      return std::nullopt;
    }
    if (cursor.Take(':')) {
      if (!cursor.Fixed(2, &fields.second)) return std::nullopt;
      if (cursor.Take('.') && !cursor.Fraction(&fields.ms)) return std::nullopt;
    }
    if (!cursor.AtEnd() || !fields.ValidTime() || fields.second > 59) return std::nullopt;
  }
  return zone.FromLocal(fields.Days() * kDayMs + fields.MsOfDay());
}

std::optional<std::int64_t> ParseTimeWithFormat(std::string_view text, std::string_view format,
                                                const TimeZone& zone) {
  Cursor cursor(text);
  Collected collected;
  if (!TakeByFormat(cursor, format, &collected) || !collected.has_year) return std::nullopt;
  Fields& fields = collected.fields;
  if (collected.hour12 != 0) fields.hour = collected.hour12 % 12 + (collected.pm ? 12 : 0);
  if (!fields.ValidDate() || !fields.ValidTime() || fields.second > 59) return std::nullopt;
  std::int64_t days = fields.Days();
  if (collected.day_of_year != 0) {
    if (collected.day_of_year > (IsLeapYear(fields.year) ? 366 : 365)) return std::nullopt;
    days = DaysFromCivil(fields.year, 1, 1) + collected.day_of_year - 1;
  }
  const std::int64_t local_ms = days * kDayMs + fields.MsOfDay();
  return collected.has_offset ? local_ms - collected.offset_ms : zone.FromLocal(local_ms);
}

bool IsTimeFormat(std::string_view format) {
  constexpr std::string_view kDirectives = "YymdHIMSfbBpjz%";
  bool has_year = false;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    if (++i == format.size() || kDirectives.find(format[i]) == std::string_view::npos) return false;
    has_year = has_year || format[i] == 'Y' || format[i] == 'y';
  }
  return has_year;
}

std::optional<std::int64_t> ParseDate(std::string_view text) {
  Cursor cursor(text);
  Fields fields;
  if (!TakeDate(cursor, &fields) || !cursor.AtEnd()) return std::nullopt;
  return fields.Days();
}

std::string FormatDate(std::int64_t days) {
  const CivilDate date = CivilFromDays(days);
  std::string text = std::to_string(date.year < 0 ? -date.year : date.year);
  if (text.size() < 4) text.insert(0, 4 - text.size(), '0');
  if (date.year < 0) text.insert(0, 1, '-');
  for (const int part : {date.month, date.day}) {
    text.push_back('-');
    text.push_back(static_cast<char>('0' + part / 10));
    text.push_back(static_cast<char>('0' + part % 10));
  }
  return text;
}

}  // namespace leadflow
