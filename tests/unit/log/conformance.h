// What any Log must do. A test binary includes this once and instantiates LogConformanceTest with a
// function that makes a LogHarness:
//
//     INSTANTIATE_TEST_SUITE_P(Embedded, LogConformanceTest, testing::Values(&MakeHarness));
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "engine/base/record_header.h"
#include "engine/log/log.h"
#include "tests/unit/log/log_harness.h"
#include "tests/unit/log/log_reading.h"

namespace leadflow {

class LogConformanceTest : public testing::TestWithParam<std::unique_ptr<LogHarness> (*)()> {
 protected:
  void SetUp() override {
    harness_ = GetParam()();
    events0_ = {Name("events"), 0};
    events1_ = {Name("events"), 1};
    facts_ = {Name("facts"), 0};
    state0_ = {Name("state"), 0};
    state1_ = {Name("state"), 1};
    const std::vector<TopicSpec> topics = {{Name("events"), 3, Cleanup::kDelete},
                                           {Name("facts"), 1, Cleanup::kDelete},
                                           {Name("state"), 2, Cleanup::kCompact}};
    LOG_ASSERT_OK(log().EnsureTopics(topics));
  }

  Log& log() { return harness_->log(); }
  std::string Name(std::string_view name) { return harness_->Name(name); }

  std::unique_ptr<LogWriter> NewWriter(std::string_view id = "writer") {
    Result<std::unique_ptr<LogWriter>> writer = log().NewWriter(Name(id));
    LOG_EXPECT_OK(writer.status());
    return *std::move(writer);
  }

  // Commits, and waits until readers can see it.
  Status Commit(LogWriter& writer) {
    LEADFLOW_RETURN_IF_ERROR(CommitAtLast(writer));
    for (const TopicPartition& partition : {events0_, events1_, facts_, state0_, state1_}) {
      const std::int64_t last = writer.LastOffset(partition);
      EXPECT_TRUE(Eventually([&] { return last < 0 || End(partition) > last; }))
          << "what was committed never appeared";
    }
    return {};
  }

  void CommitValues(LogWriter* writer, const TopicPartition& partition,
                    const std::vector<std::string>& values) {
    LOG_ASSERT_OK(writer->Begin());
    for (const std::string& value : values) {
      LOG_ASSERT_OK(writer->Append(partition, "key", value));
    }
    LOG_ASSERT_OK(Commit(*writer));
  }

  std::int64_t End(const TopicPartition& partition) {
    const Result<std::int64_t> end = log().EndOffset(partition);
    LOG_EXPECT_OK(end.status());
    return end.ok() ? *end : -1;
  }

  std::int64_t Start(const TopicPartition& partition) {
    const Result<std::int64_t> start = log().StartOffset(partition);
    LOG_EXPECT_OK(start.status());
    return start.ok() ? *start : -1;
  }

  std::int64_t Committed(std::string_view group, const TopicPartition& input) {
    const Result<std::int64_t> offset = log().CommittedOffset(Name(group), input);
    LOG_EXPECT_OK(offset.status());
    return offset.ok() ? *offset : -2;
  }

  // Polls until `reached`; the values that came.
  std::vector<std::string> PollUntil(LogReader& reader, const std::function<bool()>& reached) {
    std::vector<std::string> values;
    const auto handle = [&](const TopicPartition&, std::span<const LogRecord> records) {
      for (const LogRecord& record : records) values.emplace_back(record.value);
    };
    polled_ = &values;
    EXPECT_TRUE(Eventually([&] {
      const Result<std::size_t> count = reader.Poll(1 << 20, handle);
      LOG_EXPECT_OK(count.status());
      return !count.ok() || reached();
    })) << "the reader never got so far";
    polled_ = nullptr;
    return values;
  }

