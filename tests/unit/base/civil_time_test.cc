#include "engine/base/civil_time.h"

#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace leadflow {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;

std::int64_t At(const char* text) {
  const auto time = ParseRfc3339(text);
  EXPECT_TRUE(time.has_value()) << text;
  return time.value_or(0);
}

TimeZone Zone(const char* name) {
  auto zone = TimeZone::Load(name);
  EXPECT_TRUE(zone.has_value()) << name;
  return zone.value_or(TimeZone::Utc());
}

TEST(CivilTimeTest, WindowsAreCutInLocalTimeAcrossClockChanges) {
  struct Case {
    const char* zone;
    const char* time;
    WindowUnit unit;
    const char* start;
    const char* end;
  };
  const Case cases[] = {
      // Berlin, spring: 02:00 to 03:00 does not exist.
      {"Europe/Berlin", "2026-03-29T00:30:00Z", WindowUnit::kHour, "2026-03-29T01:00:00+01:00",
       "2026-03-29T03:00:00+02:00"},
      {"Europe/Berlin", "2026-03-29T01:00:00Z", WindowUnit::kHour, "2026-03-29T03:00:00+02:00",
       "2026-03-29T04:00:00+02:00"},
      {"Europe/Berlin", "2026-03-29T10:00:00Z", WindowUnit::kDay, "2026-03-29T00:00:00+01:00",
       "2026-03-30T00:00:00+02:00"},
      // Berlin, autumn: 02:00 to 03:00 is shown twice.
      {"Europe/Berlin", "2026-10-25T00:30:00Z", WindowUnit::kHour, "2026-10-25T02:00:00+02:00",
       "2026-10-25T03:00:00+02:00"},
      {"Europe/Berlin", "2026-10-25T01:30:00Z", WindowUnit::kHour, "2026-10-25T02:00:00+01:00",
       "2026-10-25T03:00:00+01:00"},
      {"Europe/Berlin", "2026-10-25T10:00:00Z", WindowUnit::kDay, "2026-10-25T00:00:00+02:00",
       "2026-10-26T00:00:00+01:00"},
      {"Europe/Berlin", "2026-03-29T22:30:00Z", WindowUnit::kWeek, "2026-03-30T00:00:00+02:00",
       "2026-04-06T00:00:00+02:00"},
      {"Europe/Berlin", "2026-03-29T21:30:00Z", WindowUnit::kWeek, "2026-03-23T00:00:00+01:00",
       "2026-03-30T00:00:00+02:00"},
      {"Europe/Berlin", "2026-02-28T23:00:00Z", WindowUnit::kMonth, "2026-03-01T00:00:00+01:00",
       "2026-04-01T00:00:00+02:00"},
      {"Europe/Berlin", "2026-03-31T21:59:59.999Z", WindowUnit::kQuarter,
       "2026-01-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"},
      {"Europe/Berlin", "2026-12-31T22:59:59.999Z", WindowUnit::kYear, "2026-01-01T00:00:00+01:00",
       "2027-01-01T00:00:00+01:00"},
      {"Europe/Berlin", "2026-12-31T23:00:00Z", WindowUnit::kYear, "2027-01-01T00:00:00+01:00",
       "2028-01-01T00:00:00+01:00"},
      // New York.
      {"America/New_York", "2026-03-08T06:59:59Z", WindowUnit::kHour, "2026-03-08T01:00:00-05:00",
       "2026-03-08T03:00:00-04:00"},
      {"America/New_York", "2026-03-08T12:00:00Z", WindowUnit::kDay, "2026-03-08T00:00:00-05:00",
       "2026-03-09T00:00:00-04:00"},
      {"America/New_York", "2026-11-01T06:15:00Z", WindowUnit::kHour, "2026-11-01T01:00:00-05:00",
       "2026-11-01T02:00:00-05:00"},
      {"America/New_York", "2026-11-01T05:15:00Z", WindowUnit::kHour, "2026-11-01T01:00:00-04:00",
       "2026-11-01T02:00:00-04:00"},
      {"America/New_York", "2026-11-01T12:00:00Z", WindowUnit::kDay, "2026-11-01T00:00:00-04:00",
       "2026-11-02T00:00:00-05:00"},
      {"America/New_York", "2024-02-29T12:00:00Z", WindowUnit::kMonth, "2024-02-01T00:00:00-05:00",
       "2024-03-01T00:00:00-05:00"},
      {"America/New_York", "2026-12-31T12:00:00Z", WindowUnit::kQuarter,
       "2026-10-01T00:00:00-04:00", "2027-01-01T00:00:00-05:00"},
      // Lord Howe moves its clocks by half an hour: at 02:00 to 02:30, and back to 01:30.
      {"Australia/Lord_Howe", "2026-10-03T15:40:00Z", WindowUnit::kHour,
       "2026-10-04T02:30:00+11:00", "2026-10-04T03:00:00+11:00"},
      {"Australia/Lord_Howe", "2026-10-03T15:00:00Z", WindowUnit::kHour,
       "2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00"},
      {"Australia/Lord_Howe", "2026-04-04T15:10:00Z", WindowUnit::kHour,
       "2026-04-05T01:30:00+10:30", "2026-04-05T02:00:00+10:30"},
      {"Australia/Lord_Howe", "2026-04-04T14:59:00Z", WindowUnit::kHour,
       "2026-04-05T01:00:00+11:00", "2026-04-05T01:30:00+10:30"},
      {"Australia/Lord_Howe", "2026-04-05T00:00:00Z", WindowUnit::kDay, "2026-04-05T00:00:00+11:00",
       "2026-04-06T00:00:00+10:30"},
      // A quarter of an hour off, and a day that begins at 01:00.
      {"Asia/Kathmandu", "2026-01-01T00:20:00Z", WindowUnit::kHour, "2026-01-01T06:00:00+05:45",
       "2026-01-01T07:00:00+05:45"},
      {"America/Sao_Paulo", "2018-11-04T12:00:00Z", WindowUnit::kDay, "2018-11-04T01:00:00-02:00",
       "2018-11-05T00:00:00-02:00"},
      // Samoa left 2011-12-30 out.
      {"Pacific/Apia", "2011-12-30T12:00:00Z", WindowUnit::kDay, "2011-12-31T00:00:00+14:00",
       "2012-01-01T00:00:00+14:00"},
      {"UTC", "1969-12-31T23:59:59.999Z", WindowUnit::kDay, "1969-12-31T00:00:00Z",
       "1970-01-01T00:00:00Z"},
  };
  for (const Case& c : cases) {
    const TimeZone zone = Zone(c.zone);
    const std::int64_t start = zone.WindowStart(At(c.time), c.unit);
    EXPECT_EQ(start, At(c.start)) << c.zone << " " << c.time << " " << WindowUnitName(c.unit)
                                  << " got " << zone.Format(start);
    const std::int64_t end = zone.WindowEnd(start, c.unit);
    EXPECT_EQ(end, At(c.end)) << c.zone << " " << c.time << " " << WindowUnitName(c.unit) << " got "
                              << zone.Format(end);
  }
}

