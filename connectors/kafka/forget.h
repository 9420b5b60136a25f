// Forgetting what a pipeline keeps on a cluster.
#pragma once

#include <span>
#include <string>

#include "connectors/kafka/kafka_options.h"
#include "engine/base/status.h"

namespace leadflow {

// Deletes these topics, one after the other and each for good before the next, then the group.
// What is not there is fine, so that a call that was broken off can be made again; the group goes
// last, for with it and without a topic that it names no process starts.
// kFailedPrecondition: the group has members; nothing was deleted.
Status ForgetOnKafka(const KafkaOptions& options, const std::string& group,
                     std::span<const std::string> topics);

}  // namespace leadflow