  std::unique_ptr<LogHarness> harness_;
  const std::vector<std::string>* polled_ = nullptr;  // What PollUntil has got until now.
  TopicPartition events0_, events1_, facts_, state0_, state1_;
};

using Strings = std::vector<std::string>;

TEST_P(LogConformanceTest, CommittedRecordsOfAllPartitionsAppearTogether) {
  const auto writer = NewWriter();
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(writer->Append(events0_, "k", "a"));
  LOG_ASSERT_OK(writer->Append(facts_, "k", "b"));
  LOG_ASSERT_OK(writer->Append(events0_, "k", "c"));
  EXPECT_EQ(ValuesFrom(log(), events0_), Strings{});
  EXPECT_EQ(ValuesFrom(log(), facts_), Strings{});
  LOG_ASSERT_OK(Commit(*writer));
  EXPECT_EQ(ValuesFrom(log(), events0_), (Strings{"a", "c"}));
  EXPECT_EQ(ValuesFrom(log(), facts_), Strings{"b"});
}

TEST_P(LogConformanceTest, AbortedRecordsAndOffsetsAreNeverSeen) {
  const auto writer = NewWriter();
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(writer->Append(events0_, "k", "aborted"));
  LOG_ASSERT_OK(writer->SendOffset(Name("group"), facts_, 7));
  writer->Abort();
  CommitValues(writer.get(), events0_, {"committed"});
  EXPECT_EQ(ValuesFrom(log(), events0_), Strings{"committed"});
  EXPECT_EQ(Committed("group", facts_), -1);
  harness_->Reopen();
  EXPECT_EQ(ValuesFrom(log(), events0_), Strings{"committed"});
}

TEST_P(LogConformanceTest, ADestroyedWriterLeavesNothingOfItsOpenTransaction) {
  {
    const auto writer = NewWriter();
    LOG_ASSERT_OK(writer->Begin());
    LOG_ASSERT_OK(writer->Append(events0_, "k", "open"));
  }
  EXPECT_EQ(ValuesFrom(log(), events0_), Strings{});
  const auto writer = NewWriter();
  CommitValues(writer.get(), events0_, {"next"});
  EXPECT_EQ(ValuesFrom(log(), events0_), Strings{"next"});
}

TEST_P(LogConformanceTest, OffsetsCommitWithTheOutputs) {
  const auto writer = NewWriter();
  EXPECT_EQ(Committed("group", events0_), -1);
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(writer->Append(facts_, "k", "v"));
  LOG_ASSERT_OK(writer->SendOffset(Name("group"), events0_, 5));
  LOG_ASSERT_OK(writer->SendOffset(Name("group"), events1_, 6));
  EXPECT_EQ(Committed("group", events0_), -1);
  LOG_ASSERT_OK(Commit(*writer));
  EXPECT_EQ(Committed("group", events0_), 5);
  EXPECT_EQ(Committed("group", events1_), 6);
  EXPECT_EQ(Committed("other", events0_), -1);
}

TEST_P(LogConformanceTest, ATransactionOfOffsetsAloneCommits) {
  const auto writer = NewWriter();
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(writer->SendOffset(Name("group"), events0_, 9));
  LOG_ASSERT_OK(Commit(*writer));
  EXPECT_EQ(Committed("group", events0_), 9);
}

TEST_P(LogConformanceTest, AnEmptyTransactionCommits) {
  const auto writer = NewWriter();
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(Commit(*writer));
  EXPECT_EQ(End(events0_), 0);
}

TEST_P(LogConformanceTest, ANewWriterFencesTheOlderOneWithItsId) {
  const auto older = NewWriter("id");
  LOG_ASSERT_OK(older->Begin());
  LOG_ASSERT_OK(older->Append(events0_, "k", "zombie"));
  LOG_ASSERT_OK(older->SendOffset(Name("group"), facts_, 3));
  const auto newer = NewWriter("id");
  EXPECT_EQ(older->Commit().code(), ErrorCode::kFailedPrecondition);
  CommitValues(newer.get(), events0_, {"newer"});
  EXPECT_EQ(ValuesFrom(log(), events0_), Strings{"newer"});
  EXPECT_EQ(Committed("group", facts_), -1);
}

TEST_P(LogConformanceTest, WritersWithOtherIdsDoNotFenceEachOther) {
  const auto one = NewWriter("one");
  const auto two = NewWriter("two");
  CommitValues(one.get(), events0_, {"a"});
  CommitValues(two.get(), events0_, {"b"});
  CommitValues(one.get(), events0_, {"c"});
  EXPECT_EQ(ValuesFrom(log(), events0_), (Strings{"a", "b", "c"}));
}

TEST_P(LogConformanceTest, InterleavedTransactionsStandInTheOrderOfTheirCommits) {
  const auto one = NewWriter("one");
  const auto two = NewWriter("two");
  LOG_ASSERT_OK(one->Begin());
  LOG_ASSERT_OK(two->Begin());
  LOG_ASSERT_OK(one->Append(events0_, "k", "one"));
  LOG_ASSERT_OK(two->Append(events0_, "k", "two"));
  LOG_ASSERT_OK(Commit(*two));
  LOG_ASSERT_OK(Commit(*one));
  const std::vector<ReadRecord> records = ReadFrom(log(), events0_, 0);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].value, "two");
  EXPECT_EQ(records[1].value, "one");
  EXPECT_LT(records[0].offset, records[1].offset);
}

