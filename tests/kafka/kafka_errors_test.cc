// What each mistake and each fault ends in, on a real broker: a Status whose message names the
// thing and the fix, within the time that was given, and nothing lost or doubled afterwards.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "connectors/kafka/kafka_log.h"
#include "connectors/kafka/kafka_sources.h"
#include "engine/base/record_header.h"
#include "tests/kafka/broker_log.h"
#include "tests/kafka/cluster.h"
#include "tests/unit/log/log_reading.h"

namespace leadflow {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

Status OpenStatus(const KafkaOptions& options) { return KafkaLog::Open(options).status(); }

// ---- The way to the cluster.

TEST(KafkaConnectionTest, ABrokerThatIsAwayIsNamedWithinTheTimeGiven) {
  KafkaOptions options = BrokerOptions();
  options.brokers = "127.0.0.1:1";  // Nobody may listen there.
  options.answer_timeout_ms = 2'000;
  const auto start = Clock::now();
  const Status status = OpenStatus(options);
  EXPECT_LT(Clock::now() - start, seconds(6));
  EXPECT_EQ(status.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("kafka.brokers")));
}

TEST(KafkaConnectionTest, AWrongPasswordIsTheUsersMistakeAndIsNotShown) {
  KafkaOptions options = BrokerOptions();
  options.brokers = BrokerVariable("LEADFLOW_KAFKA_SASL");
  options.sasl = {"PLAIN", "leadflow", "secret", ""};
  LOG_EXPECT_OK(OpenStatus(options));
  options.sasl->password = "wrong-0815";
  const Status status = OpenStatus(options);
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("kafka.sasl"), HasSubstr(options.brokers), Not(HasSubstr("0815"))));
}

TEST(KafkaConnectionTest, AWriterWorksThroughALogin) {
  KafkaOptions options = BrokerOptions();
  options.brokers = BrokerVariable("LEADFLOW_KAFKA_SASL");
  options.sasl = {"PLAIN", "leadflow", "secret", ""};
  const auto log = Open(options);
  const TopicPartition topic = NewTopic(*log);
  const auto writer = NewWriter(*log, UniqueName("writer"));
  LOG_ASSERT_OK(CommitOne(*writer, topic, "a"));
  EXPECT_EQ(Values(*log, topic, 1), std::vector<std::string>{"a"});
}

TEST(KafkaConnectionTest, TlsNeedsTheAuthorityThatSignedTheBroker) {
  KafkaOptions options = BrokerOptions();
  options.brokers = BrokerVariable("LEADFLOW_KAFKA_TLS");
  options.tls = {BrokerVariable("LEADFLOW_KAFKA_CA"), "", ""};
  LOG_EXPECT_OK(OpenStatus(options));
  options.tls->ca_file.clear();
  const Status status = OpenStatus(options);
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("kafka.tls"));
}

TEST(KafkaConnectionTest, OptionsThatCannotBeAreRefusedWithoutTheirValue) {
  const struct {
    const char* name;
    const char* value;
    const char* says;
  } cases[] = {
      {"isolation.level", "read_uncommitted", "`isolation.level` cannot be set"},
      {"transactional.id", "value-0815", "`transactional.id` cannot be set"},
      {"no.such.setting", "value-0815", "no setting `no.such.setting`"},
      {"fetch.min.bytes", "value-0815", "`fetch.min.bytes` is not valid"},
  };
  for (const auto& test : cases) {
    KafkaOptions options = BrokerOptions();
    options.extra = {{test.name, test.value}};
    const Status status = OpenStatus(options);
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument) << test.name;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(test.says), Not(HasSubstr("0815"))));
  }
  KafkaOptions options = BrokerOptions();
  options.extra = {{"fetch.min.bytes", "2"}};
  LOG_EXPECT_OK(OpenStatus(options));
}

// ---- Errors of a transaction, by class.

// Its records, each with what its headers say.
std::vector<std::string> WithHeaders(const std::string& topic) {
  const auto sources =
      KafkaSources::Open({.kafka = BrokerOptions(), .until_end = true}, std::span(&topic, 1));
  LOG_EXPECT_OK(sources.status());
  const auto reader = (*sources)->NewReader({topic, 0}, {});
  LOG_EXPECT_OK(reader->Seek(""));
  std::vector<std::string> records;
  Status status;
  EXPECT_TRUE(Eventually([&] {
    const auto read = reader->Read(
        1 << 20,
        [&](std::span<const MessageView> batch) {
          for (const MessageView& view : batch) {
            std::string& one = records.emplace_back(view.value);
            if (view.extras == nullptr) continue;
            for (const auto& [name, value] : view.extras->headers) {
              one.append(" ").append(name).append("=").append(value);
            }
          }
        },
        [](std::string_view, std::int64_t, std::string_view, std::string_view) {});
    status = read.status();
    return status.ok() && reader->AtEnd();
  })) << status;
  return records;
}

