#include "connectors/kafka/topics.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "connectors/kafka/questions.h"
#include "connectors/kafka/topic_settings.h"

namespace leadflow::kafka {
namespace {

constexpr int kPauseMs = 20;
constexpr std::int64_t kMarginMs = 500;  // librdkafka itself tells that time is up.

std::string ToCreate(const TopicSpec& spec, const KafkaOptions& options) {
  std::string text = "topic `" + spec.name + "` does not exist; create it with " +
                     std::to_string(spec.partitions) + " partitions, replication " +
                     std::to_string(options.replication);
  for (const auto& [name, value] : TopicSettings(spec, options)) text += ", " + name + "=" + value;
  return text;
}

struct NewTopicDeleter {
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
};
struct ResourceDeleter {
  void operator()(rd_kafka_ConfigResource_t* resource) const {
    rd_kafka_ConfigResource_destroy(resource);
  }
};

// All errors become one.
class Findings {
 public:
  void Add(Status status) {
    if (status.ok()) return;
    if (first_.ok()) {
      first_ = std::move(status);
    } else {
      first_ = {first_.code(),
                std::string(first_.message()) + "; " + std::string(status.message())};
    }
  }
  Status status() const { return first_; }

 private:
  Status first_;
};

std::int64_t Number(const std::string& text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// What a setting must be for nothing to be lost; nullptr: it is fine.
const char* Harm(const std::string& name, const std::string& value, const TopicSpec& spec,
                 std::int32_t in_sync) {
  const bool compact = spec.cleanup == Cleanup::kCompact;
  // How long subscribers are to find what is not compacted, and how much, their owner decides.
  if (spec.for_subscribers && (name == "retention.ms" || name == "retention.bytes" ||
                               name == "max.message.bytes" || value == "compact,delete")) {
    return nullptr;
  }
  if (name == "cleanup.policy" && value != (compact ? "compact" : "delete")) {
    return compact ? "`compact`, or state is dropped with time" : "`delete`, or records are merged";
  }
  if (!compact && name == "retention.ms" && value != "-1") {
    return "-1, or records are dropped before they are read";
  }
  if (compact && !spec.for_subscribers && name == "delete.retention.ms" &&
      Number(value) < kTombstoneRetentionMs) {
    return "at least 604800000 (7 days), or a store that was away finds no trace of what was "
           "deleted";
  }
  if (!compact && name == "retention.bytes" && value != "-1") {
    return "-1, or records are dropped before they are read";
  }
  if (name == "unclean.leader.election.enable" && value != "false") {
    return "false, or a broker that lags drops what was committed";
  }
  if (name == "min.insync.replicas" && Number(value) < in_sync) {
    return "at least one less than `kafka.topics.replication`, or one lost disk loses what was "
           "committed";
  }
  if (name == "max.message.bytes" && Number(value) < static_cast<std::int64_t>(kRecordBytesMax)) {
    return "at least 4194304, or large records stop the job";
  }
  return nullptr;
}

}  // namespace

AdminOptions NewAdminOptions(const Client& client, rd_kafka_admin_op_t operation,
                             std::int64_t timeout_ms) {
  AdminOptions options(rd_kafka_AdminOptions_new(client.get(), operation));
  const int timeout = static_cast<int>(timeout_ms);
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout, nullptr, 0);
  return options;
}

Result<Event> Ask(const Client& client, rd_kafka_admin_op_t operation, std::int64_t wait_ms,
                  std::string_view what,
                  const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send) {
  const AdminOptions options = NewAdminOptions(client, operation, wait_ms);
  const Queue queue(rd_kafka_queue_new(client.get()));
  send(options.get(), queue.get());
  Event event(rd_kafka_queue_poll(queue.get(), static_cast<int>(wait_ms + kMarginMs)));
  if (event == nullptr) return client.StatusOf(RD_KAFKA_RESP_ERR__TIMED_OUT, what);
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return client.StatusOf(error, what);
  }
  return event;
}

