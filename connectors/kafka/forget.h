// Forgetting what a pipeline keeps on a cluster.
#pragma once

#include <span>
#include <string>

#include "connectors/kafka/kafka_options.h"
#include "engine/base/status.h"
#include "engine/log/log.h"

namespace leadflow {

// A topic that is there only while what belongs to `group` is being forgotten: what is left then is
// no state.
std::string ForgettingTopic(const std::string& group);

// kFailedPrecondition: ForgetOnKafka began and did not end.
Status CheckNotForgotten(Log& log, const std::string& group);

// Deletes the group and these topics, under the sign of ForgettingTopic. What is not there is fine,
// so that a call that was broken off can be made again. kFailedPrecondition: the group has members;
// this call deleted nothing.
Status ForgetOnKafka(KafkaOptions options, const std::string& group,
                     std::span<const std::string> topics);

}  // namespace leadflow
