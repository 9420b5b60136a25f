// Whole pipelines whose sources are topics: the rows are those of the same messages in files.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "app/job.h"
#include "app/pipeline_file.h"
#include "connectors/kafka/kafka_log.h"
#include "tests/kafka/cluster.h"
#include "tests/unit/log/log_reading.h"

namespace leadflow::app {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / UniqueName("job")) { fs::create_directories(path_); }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_.string(); }
  void Write(const std::string& name, const std::vector<std::string>& lines) const {
    std::ofstream file(path_ / name);
    for (const std::string& line : lines) file << line << "\n";
  }

 private:
  fs::path path_;
};

constexpr char kRules[] = R"(
kpis:
  views:   {count: page_view, by: [channel], window: 1d}
  people:  {distinct: lead, of: page_view, window: 1mo}
  leads:   {count: lead_creation, by: [campaign], window: total}
  orders:  {count: order, by: [channel], window: total}
  revenue: {attributed: order, value: amount, by: [model, campaign], window: total}
  letters: {count: dead_letter, window: total}
)";

// The messages of three sources, as their producers write them.
struct Input {
  std::vector<std::string> web;   // canonical events
  std::vector<std::string> crm;   // rows, mapped
  std::vector<std::string> shop;  // Segment
};

std::string Time(int minute) {
  return TimeZone::Utc().Format(1'767'225'600'000 + minute * 60'000LL);
}

Input MakeInput() {
  Input input;
  for (int i = 0; i < 900; ++i) {
    const std::string who = std::to_string(i * i % 97), number = std::to_string(i);
    const std::string campaign = "c" + std::to_string(i % 7);
    input.web.push_back(R"({"id":"w)" + number + R"(","kind":"page_view","time":")" + Time(i * 13) +
                        R"(","anonymous_id":"a)" + who + R"(","utm":{"campaign":")" + campaign +
                        R"(","medium":"email"}})");
    if (i % 9 == 0) {
      input.crm.push_back(R"({"n":)" + number + R"(,"seen":")" + Time(i * 13 + 5).substr(0, 19) +
                          R"(","cookie":"a)" + who + R"(","mail":"p)" + who + R"(@example.com"})");
    }
    if (i % 11 == 0) {
      input.shop.push_back(R"({"type":"track","event":"Order Completed","messageId":"m)" + number +
                           R"(","timestamp":")" + Time(i * 13 + 60) + R"(","anonymousId":"a)" +
                           who + R"(","properties":{"order_id":"o)" + number + R"(","revenue":)" +
                           std::to_string(10 + i % 5) + R"(.5,"currency":"EUR"}})");
    }
  }
  return input;
}

constexpr char kCrmEvents[] = R"(
    events:
      - kind: form_submit
        map: {id: string(ROW.n), time: 'parse_time(ROW.seen, "%Y-%m-%dT%H:%M:%S", "UTC")', anonymous_id: ROW.cookie, email: ROW.mail}
)";

std::string CrmEvents(const std::string& row) {
  std::string text = kCrmEvents;
  for (std::size_t at = text.find("ROW"); at != std::string::npos; at = text.find("ROW")) {
    text.replace(at, 3, row);
  }
  return text;
}

JobResult RunUntilEnd(const std::string& yaml, const Folder& folder) {
  const LoadedPipeline loaded = LoadPipelineText("test.yaml", yaml, folder.path(), {});
  EXPECT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  if (loaded.pipeline == nullptr) return {};
  const std::atomic<bool> stop{false};
  JobOptions options;
  options.until_end = true;
  auto result = RunJob(*loaded.pipeline, options, stop);
  LOG_EXPECT_OK(result.status());
  return result.ok() ? *result : JobResult();
}