TEST_P(LogConformanceTest, LastOffsetTellsWhereTheLastRecordWent) {
  const auto writer = NewWriter();
  EXPECT_EQ(writer->LastOffset(events0_), -1);
  CommitValues(writer.get(), events0_, {"a", "b", "c"});
  EXPECT_EQ(writer->LastOffset(events0_), ReadFrom(log(), events0_, 0).back().offset);
  EXPECT_EQ(writer->LastOffset(facts_), -1);
  EXPECT_GT(End(events0_), writer->LastOffset(events0_));
}

TEST_P(LogConformanceTest, RecordsKeepKeyValueAndTombstone) {
  const auto writer = NewWriter();
  const std::string binary("\0\xff\n", 3);
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(writer->Append(state0_, binary, ""));
  LOG_ASSERT_OK(writer->Append(state0_, "gone", std::nullopt));
  LOG_ASSERT_OK(writer->Append(state0_, "", binary));
  LOG_ASSERT_OK(Commit(*writer));
  const std::vector<ReadRecord> records = ReadFrom(log(), state0_, 0);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].key, binary);
  EXPECT_EQ(records[0].value, "");
  EXPECT_FALSE(records[0].tombstone);
  EXPECT_EQ(records[1].key, "gone");
  EXPECT_TRUE(records[1].tombstone);
  EXPECT_EQ(records[2].key, "");
  EXPECT_EQ(records[2].value, binary);
}

TEST_P(LogConformanceTest, SmallPollsHandOutEveryRecordOnceInOrder) {
  const auto writer = NewWriter();
  Strings all;
  for (int i = 0; i < 20; ++i) {
    Strings values;
    for (int j = 0; j < 30; ++j) values.push_back(std::to_string(i * 30 + j));
    CommitValues(writer.get(), events0_, values);
    all.insert(all.end(), values.begin(), values.end());
  }
  EXPECT_EQ(ValuesFrom(log(), events0_, 0, 100), all);
  EXPECT_EQ(ValuesFrom(log(), events0_, 0, 1), all);
}

TEST_P(LogConformanceTest, RecordsLargerThanAPollArriveWhole) {
  const auto writer = NewWriter();
  const std::string large(3 << 20, 'x');
  CommitValues(writer.get(), events0_, {"a", large, "b"});
  EXPECT_EQ(ValuesFrom(log(), events0_, 0, 1000), (Strings{"a", large, "b"}));
}

TEST_P(LogConformanceTest, SeekStartsAnywhereAndTheEndIsFine) {
  const auto writer = NewWriter();
  CommitValues(writer.get(), events0_, {"a", "b"});
  CommitValues(writer.get(), events0_, {"c", "d"});
  const std::vector<ReadRecord> records = ReadFrom(log(), events0_, 0);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(ValuesFrom(log(), events0_, records[1].offset), (Strings{"b", "c", "d"}));
  EXPECT_EQ(ValuesFrom(log(), events0_, records[3].offset), Strings{"d"});
  EXPECT_EQ(ValuesFrom(log(), events0_, End(events0_)), Strings{});
}

