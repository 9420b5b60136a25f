// Topics as inputs of a job, on a real broker.
#include "connectors/kafka/kafka_sources.h"

#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <unistd.h>

#include "connectors/kafka/kafka_log.h"
#include "engine/base/clock.h"
#include "tests/kafka/cluster.h"
#include "tests/unit/log/log_reading.h"

namespace leadflow {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

struct Seen {
  std::string value;
  std::string origin;
  std::int64_t offset = 0;
  std::int64_t log_time_ms = 0;
  bool tombstone = false;
  std::vector<std::pair<std::string, std::string>> headers;
};

std::vector<std::string> Values(const std::vector<Seen>& seen) {
  std::vector<std::string> values;
  for (const Seen& one : seen) values.push_back(one.value);
  return values;
}

std::unique_ptr<KafkaSources> Open(const std::vector<std::string>& topics, bool until_end = false) {
  auto opened = KafkaSources::Open({.kafka = BrokerOptions(), .until_end = until_end}, topics);
  LOG_EXPECT_OK(opened.status());
  return *std::move(opened);
}

std::string NewTopic(int partitions = 1) {
  const std::string name = UniqueName("source");
  CreateTopic(name, partitions, {});
  return name;
}

void ReadOnce(SourceReader& reader, std::vector<Seen>* seen, std::size_t max_bytes = 1 << 20) {
  const auto read = reader.Read(
      max_bytes,
      [&](std::span<const MessageView> batch) {
        for (const MessageView& view : batch) {
          Seen& one = seen->emplace_back();
          one.value = view.value;
          one.origin = view.origin;
          one.offset = view.line;
          one.log_time_ms = view.log_time_ms;
          if (view.extras == nullptr) continue;
          one.tombstone = view.extras->tombstone;
          for (const auto& [name, value] : view.extras->headers)
            one.headers.emplace_back(name, value);
        }
      },
      [](std::string_view, std::int64_t, std::string_view, std::string_view) {});
  LOG_EXPECT_OK(read.status());
}

// Reads until nothing is there any more.
std::vector<Seen> ReadAll(SourceReader& reader, std::size_t max_bytes = 1 << 20) {
  std::vector<Seen> seen;
  EXPECT_TRUE(Eventually([&] {
    ReadOnce(reader, &seen, max_bytes);
    return reader.AtEnd() || reader.Idle();
  }));
  return seen;
}

std::vector<ProducedRecord> Numbered(int from, int to, int partition = 0) {
  std::vector<ProducedRecord> records;
  for (int i = from; i < to; ++i) records.push_back({std::to_string(i), partition});
  return records;
}

std::vector<std::string> Numbers(int from, int to) {
  std::vector<std::string> numbers;
  for (int i = from; i < to; ++i) numbers.push_back(std::to_string(i));
  return numbers;
}

TEST(KafkaSourcesTest, EachPartitionIsReadInOrderAndGoneOnWith) {
  const std::string topic = NewTopic(3);
  for (int partition = 0; partition < 3; ++partition) {
    Produce(topic, Numbered(0, 500 * (partition + 1), partition));
  }
  const auto sources = Open({topic});
  ASSERT_EQ(sources->partitions(topic), 3u);
  for (std::uint32_t partition = 0; partition < 3; ++partition) {
    const auto reader = sources->NewReader({topic, partition}, {});
    LOG_ASSERT_OK(reader->Seek(""));
    EXPECT_FALSE(reader->Idle());
    std::vector<Seen> seen;
    ASSERT_TRUE(Eventually([&] {
      ReadOnce(*reader, &seen, 100);
      return seen.size() >= 200;
    }));
    const std::string middle = reader->position();
    const auto again = Open({topic})->partitions(topic);
    EXPECT_EQ(again, 3u);
    const auto begun = static_cast<int>(seen.size());
    EXPECT_EQ(Values(seen), Numbers(0, begun));
    EXPECT_EQ(seen[7].origin, topic + "/" + std::to_string(partition));
    EXPECT_EQ(seen[7].offset, 7);
    EXPECT_EQ(reader->records_left(), 500 * (static_cast<int>(partition) + 1) - begun);
    // Another run.
    LOG_ASSERT_OK(reader->Seek(middle));
    const int count = 500 * static_cast<int>(partition + 1);
    EXPECT_EQ(Values(ReadAll(*reader)), Numbers(begun, count));
    EXPECT_FALSE(reader->AtEnd());
    EXPECT_TRUE(reader->Idle());
    EXPECT_EQ(reader->records_left(), 0);
    Produce(topic, Numbered(count, count + 3, static_cast<int>(partition)));
    seen.clear();
    ASSERT_TRUE(Eventually([&] {
      ReadOnce(*reader, &seen);
      return seen.size() == 3;
    }));
    EXPECT_EQ(Values(seen), Numbers(count, count + 3));
    EXPECT_FALSE(reader->Idle());  // Until the broker says so again.
    EXPECT_TRUE(ReadAll(*reader).empty());
  }
}

TEST(KafkaSourcesTest, AllThatIsMissingIsNamedAtOnce) {
  const std::string there = NewTopic();
  const auto opened = KafkaSources::Open({.kafka = BrokerOptions()},
                                         std::vector<std::string>{"no.a", there, "no.b"});
  EXPECT_EQ(opened.status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(std::string(opened.status().message()),
              AllOf(HasSubstr("`no.a`"), HasSubstr("`no.b`"), HasSubstr("create it")));
}

TEST(KafkaSourcesTest, ARunUntilTheEndStopsWhereTheTopicEndedAtItsStart) {
  const std::string topic = NewTopic();
  Produce(topic, Numbered(0, 10));
  const auto sources = Open({topic}, true);
  const auto reader = sources->NewReader({topic, 0}, {});
  LOG_ASSERT_OK(reader->Seek(""));
  Produce(topic, Numbered(10, 20));
  EXPECT_EQ(Values(ReadAll(*reader)), Numbers(0, 10));
  EXPECT_TRUE(reader->AtEnd());
  // A rewind within the run has the same end; the next run another one.
  const std::string end = reader->position();
  const auto rewound = sources->NewReader({topic, 0}, {});
  LOG_ASSERT_OK(rewound->Seek(""));
  EXPECT_EQ(Values(ReadAll(*rewound)), Numbers(0, 10));
  LOG_ASSERT_OK(rewound->Seek(end));
  EXPECT_TRUE(rewound->AtEnd());
  const auto next_run = Open({topic}, true);
  const auto next = next_run->NewReader({topic, 0}, {});
  LOG_ASSERT_OK(next->Seek(end));
  EXPECT_FALSE(next->AtEnd());
  EXPECT_EQ(Values(ReadAll(*next)), Numbers(10, 20));
  EXPECT_TRUE(next->AtEnd());
  EXPECT_EQ(next->position().size(), end.size());
}

TEST(KafkaSourcesTest, AnEmptyTopicIsAtItsEndAtOnce) {
  const std::string topic = NewTopic();
  const auto sources = Open({topic}, true);
  const auto reader = sources->NewReader({topic, 0}, {});
  LOG_ASSERT_OK(reader->Seek(""));
  EXPECT_TRUE(reader->AtEnd());
  const auto service = Open({topic});
  const auto follows = service->NewReader({topic, 0}, {});
  LOG_ASSERT_OK(follows->Seek(""));
  EXPECT_FALSE(follows->AtEnd());
  EXPECT_FALSE(follows->Idle());
  EXPECT_TRUE(ReadAll(*follows).empty());
  EXPECT_TRUE(follows->Idle());
}

TEST(KafkaSourcesTest, OnlyCommittedRecordsAreSeenAndTheEndIsReachedBehindMarkers) {
  Result<std::unique_ptr<KafkaLog>> log = KafkaLog::Open(BrokerOptions());
  LOG_ASSERT_OK(log.status());
  const TopicPartition topic{NewTopic(), 0};
  auto writer = (*log)->NewWriter(UniqueName("writer"));
  LOG_ASSERT_OK(writer.status());
  LOG_ASSERT_OK((*writer)->Begin());
  LOG_ASSERT_OK((*writer)->Append(topic, "key", "a"));
  LOG_ASSERT_OK((*writer)->Append(topic, "", std::nullopt));
  LOG_ASSERT_OK(CommitAtLast(**writer));
  ASSERT_TRUE(Eventually([&] { return *(*log)->EndOffset(topic) >= 3; }));
  const auto sources = Open({topic.topic}, true);
  const auto reader = sources->NewReader(topic, {});
  LOG_ASSERT_OK(reader->Seek(""));
  const std::vector<Seen> seen = ReadAll(*reader);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].value, "a");
  EXPECT_FALSE(seen[0].tombstone);
  EXPECT_TRUE(seen[1].tombstone);
  ASSERT_TRUE(Eventually([&] {
    std::vector<Seen> none;
    ReadOnce(*reader, &none);
    EXPECT_TRUE(none.empty());
    return reader->AtEnd();
  }));
}

