// Topics on a real broker: who makes them, which are refused and why, what goes when a pipeline is
// forgotten.
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "connectors/kafka/forget.h"
#include "connectors/kafka/kafka_log.h"
#include "tests/kafka/broker_log.h"
#include "tests/kafka/cluster.h"
#include "tests/unit/log/log_reading.h"

namespace leadflow {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

TEST(KafkaTopicsTest, MissingTopicsAreAllNamedWithWhatTheyNeed) {
  KafkaOptions options = BrokerOptions();
  options.create_topics = false;
  options.replication = 3;
  const auto log = Open(options);
  const std::vector<TopicSpec> specs = {{UniqueName("one"), 4, Cleanup::kDelete},
                                        {UniqueName("two"), 5, Cleanup::kCompact}};
  const Status status = log->EnsureTopics(specs);
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(specs[0].name), HasSubstr("4 partitions"), HasSubstr("replication 3"),
                    HasSubstr("retention.ms=-1"), HasSubstr(specs[1].name),
                    HasSubstr("cleanup.policy=compact"), HasSubstr("min.insync.replicas=2")));
}

// Each finds some topics missing, there, or made by another one a moment ago.
TEST(KafkaTopicsTest, ProcessesThatBeginAtOnceHaveTheSameTopics) {
  constexpr std::uint32_t kProcesses = 4;
  std::vector<TopicSpec> specs;
  for (int i = 0; i < 8; ++i) {
    specs.push_back({UniqueName("topic"), kProcesses, Cleanup::kCompact});
    specs.back().for_subscribers = i % 2 == 0;
  }
  const std::string writers = UniqueName("writer");
  std::vector<std::future<Status>> processes;
  for (std::uint32_t i = 0; i < kProcesses; ++i) {
    processes.push_back(std::async(std::launch::async, [&, i]() -> Status {
      const auto log = Open();
      LEADFLOW_RETURN_IF_ERROR(log->EnsureTopics(specs));
      LEADFLOW_ASSIGN_OR_RETURN(const auto writer,
                                log->NewWriter(writers + std::to_string(i), nullptr));
      LEADFLOW_RETURN_IF_ERROR(writer->Begin());
      for (const TopicSpec& spec : specs) {
        LEADFLOW_RETURN_IF_ERROR(writer->Append({spec.name, i}, "key", "value"));
      }
      return writer->Commit();
    }));
  }
  for (auto& process : processes) LOG_EXPECT_OK(process.get());
  const auto log = Open();
  for (const TopicSpec& spec : specs) {
    for (std::uint32_t i = 0; i < kProcesses; ++i) {
      EXPECT_EQ(Values(*log, {spec.name, i}, 1), std::vector<std::string>{"value"});
    }
  }
}

TEST(KafkaTopicsTest, MoreReplicasThanBrokersNameTheSetting) {
  KafkaOptions options = BrokerOptions();
  options.replication = 3;
  const TopicSpec spec{UniqueName("topic"), 1, Cleanup::kDelete};
  const Status status = Open(options)->EnsureTopics({&spec, 1});
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(spec.name), HasSubstr("kafka.topics.replication")));
}

TEST(KafkaTopicsTest, TopicsThatWouldLoseDataAreRefusedByTheirSetting) {
  const std::map<std::string, std::string> kept = {
      {"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"max.message.bytes", "4194304"}};
  const std::map<std::string, std::string> state = {{"cleanup.policy", "compact"},
                                                    {"delete.retention.ms", "604800000"},
                                                    {"max.message.bytes", "4194304"}};
  const auto with = [](std::map<std::string, std::string> settings, const char* name,
                       const char* value) {
    settings[name] = value;
    return settings;
  };
  const struct {
    std::map<std::string, std::string> settings;
    Cleanup cleanup;
    std::vector<const char*> says;  // Empty: it is fine.
  } cases[] = {
      {kept, Cleanup::kDelete, {}},
      {state, Cleanup::kCompact, {}},
      {with(kept, "retention.ms", "604800000"), Cleanup::kDelete, {"retention.ms=604800000", "-1"}},
      {with(kept, "retention.bytes", "1000000"), Cleanup::kDelete, {"retention.bytes=1000000"}},
      {with(kept, "max.message.bytes", "1000"), Cleanup::kDelete, {"max.message.bytes=1000"}},
      {with(kept, "unclean.leader.election.enable", "true"), Cleanup::kDelete, {"unclean.leader"}},
      {kept, Cleanup::kCompact, {"cleanup.policy=delete", "`compact`"}},
      {with(state, "delete.retention.ms", "604799999"), Cleanup::kCompact, {"7 days"}},
      {with(state, "cleanup.policy", "compact,delete"), Cleanup::kCompact, {"compact,delete"}},
      {{}, Cleanup::kDelete, {"retention.ms=", "max.message.bytes="}},
  };
  const auto log = Open();
  for (const auto& test : cases) {
    const TopicSpec spec{UniqueName("topic"), 2, test.cleanup};
    CreateTopic(spec.name, 2, test.settings);
    const Status status = log->EnsureTopics({&spec, 1});
    if (test.says.empty()) {
      LOG_EXPECT_OK(status);
      continue;
    }
    EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition) << status;
    for (const char* says : test.says) {
      EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(spec.name), HasSubstr(says)));
    }
  }
}