TEST_P(LogConformanceTest, AReaderAtTheEndFindsWhatIsCommittedLater) {
  const auto writer = NewWriter();
  const auto reader = log().NewReader();
  EXPECT_EQ(reader->Position(events0_), -1);
  EXPECT_EQ(reader->Left(events0_), 0);
  LOG_ASSERT_OK(reader->Seek(events0_, 0));
  EXPECT_EQ(reader->Position(events0_), 0);
  const auto at_end = [&] { return reader->AtEnd(events0_); };
  const auto came = [&](std::size_t count) {
    return [this, count] { return polled_->size() >= count; };
  };
  EXPECT_EQ(PollUntil(*reader, at_end), Strings{});
  CommitValues(writer.get(), events0_, {"a", "b"});
  EXPECT_EQ(PollUntil(*reader, came(2)), (Strings{"a", "b"}));
  EXPECT_EQ(PollUntil(*reader, at_end), Strings{});
  EXPECT_EQ(reader->Position(events0_), End(events0_));
  EXPECT_EQ(reader->Left(events0_), 0);
  CommitValues(writer.get(), events0_, {"c"});
  EXPECT_EQ(PollUntil(*reader, came(1)), Strings{"c"});
  EXPECT_EQ(PollUntil(*reader, at_end), Strings{});
}

TEST_P(LogConformanceTest, AReaderSaysHowMuchIsLeft) {
  const auto writer = NewWriter();
  CommitValues(writer.get(), events0_, {"a", "b", "c"});
  const auto reader = log().NewReader();
  LOG_ASSERT_OK(reader->Seek(events0_, 0));
  std::int64_t left = -1;
  ASSERT_TRUE(Eventually([&] {
    LOG_EXPECT_OK(
        reader->Poll(1, [](const TopicPartition&, std::span<const LogRecord>) {}).status());
    left = reader->Left(events0_);
    return reader->Position(events0_) > 0;
  }));
  EXPECT_EQ(left, End(events0_) - reader->Position(events0_));
  EXPECT_GE(left, 2);
}

TEST_P(LogConformanceTest, APausedPartitionRestsUntilResumed) {
  const auto writer = NewWriter();
  CommitValues(writer.get(), events0_, {"a"});
  CommitValues(writer.get(), events1_, {"b"});
  const auto reader = log().NewReader();
  LOG_ASSERT_OK(reader->Seek(events0_, 0));
  LOG_ASSERT_OK(reader->Seek(events1_, 0));
  reader->Pause(events0_);
  EXPECT_EQ(PollUntil(*reader, [&] { return reader->AtEnd(events1_); }), Strings{"b"});
  EXPECT_EQ(PollUntil(*reader, [] { return true; }), Strings{});
  EXPECT_EQ(reader->Position(events0_), 0);
  reader->Resume(events0_);
  EXPECT_EQ(PollUntil(*reader, [&] { return reader->AtEnd(events0_); }), Strings{"a"});
}

TEST_P(LogConformanceTest, PollingSmallReachesEveryPartition) {
  const auto writer = NewWriter();
  const std::string value(1000, 'v');
  CommitValues(writer.get(), events0_, Strings(50, value));
  CommitValues(writer.get(), events1_, Strings(50, value));
  // What lies across a network may arrive much later from one partition than from the other; then
  // another reader has another try. One that prefers a partition fails them all.
  std::map<TopicPartition, std::size_t> counts;
  EXPECT_TRUE(Eventually([&] {
    counts.clear();
    const auto reader = log().NewReader();
    LOG_EXPECT_OK(reader->Seek(events0_, 0));
    LOG_EXPECT_OK(reader->Seek(events1_, 0));
    bool failed = false;
    while (!failed && counts[events0_] + counts[events1_] < 10) {
      const auto polled =
          reader->Poll(2000, [&](const TopicPartition& from, std::span<const LogRecord> records) {
            counts[from] += records.size();
          });
      LOG_EXPECT_OK(polled.status());
      failed = !polled.ok();
    }
    return failed || (counts[events0_] > 0 && counts[events1_] > 0);
  }));
  EXPECT_GT(counts[events0_], 0u);
  EXPECT_GT(counts[events1_], 0u);
  EXPECT_LT(counts[events0_] + counts[events1_], 20u);
}

TEST_P(LogConformanceTest, PurgedRecordsAreGoneAndReadingThemFails) {
  const auto writer = NewWriter();
  CommitValues(writer.get(), events0_, {"a", "b", "c"});
  const std::vector<ReadRecord> records = ReadFrom(log(), events0_, 0);
  ASSERT_EQ(records.size(), 3u);
  LOG_ASSERT_OK(log().Purge(events0_, records[2].offset));
  EXPECT_EQ(Start(events0_), records[2].offset);
  EXPECT_EQ(ValuesFrom(log(), events0_, Start(events0_)), Strings{"c"});
  const auto reader = log().NewReader();
  LOG_ASSERT_OK(reader->Seek(events0_, records[0].offset));
  Status failed;
  EXPECT_TRUE(Eventually([&] {
    failed = reader->Poll(100, [](const TopicPartition&, std::span<const LogRecord>) {}).status();
    return !failed.ok();
  }));
  EXPECT_EQ(failed.code(), ErrorCode::kFailedPrecondition);
}

