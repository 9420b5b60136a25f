#include "connectors/kafka/topic_settings.h"

#include <algorithm>

#include "connectors/kafka/client.h"

namespace leadflow {

std::int32_t InSyncWanted(const KafkaOptions& options) {
  return std::max(1, options.replication - 1);
}

std::vector<std::pair<std::string, std::string>> TopicSettings(const TopicSpec& spec,
                                                               const KafkaOptions& options) {
  std::vector<std::pair<std::string, std::string>> settings = {
      {"message.timestamp.type", "LogAppendTime"},
      {"min.insync.replicas", std::to_string(InSyncWanted(options))},
      {"unclean.leader.election.enable", "false"},
  };
  if (!spec.for_subscribers) {
    settings.emplace_back("max.message.bytes", std::to_string(kafka::kRecordBytesMax));
  }
  if (spec.cleanup == Cleanup::kCompact) {
    settings.emplace_back("cleanup.policy", "compact");
    settings.emplace_back("delete.retention.ms", std::to_string(kTombstoneRetentionMs));
  } else {
    settings.emplace_back("cleanup.policy", "delete");
    if (spec.for_subscribers) return settings;
    settings.emplace_back("retention.ms", "-1");
    settings.emplace_back("retention.bytes", "-1");
  }
  return settings;
}

}  // namespace leadflow