TEST(CivilTimeTest, TotalIsOneWindow) {
  const TimeZone zone = Zone("Europe/Berlin");
  EXPECT_EQ(zone.WindowStart(At("2026-03-03T00:00:00Z"), WindowUnit::kTotal), 0);
  EXPECT_EQ(zone.WindowEnd(0, WindowUnit::kTotal), std::numeric_limits<std::int64_t>::max());
}

// The obvious way: walk back in steps of five minutes for as long as the label stays the same.
std::int64_t SlowStart(const absl::TimeZone& zone, std::int64_t time, WindowUnit unit) {
  const auto label = [&](std::int64_t at) {
    const absl::TimeZone::CivilInfo info = zone.At(absl::FromUnixMillis(at));
    return unit == WindowUnit::kHour
               ? std::pair<absl::CivilHour, int>(absl::CivilHour(info.cs), info.offset)
               : std::pair<absl::CivilHour, int>(absl::CivilHour(absl::CivilDay(info.cs)), 0);
  };
  const auto own = label(time);
  std::int64_t at = time / (5 * kMinute) * (5 * kMinute);
  while (label(at - 1) == own) at -= 5 * kMinute;
  return at;
}

TEST(CivilTimeTest, WindowsAgreeWithWalkingBack) {
  std::mt19937_64 random(20260303);
  for (const char* name :
       {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"}) {
    const TimeZone zone = Zone(name);
    absl::TimeZone reference;
    ASSERT_TRUE(absl::LoadTimeZone(name, &reference));
    for (int i = 0; i < 4000; ++i) {
      // Half of them on the days of clock changes.
      std::int64_t time = At("2015-01-01T00:00:00Z") +
                          static_cast<std::int64_t>(random() % (15ULL * 365 * 24 * 3'600'000));
      absl::TimeZone::CivilTransition transition;
      if (i % 2 == 0 && reference.NextTransition(absl::FromUnixMillis(time), &transition)) {
        time = absl::ToUnixMillis(reference.At(transition.to).trans) - 3 * kHour +
               static_cast<std::int64_t>(random() % (6 * kHour));
      }
      for (const WindowUnit unit : {WindowUnit::kHour, WindowUnit::kDay}) {
        const std::int64_t start = zone.WindowStart(time, unit);
        ASSERT_EQ(start, SlowStart(reference, time, unit)) << name << " " << zone.Format(time);
        const std::int64_t end = zone.WindowEnd(start, unit);
        ASSERT_GT(end, time);
        ASSERT_EQ(zone.WindowStart(end - 1, unit), start);
        ASSERT_EQ(zone.WindowStart(end, unit), end);
      }
      const std::int64_t day = zone.LocalDay(time);
      ASSERT_EQ(zone.DayStart(day), zone.WindowStart(time, WindowUnit::kDay));
      ASSERT_EQ(FormatDate(day), zone.Format(time).substr(0, 10));
    }
  }
}

TEST(CivilTimeTest, LongWindowsTileTheTimeLine) {
  std::mt19937_64 random(7);
  for (const char* name : {"Europe/Berlin", "America/St_Johns", "Pacific/Apia"}) {
    const TimeZone zone = Zone(name);
    for (int i = 0; i < 3000; ++i) {
      const auto time =
          static_cast<std::int64_t>(random() % 2'000'000'000'000ULL) - 100'000'000'000;
      for (const WindowUnit unit : {WindowUnit::kDay, WindowUnit::kWeek, WindowUnit::kMonth,
                                    WindowUnit::kQuarter, WindowUnit::kYear}) {
        const std::int64_t start = zone.WindowStart(time, unit);
        const std::int64_t end = zone.WindowEnd(start, unit);
        ASSERT_LE(start, time);
        ASSERT_LT(time, end);
        ASSERT_EQ(zone.WindowStart(start, unit), start);
        ASSERT_EQ(zone.WindowStart(end - 1, unit), start);
        ASSERT_EQ(zone.WindowStart(end, unit), end);
      }
    }
  }
}

TEST(CivilTimeTest, TimesFarAwayAreClamped) {
  const TimeZone zone = Zone("Europe/Berlin");
  for (const std::int64_t time :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    for (const WindowUnit unit : {WindowUnit::kHour, WindowUnit::kDay, WindowUnit::kYear}) {
      const std::int64_t start = zone.WindowStart(time, unit);
      EXPECT_LT(start, zone.WindowEnd(start, unit));
    }
  }
  EXPECT_EQ(zone.Format(std::numeric_limits<std::int64_t>::max()).substr(0, 4), "9999");
}

TEST(CivilTimeTest, UnknownZonesAreRefused) {
  for (const char* name : {"", "Europe/Berlyn", "Mars/Phobos", "../../etc/passwd"}) {
    EXPECT_FALSE(TimeZone::Load(name).has_value()) << name;
  }
}

TEST(CivilTimeTest, UnitNamesRoundTrip) {
  for (const char* name : {"1h", "1d", "1w", "1mo", "1q", "1y", "total"}) {
    const auto unit = WindowUnitFromName(name);
    ASSERT_TRUE(unit.has_value()) << name;
    EXPECT_EQ(WindowUnitName(*unit), name);
  }
  for (const char* name : {"", "1", "2d", "1D", "day"}) EXPECT_FALSE(WindowUnitFromName(name));
}

TEST(CivilTimeTest, FormatsWithTheOffsetOfTheMoment) {
  const TimeZone berlin = Zone("Europe/Berlin");
  EXPECT_EQ(berlin.Format(At("2026-03-03T09:00:00Z")), "2026-03-03T10:00:00+01:00");
  EXPECT_EQ(berlin.Format(At("2026-07-03T09:00:00.007Z")), "2026-07-03T11:00:00.007+02:00");
  EXPECT_EQ(Zone("America/St_Johns").Format(0), "1969-12-31T20:30:00-03:30");
  EXPECT_EQ(TimeZone::Utc().Format(-1), "1969-12-31T23:59:59.999+00:00");
  EXPECT_EQ(TimeZone::Utc().Format(0), "1970-01-01T00:00:00+00:00");
}

TEST(Rfc3339Test, ReadsWhatTheStandardAllows) {
  struct Case {
    const char* text;
    std::int64_t ms;
  };
  const Case cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01t00:00:00z", 0},
      {"1970-01-01 00:00:00Z", 0},
      {"1970-01-01T00:00:00.001Z", 1},
      {"1970-01-01T00:00:00.1Z", 100},
      {"1970-01-01T00:00:00.12Z", 120},
      {"1970-01-01T00:00:00.0019Z", 1},
      {"1970-01-01T00:00:00.999999999Z", 999},
      {"1969-12-31T23:59:59.999999999Z", -1},
      {"1970-01-01T01:00:00+01:00", 0},
      {"1969-12-31T14:30:00-09:30", 0},
      {"1970-01-01T00:00:00-00:00", 0},
      {"2024-02-29T12:00:00Z", 1709208000000},
      {"2000-02-29T00:00:00Z", 951782400000},
      {"2026-03-03T10:00:00+01:00", 1772528400000},
      {"0000-01-01T00:00:00Z", -62167219200000},
      {"9999-12-31T23:59:59.999Z", 253402300799999},
      {"2016-12-31T23:59:60Z", 1483228800000},
      {"2017-01-01T00:59:60.5+01:00", 1483228800500},
  };
  for (const Case& c : cases) EXPECT_EQ(ParseRfc3339(c.text), c.ms) << c.text;
}