TEST(KafkaSourcesTest, HeadersEmptyValuesAndTimestampsAreThoseOfTheRecord) {
  const std::string topic = NewTopic();
  const std::int64_t now_ms = leadflow::Clock::System().WallMillis();
  const std::int64_t hour_ms = 3'600'000;
  Produce(topic,
          {{"a", 0, "key", {{"ce_id", "1"}, {"x", std::string("\0\xFF", 2)}}, now_ms - hour_ms},
           {"", 0, "", {}, now_ms},
           {std::nullopt, 0, "key", {}, now_ms},
           {"b", 0, "", {}, now_ms + hour_ms / 2}});
  const auto sources = Open({topic});
  const auto reader = sources->NewReader({topic, 0}, {});
  LOG_ASSERT_OK(reader->Seek(""));
  const std::vector<Seen> seen = ReadAll(*reader);
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_THAT(seen[0].headers, ElementsAre(std::pair<std::string, std::string>("ce_id", "1"),
                                           std::pair("x", std::string("\0\xFF", 2))));
  EXPECT_EQ(seen[0].log_time_ms, now_ms - hour_ms);
  EXPECT_EQ(seen[1].value, "");
  EXPECT_FALSE(seen[1].tombstone);
  EXPECT_TRUE(seen[2].tombstone);
  // What claims to be from the future is from now.
  EXPECT_LE(seen[3].log_time_ms, leadflow::Clock::System().WallMillis());
  EXPECT_GE(seen[3].log_time_ms, now_ms);
}