TEST(KafkaWriterTest, ARecordAboveTheLimitIsRefusedAtOnceAndTheTransactionGoesOn) {
  const auto log = Open();
  const TopicPartition topic = NewTopic(*log);
  const auto writer = NewWriter(*log, UniqueName("writer"));
  LOG_ASSERT_OK(writer->Begin());
  const Status status = writer->Append(topic, "key", std::string(5 << 20, 'x'));
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(topic.topic), HasSubstr("5242883")));
  LOG_ASSERT_OK(writer->Append(topic, "key", std::string(4'000'000, 'y')));
  LOG_ASSERT_OK(writer->Commit());
  EXPECT_EQ(Values(*log, topic, 1).size(), 1u);
}

TEST(KafkaWriterTest, ARecordThatTheTopicRefusesAbortsTheWholeTransaction) {
  const auto log = Open();
  const TopicPartition fine = NewTopic(*log);
  const TopicPartition narrow{UniqueName("narrow"), 0};
  CreateTopic(narrow.topic, 1, {{"max.message.bytes", "1000"}});
  const auto writer = NewWriter(*log, UniqueName("writer"));
  const std::string group = UniqueName("group");
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(writer->Append(fine, "key", "aborted"));
  std::string noise;  // That compression cannot shrink.
  for (unsigned i = 0, x = 1; i < 5'000; ++i)
    noise += static_cast<char>((x = x * 1103515245 + 12345) >> 16);
  LOG_ASSERT_OK(writer->Append(narrow, "key", noise));
  LOG_ASSERT_OK(writer->SendOffset(group, fine, 7));
  const Status status = CommitAtLast(*writer);
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(narrow.topic), HasSubstr("max.message.bytes")));
  LOG_ASSERT_OK(CommitOne(*writer, fine, "next"));
  EXPECT_EQ(Values(*log, fine, 1), std::vector<std::string>{"next"});
  EXPECT_EQ(*log->CommittedOffset(group, fine), -1);
}

TEST(KafkaWriterTest, AFencedWriterEndsAndDoesNotFenceBack) {
  const auto log = Open();
  const TopicPartition topic = NewTopic(*log);
  const std::string id = UniqueName("writer");
  const auto older = NewWriter(*log, id);
  LOG_ASSERT_OK(CommitOne(*older, topic, "a"));
  const auto newer = NewWriter(*log, id);
  const Status status = CommitOne(*older, topic, "zombie");
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(id), HasSubstr("fenced")));
  EXPECT_EQ(older->Begin().code(), ErrorCode::kFailedPrecondition);
  LOG_ASSERT_OK(CommitOne(*newer, topic, "b"));
  EXPECT_EQ(Values(*log, topic, 2), (std::vector<std::string>{"a", "b"}));
}

TEST(KafkaWriterTest, OffsetsAloneFenceAWriterThatWasLeftBehind) {
  const auto log = Open();
  const TopicPartition topic = NewTopic(*log);
  const std::string id = UniqueName("writer"), group = UniqueName("group");
  const auto older = NewWriter(*log, id);
  const auto newer = NewWriter(*log, id);
  LOG_ASSERT_OK(older->Begin());
  LOG_ASSERT_OK(older->SendOffset(group, topic, 3));
  EXPECT_EQ(CommitAtLast(*older).code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(*log->CommittedOffset(group, topic), -1);
}

TEST(KafkaWriterTest, ACommitWaitsNoLongerThanItMayAndGoesOnWhenTheBrokerDoes) {
  const auto log = Open();
  const TopicPartition topic = NewTopic(*log);
  const std::string group = UniqueName("group");
  const auto writer = NewWriter(*log, UniqueName("writer"));
  LOG_ASSERT_OK(CommitOne(*writer, topic, "before"));
  LOG_ASSERT_OK(writer->Begin());
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i);
    const RecordHeader header = {"number", number};
    std::string headers;
    EncodeHeaders({&header, 1}, &headers);
    LOG_ASSERT_OK(writer->Append(topic, "key", number, headers));
  }
  LOG_ASSERT_OK(writer->SendOffset(group, topic, 7));
  // Work of a caller is not waited for: a hundred pieces without a pause, then one now and then.
  int works = 0, rests = 0;
  const LogWriter::Meanwhile some_work = [&] { return works < 100 ? ++works > 0 : ++rests < 0; };
  const LogWriter::Meanwhile callers[] = {some_work, nullptr};
  {
    const StoppedBroker stopped;
    for (const LogWriter::Meanwhile& meanwhile : callers) {
      const auto start = Clock::now();
      EXPECT_EQ(writer->Commit(meanwhile).code(), ErrorCode::kUnavailable);
      EXPECT_LT(Clock::now() - start, seconds(10));
    }
  }
  EXPECT_EQ(works, 100);
  EXPECT_GT(rests, 0);
  LOG_ASSERT_OK(CommitAtLast(*writer));
  const std::vector<std::string> records = WithHeaders(topic.topic);
  ASSERT_EQ(records.size(), 101u);
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i);
    EXPECT_EQ(records[static_cast<std::size_t>(i) + 1], number + " number=" + number);
  }
  EXPECT_EQ(*log->CommittedOffset(group, topic), 7);
  LOG_ASSERT_OK(CommitOne(*writer, topic, "after"));
}

