// A log that keeps its changelogs, as one that several processes share, however durable the stores
// of one of them are.
#pragma once

#include <string>

#include "tests/unit/log/forwarding_log.h"

namespace leadflow {

class SharedLog final : public ForwardingLog {
 public:
  using ForwardingLog::ForwardingLog;
  Status Purge(const TopicPartition& partition, std::int64_t offset) override {
    if (partition.topic.find(".changelog.") != std::string::npos) return {};
    return ForwardingLog::Purge(partition, offset);
  }
};

}  // namespace leadflow
