// What `leadflow top` makes of the metrics of processes.
#include "app/top_table.h"

#include <gmock/gmock.h>

namespace leadflow::app {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kBefore[] = R"(# TYPE leadflow_messages_read_total counter
leadflow_messages_read_total{source="web"} 1000
leadflow_commit_seconds_bucket{le="0.001"} 5
leadflow_commit_seconds_bucket{le="0.004"} 5
leadflow_commit_seconds_bucket{le="0.016"} 5
leadflow_commit_seconds_bucket{le="+Inf"} 5
)";
constexpr char kNow[] = R"(
leadflow_restored 1
leadflow_partitions 6
leadflow_messages_read_total{source="web"} 3500
leadflow_messages_read_total{source="a \"b\", {c}"} 7
leadflow_messages_read_total{source="topics"} 9
leadflow_source_lag_bytes{source="web"} 2097152
leadflow_source_lag_records{source="topics"} 12345
leadflow_watermark_delay_seconds 90
leadflow_commit_seconds_bucket{le="0.001"} 5
leadflow_commit_seconds_bucket{le="0.004"} 7
leadflow_commit_seconds_bucket{le="0.016"} 9
leadflow_commit_seconds_bucket{le="+Inf"} 10
leadflow_commit_age_seconds 0.25
leadflow_dead_letters_total{source="web",reason="x"} 2
leadflow_dead_letters_total{source="web",reason="y"} 3
process_resident_memory_bytes 1073741824
leadflow_memory_budget_bytes 2147483648
leadflow_state_files_bytes{level="0"} 1024
leadflow_state_files_bytes{level="6"} 1024
no sample
broken{a="
)";

TEST(TopTableTest, ReadsSamplesAndTheirLabels) {
  const Metrics metrics(kNow);
  EXPECT_EQ(metrics.Sum("leadflow_dead_letters_total"), 5);
  EXPECT_EQ(metrics.Sum("nothing"), std::nullopt);
  const auto read = metrics.By("leadflow_messages_read_total", "source");
  EXPECT_EQ(read.size(), 3u);
  EXPECT_EQ(read.at("a \"b\", {c}"), 7);
  const Metrics before(kBefore);
  EXPECT_EQ(metrics.Quantile("leadflow_commit_seconds", 0.5, &before), 0.016);
  EXPECT_EQ(metrics.Quantile("leadflow_commit_seconds", 0.5, nullptr), 0.001);
  EXPECT_EQ(metrics.Quantile("nothing", 0.5, nullptr), std::nullopt);
}

TEST(TopTableTest, ShowsEachProcessAndTheSourcesOfAll) {
  const Metrics before(kBefore), now(kNow), young("leadflow_restored 0\n");
  const std::string table =
      TopTable({{.name = "one:1", .before = &before, .now = &now, .seconds = 2, .trouble = {}},
                {.name = "two:2", .before = nullptr, .now = &young, .seconds = 0, .trouble = {}},
                {.name = "three:3", .trouble = "three:3 does not answer"}});
  EXPECT_THAT(
      table,
      HasSubstr("one:1     serving           6     1,258   2 min       16 ms  16 ms  250 ms"));
  EXPECT_THAT(table, HasSubstr("  5  1.0 GiB of 2.0 GiB  2.0 KiB\n"));
  EXPECT_THAT(table, HasSubstr("two:2    starting           -         -"));
  EXPECT_THAT(table, HasSubstr("web          3,500     1,250         2.0 MiB\n"));
  EXPECT_THAT(table, HasSubstr("  12,345 records\n"));
  EXPECT_THAT(table, HasSubstr("three:3 does not answer\n"));
  EXPECT_THAT(TopTable({{.name = "x", .trouble = "x is away"}}), Not(HasSubstr("PROCESS")));
}

}  // namespace
}  // namespace leadflow::app