std::string NameOf(const TopicPartition& partition) {
  return "topic `" + partition.topic + "`, partition " + std::to_string(partition.partition);
}

Result<std::optional<Topics::Shape>> Topics::Describe(const std::string& topic) const {
  const Topic handle(rd_kafka_topic_new(client_->get(), topic.c_str(), nullptr));
  if (handle == nullptr) {
    return Status::InvalidArgument("`" + topic + "` cannot be the name of a topic");
  }
  const rd_kafka_metadata_t* raw = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(client_->get(), 0, handle.get(), &raw,
                        static_cast<int>(client_->options().answer_timeout_ms));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->StatusOf(error, "topic `" + topic + "`");
  const std::unique_ptr<const rd_kafka_metadata_t, void (*)(const rd_kafka_metadata_t*)> metadata(
      raw, &rd_kafka_metadata_destroy);
  if (metadata->topic_cnt != 1) return std::optional<Shape>();
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return std::optional<Shape>();
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR &&
      found.err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
    return client_->StatusOf(found.err, "topic `" + topic + "`");
  }
  const std::span partitions(found.partitions, static_cast<std::size_t>(found.partition_cnt));
  Shape shape{static_cast<std::uint32_t>(partitions.size()), 0, !partitions.empty()};
  for (const rd_kafka_metadata_partition_t& partition : partitions) {
    const auto replicas = static_cast<std::uint32_t>(partition.replica_cnt);
    shape.replicas = shape.replicas == 0 ? replicas : std::min(shape.replicas, replicas);
    shape.ready = shape.ready && partition.leader >= 0;
  }
  return std::optional<Shape>(shape);
}

Result<std::uint32_t> Topics::Partitions(const std::string& topic) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::optional<Shape> shape, Describe(topic));
  const std::uint32_t partitions = shape ? shape->partitions : PartitionsOfNew(topic);
  if (partitions == 0) {
    return Status::NotFound("topic `" + topic + "` does not exist on kafka brokers " +
                            client_->options().brokers + ": create it");
  }
  const std::lock_guard lock(mutex_);
  partitions_[topic] = partitions;
  return partitions;
}

// Brokers that are still making it may not know it.
std::uint32_t Topics::PartitionsOfNew(const std::string& topic) {
  const std::lock_guard lock(new_mutex_);
  const auto found = new_.find(topic);
  return found == new_.end() ? 0 : found->second;
}

Status Topics::Check(const TopicPartition& partition) {
  LEADFLOW_RETURN_IF_ERROR(AwaitNew(partition.topic));
  {
    const std::lock_guard lock(mutex_);
    const auto known = partitions_.find(partition.topic);
    if (known != partitions_.end() && partition.partition < known->second) return {};
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::uint32_t partitions, Partitions(partition.topic));
  if (partition.partition < partitions) return {};
  return Status::NotFound(NameOf(partition) + " does not exist: the topic has " +
                          std::to_string(partitions) + " partitions");
}

bool Topics::compacted(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = cleanup_.find(topic);
  return found != cleanup_.end() && found->second == Cleanup::kCompact;
}

Status Topics::Ensure(std::span<const TopicSpec> specs) {
  std::vector<const TopicSpec*> missing, existing;
  for (const TopicSpec& spec : specs) {
    LEADFLOW_ASSIGN_OR_RETURN(const std::optional<Shape> shape, Describe(spec.name));
    (shape ? existing : missing).push_back(&spec);
  }
  // First what a start needs: while a broker makes the rest, the state can be completed.
  const auto rest = std::stable_partition(
      missing.begin(), missing.end(), [](const TopicSpec* one) { return !one->for_subscribers; });
  const std::span<const TopicSpec*> needed(missing.begin(), rest), later(rest, missing.end());
  Findings findings;
  findings.Add(Create(needed, &existing));
  findings.Add(Create(later, &existing));
  LEADFLOW_RETURN_IF_ERROR(findings.status());
  for (const TopicSpec* spec : needed) {
    LEADFLOW_RETURN_IF_ERROR(Await(spec->name, Until::kLed).status());
  }
  for (const TopicSpec* spec : existing) {
    // Another process may have made it just now.
    LEADFLOW_ASSIGN_OR_RETURN(const Shape shape, Await(spec->name, Until::kKnown));
    findings.Add(CheckShape(*spec, shape));
  }
  findings.Add(CheckSettings(existing));
  LEADFLOW_RETURN_IF_ERROR(findings.status());
  const std::lock_guard lock(mutex_);
  for (const TopicSpec& spec : specs) {
    if (!spec.for_subscribers) partitions_[spec.name] = spec.partitions;
    cleanup_[spec.name] = spec.cleanup;
  }
  return {};
}