TEST(Rfc3339Test, RefusesEverythingElse) {
  const char* const cases[] = {"",
                               "2026",
                               "2026-03-03",
                               "2026-03-03T10:00:00",
                               "2026-03-03T10:00Z",
                               "2026-03-03T10:00:00+0100",
                               "2026-03-03T10:00:00+01",
                               "2026-03-03T10:00:00.Z",
                               "2026-03-03T10:00:00.1234567890Z",
                               "2026-02-29T00:00:00Z",
                               "1900-02-29T00:00:00Z",
                               "2026-04-31T00:00:00Z",
                               "2026-00-10T00:00:00Z",
                               "2026-13-10T00:00:00Z",
                               "2026-01-00T00:00:00Z",
                               "2026-01-32T00:00:00Z",
                               "2026-03-03T24:00:00Z",
                               "2026-03-03T10:60:00Z",
                               "2026-03-03T10:00:61Z",
                               "2026-03-03T10:00:60Z",
                               "2026-03-03T10:00:00+24:00",
                               "2026-03-03T10:00:00+01:60",
                               "2026-03-03T10:00:00Z ",
                               " 2026-03-03T10:00:00Z",
                               "2026-03-03T10:00:00ZZ",
                               "2026-3-3T10:00:00Z",
                               "2026-03-03X10:00:00Z",
                               "+026-03-03T10:00:00Z",
                               "2026-03-03T10:00:00,5Z",
                               "20260303T100000Z",
                               "1772528400000",
                               "\xff\xff\xff\xff-03-03T10:00:00Z"};
  for (const char* text : cases) EXPECT_FALSE(ParseRfc3339(text).has_value()) << text;
  EXPECT_FALSE(ParseRfc3339(std::string_view("2026-03-03T10:00:00Z\0", 21)).has_value());
}