TEST_P(LogConformanceTest, OffsetsGoOnAfterAPurgeOfEverything) {
  auto writer = NewWriter();
  CommitValues(writer.get(), events0_, {"a", "b"});
  const std::int64_t end = End(events0_);
  LOG_ASSERT_OK(log().Purge(events0_, end));
  harness_->Compact();
  EXPECT_EQ(Start(events0_), end);
  EXPECT_EQ(End(events0_), end);
  CommitValues(writer.get(), events0_, {"c"});
  EXPECT_EQ(ReadFrom(log(), events0_, end).front().offset, end);
  writer.reset();
  harness_->Reopen();
  EXPECT_EQ(Start(events0_), end);
  EXPECT_EQ(ValuesFrom(log(), events0_, end), Strings{"c"});
}

TEST_P(LogConformanceTest, CompactionKeepsTheLastValueOfEachKey) {
  auto writer = NewWriter();
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 200; ++i) {
    LOG_ASSERT_OK(writer->Begin());
    for (int j = 0; j < 5; ++j) {
      const std::string key = "k" + std::to_string((i * 7 + j * 3) % 40);
      const std::string value = std::to_string(i) + "/" + std::to_string(j);
      LOG_ASSERT_OK(writer->Append(state0_, key, value));
      expected[key] = value;
    }
    LOG_ASSERT_OK(writer->Append(state1_, "only", std::to_string(i)));
    LOG_ASSERT_OK(Commit(*writer));
    if (i % 20 == 19) harness_->Compact();
  }
  const std::int64_t end = End(state0_);
  for (int reopened = 0; reopened < 2; ++reopened) {
    std::map<std::string, std::string> found;
    std::int64_t previous = -1;
    for (const ReadRecord& record : ReadFrom(log(), state0_, Start(state0_), 300)) {
      EXPECT_GT(record.offset, previous);
      previous = record.offset;
      found[record.key] = record.value;
    }
    EXPECT_EQ(found, expected);
    EXPECT_EQ(ValuesFrom(log(), state1_, Start(state1_)).back(), "199");
    EXPECT_EQ(End(state0_), end);
    writer.reset();
    harness_->Reopen();
  }
}

TEST_P(LogConformanceTest, AReaderCrossesWhatCompactionRemovedAndReachesTheEnd) {
  const auto writer = NewWriter();
  for (int i = 0; i < 100; ++i) CommitValues(writer.get(), state0_, {std::to_string(i)});
  harness_->Compact();
  const auto reader = log().NewReader();
  LOG_ASSERT_OK(reader->Seek(state0_, 1));
  std::string last;
  const std::int64_t end = End(state0_);
  EXPECT_TRUE(Eventually([&] {
    LOG_EXPECT_OK(
        reader
            ->Poll(64, [&](const TopicPartition&,
                           std::span<const LogRecord> records) { last = records.back().value; })
            .status());
    return reader->Position(state0_) >= end;
  }));
  EXPECT_EQ(reader->Position(state0_), end);
  EXPECT_EQ(last, "99");
}

TEST_P(LogConformanceTest, AnExistingTopicOfOtherShapeIsRefusedByName) {
  const struct {
    TopicSpec spec;
    bool fits;
  } cases[] = {
      {{Name("events"), 3, Cleanup::kDelete}, true},
      {{Name("events"), 4, Cleanup::kDelete}, false},
      {{Name("events"), 3, Cleanup::kCompact}, false},
      {{Name("state"), 2, Cleanup::kDelete}, false},
      {{Name("another"), 2, Cleanup::kDelete}, true},
  };
  for (const auto& test : cases) {
    const Status status = log().EnsureTopics({&test.spec, 1});
    if (test.fits) {
      LOG_EXPECT_OK(status);
      continue;
    }
    EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
    EXPECT_NE(status.message().find(test.spec.name), std::string::npos) << status;
  }
}