// Without what depends on the order of arrival, and without rows of nothing.
std::vector<std::string> Rows(const Folder& folder) {
  std::vector<std::string> rows;
  for (const auto& entry : fs::directory_iterator(fs::path(folder.path()) / "out")) {
    std::ifstream file(entry.path());
    std::string header, line;
    std::getline(file, header);
    const auto columns = [](const std::string& text) {
      std::vector<std::string> out;
      std::stringstream in(text.substr(0, text.find('\r')));
      for (std::string column; std::getline(in, column, ',');) out.push_back(column);
      return out;
    };
    const std::vector<std::string> names = columns(header);
    while (std::getline(file, line)) {
      const std::vector<std::string> values = columns(line);
      std::string row;
      bool nothing = false;
      for (std::size_t i = 0; i < names.size() && i < values.size(); ++i) {
        if (names[i] == "settled" || names[i] == "revision" || names[i] == "cause" ||
            names[i] == "updated_at") {
          continue;
        }
        nothing = nothing || (names[i] == "value" && std::stod(values[i] + "0") == 0);
        row += values[i] + ",";
      }
      if (!nothing) rows.push_back(row);
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<std::string> RowsOfFiles(const Input& input) {
  const Folder folder;
  folder.Write("web.jsonl", input.web);
  folder.Write("crm.jsonl", input.crm);
  folder.Write("shop.jsonl", input.shop);
  RunUntilEnd(
      "version: 1\nname: files\nsources:\n"
      "  web: {file: {path: web.jsonl}, format: leadflow}\n"
      "  crm:\n    file: {path: crm.jsonl}\n    format: json" +
          CrmEvents("$") + "  shop: {file: {path: shop.jsonl}, format: segment}\n" + kRules,
      folder);
  return Rows(folder);
}

class Topics {
 public:
  Topics() {
    CreateTopic(name_ + ".in.web", 3, {});
    CreateTopic(name_ + ".in.crm", 1, {});
    CreateTopic(name_ + ".in.shop", 1, {});
  }

  const std::string& name() const { return name_; }

  std::string Yaml() const {
    return "version: 1\nname: " + name_ + "\nkafka: {brokers: \"" + BrokerOptions().brokers +
           "\", topics: {replication: 1}}\nengine: {partitions: 4, threads: 2}\nsources:\n"
           "  web: {kafka: {topics: ['{name}.in.web']}, format: leadflow}\n"
           "  crm:\n    kafka: {topics: ['{name}.in.crm']}\n    format: json" +
           CrmEvents("$.after") +
           "  shop: {kafka: {topics: ['{name}.in.shop']}, format: segment}\n" + kRules;
  }

  // The share [from, to) of thousandths of each list: web as it is and as cloud events, over three
  // partitions; crm as changes of a table; shop with the schema of Kafka Connect.
  void Send(const Input& input, std::size_t from, std::size_t to) const {
    const auto part = [&](const std::vector<std::string>& all) {
      return std::vector<std::string>(
          all.begin() + static_cast<std::ptrdiff_t>(all.size() * from / 1000),
          all.begin() + static_cast<std::ptrdiff_t>(all.size() * to / 1000));
    };
    std::vector<ProducedRecord> web, crm, shop;
    for (const std::string& event : part(input.web)) {
      ProducedRecord& record = web.emplace_back();
      record.value = event;
      record.partition = static_cast<int>(web.size() * web.size() % 3);
      if (web.size() % 2 == 0) record.headers = {{"ce_specversion", "1.0"}, {"ce_id", "x"}};
      if (web.size() % 50 == 0) web.push_back({std::nullopt, 1, "key"});
    }
    for (const std::string& row : part(input.crm)) {
      const std::string source = R"(,"source":{"table":"people"},"op":)";
      crm.push_back({R"({"before":null,"after":)" + row + source + R"("c"})"});
      crm.push_back({R"({"before":)" + row + R"(,"after":null)" + source + R"("d"})"});
      crm.push_back({std::nullopt, 0, "key"});
    }
    for (const std::string& message : part(input.shop)) {
      shop.push_back({R"({"schema":{"type":"struct"},"payload":)" + message + "}"});
    }
    Produce(name_ + ".in.web", web);
    Produce(name_ + ".in.crm", crm);
    Produce(name_ + ".in.shop", shop);
  }

 private:
  const std::string name_ = UniqueName("job");
};

TEST(KafkaSourcesJobTest, TopicsGiveTheRowsOfFiles) {
  const Input input = MakeInput();
  const std::vector<std::string> expected = RowsOfFiles(input);
  ASSERT_GT(expected.size(), 50u);
  const Topics topics;
  topics.Send(input, 0, 1000);
  const Folder folder;
  const JobResult result = RunUntilEnd(topics.Yaml(), folder);
  EXPECT_EQ(Rows(folder), expected);
  EXPECT_EQ(result.counters.count({"dead_letters", ""}), 0u);
  const auto log = KafkaLog::Open(BrokerOptions());
  LOG_ASSERT_OK(log.status());
  const std::vector<TopicPartition> crm = {{topics.name() + ".in.crm", 0}};
  const auto offsets = (*log)->CommittedOffsets(topics.name(), crm);
  LOG_ASSERT_OK(offsets.status());
  EXPECT_EQ(*offsets, std::vector<std::int64_t>{3 * static_cast<std::int64_t>(input.crm.size())});
  // Deletes and records without a value.
  EXPECT_EQ(result.counters.at({"skipped", "crm"}),
            2 * static_cast<std::int64_t>(input.crm.size()));
}

TEST(KafkaSourcesJobTest, ARunGoesOnWhereTheLastOneStopped) {
  const Input input = MakeInput();
  const Topics topics;
  const Folder folder;
  topics.Send(input, 0, 300);
  EXPECT_GT(RunUntilEnd(topics.Yaml(), folder).progress.messages_read, 0);
  topics.Send(input, 300, 800);
  RunUntilEnd(topics.Yaml(), folder);
  topics.Send(input, 800, 1000);
  RunUntilEnd(topics.Yaml(), folder);
  EXPECT_EQ(RunUntilEnd(topics.Yaml(), folder).progress.messages_read, 0);
  EXPECT_EQ(Rows(folder), RowsOfFiles(input));
}

TEST(KafkaSourcesJobTest, BadRecordsAreDeadLettersThatNameTheirOffset) {
  const Topics topics;
  const std::string web = topics.name() + ".in.web";
  Produce(web, {{MakeInput().web[0], 2}, {"{\"id\":\"\xFF\"}", 2}, {std::string(70'000, 'x'), 2}});
  const Folder folder;
  const JobResult result = RunUntilEnd(topics.Yaml(), folder);
  EXPECT_EQ(result.counters.at({"events", "web"}), 1);
  const auto log = KafkaLog::Open(BrokerOptions());
  LOG_ASSERT_OK(log.status());
  std::string letters;
  ASSERT_TRUE(Eventually([&] {
    letters.clear();
    const auto lines = ValuesFrom(**log, {topics.name() + ".dead_letters", 0});
    for (const std::string& line : lines) letters += line + "\n";
    return lines.size() == 2;
  })) << letters;
  EXPECT_THAT(letters, AllOf(HasSubstr(web + "/2:1\""), HasSubstr("not UTF-8"),
                             HasSubstr(web + "/2:2\""), HasSubstr("64 KiB")));
}

TEST(KafkaSourcesJobTest, ATopicThatIsNotThereStopsTheStart) {
  const Folder folder;
  const LoadedPipeline loaded = LoadPipelineText(
      "test.yaml",
      "version: 1\nname: " + UniqueName("job") + "\nkafka: {brokers: \"" + BrokerOptions().brokers +
          "\", topics: {replication: 1}}\nsources:\n"
          "  web: {kafka: {topics: not.there}, format: leadflow}\nkpis: {}\n",
      folder.path(), {});
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  const std::atomic<bool> stop{false};
  JobOptions options;
  options.until_end = true;
  const auto result = RunJob(*loaded.pipeline, options, stop);
  EXPECT_EQ(result.status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(std::string(result.status().message()),
              AllOf(HasSubstr("`not.there`"), HasSubstr("create it")));
}

}  // namespace
}  // namespace leadflow::app