TEST(Rfc3339Test, EveryPrefixOfATimeIsRefused) {
  const std::string text = "2026-03-03T10:00:00.123+01:00";
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(ParseRfc3339(std::string_view(text).substr(0, i)).has_value()) << i;
  }
}

TEST(Rfc3339Test, ReadsBackWhatIsFormatted) {
  std::mt19937_64 random(11);
  const TimeZone zone = Zone("America/St_Johns");
  for (int i = 0; i < 5000; ++i) {
    const auto time = static_cast<std::int64_t>(random() % 4'000'000'000'000ULL);
    ASSERT_EQ(ParseRfc3339(zone.Format(time)), time);
  }
}

TEST(LocalTimeTest, ReadsLocalTimes) {
  struct Case {
    const char* text;
    const char* time;  // nullptr: refused
  };
  const Case cases[] = {
      {"2026-03-03", "2026-03-03T00:00:00+01:00"},
      {"2026-03-03 10:00", "2026-03-03T10:00:00+01:00"},
      {"2026-07-03T10:00:00.5", "2026-07-03T10:00:00.5+02:00"},
      {"2026-07-03T10:00:59", "2026-07-03T10:00:59+02:00"},
      {"2026-03-29 02:30", "2026-03-29T02:30:00+01:00"},  // skipped
      {"2026-10-25 02:30", "2026-10-25T02:30:00+02:00"},  // repeated
      {"2026-03-03 10", nullptr},
      {"2026-03-03 10:00Z", nullptr},
      {"2026-03-03 25:00", nullptr},
      {"2026-02-30", nullptr},
      {"03.03.2026", nullptr},
      {"", nullptr},
  };
  const TimeZone zone = Zone("Europe/Berlin");
  for (const Case& c : cases) {
    const auto time = ParseLocalTime(c.text, zone);
    ASSERT_EQ(time.has_value(), c.time != nullptr) << c.text;
    if (c.time != nullptr) {
      EXPECT_EQ(*time, At(c.time)) << c.text;
    }
  }
}