TEST(KafkaWriterTest, AnAbortedTransactionIsSentAgainWhole) {
  KafkaOptions options = BrokerOptions();
  options.extra = {{"message.timeout.ms", "1000"}};  // Records give up while the broker is still.
  const auto log = Open(options);
  const TopicPartition topic = NewTopic(*log);
  const auto writer = NewWriter(*log, UniqueName("writer"));
  LOG_ASSERT_OK(CommitOne(*writer, topic, "before"));
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(writer->Append(topic, "key", "a"));
  LOG_ASSERT_OK(writer->Append(topic, "key", "b"));
  {
    const StoppedBroker stopped;
    EXPECT_EQ(writer->Commit().code(), ErrorCode::kUnavailable);
  }
  LOG_ASSERT_OK(CommitAtLast(*writer));
  EXPECT_EQ(Values(*log, topic, 3), (std::vector<std::string>{"before", "a", "b"}));
}

TEST(KafkaWriterTest, AWriterThatGivesUpDoesNotGoOnAsIfNothingHadBeen) {
  const auto log = Open();
  const TopicPartition topic = NewTopic(*log);
  const std::string id = UniqueName("writer");
  auto writer = NewWriter(*log, id);
  LOG_ASSERT_OK(CommitOne(*writer, topic, "before"));
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(writer->Append(topic, "key", "given up"));
  {
    const StoppedBroker stopped;
    EXPECT_EQ(writer->Commit().code(), ErrorCode::kUnavailable);
    const auto start = Clock::now();
    writer->Abort();
    EXPECT_LT(Clock::now() - start, seconds(10));
  }
  EXPECT_EQ(writer->Begin().code(), ErrorCode::kInternal);
  writer = NewWriter(*log, id);  // Now it is known: all of it, or nothing.
  LOG_ASSERT_OK(CommitOne(*writer, topic, "after"));
  EXPECT_EQ(Values(*log, topic, 2).back(), "after");
}

// ---- What the dead have left open.

// Longer than any test waits.
constexpr int kNeverMs = 600'000;

// One transaction of the member's, with a record and an offset.
void Work(Log& log, const std::string& group, const Membership& member,
          const std::string& writer_id, const TopicPartition& topic) {
  const auto writer = log.NewWriter(writer_id, &member);
  LOG_ASSERT_OK(writer.status());
  LOG_ASSERT_OK((*writer)->Begin());
  LOG_ASSERT_OK((*writer)->Append(topic, "key", "a"));
  LOG_ASSERT_OK((*writer)->SendOffset(group, topic, 1));
  LOG_ASSERT_OK((*writer)->Commit());
}

