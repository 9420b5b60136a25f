// Whole pipelines on a real broker: what a read_committed subscriber of the rows' topics has in the
// end is what the same input gives in files.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "app/job.h"
#include "app/pipeline_file.h"
#include "engine/base/hash.h"
#include "operators/kpi/row_feed.h"
#include "tests/kafka/cluster.h"
#include "tests/kafka/read_topic.h"
#include "tests/simulation/b2b_events.h"

namespace leadflow {
namespace {

constexpr const char* kPipeline = R"(
version: 1
name: NAME
time_zone: Europe/Berlin
currency: {report: EUR}
engine: {state_dir: STATE, commit_interval: 50ms}
lateness: {allowed: 30d}
sources:
  web: {file: {path: web.jsonl}, format: leadflow, disorder: 30d}
  crm: {file: {path: crm.jsonl}, format: leadflow, disorder: 30d}
stages:
  - {name: visitor, phase: reach, on: 'kind == "page_view"'}
  - {name: lead, phase: interaction, on: lead_creation}
  - {name: customer, phase: transaction, on: 'kind == "order"'}
goals: {order: {on: order}}
attribution: {models: [first_touch, linear]}
kpis:
  visits: {count: visit, by: [channel, campaign], window: 1d}
  bounce_rate: {ratio: [{count: visit, where: bounce}, {count: visit}], by: [channel], window: 1mo}
  open_rate: {ratio: [{distinct: lead, of: email_open}, {distinct: lead, of: email_sent}], by: [campaign], window: total}
  days_to_order: {quantile: [0.5, 0.9], of: {time: {from: first_touch, to: order}}, by: [], window: total, unit: d}
  cost: {sum: cost.amount, by: [channel, campaign], window: 1mo}
  revenue: {attributed: order, value: amount, by: [model, channel], window: 1mo}
  share: {share_of: revenue, along: channel, by: [model, channel], window: 1mo}
)";

std::vector<TopicRecord> MustRead(const std::string& topic, std::int32_t partitions) {
  auto records = ReadTopic(BrokerVariable("LEADFLOW_KAFKA"), topic, partitions);
  EXPECT_TRUE(records.has_value()) << topic << " has no end";
  return records.value_or(std::vector<TopicRecord>());
}

// Without what differs from run to run.
std::string Plain(std::string row) {
  static const RE2 volatile_fields(R"re("(revision|updated_at|cause)":("[^"]*"|\d+),?)re");
  RE2::GlobalReplace(&row, volatile_fields, "");
  return row;
}

class KafkaOutputsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string text = (std::filesystem::temp_directory_path() / "leadflow-XXXXXX").string();
    ASSERT_NE(::mkdtemp(text.data()), nullptr);
    folder_ = text;
    const simulation::B2bEvents events = simulation::MakeB2bEvents(7);
    Write("web.jsonl", events.web);
    Write("crm.jsonl", events.crm);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::vector<std::string>& lines) {
    std::ofstream file(folder_ / name);
    for (const std::string& line : lines) file << line << "\n";
  }

  // Runs a pipeline to the end of its input. `rest`: sections that are appended.
  std::unique_ptr<app::LoadedPipeline> Run(const std::string& name, const std::string& rest) {
    std::string text = kPipeline + rest;
    text.replace(text.find("NAME"), 4, name);
    text.replace(text.find("STATE"), 5, name);
    auto loaded = std::make_unique<app::LoadedPipeline>(
        app::LoadPipelineText("test", text, folder_.string(), {}));
    EXPECT_NE(loaded->pipeline, nullptr) << loaded->diagnostics->Text();
    if (loaded->pipeline == nullptr) return nullptr;
    const std::atomic<bool> stop{false};
    app::JobOptions options;
    options.until_end = true;
    const auto result = app::RunJob(*loaded->pipeline, options, stop);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? std::move(loaded) : nullptr;
  }

  std::vector<std::string> FileRows(const std::string& kpi) {
    std::ifstream file(folder_ / "out" / (kpi + ".jsonl"));
    std::vector<std::string> rows;
    for (std::string line; std::getline(file, line);) rows.push_back(Plain(line));
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  std::filesystem::path folder_;
};

// The last value of each key; a tombstone takes it away.
std::vector<std::string> LastRows(const std::vector<TopicRecord>& records) {
  std::map<std::string, std::string> last;
  for (const TopicRecord& record : records) {
    if (record.value) {
      last[record.key] = Plain(*record.value);
    } else {
      last.erase(record.key);
    }
  }
  std::vector<std::string> rows;
  for (const auto& [key, row] : last) rows.push_back(row);
  std::sort(rows.begin(), rows.end());
  return rows;
}

TEST_F(KafkaOutputsTest, ASubscriberHasTheRowsOfTheFiles) {
  ASSERT_NE(Run("plain", "outputs:\n  - file: {path: \"out/{kpi}.jsonl\"}\n"), nullptr);
  const std::string name = UniqueName("rows");
  // One of the topics is there before, with a number of partitions of its own.
  CreateTopic(name + ".kpi.visits", 3,
              {{"cleanup.policy", "compact"}, {"unclean.leader.election.enable", "false"}});
  const auto loaded = Run(name, "kafka: {brokers: \"" + BrokerVariable("LEADFLOW_KAFKA") +
                                    "\", topics: {replication: 1}}\n"
                                    "outputs:\n  - kafka: {topic: \"{name}.kpi.{kpi}\", "
                                    "partitions: 2, emit: {every: 100ms}}\n");
  ASSERT_NE(loaded, nullptr);
  const std::vector<RowFeed> feeds = RowFeedsOf(*loaded->pipeline);
  EXPECT_EQ(feeds.size(), 7u);
  std::size_t rows = 0;
  for (const RowFeed& feed : feeds) {
    ASSERT_FALSE(FileRows(feed.kpi->name).empty()) << feed.kpi->name;
    const int partitions = feed.kpi->name == "visits" ? 3 : 2;
    // A transaction becomes visible some milliseconds after its commit.
    std::vector<TopicRecord> records;
    for (int i = 0; i < 100; ++i) {
      records = MustRead(feed.topic, partitions);
      if (LastRows(records) == FileRows(feed.kpi->name)) break;
    }
    EXPECT_EQ(LastRows(records), FileRows(feed.kpi->name)) << feed.topic;
    rows += records.size();
    for (const TopicRecord& record : records) {
      const auto partition = static_cast<std::uint32_t>(partitions);
      EXPECT_EQ(static_cast<std::uint32_t>(record.partition),
                KafkaPartitionOf(record.key, partition));
      EXPECT_EQ(record.headers.size(), 7u);
      EXPECT_EQ(record.headers.at("ce_source"), "/leadflow/" + name);
      EXPECT_EQ(record.headers.at("ce_subject"), feed.kpi->name);
    }
  }
  EXPECT_GT(rows, 30u);
}

}  // namespace
}  // namespace leadflow
