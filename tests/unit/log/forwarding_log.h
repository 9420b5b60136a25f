// For tests: a Log that passes everything on to another one, to be changed in one point.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/log/log.h"

namespace leadflow {

class ForwardingLog : public Log {
 public:
  explicit ForwardingLog(Log& log) : log_(log) {}

  Status EnsureTopics(std::span<const TopicSpec> topics) override {
    return log_.EnsureTopics(topics);
  }
  Result<std::uint32_t> Partitions(const std::string& topic) override {
    return log_.Partitions(topic);
  }
  using Log::NewReader;
  std::unique_ptr<LogReader> NewReader(std::size_t ahead_bytes) override {
    return log_.NewReader(ahead_bytes);
  }
  Result<std::unique_ptr<LogWriter>> NewWriter(std::string_view id,
                                               const Membership* member) override {
    return log_.NewWriter(id, member);
  }
  Result<std::unique_ptr<Membership>> Join(std::string_view group, std::string_view topic,
                                           std::string_view member) override {
    return log_.Join(group, topic, member);
  }
  Result<std::int64_t> StartOffset(const TopicPartition& partition) override {
    return log_.StartOffset(partition);
  }
  Result<std::int64_t> EndOffset(const TopicPartition& partition) override {
    return log_.EndOffset(partition);
  }
  Result<std::int64_t> WrittenOffset(const TopicPartition& partition) override {
    return log_.WrittenOffset(partition);
  }
  using Log::CommittedOffsets;
  Result<std::vector<std::int64_t>> CommittedOffsets(std::string_view group,
                                                     std::span<const TopicPartition> inputs,
                                                     OffsetsAs which) override {
    return log_.CommittedOffsets(group, inputs, which);
  }
  void FenceAbsent(std::string_view group, const Membership* member,
                   std::span<const TopicPartition> inputs) override {
    log_.FenceAbsent(group, member, inputs);
  }
  std::int64_t tombstones_ms() const override { return log_.tombstones_ms(); }
  Status Purge(const TopicPartition& partition, std::int64_t offset) override {
    return log_.Purge(partition, offset);
  }

 private:
  Log& log_;
};

}  // namespace leadflow
