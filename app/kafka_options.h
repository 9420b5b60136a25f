// What a pipeline says of its Kafka cluster, as the connector takes it, with the secrets read.
#pragma once

#include "connectors/kafka/kafka_options.h"
#include "engine/base/status.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow::app {

// kNotFound: a secret is not where the pipeline says.
Result<KafkaOptions> MakeKafkaOptions(const KafkaSpec& spec);

}  // namespace leadflow::app
