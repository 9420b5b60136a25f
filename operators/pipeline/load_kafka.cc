// kafka: the cluster, and secrets, which stand in a file only by the place where they lie.
#include "operators/pipeline/loader.h"

namespace leadflow {
namespace {

constexpr std::int64_t kMaxReplication = 32;

}  // namespace

void Loader::LoadKafka(const YamlNode& node) {
  const SectionReader reader(node, kKafkaSection, "kafka", &problems_);
  KafkaSpec kafka;
  for (const YamlNode* broker : reader.Texts("brokers")) {
    if (broker->scalar.empty()) problems_.Error("value", broker->at, "no broker", "host:port");
    kafka.brokers += (kafka.brokers.empty() ? "" : ",") + broker->scalar;
  }
  if (const YamlNode* tls = reader.Get("tls")) kafka.tls = LoadTls(*tls);
  if (const YamlNode* sasl = reader.Get("sasl")) kafka.sasl = LoadSasl(*sasl);
  if (const YamlNode* registry = reader.Get("registry")) kafka.registry = LoadRegistry(*registry);
  kafka.standby = reader.Text("standby") == "all";
  if (const YamlNode* node_of_topics = reader.Get("topics")) {
    const SectionReader topics(*node_of_topics, kTopicsSection, "kafka.topics", &problems_);
    kafka.create_topics = topics.Bool("create", kafka.create_topics);
    kafka.replication =
        static_cast<int>(topics.Int("replication", kafka.replication, 1, kMaxReplication));
  }
  kafka.session_timeout_ms =
      reader.DurationMs("session_timeout", kafka.session_timeout_ms, kSecondMs, 30 * kMinuteMs);
  if (const YamlNode* extra = reader.Get("extra")) {
    for (const YamlNode::Member& member : extra->members) {
      if (!member.value.IsScalar()) {
        problems_.Error("type", member.value.at, "`" + member.key + "` must be a text",
                        "as in fetch.min.bytes: 65536");
      }
      kafka.extra[member.key] = member.value.scalar;
    }
  }
  pipeline_->kafka = std::move(kafka);
}

KafkaSpec::Tls Loader::LoadTls(const YamlNode& node) {
  const SectionReader reader(node, kTlsSection, "kafka.tls", &problems_);
  const auto path = [&](std::string_view key) {
    const std::string text = reader.Text(key);
    return text.empty() ? text : Resolve(text);
  };
  KafkaSpec::Tls tls = {path("ca_file"), path("cert_file"), path("key_file")};
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    problems_.Error("missing", node.at, "`cert_file` and `key_file` belong together",
                    "give both, or none");
  }
  return tls;
}

KafkaSpec::Sasl Loader::LoadSasl(const YamlNode& node) {
  const SectionReader reader(node, kSaslSection, "kafka.sasl", &problems_);
  KafkaSpec::Sasl sasl;
  sasl.mechanism = reader.Text("mechanism");
  sasl.username = reader.Text("username");
  const YamlNode* password = reader.Get("password");
  const YamlNode* token = reader.Get("token");
  if (password != nullptr) sasl.password = LoadSecret(*password, "kafka.sasl.password");
  if (token != nullptr) sasl.token = LoadSecret(*token, "kafka.sasl.token");
  const bool by_token = sasl.mechanism == "OAUTHBEARER";
  if (by_token && token == nullptr) {
    problems_.Error("missing", node.at, "`OAUTHBEARER` needs `token`", "{secret: \"env:TOKEN\"}");
  }
  if (!by_token && !sasl.mechanism.empty() && (sasl.username.empty() || password == nullptr)) {
    problems_.Error("missing", node.at, "`" + sasl.mechanism + "` needs `username` and `password`",
                    "password: {secret: \"env:KAFKA_PASSWORD\"}");
  }
  return sasl;
}

SecretSpec Loader::LoadSecret(const YamlNode& node, const std::string& what) {
  const SectionReader reader(node, kSecretSection, what, &problems_);
  const YamlNode* at = reader.Get("secret");
  if (at == nullptr || IsUnresolved(*at)) return {};
  const std::string& place = at->scalar;
  if (place.starts_with("env:") && place.size() > 4) {
    return {SecretSpec::From::kEnvironment, place.substr(4)};
  }
  if (place.starts_with("file:") && place.size() > 5) {
    return {SecretSpec::From::kFile, Resolve(place.substr(5))};
  }
  // Not shown: it may be the secret itself.
  problems_.Error("value", at->at, "`" + what + "` says no place of a secret",
                  "env:VARIABLE or file:PATH");
  return {};
}

void Loader::NeedsKafka(Position at, std::string_view what) {
  if (pipeline_->engine.log == EngineOptions::Log::kKafka) return;
  problems_.Error("needs-kafka", at, std::string(what) + " needs the log on Kafka",
                  pipeline_->kafka ? "write `engine: {log: kafka}`, or leave `log` out"
                                   : "add the section kafka: {brokers: \"localhost:9092\"}");
}

}  // namespace leadflow
