// KafkaLog: the Log kept by an Apache Kafka cluster (2.5 or newer), through librdkafka.
//
// A transaction is gathered in memory and goes to the brokers at Commit, so the brokers hold one
// open only for as long as a commit takes. What Commit does about errors, by their class:
//   retriable   kUnavailable; the next Commit goes on where this one stopped.
//   abortable   the brokers' transaction is aborted. kUnavailable, and the next Commit sends all of
//               it again; or, if that cannot help (a record too large, no right to write), the
//               error, with nothing committed.
//   fenced      kFailedPrecondition. This writer has ended.
//   fatal       before the end of the transaction was sent: as abortable, by a new producer. After:
//               kInternal; whether it was committed only the log knows, and a new writer finds out.
// No call waits longer than KafkaOptions says, whatever librdkafka does: calls of it that may block
// for ever run on a thread of the writer.
//
// Commits are visible to readers when the brokers have written their markers, some milliseconds
// after Commit returned.
//
// Purge drops nothing from compacted topics: they are the truth about state.
//
// Limits: 4 MiB per record, 256 MiB per transaction (Append refuses what is beyond with
// kInvalidArgument).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "connectors/kafka/kafka_options.h"
#include "engine/log/log.h"

namespace leadflow {

class KafkaLog final : public Log {
  class Cluster;

 public:
  // Connects. kInvalidArgument: an option or the login is wrong. kUnavailable: no broker answers.
  // kFailedPrecondition: the brokers are too old.
  static Result<std::unique_ptr<KafkaLog>> Open(KafkaOptions options);
  explicit KafkaLog(std::unique_ptr<Cluster> cluster);  // Use Open.
  ~KafkaLog() override;                                 // Readers and writers have to be gone.

  // Beside the partition count and the cleanup policy: an existing topic that would drop records,
  // refuse large ones or lose acknowledged ones is kFailedPrecondition; all that is wrong is named
  // at once. A missing one is kNotFound if KafkaOptions::create_topics is false.
  Status EnsureTopics(std::span<const TopicSpec> topics) override;
  Result<std::uint32_t> Partitions(const std::string& topic) override;
  using Log::NewReader;
  std::unique_ptr<LogReader> NewReader(std::size_t ahead_bytes) override;
  using Log::NewWriter;
  Result<std::unique_ptr<LogWriter>> NewWriter(std::string_view transactional_id,
                                               const Membership* member) override;
  // A static member: its name is its `group.instance.id`. It does not leave the group when it ends,
  // so one that comes back within KafkaOptions::session_timeout_ms finds what it held.
  Result<std::unique_ptr<Membership>> Join(std::string_view group, std::string_view topic,
                                           std::string_view member) override;
  Result<std::int64_t> StartOffset(const TopicPartition& partition) override;
  Result<std::int64_t> EndOffset(const TopicPartition& partition) override;
  Result<std::int64_t> WrittenOffset(const TopicPartition& partition) override;
  using Log::CommittedOffsets;
  Result<std::vector<std::int64_t>> CommittedOffsets(std::string_view group,
                                                     std::span<const TopicPartition> inputs,
                                                     OffsetsAs which) override;
  void FenceAbsent(std::string_view group, const Membership* member,
                   std::span<const TopicPartition> inputs) override;
  Status Purge(const TopicPartition& partition, std::int64_t offset) override;
  std::int64_t tombstones_ms() const override { return kTombstoneRetentionMs; }

 private:
  std::unique_ptr<Cluster> cluster_;
};

}  // namespace leadflow
