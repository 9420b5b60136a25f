// The record that makes a task go on: whole or refused.
#include "engine/runtime/task_meta.h"

#include <gtest/gtest.h>

#include "engine/base/hash.h"

namespace leadflow {
namespace {

TaskMeta Full() {
  TaskMeta meta{
      .rules_hash = 0xfedcba9876543210,
      .input_offset = 1'234'567,
      .source_position = std::string("line 7\0\xff", 8),
      .watermark_ms = -5,
      .committed_ms = 1'700'000'000'000,
      .begun_ms = 1'600'000'000'000,
      .marks = {{.sender = 3, .source_id = 99, .mark = {.watermark_ms = 7, .active = false}},
                {.sender = 0, .source_id = 1, .mark = {}}},
      .counters = {{"events", "", 12}, {"refused", "bad time", -1}}};
  return meta;
}

TEST(TaskMetaTest, SurvivesARoundTrip) {
  const Result<TaskMeta> read = DecodeMeta(EncodeMeta(Full()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->rules_hash, Full().rules_hash);
  EXPECT_EQ(read->input_offset, 1'234'567);
  EXPECT_EQ(read->source_position, Full().source_position);
  EXPECT_EQ(read->watermark_ms, -5);
  EXPECT_EQ(read->committed_ms, 1'700'000'000'000);
  EXPECT_EQ(read->begun_ms, 1'600'000'000'000);
  ASSERT_EQ(read->marks.size(), 2u);
  EXPECT_EQ(read->marks[0].sender, 3u);
  EXPECT_EQ(read->marks[0].source_id, 99u);
  EXPECT_EQ(read->marks[0].mark, Full().marks[0].mark);
  EXPECT_EQ(read->marks[1].mark, SourceMark{});
  ASSERT_EQ(read->counters.size(), 2u);
  EXPECT_EQ(read->counters[1].label, "bad time");
  EXPECT_EQ(read->counters[1].value, -1);
}

TEST(TaskMetaTest, AnEmptyOneHasNoWatermark) {
  const Result<TaskMeta> read = DecodeMeta(EncodeMeta({}));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->watermark_ms, kNoWatermark);
  EXPECT_TRUE(read->marks.empty());
}

TEST(TaskMetaTest, EveryDamagedByteIsSeen) {
  const std::string good = EncodeMeta(Full());
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    EXPECT_EQ(DecodeMeta(bad).status().code(), ErrorCode::kCorruption) << i;
    EXPECT_EQ(DecodeMeta(good.substr(0, i)).status().code(), ErrorCode::kCorruption) << i;
  }
}

// A release that goes back must not take a newer record for damage: that would wipe a state.
TEST(TaskMetaTest, AnotherReleaseIsNamed) {
  for (const char version : {1, 3}) {
    std::string bytes = EncodeMeta({});
    bytes.resize(bytes.size() - 8);
    bytes[0] = version;
    const std::uint64_t checksum = Hash64(bytes);
    for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(checksum >> (8 * i)));
    const Status status = DecodeMeta(bytes).status();
    EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
    EXPECT_NE(status.message().find("another release"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace leadflow