TEST(KafkaTopicsTest, AnotherPartitionCountIsNamedWithBothNumbers) {
  const auto log = Open();
  const TopicPartition topic = NewTopic(*log);
  const TopicSpec other{topic.topic, 3, Cleanup::kDelete};
  const Status status = Open()->EnsureTopics({&other, 1});
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(topic.topic), HasSubstr("has 1 partitions, not 3"),
                    HasSubstr("engine.partitions")));
}

TEST(KafkaTopicsTest, ACompactedTopicLosesOldValuesAndIsNeverPurged) {
  const auto log = Open();
  const TopicPartition topic = NewTopic(*log, Cleanup::kCompact);
  const auto writer = NewWriter(*log, UniqueName("writer"));
  std::size_t written = 0;
  const auto deadline = Clock::now() + seconds(90);
  std::vector<std::string> values;
  do {  // A segment is cleaned some time after a later write has closed it.
    LOG_ASSERT_OK(CommitOne(*writer, topic, std::to_string(written++)));
    values = ValuesFrom(*log, topic);
  } while (values.size() + 20 > written && Clock::now() < deadline);
  EXPECT_LE(values.size() + 20, written);
  EXPECT_THAT(Values(*log, topic, 1).back(), std::to_string(written - 1));
  LOG_EXPECT_OK(log->Purge(topic, *log->EndOffset(topic)));
  EXPECT_FALSE(ValuesFrom(*log, topic).empty());
}

// The sign of an earlier reset, which has deleted something already, must outlive a refusal.
TEST(KafkaTopicsTest, ARefusalDoesNotTakeBackWhatHasBegun) {
  const std::unique_ptr<KafkaLog> log = Open();
  const std::string group = UniqueName("group");
  const TopicPartition topic = NewTopic(*log);
  const auto member = Join(*log, group, topic.topic, "member");
  EXPECT_TRUE(Eventually([&] { return Holds(*member, 1); }));
  const auto forget = [&] { return ForgetOnKafka(BrokerOptions(), group, {&topic.topic, 1}); };
  EXPECT_EQ(forget().code(), ErrorCode::kFailedPrecondition);
  LOG_EXPECT_OK(CheckNotForgotten(*log, group));  // It had not begun.
  const TopicSpec sign{ForgettingTopic(group), 1, Cleanup::kDelete};
  LOG_EXPECT_OK(log->EnsureTopics({&sign, 1}));
  EXPECT_EQ(forget().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(CheckNotForgotten(*log, group).code(), ErrorCode::kFailedPrecondition);
}

TEST(KafkaTopicsTest, WhatIsForgottenHalfwayIsNoState) {
  const std::unique_ptr<KafkaLog> log = Open();
  const std::string group = UniqueName("group");
  const TopicPartition topic = NewTopic(*log);
  LOG_EXPECT_OK(log->CommittedOffsets(group, {&topic, 1}).status());
  LOG_EXPECT_OK(log->EndOffset(topic).status());
  LOG_EXPECT_OK(CheckNotForgotten(*log, group));
  const TopicSpec sign{ForgettingTopic(group), 1, Cleanup::kDelete};
  LOG_EXPECT_OK(Open()->EnsureTopics({&sign, 1}));  // As if it had been broken off.
  const Status status = CheckNotForgotten(*log, group);
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("`leadflow reset` removes what is left"));
  LOG_EXPECT_OK(ForgetOnKafka(BrokerOptions(), group, {&topic.topic, 1}));
  LOG_EXPECT_OK(CheckNotForgotten(*log, group));
  EXPECT_EQ(log->Partitions(topic.topic).status().code(), ErrorCode::kNotFound);
  LOG_EXPECT_OK(ForgetOnKafka(BrokerOptions(), group, {&topic.topic, 1}));  // Nothing is there.
}

}  // namespace
}  // namespace leadflow
