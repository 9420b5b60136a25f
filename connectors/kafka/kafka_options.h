// What a program has to know to use a Kafka cluster.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace leadflow {

// For so long a changelog shows what was deleted.
inline constexpr std::int64_t kTombstoneRetentionMs = std::int64_t{7} * 24 * 3600 * 1000;

struct KafkaTls {
  std::string ca_file;    // Empty: the certificate authorities of the system.
  std::string cert_file;  // With key_file: the client's own certificate.
  std::string key_file;
};

struct KafkaSasl {
  std::string mechanism;  // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER.
  std::string username;
  std::string password;  // Never in a message.
  std::string token;     // OAUTHBEARER. Never in a message.
};

struct KafkaOptions {
  std::string brokers;  // host:port, separated by commas.
  std::optional<KafkaTls> tls;
  std::optional<KafkaSasl> sasl;
  bool create_topics = true;
  std::int32_t replication = 3;
  // Handed to librdkafka as it is. What the promises of the log rest on is refused. A value may be
  // a secret, so no message shows one.
  std::map<std::string, std::string> extra;

  // The longest that any call waits for the brokers.
  std::int64_t answer_timeout_ms = 30'000;
  // The longest that one Commit waits, and the age at which the brokers abort a transaction whose
  // process is gone. The first has to be less than the second.
  std::int64_t commit_wait_ms = 10'000;
  std::int64_t transaction_timeout_ms = 30'000;
  // A member of a group that is silent for longer loses its partitions. Brokers have bounds for it.
  std::int64_t session_timeout_ms = 10'000;
  // Purges are gathered, and sent at most this often. 0: each at once, and awaited.
  std::int64_t purge_interval_ms = 10'000;
};

}  // namespace leadflow