TEST(TimeFormatTest, ReadsByFormat) {
  struct Case {
    const char* format;
    const char* text;
    const char* time;  // nullptr: refused
  };
  const Case cases[] = {
      {"%d.%m.%Y %H:%M", "03.03.2026 10:05", "2026-03-03T10:05:00+01:00"},
      {"%d.%m.%Y", "3.7.2026", "2026-07-03T00:00:00+02:00"},
      {"%m/%d/%y %I:%M %p", "07/03/26 12:30 AM", "2026-07-03T00:30:00+02:00"},
      {"%m/%d/%y %I:%M %p", "07/03/26 12:30 pm", "2026-07-03T12:30:00+02:00"},
      {"%m/%d/%y %I:%M%p", "07/03/69 01:30PM", "1969-07-03T13:30:00+01:00"},
      {"%d %b %Y", "3 Mar 2026", "2026-03-03T00:00:00+01:00"},
      {"%d %b %Y", "3 march 2026", "2026-03-03T00:00:00+01:00"},
      {"%B %d, %Y", "May 3, 2026", "2026-05-03T00:00:00+02:00"},
      {"%Y%m%dT%H%M%S%z", "20260303T100000Z", "2026-03-03T10:00:00Z"},
      {"%Y-%m-%d %H:%M:%S %z", "2026-03-03 10:00:00 -0530", "2026-03-03T10:00:00-05:30"},
      {"%Y-%m-%d %H:%M:%S.%f", "2026-03-03 10:00:00.1234567", "2026-03-03T10:00:00.123+01:00"},
      {"%Y-%j", "2024-366", "2024-12-31T00:00:00+01:00"},
      {"%Y-%j", "2026-366", nullptr},
      {"%Y", "2026", "2026-01-01T00:00:00+01:00"},
      {"%d.%m.%Y", "31.02.2026", nullptr},
      {"%d.%m.%Y", "03.03.2026 ", nullptr},
      {"%d.%m.%Y ", "03.03.2026  ", "2026-03-03T00:00:00+01:00"},
      {"%d.%m.%Y", "03/03/2026", nullptr},
      {"%H:%M", "10:00", nullptr},
      {"%Y %I %p", "2026 13 PM", nullptr},
      {"%Y%%", "2026%", "2026-01-01T00:00:00+01:00"},
      {"%Q", "2026", nullptr},
      {"%Y%", "2026", nullptr},
      {"%d %b %Y", "3 Foo 2026", nullptr},
  };
  const TimeZone zone = Zone("Europe/Berlin");
  for (const Case& c : cases) {
    const auto time = ParseTimeWithFormat(c.text, c.format, zone);
    ASSERT_EQ(time.has_value(), c.time != nullptr) << c.format << " " << c.text;
    if (c.time != nullptr) {
      EXPECT_EQ(*time, At(c.time)) << c.format << " " << c.text;
    }
  }
}

TEST(TimeFormatTest, KnowsFormats) {
  for (const char* good : {"%Y", "%d.%m.%y %%", "%Y-%m-%dT%H:%M:%S%z"}) {
    EXPECT_TRUE(IsTimeFormat(good)) << good;
  }
  for (const char* bad : {"", "%d.%m", "%Y %Q", "%Y%", "Y"}) EXPECT_FALSE(IsTimeFormat(bad)) << bad;
}

TEST(DateTest, RoundTripsAndRefuses) {
  EXPECT_EQ(ParseDate("1970-01-01"), 0);
  EXPECT_EQ(ParseDate("2026-03-03"), 20515);
  EXPECT_EQ(ParseDate("2024-02-29"), 19782);
  for (const char* text : {"", "2026-02-29", "2026-3-3", "2026-03-03 ", "2026-03-03T00:00"}) {
    EXPECT_FALSE(ParseDate(text).has_value()) << text;
  }
  const std::int64_t first = ParseDate("0001-01-01").value_or(0);
  for (std::int64_t day = first; day < 2'900'000; day += 97) {
    ASSERT_EQ(ParseDate(FormatDate(day)), day);
  }
}

}  // namespace
}  // namespace leadflow
