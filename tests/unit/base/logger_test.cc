#include "engine/base/logger.h"

#include <gtest/gtest.h>

namespace leadflow {
namespace {

TEST(LoggerTest, ARecordIsOneLineOfJson) {
  VirtualClock clock(1'772'366'400'123);
  std::string out;
  Logger log(clock, [&out](std::string_view line) { out += line; });
  log.Log(Logger::Level::kInfo, "restored",
          {{"took_ms", std::int64_t{12}}, {"name", "a\"b\nc\xff"}});
  log.Log(Logger::Level::kError, "failed");
  EXPECT_EQ(out,
            "{\"ts\":\"2026-03-01T12:00:00.123Z\",\"level\":\"info\",\"message\":\"restored\","
            "\"took_ms\":12,\"name\":\"a\\\"b\\u000ac\xef\xbf\xbd\"}\n"
            "{\"ts\":\"2026-03-01T12:00:00.123Z\",\"level\":\"error\",\"message\":\"failed\"}\n");
}

TEST(LoggerTest, ALongTextIsCutAndSaysSo) {
  VirtualClock clock;
  std::string out;
  Logger log(clock, [&out](std::string_view line) { out += line; });
  log.Log(Logger::Level::kWarning, "m", {{"text", std::string(1'000'000, 'x')}});
  EXPECT_LT(out.size(), Logger::kTextMax + 200);
  EXPECT_NE(out.find("x [cut]\"}\n"), std::string::npos);
}

}  // namespace
}  // namespace leadflow