Status Topics::CheckShape(const TopicSpec& spec, const Shape& shape) const {
  Findings findings;
  if (shape.partitions != spec.partitions && !spec.for_subscribers) {
    findings.Add({ErrorCode::kFailedPrecondition,
                  "topic `" + spec.name + "` has " + std::to_string(shape.partitions) +
                      " partitions, not " + std::to_string(spec.partitions) +
                      ": keys would go elsewhere; set `engine.partitions` to what it has, or use "
                      "another `name`"});
  }
  const auto wanted = static_cast<std::uint32_t>(client_->options().replication);
  if (shape.replicas < wanted) {
    findings.Add({ErrorCode::kFailedPrecondition,
                  "topic `" + spec.name + "` has " + std::to_string(shape.replicas) +
                      " replicas, fewer than `kafka.topics.replication` (" +
                      std::to_string(wanted) + "): add replicas"});
  }
  return findings.status();
}

// Those that another process made meanwhile go to `existing`.
Status Topics::Create(std::span<const TopicSpec* const> specs,
                      std::vector<const TopicSpec*>* existing) {
  if (specs.empty()) return {};
  const KafkaOptions& options = client_->options();
  Findings findings;
  std::vector<std::unique_ptr<rd_kafka_NewTopic_t, NewTopicDeleter>> topics;
  std::vector<rd_kafka_NewTopic_t*> raw;
  for (const TopicSpec* spec : specs) {
    if (!options.create_topics) {
      findings.Add(Status::NotFound(ToCreate(*spec, options)));
      continue;
    }
    std::array<char, 256> text{};
    topics.emplace_back(rd_kafka_NewTopic_new(spec->name.c_str(),
                                              static_cast<int>(spec->partitions),
                                              options.replication, text.data(), text.size()));
    if (topics.back() == nullptr) {
      return Status::InvalidArgument("topic `" + spec->name + "`: " + text.data());
    }
    for (const auto& [name, value] : TopicSettings(*spec, options)) {
      rd_kafka_NewTopic_set_config(topics.back().get(), name.c_str(), value.c_str());
    }
    raw.push_back(topics.back().get());
  }
  LEADFLOW_RETURN_IF_ERROR(findings.status());
  LEADFLOW_ASSIGN_OR_RETURN(
      const Event event,
      Ask(*client_, RD_KAFKA_ADMIN_OP_CREATETOPICS, options.answer_timeout_ms, "creating topics",
          [&](rd_kafka_AdminOptions_t* admin, rd_kafka_queue_t* queue) {
            rd_kafka_CreateTopics(client_->get(), raw.data(), raw.size(), admin, queue);
          }));
  std::size_t count = 0;
  const rd_kafka_topic_result_t** const results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (const rd_kafka_topic_result_t* result : std::span(results, count)) {
    const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(result);
    const std::string name = rd_kafka_topic_result_name(result);
    const auto spec = std::find_if(specs.begin(), specs.end(),
                                   [&](const TopicSpec* one) { return one->name == name; });
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const std::lock_guard lock(new_mutex_);
      new_[name] = (*spec)->partitions;
      continue;
    }
    if (error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      existing->push_back(*spec);
      continue;
    }
    const char* const said = rd_kafka_topic_result_error_string(result);
    const Status status = client_->StatusOf(error, "creating topic `" + name + "`");
    findings.Add(error == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR
                     ? Status::InvalidArgument("creating topic `" + name +
                                               "`: " + (said == nullptr ? "" : said) +
                                               ": set `kafka.topics.replication`")
                 : said == nullptr
                     ? status
                     : Status(status.code(), std::string(status.message()) + " (" + said + ")"));
  }
  return findings.status();
}

