// Questions to a cluster that are answered in time, whatever librdkafka does. Only for this folder.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "connectors/kafka/bounded_calls.h"
#include "connectors/kafka/client.h"
#include "engine/base/status.h"
#include "engine/log/log.h"

namespace leadflow::kafka {

// A topic that was made just now is not known to all brokers at once.
inline bool Unknown(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
         error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

// Asks librdkafka until it answers, with an error that does not pass, or time is up. Some of its
// calls wait for ever for a broker that is silent, whatever time they are given; so `call` runs on
// a thread that can be left behind, and owns all that it touches. It fills `error` of its answer.
template <class Answer, class Call>
Result<std::shared_ptr<const Answer>> AskInTime(const Client& client, std::int64_t timeout_ms,
                                                const std::string& what, const Call& call) {
  constexpr int kGraceMs = 1'000;
  constexpr int kPauseMs = 20;
  constexpr std::int64_t kNewTopicMs = 5'000;
  const Deadline deadline(timeout_ms), known(std::min(timeout_ms, kNewTopicMs));
  BoundedCalls calls;
  while (true) {
    const auto answer = std::make_shared<Answer>();
    const int wait_ms = deadline.remaining_ms();
    calls.Start([call, answer, wait_ms] { call(*answer, wait_ms); });
    if (!calls.Wait(wait_ms + kGraceMs)) {
      calls.Abandon();
      return client.StatusOf(RD_KAFKA_RESP_ERR__TIMED_OUT, what);
    }
    if (answer->error == RD_KAFKA_RESP_ERR_NO_ERROR) return std::shared_ptr<const Answer>(answer);
    const Status status = client.StatusOf(answer->error, what);
    const bool passes = status.retryable() || (Unknown(answer->error) && !known.passed());
    if (deadline.passed() || !passes) return status;
    rd_kafka_poll(client.get(), kPauseMs);
  }
}

// First kept offset of a partition, and one past the last committed one.
struct Ends {
  std::int64_t start = 0;
  std::int64_t end = 0;
};
Result<Ends> AskEnds(const std::shared_ptr<Client>& client, const TopicPartition& partition);

// Of each partition, the offset of the first record with this timestamp or a later one; -1: there
// is none. RD_KAFKA_OFFSET_END as a time: one past the last committed record. One request a broker.
Result<std::vector<std::int64_t>> AskOffsetsAt(const std::shared_ptr<Client>& client,
                                               std::span<const TopicPartition> partitions,
                                               std::int64_t time_ms);

// What the group of a client has committed of an input.
struct GroupOffset {
  std::int64_t offset = -1;  // -1: nothing.
  std::string note;          // Of who committed it.
};
// `client` has the group's name. If it reads committed records, offsets that a transaction is about
// to move are waited for.
Result<std::vector<GroupOffset>> AskGroupOffsets(const std::shared_ptr<Client>& client,
                                                 std::int64_t timeout_ms, const std::string& group,
                                                 std::span<const TopicPartition> inputs);

}  // namespace leadflow::kafka
