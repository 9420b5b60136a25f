// The Log on the broker under test, and the little that most tests do with it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/kafka/kafka_log.h"
#include "tests/kafka/cluster.h"
#include "tests/unit/log/log_reading.h"

namespace leadflow {

inline std::unique_ptr<KafkaLog> Open(const KafkaOptions& options = BrokerOptions()) {
  Result<std::unique_ptr<KafkaLog>> log = KafkaLog::Open(options);
  LOG_EXPECT_OK(log.status());
  return *std::move(log);
}

inline std::unique_ptr<LogWriter> NewWriter(Log& log, std::string_view id) {
  Result<std::unique_ptr<LogWriter>> writer = log.NewWriter(id);
  LOG_EXPECT_OK(writer.status());
  return *std::move(writer);
}

inline TopicPartition NewTopic(Log& log, Cleanup cleanup = Cleanup::kDelete) {
  const TopicSpec spec{UniqueName("topic"), 1, cleanup};
  LOG_EXPECT_OK(log.EnsureTopics({&spec, 1}));
  return {spec.name, 0};
}

inline Status CommitOne(LogWriter& writer, const TopicPartition& to, std::string_view value) {
  LEADFLOW_RETURN_IF_ERROR(writer.Begin());
  LEADFLOW_RETURN_IF_ERROR(writer.Append(to, "key", value));
  return writer.Commit();
}

// What a reader finds once everything committed is visible: `count` records or more.
inline std::vector<std::string> Values(Log& log, const TopicPartition& from, std::size_t count) {
  std::vector<std::string> values;
  EXPECT_TRUE(Eventually([&] {
    values = ValuesFrom(log, from);
    return values.size() >= count;
  }));
  return values;
}

inline std::unique_ptr<Membership> Join(Log& log, const std::string& group,
                                        const std::string& topic, std::string_view name) {
  auto member = log.Join(group, topic, name);
  LOG_EXPECT_OK(member.status());
  return *std::move(member);
}

inline bool Holds(Membership& member, std::size_t partitions) {
  const auto state = member.Poll();
  if (!state.ok()) return false;
  if (*state == Membership::State::kRevoked || *state == Membership::State::kLost) {
    member.Release();
  }
  return *state == Membership::State::kAssigned && member.partitions().size() == partitions;
}

}  // namespace leadflow
