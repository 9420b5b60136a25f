#include "app/kafka_options.h"

#include "app/secret.h"

namespace leadflow::app {

Result<KafkaOptions> MakeKafkaOptions(const KafkaSpec& spec) {
  KafkaOptions options;
  options.brokers = spec.brokers;
  if (spec.tls) {
    options.tls = {spec.tls->ca_file, spec.tls->cert_file, spec.tls->key_file};
  }
  if (spec.sasl) {
    KafkaSasl& sasl = options.sasl.emplace();
    sasl.mechanism = spec.sasl->mechanism;
    sasl.username = spec.sasl->username;
    LEADFLOW_ASSIGN_OR_RETURN(sasl.password,
                              ReadSecret(spec.sasl->password, "kafka.sasl.password"));
    LEADFLOW_ASSIGN_OR_RETURN(sasl.token, ReadSecret(spec.sasl->token, "kafka.sasl.token"));
  }
  options.create_topics = spec.create_topics;
  options.replication = spec.replication;
  options.extra = spec.extra;
  options.session_timeout_ms = spec.session_timeout_ms;
  return options;
}

}  // namespace leadflow::app