TEST(KafkaAbsentTest, StableOffsetsAreThoseAfterWhatADeadWriterWasAboutToDo) {
  const auto log = Open();
  const TopicPartition topic = NewTopic(*log);
  const std::string group = UniqueName("group");
  OpenTransaction dead(UniqueName("writer"), 10'000);
  dead.SendOffset(group, topic.topic, 0, 7);
  const auto last = log->CommittedOffsets(group, {&topic, 1}, Log::OffsetsAs::kLast);
  LOG_ASSERT_OK(last.status());
  EXPECT_EQ(*last, std::vector<std::int64_t>{-1});
  auto stable = log->CommittedOffset(group, topic);
  EXPECT_EQ(stable.status().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(Eventually([&] {
    stable = log->CommittedOffset(group, topic);
    return stable.ok();
  }));
  EXPECT_EQ(*stable, -1);
}

TEST(KafkaAbsentTest, WhoeverTakesOverEndsWhatADeadMemberHasLeftOpen) {
  const auto log = Open();
  const TopicPartition topic = NewTopic(*log);
  const std::string group = UniqueName("group");
  {
    const auto first = Join(*log, group, topic.topic, "first");
    ASSERT_TRUE(Eventually([&] { return Holds(*first, 1); }));
    Work(*log, group, *first, group + "-first", topic);
  }
  OpenTransaction dead(group + "-first", kNeverMs);
  dead.Append(topic.topic, 0, "b");
  const auto second = Join(*log, group, topic.topic, "second");
  ASSERT_TRUE(Eventually([&] { return Holds(*second, 1); }));
  ASSERT_LT(*log->EndOffset(topic), *log->WrittenOffset(topic));
  log->FenceAbsent(group, second.get(), {&topic, 1});
  EXPECT_TRUE(Eventually([&] { return *log->EndOffset(topic) == *log->WrittenOffset(topic); }));
  EXPECT_EQ(ValuesFrom(*log, topic), std::vector<std::string>{"a"});
  EXPECT_FALSE(dead.Commit());
}

TEST(KafkaAbsentTest, NobodyIsFencedWhoIsThere) {
  const auto log = Open();
  const TopicSpec spec{UniqueName("topic"), 2, Cleanup::kDelete};
  LOG_ASSERT_OK(log->EnsureTopics({&spec, 1}));
  const std::string group = UniqueName("group");
  const auto first = Join(*log, group, spec.name, "first");
  const auto second = Join(*log, group, spec.name, "second");
  ASSERT_TRUE(Eventually([&] {
    const bool one = Holds(*first, 1);
    return Holds(*second, 1) && one;
  }));
  const TopicPartition of_first{spec.name, first->partitions()[0]};
  Work(*log, group, *first, group + "-first", of_first);
  OpenTransaction alive(group + "-first", kNeverMs);
  alive.Append(of_first.topic, static_cast<int>(of_first.partition), "b");
  // Asked by one that is in the group, by nobody while somebody is, by one that is not in it.
  const auto other = Join(*log, UniqueName("group"), spec.name, "third");
  for (const Membership* const who :
       {static_cast<const Membership*>(second.get()), static_cast<const Membership*>(nullptr),
        static_cast<const Membership*>(other.get())}) {
    log->FenceAbsent(group, who, {&of_first, 1});
    EXPECT_LT(*log->EndOffset(of_first), *log->WrittenOffset(of_first));
  }
  EXPECT_TRUE(alive.Commit());
  EXPECT_EQ(Values(*log, of_first, 2), (std::vector<std::string>{"a", "b"}));
}

// ---- Readers and questions.

TEST(KafkaMemberTest, AGroupThatRefusesAMemberSaysWhy) {
  KafkaOptions options = BrokerOptions();
  options.session_timeout_ms = 3'600'000;  // Brokers take half of that, unless told otherwise.
  const auto log = Open(options);
  const TopicPartition topic = NewTopic(*log);
  auto member = log->Join(UniqueName("group"), topic.topic, "a");
  LOG_ASSERT_OK(member.status());
  Status status;
  ASSERT_TRUE(Eventually([&] {
    status = (*member)->Poll().status();
    return !status.ok();
  }));
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("session_timeout"));
}

TEST(KafkaReaderTest, ASilentBrokerFailsAPollThatHasNotSeenTheEnd) {
  KafkaOptions options = BrokerOptions();
  options.answer_timeout_ms = 2'000;
  const auto log = Open(options);
  const TopicPartition topic = NewTopic(*log);
  LOG_ASSERT_OK(log->EndOffset(topic).status());  // The broker has made it.
  const auto reader = log->NewReader();
  const StoppedBroker stopped;
  LOG_ASSERT_OK(reader->Seek(topic, 0));
  Status status;
  const auto start = Clock::now();
  EXPECT_TRUE(Eventually([&] {
    status = reader->Poll(100, [](const TopicPartition&, std::span<const LogRecord>) {}).status();
    return !status.ok();
  }));
  EXPECT_LT(Clock::now() - start, seconds(8));
  EXPECT_EQ(status.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(topic.topic));
  EXPECT_EQ(log->EndOffset(topic).status().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(log->CommittedOffset("group", topic).status().code(), ErrorCode::kUnavailable);
  EXPECT_LT(Clock::now() - start, seconds(20));
}

TEST(KafkaReaderTest, AMissingTopicIsNamed) {
  const auto log = Open();
  const std::string name = UniqueName("nothing");
  for (const Status& status :
       {log->NewReader()->Seek({name, 0}, 0), log->EndOffset({name, 0}).status()}) {
    EXPECT_EQ(status.code(), ErrorCode::kNotFound);
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
  }
}

TEST(KafkaReaderTest, AnOpenTransactionHidesNothingThatIsBehindIt) {
  const auto log = Open();
  const TopicPartition topic = NewTopic(*log);
  const auto open = NewWriter(*log, UniqueName("open"));
  const auto writer = NewWriter(*log, UniqueName("writer"));
  LOG_ASSERT_OK(open->Begin());
  LOG_ASSERT_OK(open->Append(topic, "key", "open"));
  LOG_ASSERT_OK(CommitOne(*writer, topic, "committed"));
  EXPECT_EQ(Values(*log, topic, 1), std::vector<std::string>{"committed"});
}

}  // namespace
}  // namespace leadflow