TEST(KafkaSourcesTest, AStartSaysWhereToBeginAndOnlyThat) {
  const std::string topic = NewTopic();
  const std::int64_t now_ms = leadflow::Clock::System().WallMillis();
  std::vector<ProducedRecord> records = Numbered(0, 10);
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].timestamp_ms = now_ms - 10'000 + static_cast<std::int64_t>(i) * 1'000;
  }
  Produce(topic, records);
  const auto sources = Open({topic}, true);
  const auto read_from = [&](const KafkaStart& start, std::string_view position = "") {
    const auto reader = sources->NewReader({topic, 0}, start);
    LOG_EXPECT_OK(reader->Seek(position));
    return Values(ReadAll(*reader));
  };
  EXPECT_EQ(read_from({}), Numbers(0, 10));
  EXPECT_EQ(read_from({KafkaStart::From::kLatest}), Numbers(0, 0));
  EXPECT_EQ(read_from({KafkaStart::From::kTime, now_ms - 6'500}), Numbers(4, 10));
  EXPECT_EQ(read_from({KafkaStart::From::kTime, now_ms - 6'000}), Numbers(4, 10));
  EXPECT_EQ(read_from({KafkaStart::From::kTime, 0}), Numbers(0, 10));
  EXPECT_EQ(read_from({KafkaStart::From::kTime, now_ms + 60'000}), Numbers(0, 0));
  const auto reader = sources->NewReader({topic, 0}, {KafkaStart::From::kLatest});
  LOG_ASSERT_OK(reader->Seek(""));
  const std::string latest = reader->position();
  EXPECT_EQ(read_from({}, latest), Numbers(0, 0));
  LOG_ASSERT_OK(reader->Seek(""));
}

TEST(KafkaSourcesTest, WhatATopicDoesNotHaveAnyMoreIsNamed) {
  const std::string topic = NewTopic(), shorter = NewTopic();
  Produce(topic, Numbered(0, 10));
  Produce(shorter, Numbered(0, 4));
  const auto sources = Open({topic, shorter});
  const auto reader = sources->NewReader({topic, 0}, {});
  LOG_ASSERT_OK(reader->Seek(""));
  const std::string first = reader->position();
  EXPECT_EQ(ReadAll(*reader).size(), 10u);
  const Status anew = sources->NewReader({shorter, 0}, {})->Seek(reader->position());
  EXPECT_EQ(anew.code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(std::string(anew.message()),
              AllOf(HasSubstr(shorter), HasSubstr("offset 10"), HasSubstr("ends at 4"),
                    HasSubstr("made anew"), HasSubstr("new `name`")));
  Result<std::unique_ptr<KafkaLog>> log = KafkaLog::Open(BrokerOptions());
  LOG_ASSERT_OK(log.status());
  LOG_ASSERT_OK((*log)->Purge({topic, 0}, 6));
  const Status dropped = reader->Seek(first);
  EXPECT_EQ(dropped.code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(std::string(dropped.message()),
              AllOf(HasSubstr(topic), HasSubstr("offset 0"), HasSubstr("begins at 6"),
                    HasSubstr("retention"), HasSubstr("new `name`")));
  const Status nonsense = reader->Seek("\x09");
  EXPECT_EQ(nonsense.code(), ErrorCode::kCorruption);
  // Without a position the topic begins where it begins now.
  LOG_ASSERT_OK(reader->Seek(""));
  EXPECT_EQ(Values(ReadAll(*reader)), Numbers(6, 10));
}

std::int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

TEST(KafkaSourcesTest, WhatIsNotReadIsNotFetchedBeyondTheBound) {
  constexpr std::int64_t kMiB = 1 << 20;
  const std::string topic = NewTopic(4);
  for (int partition = 0; partition < 4; ++partition) {
    Produce(topic, std::vector<ProducedRecord>(24, {std::string(kMiB / 2, 'x'), partition}));
  }
  auto opened = KafkaSources::Open({.kafka = BrokerOptions(), .memory_bytes = 2 * kMiB},
                                   std::vector<std::string>{topic});
  LOG_ASSERT_OK(opened.status());
  std::vector<std::unique_ptr<SourceReader>> readers;
  for (std::uint32_t partition = 0; partition < 4; ++partition) {
    readers.push_back((*opened)->NewReader({topic, partition}, {}));
    LOG_ASSERT_OK(readers.back()->Seek(""));
  }
  const std::int64_t before = ResidentBytes();
  // Until nothing more has come for two seconds.
  std::int64_t most = ResidentBytes();
  for (int quiet = 0; quiet < 20; ++quiet) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const std::int64_t now = ResidentBytes();
    if (now > most + kMiB / 4) quiet = 0;
    most = std::max(most, now);
  }
  EXPECT_LT(most - before, 16 * kMiB);
  for (const auto& reader : readers) {
    std::vector<std::string> offsets;
    for (const Seen& one : ReadAll(*reader, 1 << 16)) offsets.push_back(std::to_string(one.offset));
    EXPECT_EQ(offsets, Numbers(0, 24));
  }
}

}  // namespace
}  // namespace leadflow
