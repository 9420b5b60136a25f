#include "connectors/file/row_writer.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include <unistd.h>

#include "engine/base/hash.h"
#include "engine/base/wire.h"
#include "engine/state/memory_store.h"
#include "operators/facts/fact.h"
#include "operators/kpi/row_state.h"
#include "operators/kpi/row_text.h"

namespace leadflow {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

class RowWriterTest : public testing::Test {
 protected:
  RowWriterTest() {
    std::string folder = testing::TempDir() + "row_writer_XXXXXX";
    folder_ = ::mkdtemp(folder.data());
    for (const char* name : {"clicks", "opens"}) {
      KpiSpec kpi;
      kpi.name = name;
      kpi.window = WindowUnit::kDay;
      DimensionSpec channel;
      channel.name = "channel";
      kpi.by.push_back(channel);
      pipeline_.kpis.push_back(kpi);
    }
    for (std::unique_ptr<KeyedStore>& store : stores_) {
      store = std::make_unique<MemoryStore>(std::make_shared<MemoryStore::Data>());
    }
  }
  ~RowWriterTest() override { std::filesystem::remove_all(folder_); }

  void Output(const std::string& path, bool json_lines) {
    OutputSpec output;
    output.path = folder_ + "/" + path;
    output.json_lines = json_lines;
    pipeline_.outputs.push_back(output);
  }
  void Row(int partition, std::string_view kpi, std::int64_t day, std::string_view channel,
           std::int64_t value) {
    std::string key(1, kRowKey);
    AppendGroupHead(Hash64(kpi), day * kDayMs, &key);
    WireWriter(&key).Bytes(channel);
    std::string component;
    AppendComponent({}, false, &component);
    RowState state;
    state.revision = 1;
    state.components.emplace_back(component, value);
    std::string bytes;
    AppendRowState(state, &bytes);
    stores_[partition]->Put(key, bytes);
    ASSERT_TRUE(stores_[partition]->Apply(0).ok());
  }
  Status WriteAll(RowWriter* writer) {
    const KeyedStore* stores[] = {stores_[0].get(), stores_[1].get()};
    return writer->WriteAll(stores, 0);
  }
  std::string Text(const std::string& path) const {
    std::ifstream file(folder_ + "/" + path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string folder_;
  Pipeline pipeline_;
  std::unique_ptr<KeyedStore> stores_[2];
};

constexpr char kHeader[] =
    "kpi,window,window_start,window_end,channel,value,unit,settled,revision,cause,updated_at\r\n";

std::string Line(std::string_view day, std::string_view next, std::string_view channel,
                 std::string_view value) {
  std::string line = "clicks,1d,";
  line.append(day).append("T00:00:00+00:00,").append(next).append("T00:00:00+00:00,");
  line.append(channel).append(",").append(value);
  return line.append(",,false,1,,1970-01-01T00:00:00+00:00\r\n");
}

TEST_F(RowWriterTest, RowsOfAllPartitionsAreSortedByWindowAndDimensions) {
  Output("deep/er/{kpi}.csv", false);
  Row(0, "clicks", 2, "b", 7);
  Row(1, "clicks", 2, "a, \"x\"", 1);
  Row(1, "clicks", 1, "z", 3);
  RowWriter writer(pipeline_);
  ASSERT_TRUE(WriteAll(&writer).ok());
  EXPECT_EQ(Text("deep/er/clicks.csv"),
            kHeader + Line("1970-01-02", "1970-01-03", "z", "3") +
                Line("1970-01-03", "1970-01-04", "\"a, \"\"x\"\"\"", "1") +
                Line("1970-01-03", "1970-01-04", "b", "7"));
  EXPECT_EQ(Text("deep/er/opens.csv"), kHeader);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/deep/er/clicks.csv.tmp"));
}

TEST_F(RowWriterTest, JsonLinesHaveTheSameColumns) {
  Output("{kpi}.jsonl", true);
  Row(0, "clicks", 1, "a\"b\\\n\xff", 3);
  RowWriter writer(pipeline_);
  ASSERT_TRUE(WriteAll(&writer).ok());
  EXPECT_EQ(Text("clicks.jsonl"),
            "{\"kpi\":\"clicks\",\"window\":\"1d\",\"window_start\":\"1970-01-02T00:00:00+00:00\","
            "\"window_end\":\"1970-01-03T00:00:00+00:00\","
            "\"channel\":\"a\\\"b\\\\\\u000a\xef\xbf\xbd\",\"value\":3,\"unit\":\"\","
            "\"settled\":false,\"revision\":1,\"cause\":\"\","
            "\"updated_at\":\"1970-01-01T00:00:00+00:00\"}\n");
  EXPECT_EQ(Text("opens.jsonl"), "");
}

TEST_F(RowWriterTest, OnlyWhatChangedIsWritten) {
  Output("{kpi}.csv", false);
  Row(0, "clicks", 1, "a", 3);
  RowWriter writer(pipeline_);
  ASSERT_TRUE(WriteAll(&writer).ok());
  EXPECT_EQ(writer.files_written(), 2);
  ASSERT_TRUE(WriteAll(&writer).ok());
  EXPECT_EQ(writer.files_written(), 2);
  Row(0, "clicks", 1, "a", 4);
  ASSERT_TRUE(WriteAll(&writer).ok());
  EXPECT_EQ(writer.files_written(), 3);
  RowWriter restarted(pipeline_);
  ASSERT_TRUE(WriteAll(&restarted).ok());
  EXPECT_EQ(restarted.files_written(), 0);
  std::filesystem::remove(folder_ + "/opens.csv");
  ASSERT_TRUE(WriteAll(&restarted).ok());
  EXPECT_EQ(restarted.files_written(), 1);
}

TEST_F(RowWriterTest, EveryOutputHasItsOwnPaceAndChoice) {
  Output("slow/{kpi}.csv", false);
  pipeline_.outputs[0].every_ms = 1000;
  Output("fast.csv", false);
  pipeline_.outputs[1].every_ms = 100;
  pipeline_.outputs[1].only = {"opens"};
  RowWriter writer(pipeline_);
  const KeyedStore* stores[] = {stores_[0].get(), stores_[1].get()};
  ASSERT_TRUE(writer.WriteDue(stores, 0, 5000).ok());
  EXPECT_EQ(writer.files_written(), 3);
  Row(0, "opens", 1, "a", 1);
  ASSERT_TRUE(writer.WriteDue(stores, 0, 5099).ok());
  EXPECT_EQ(writer.files_written(), 3);
  ASSERT_TRUE(writer.WriteDue(stores, 0, 5100).ok());
  EXPECT_EQ(writer.files_written(), 4);
  ASSERT_TRUE(writer.WriteDue(stores, 0, 6000).ok());
  EXPECT_EQ(writer.files_written(), 5);
  EXPECT_EQ(Text("fast.csv"), Text("slow/opens.csv"));
}

TEST_F(RowWriterTest, AFileThatCannotBeWrittenIsNamed) {
  std::ofstream(folder_ + "/blocked") << "no folder";
  Output("blocked/{kpi}.csv", false);
  RowWriter writer(pipeline_);
  const Status status = WriteAll(&writer);
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("blocked/clicks.csv"), std::string_view::npos);
}

TEST(RowTextTest, NullIsEmptyInCsvAndNullInJson) {
  const RowField fields[] = {{"a", RowField::Type::kNumber, std::nullopt},
                             {"b", RowField::Type::kNumber, "0.50"},
                             {"c", RowField::Type::kText, "x\ny"},
                             {"d", RowField::Type::kBool, "true"}};
  std::string csv, json;
  AppendCsvRow(fields, &csv);
  AppendJsonRow(fields, &json);
  EXPECT_EQ(csv, ",0.50,\"x\ny\",true\r\n");
  EXPECT_EQ(json, "{\"a\":null,\"b\":0.50,\"c\":\"x\\u000ay\",\"d\":true}\n");
}

}  // namespace
}  // namespace leadflow
