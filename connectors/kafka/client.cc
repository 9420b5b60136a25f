#include "connectors/kafka/client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <thread>

#include "engine/base/clock.h"

namespace leadflow::kafka {
namespace {

constexpr std::int64_t kDestroyWaitMs = 5'000;
constexpr std::int64_t kTokenLifetimeMs = 3'600'000;

// What the promises of the log rest on. `extra` must not change it.
constexpr std::array<std::string_view, 18> kOwnSettings = {
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "debug",
    "enable.auto.commit",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "max.poll.interval.ms",
    "message.max.bytes",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "request.required.acks",
    "session.timeout.ms",
    "transactional.id",
};

struct ConfigDeleter {
  void operator()(rd_kafka_conf_t* config) const { rd_kafka_conf_destroy(config); }
};
using Config = std::unique_ptr<rd_kafka_conf_t, ConfigDeleter>;

// librdkafka's own message would show the value, which may be a secret.
Status Set(rd_kafka_conf_t* config, const std::string& name, const std::string& value) {
  std::array<char, 512> text{};
  switch (rd_kafka_conf_set(config, name.c_str(), value.c_str(), text.data(), text.size())) {
    case RD_KAFKA_CONF_OK: return {};
    case RD_KAFKA_CONF_UNKNOWN:
      return Status::InvalidArgument("kafka: librdkafka has no setting `" + name +
                                     "`, or is built "
                                     "without it");
    default: return Status::InvalidArgument("kafka: the value of `" + name + "` is not valid");
  }
}

Settings SecuritySettings(const KafkaOptions& options) {
  Settings settings;
  if (options.tls || options.sasl) {
    settings.emplace_back("security.protocol", !options.sasl  ? "ssl"
                                               : !options.tls ? "sasl_plaintext"
                                                              : "sasl_ssl");
  }
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) settings.emplace_back(name, value);
  };
  if (options.tls) {
    add("ssl.ca.location", options.tls->ca_file);
    add("ssl.certificate.location", options.tls->cert_file);
    add("ssl.key.location", options.tls->key_file);
  }
  if (options.sasl) {
    add("sasl.mechanism", options.sasl->mechanism);
    add("sasl.username", options.sasl->username);
    add("sasl.password", options.sasl->password);
  }
  return settings;
}

// Small transactions would take 105 ms with librdkafka's retry.backoff.ms of 100, and 50 ms with
// Nagle's algorithm.
Settings BaseSettings(const KafkaOptions& options) {
  Settings settings = {
      {"bootstrap.servers", options.brokers},
      {"client.id", "leadflow"},
      {"debug", "feature"},  // For OnLog: what versions of requests a broker knows.
      {"retry.backoff.ms", "5"},
      {"socket.nagle.disable", "true"},
      {"socket.keepalive.enable", "true"},
      {"socket.timeout.ms", "10000"},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "1000"},
      {"message.max.bytes", std::to_string(kRecordBytesMax)},
  };
  if (rd_kafka_version() >= kVersionWithQueueBackoff) {
    settings.emplace_back("fetch.queue.backoff.ms", "10");
  }
  const Settings security = SecuritySettings(options);
  settings.insert(settings.end(), security.begin(), security.end());
  return settings;
}

std::string Brokers(const KafkaOptions& options) { return "kafka brokers " + options.brokers; }

}  // namespace

int Deadline::remaining_ms() const {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(at_ - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 1, 1'000'000));
}

Result<std::shared_ptr<Client>> Client::New(rd_kafka_type_t type, const KafkaOptions& options,
                                            const Settings& settings, const Hooks& hooks) {
  const Config config(rd_kafka_conf_new());
  for (const auto& [name, value] : BaseSettings(options)) {
    LEADFLOW_RETURN_IF_ERROR(Set(config.get(), name, value));
  }
  for (const auto& [name, value] : settings) {
    LEADFLOW_RETURN_IF_ERROR(Set(config.get(), name, value));
  }
  for (const auto& [name, value] : options.extra) {
    if (std::find(kOwnSettings.begin(), kOwnSettings.end(), name) != kOwnSettings.end()) {
      return Status::InvalidArgument("kafka: `" + name +
                                     "` cannot be set in `extra`: the engine "
                                     "sets it itself");
    }
    LEADFLOW_RETURN_IF_ERROR(Set(config.get(), name, value));
  }
  auto events = std::make_shared<Events>();
  if (options.sasl) events->sasl = *options.sasl;
  rd_kafka_conf_set_opaque(config.get(), events.get());
  if (hooks.on_delivery != nullptr) rd_kafka_conf_set_dr_msg_cb(config.get(), hooks.on_delivery);
  if (hooks.events != 0) rd_kafka_conf_set_events(config.get(), hooks.events);
  rd_kafka_conf_set_error_cb(config.get(), &Client::OnError);
  rd_kafka_conf_set_log_cb(config.get(), &Client::OnLog);
  if (!events->sasl.token.empty()) {
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(config.get(), &Client::OnToken);
  }
  std::array<char, 512> text{};
  rd_kafka_conf_t* const copy = rd_kafka_conf_dup(config.get());
  rd_kafka_t* const handle = rd_kafka_new(type, copy, text.data(), text.size());
  if (handle == nullptr) {
    rd_kafka_conf_destroy(copy);  // rd_kafka_new takes it only if it succeeds.
    return Status::InvalidArgument("kafka: " + std::string(text.data()));
  }
  return std::make_shared<Client>(options, std::move(events), handle);
}

