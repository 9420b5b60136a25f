// Forgetting what a pipeline keeps on a cluster.
#pragma once

#include <span>
#include <string>

#include "connectors/kafka/kafka_options.h"
#include "engine/base/status.h"
#include "engine/log/log.h"

namespace leadflow {

// A topic that is there only while what belongs to `group` is being forgotten, or restored from a
// savepoint: what is there then is no state.
std::string ForgettingTopic(const std::string& group);

// kFailedPrecondition: a reset or a restore began and did not end.
Status CheckNotForgotten(Log& log, const std::string& group);

// Puts up the sign and deletes the group, and takes the sign down. kFailedPrecondition: the group
// has members; nothing has changed.
Status BeginAnew(KafkaOptions options, const std::string& group);
Status EndAnew(const KafkaOptions& options, const std::string& group);

// Deletes the group and these topics, under that sign. What is not there is fine, so that a call
// that was broken off can be made again. kFailedPrecondition: the group has members; this call
// deleted nothing.
Status ForgetOnKafka(KafkaOptions options, const std::string& group,
                     std::span<const std::string> topics);

// What the cluster calls itself: the same for all its brokers, and no other cluster's.
Result<std::string> ClusterIdOf(const KafkaOptions& options);

}  // namespace leadflow
