#include "engine/metrics/exposition.h"

#include <gtest/gtest.h>

namespace leadflow {
namespace {

using Type = Exposition::Type;

// Without the family that each scrape ends with.
std::string TextOf(Exposition out) {
  const std::string text = out.Text();
  return text.substr(0, text.find("# HELP leadflow_metrics_left_out"));
}

TEST(ExpositionTest, WritesFamiliesWithTheirSamples) {
  Exposition out;
  out.Family("a_total", Type::kCounter, "Number of a.");
  out.Sample({}, 3);
  out.Family("b", Type::kGauge, "State of b.");
  out.Sample({{"x", "1"}, {"y", "2"}}, -7);
  EXPECT_EQ(TextOf(std::move(out)),
            "# HELP a_total Number of a.\n# TYPE a_total counter\na_total 3\n"
            "# HELP b State of b.\n# TYPE b gauge\nb{x=\"1\",y=\"2\"} -7\n");
}

TEST(ExpositionTest, AFamilyWithoutSamplesIsShown) {
  Exposition out;
  out.Family("a", Type::kGauge, "Of a.");
  EXPECT_EQ(TextOf(std::move(out)), "# HELP a Of a.\n# TYPE a gauge\n");
}

TEST(ExpositionTest, LabelsMayHoldAnyBytes) {
  const struct {
    std::string value, shown;
  } cases[] = {{"a\"b", "a\\\"b"},       {"a\\b", "a\\\\b"}, {"a\nb", "a\\nb"},
               {"\xff", "\xef\xbf\xbd"}, {"ü{}", "ü{}"},     {"", ""}};
  for (const auto& [value, shown] : cases) {
    Exposition out;
    out.Family("a", Type::kGauge, "Of a.");
    out.Sample({{"l", value}}, 1);
    EXPECT_NE(TextOf(std::move(out)).find("\na{l=\"" + shown + "\"} 1\n"), std::string::npos)
        << shown;
  }
}

TEST(ExpositionTest, SecondsAreExact) {
  const struct {
    std::int64_t nanoseconds;
    std::string shown;
  } cases[] = {{0, "0"},
               {1, "0.000000001"},
               {1'500'000'000, "1.5"},
               {-250'000'000, "-0.25"},
               {60'000'000'000, "60"},
               {9'000'000'000'000'000'001, "9000000000.000000001"}};
  for (const auto& [nanoseconds, shown] : cases) {
    Exposition out;
    out.Family("a", Type::kGauge, "Of a.");
    out.Seconds({}, nanoseconds);
    EXPECT_NE(TextOf(std::move(out)).find("\na " + shown + "\n"), std::string::npos) << shown;
  }
}

TEST(ExpositionTest, AHistogramHasCumulativeBucketsSumAndCount) {
  DurationHistogram durations;
  durations.Observe(1'000'000);       // le 0.001
  durations.Observe(3'000'000);       // le 0.005
  durations.Observe(70'000'000'000);  // behind the last bound
  Exposition out;
  out.Family("t_seconds", Type::kHistogram, "Of t.");
  out.Histogram({{"a", "b"}}, durations);
  const std::string text = TextOf(std::move(out));
  for (const std::string line :
       {"t_seconds_bucket{a=\"b\",le=\"0.001\"} 1\n", "t_seconds_bucket{a=\"b\",le=\"0.002\"} 1\n",
        "t_seconds_bucket{a=\"b\",le=\"0.005\"} 2\n", "t_seconds_bucket{a=\"b\",le=\"60\"} 2\n",
        "t_seconds_bucket{a=\"b\",le=\"+Inf\"} 3\n", "t_seconds_sum{a=\"b\"} 70.004\n",
        "t_seconds_count{a=\"b\"} 3\n"}) {
    EXPECT_NE(text.find("\n" + line), std::string::npos) << line << text;
  }
}

TEST(ExpositionTest, AFamilyHasABoundAndSaysWhatIsMissing) {
  Exposition out;
  out.Family("a", Type::kGauge, "Of a.");
  for (int i = 0; i < Exposition::kSamplesMax + 5; ++i) {
    out.Sample({{"i", std::to_string(i)}}, i);
  }
  out.Family("b", Type::kGauge, "Of b.");
  out.Sample({}, 1);
  const std::string text = out.Text();
  EXPECT_NE(text.find("a{i=\"499\"}"), std::string::npos);
  EXPECT_EQ(text.find("a{i=\"500\"}"), std::string::npos);
  EXPECT_NE(text.find("\nb 1\n"), std::string::npos);
  EXPECT_NE(text.find("\nleadflow_metrics_left_out 5\n"), std::string::npos);
}

}  // namespace
}  // namespace leadflow