Client::~Client() {
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
  };
  const auto done = std::make_shared<Done>();
  std::thread thread([handle = handle_, events = events_, done] {
    rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    const std::lock_guard lock(done->mutex);
    done->done = true;
    done->changed.notify_all();
  });
  std::unique_lock lock(done->mutex);
  const bool ended = done->changed.wait_for(lock, std::chrono::milliseconds(kDestroyWaitMs),
                                            [&] { return done->done; });
  lock.unlock();
  if (ended) {
    thread.join();
  } else {
    thread.detach();
  }
}

// What goes wrong is in the Status of the call that meets it; nothing is printed. This is the only
// place where librdkafka tells what a broker knows: "  ApiKey TxnOffsetCommit (28) Versions 0..3".
void Client::OnLog(const rd_kafka_t* handle, int, const char* topic, const char* line) {
  if (std::string_view(topic) != "APIVERSION") return;
  constexpr std::string_view kRequest = "ApiKey TxnOffsetCommit (28) Versions ";
  constexpr int kWithGeneration = 3;
  const std::string_view text = line;
  const std::size_t at = text.find(kRequest);
  if (at == std::string_view::npos) return;
  const std::size_t newest = text.find("..", at);
  if (newest == std::string_view::npos) return;
  int version = kWithGeneration;
  std::from_chars(text.data() + newest + 2, text.data() + text.size(), version);
  if (version >= kWithGeneration) return;
  if (auto* const events = static_cast<Events*>(rd_kafka_opaque(handle))) events->old_broker = true;
}

// The last complaint that is not a mere consequence is what a user has to know.
void Client::OnError(rd_kafka_t*, int code, const char* reason, void* opaque) {
  auto* const events = static_cast<Events*>(opaque);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;
  const std::lock_guard lock(events->mutex);
  events->code = static_cast<rd_kafka_resp_err_t>(code);
  events->text = reason;
}

void Client::OnToken(rd_kafka_t* handle, const char*, void* opaque) {
  const KafkaSasl& sasl = static_cast<Events*>(opaque)->sasl;
  const std::int64_t now_ms = Clock::System().WallMillis();
  std::array<char, 256> text{};
  const rd_kafka_resp_err_t error =
      rd_kafka_oauthbearer_set_token(handle, sasl.token.c_str(), now_ms + kTokenLifetimeMs,
                                     sasl.username.empty() ? "leadflow" : sasl.username.c_str(),
                                     nullptr, 0, text.data(), text.size());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_oauthbearer_set_token_failure(handle, "the token is not one of OAUTHBEARER");
  }
}

bool Client::Fenced(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
         code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
         code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
         code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID;
}

bool Client::Transient(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__INCONSISTENT:
    case RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED: return true;
    default: return false;
  }
}

Status Client::StatusOf(rd_kafka_resp_err_t code, std::string_view what) const {
  rd_kafka_poll(handle_, 0);  // Hands out complaints that wait.
  const std::string head(what);
  const std::string said = ": " + std::string(rd_kafka_err2str(code));
  rd_kafka_resp_err_t last = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string last_text;
  {
    const std::lock_guard lock(events_->mutex);
    last = events_->code;
    last_text = events_->text;
  }
  switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return Status::InvalidArgument(head + said + ": give the user of `kafka.sasl` the right to");
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
      return Status::InvalidArgument(
          head +
          ": the broker does not take this `kafka.session_timeout`, but what lies between its "
          "group.min.session.timeout.ms and group.max.session.timeout.ms");
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return Status::InvalidArgument(head +
                                     ": the broker refuses a record for its size: set the "
                                     "topic's max.message.bytes to " +
                                     std::to_string(kRecordBytesMax) + " or more");
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return Status::NotFound(head + " is not on " + Brokers(options_));
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
      return Status::Unavailable(head +
                                 ": fewer replicas are in sync than its "
                                 "min.insync.replicas asks for: bring the missing brokers back");
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__SSL: break;
    default:
      if (Fenced(code)) return {ErrorCode::kFailedPrecondition, head + said};
      return {Transient(code) ? ErrorCode::kUnavailable : ErrorCode::kInternal, head + said};
  }
  const std::string met = last_text.empty() ? said : ": " + last_text;
  if (last == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
      code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED) {
    return Status::InvalidArgument(head + ": " + Brokers(options_) + " refused the login" + met +
                                   ": check `kafka.sasl`");
  }
  if (last == RD_KAFKA_RESP_ERR__SSL || code == RD_KAFKA_RESP_ERR__SSL) {
    return Status::InvalidArgument(head + ": no encrypted connection to " + Brokers(options_) +
                                   met + ": check `kafka.tls`");
  }
  return Status::Unavailable(head + ": no answer from " + Brokers(options_) + met +
                             ": check `kafka.brokers`, and that they run");
}

}  // namespace leadflow::kafka