Result<Topics::Shape> Topics::Await(const std::string& topic, Until until) const {
  const Deadline deadline(client_->options().answer_timeout_ms);
  while (true) {
    LEADFLOW_ASSIGN_OR_RETURN(const std::optional<Shape> shape, Describe(topic));
    if (shape && (shape->ready || until == Until::kKnown)) return *shape;
    if (deadline.passed()) {
      return Status::Unavailable("topic `" + topic +
                                 "` was created, and has no leader yet: see the logs of the "
                                 "brokers");
    }
    rd_kafka_poll(client_->get(), kPauseMs);
  }
}

// Until they can be used: a leader that is named may not take records yet, and a first request that
// fails costs a writer its transaction.
Status Topics::AwaitNew(const std::string& topic) {
  const std::lock_guard lock(new_mutex_);
  const auto found = new_.find(topic);
  if (found == new_.end()) return {};
  LEADFLOW_RETURN_IF_ERROR(Await(topic, Until::kLed).status());
  std::vector<TopicPartition> partitions;
  for (std::uint32_t i = 0; i < found->second; ++i) partitions.push_back({topic, i});
  LEADFLOW_RETURN_IF_ERROR(AskOffsetsAt(client_, partitions, RD_KAFKA_OFFSET_END).status());
  new_.erase(found);
  return {};
}

Status Topics::CheckSettings(std::span<const TopicSpec* const> specs) const {
  if (specs.empty()) return {};
  std::vector<std::unique_ptr<rd_kafka_ConfigResource_t, ResourceDeleter>> resources;
  std::vector<rd_kafka_ConfigResource_t*> raw;
  for (const TopicSpec* spec : specs) {
    resources.emplace_back(
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, spec->name.c_str()));
    raw.push_back(resources.back().get());
  }
  LEADFLOW_ASSIGN_OR_RETURN(
      const Event event, Ask(*client_, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
                             client_->options().answer_timeout_ms, "reading the settings of topics",
                             [&](rd_kafka_AdminOptions_t* admin, rd_kafka_queue_t* queue) {
                               rd_kafka_DescribeConfigs(client_->get(), raw.data(), raw.size(),
                                                        admin, queue);
                             }));
  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** const described = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  Findings findings;
  for (const rd_kafka_ConfigResource_t* resource : std::span(described, count)) {
    const std::string name = rd_kafka_ConfigResource_name(resource);
    const std::string what = "topic `" + name + "`";
    if (const auto error = rd_kafka_ConfigResource_error(resource);
        error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      findings.Add(client_->StatusOf(error, what));
      continue;
    }
    const auto spec = std::find_if(specs.begin(), specs.end(),
                                   [&](const TopicSpec* one) { return one->name == name; });
    std::size_t entry_count = 0;
    const rd_kafka_ConfigEntry_t** const entries =
        rd_kafka_ConfigResource_configs(resource, &entry_count);
    for (const rd_kafka_ConfigEntry_t* entry : std::span(entries, entry_count)) {
      const char* const value = rd_kafka_ConfigEntry_value(entry);
      if (spec == specs.end() || value == nullptr) continue;
      const std::string setting = rd_kafka_ConfigEntry_name(entry);
      const char* const harm = Harm(setting, value, **spec, InSyncWanted(client_->options()));
      if (harm == nullptr) continue;
      findings.Add({ErrorCode::kFailedPrecondition,
                    what + " has " + setting + "=" + value + ": it has to be " + harm});
    }
  }
  return findings.status();
}

}  // namespace leadflow::kafka
