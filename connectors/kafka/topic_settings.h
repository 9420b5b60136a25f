// The settings that a topic of the engine needs: those it is made with.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "connectors/kafka/kafka_options.h"
#include "engine/log/log.h"

namespace leadflow {

// Name and value, as Kafka takes them.
std::vector<std::pair<std::string, std::string>> TopicSettings(const TopicSpec& spec,
                                                               const KafkaOptions& options);

// The least `min.insync.replicas` of its topics: one lost disk loses nothing.
std::int32_t InSyncWanted(const KafkaOptions& options);

}  // namespace leadflow