TEST_P(LogConformanceTest, ATopicForSubscribersKeepsItsPartitionsAndTakesHeaders) {
  const TopicSpec events{Name("events"), 7, Cleanup::kDelete, true};
  LOG_ASSERT_OK(log().EnsureTopics({&events, 1}));
  const TopicSpec made{Name("rows"), 5, Cleanup::kCompact, true};
  LOG_ASSERT_OK(log().EnsureTopics({&made, 1}));
  for (const auto& [name, count] : {std::pair(events.name, 3u), std::pair(made.name, 5u)}) {
    const Result<std::uint32_t> partitions = log().Partitions(name);
    LOG_ASSERT_OK(partitions.status());
    EXPECT_EQ(*partitions, count) << name;
  }
  EXPECT_EQ(log().Partitions(Name("nothing")).status().code(), ErrorCode::kNotFound);
  const TopicSpec merged{Name("events"), 7, Cleanup::kCompact, true};
  EXPECT_EQ(log().EnsureTopics({&merged, 1}).code(), ErrorCode::kFailedPrecondition);

  const RecordHeader pairs[] = {{"ce_id", "1"}, {"empty", ""}, {"bytes", {"\0\xff", 2}}};
  std::string headers;
  EncodeHeaders(pairs, &headers);
  const TopicPartition row{made.name, 4};
  const auto writer = NewWriter();
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(writer->Append(row, "k", "v", headers));
  LOG_ASSERT_OK(writer->Append(row, "gone", std::nullopt, headers));
  LOG_ASSERT_OK(writer->Append(row, "plain", "w"));
  LOG_ASSERT_OK(Commit(*writer));
  ASSERT_TRUE(Eventually([&] { return End(row) > writer->LastOffset(row); }));
  const std::vector<ReadRecord> records = ReadFrom(log(), row, 0);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].value, "v");
  EXPECT_TRUE(records[1].tombstone);
  EXPECT_EQ(records[2].key, "plain");
}

TEST_P(LogConformanceTest, WhatDoesNotExistIsRefused) {
  const auto writer = NewWriter();
  LOG_ASSERT_OK(writer->Begin());
  EXPECT_FALSE(writer->Append({Name("nothing"), 0}, "k", "v").ok());
  EXPECT_FALSE(writer->Append({Name("events"), 3}, "k", "v").ok());
  EXPECT_FALSE(log().EndOffset({Name("nothing"), 0}).ok());
  EXPECT_FALSE(log().NewReader()->Seek({Name("events"), 3}, 0).ok());
}

TEST_P(LogConformanceTest, ReopenKeepsEverything) {
  {
    const auto writer = NewWriter();
    CommitValues(writer.get(), events0_, {"a", "b", "c"});
    LOG_ASSERT_OK(writer->Begin());
    LOG_ASSERT_OK(writer->Append(state1_, "k", "v"));
    LOG_ASSERT_OK(writer->SendOffset(Name("group"), events0_, 2));
    LOG_ASSERT_OK(Commit(*writer));
    LOG_ASSERT_OK(log().Purge(events0_, 1));
    CommitValues(writer.get(), facts_, {"d"});
  }
  const std::vector<ReadRecord> before = ReadFrom(log(), events0_, 1);
  harness_->Reopen();
  EXPECT_EQ(Start(events0_), 1);
  const std::vector<ReadRecord> after = ReadFrom(log(), events0_, 1);
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[1].offset, before[1].offset);
  EXPECT_EQ(after[1].timestamp_ms, before[1].timestamp_ms);
  EXPECT_EQ(after[1].value, "c");
  EXPECT_EQ(ValuesFrom(log(), state1_), Strings{"v"});
  EXPECT_EQ(ValuesFrom(log(), facts_), Strings{"d"});
  EXPECT_EQ(Committed("group", events0_), 2);
  const TopicSpec other{Name("events"), 5, Cleanup::kDelete};
  EXPECT_EQ(log().EnsureTopics({&other, 1}).code(), ErrorCode::kFailedPrecondition);
  const auto writer = NewWriter();
  CommitValues(writer.get(), events0_, {"e"});
  EXPECT_EQ(ValuesFrom(log(), events0_, 1), (Strings{"b", "c", "e"}));
}

}  // namespace leadflow
