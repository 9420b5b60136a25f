#include "connectors/kafka/kafka_log.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "connectors/kafka/absent.h"
#include "connectors/kafka/client.h"
#include "connectors/kafka/member.h"
#include "connectors/kafka/questions.h"
#include "connectors/kafka/reader.h"
#include "connectors/kafka/topics.h"
#include "connectors/kafka/writer.h"
#include "engine/base/clock.h"

namespace leadflow {

using kafka::Ask;
using kafka::Client;
using kafka::Deadline;
using kafka::Event;
using kafka::NameOf;
using kafka::Offsets;

namespace {

constexpr int kSliceMs = 1'000;
constexpr int kPauseMs = 20;
constexpr std::int64_t kStableMs = 3'000;

Status CheckOptions(const KafkaOptions& options) {
  if (options.brokers.empty()) {
    return Status::InvalidArgument("kafka: no brokers: set `kafka.brokers` to host:port");
  }
  if (options.commit_wait_ms >= options.transaction_timeout_ms) {
    return Status::InvalidArgument("kafka: a commit may wait for " +
                                   std::to_string(options.commit_wait_ms) +
                                   " ms, longer than a transaction may last");
  }
  if (options.sasl && options.sasl->mechanism.empty()) {
    return Status::InvalidArgument("kafka: set `kafka.sasl.mechanism`");
  }
  return {};
}

}  // namespace

// One connection for everything that is not the data of a reader or a writer.
class KafkaLog::Cluster {
 public:
  Cluster(KafkaOptions cluster_options, std::shared_ptr<Client> client)
      : options(std::move(cluster_options)), topics(client), client_(std::move(client)) {}

  Status Connect() const;
  Result<kafka::Ends> Ends(const TopicPartition& partition);
  Result<std::int64_t> Written(const TopicPartition& partition);
  Result<std::vector<std::int64_t>> Committed(std::string_view group,
                                              std::span<const TopicPartition> inputs,
                                              OffsetsAs which);
  void FenceAbsent(const std::string& group, std::string_view member,
                   std::span<const TopicPartition> inputs);
  Status Purge(const TopicPartition& partition, std::int64_t offset);

  const KafkaOptions options;
  kafka::Topics topics;

 private:
  // One that asks for stable offsets, and one that asks for the last ones.
  struct GroupClients {
    std::string group;
    std::shared_ptr<Client> stable, last;
  };
  Result<std::shared_ptr<Client>> GroupClient(const std::string& group, OffsetsAs which);

  std::shared_ptr<Client> client_;
  std::mutex uncommitted_mutex_;
  std::shared_ptr<Client> uncommitted_;  // Guarded by uncommitted_mutex_. Sees open transactions.
  std::mutex group_mutex_;
  GroupClients group_;  // Guarded by group_mutex_. Of the group that was asked about last.
  std::mutex purge_mutex_;
  std::map<TopicPartition, std::int64_t> purges_;  // Guarded by purge_mutex_. Not yet sent.
  std::int64_t last_purge_ns_ = 0;                 // Guarded by purge_mutex_.
  kafka::Queue purge_answers_{nullptr};            // Guarded by purge_mutex_.
};

// A refused login shows at once what waiting would not change.
Status KafkaLog::Cluster::Connect() const {
  const Deadline deadline(options.answer_timeout_ms);
  while (true) {
    const bool late = deadline.passed();
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t error = rd_kafka_metadata(
        client_->get(), 0, nullptr, &metadata, std::min(deadline.remaining_ms(), kSliceMs));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_metadata_destroy(metadata);
      if (!client_->met_old_broker()) return {};
      return {ErrorCode::kFailedPrecondition,
              "kafka brokers " + options.brokers +
                  " are older than Apache Kafka 2.5: a process that was left behind could still "
                  "commit there; upgrade them"};
    }
    const Status status = client_->StatusOf(error, "connecting");
    if (late || !status.retryable()) return status;
    rd_kafka_poll(client_->get(), kPauseMs);
  }
}

Result<kafka::Ends> KafkaLog::Cluster::Ends(const TopicPartition& partition) {
  LEADFLOW_RETURN_IF_ERROR(topics.Check(partition));
  return kafka::AskEnds(client_, partition);
}

// The high watermark: for a reader of committed records the end is where the first open transaction
// begins.
Result<std::int64_t> KafkaLog::Cluster::Written(const TopicPartition& partition) {
  std::shared_ptr<Client> client;
  {
    const std::lock_guard lock(uncommitted_mutex_);
    if (uncommitted_ == nullptr) {
      LEADFLOW_ASSIGN_OR_RETURN(
          uncommitted_,
          Client::New(RD_KAFKA_CONSUMER, options, {{"isolation.level", "read_uncommitted"}}));
    }
    client = uncommitted_;
  }
  LEADFLOW_RETURN_IF_ERROR(topics.Check(partition));
  LEADFLOW_ASSIGN_OR_RETURN(const std::vector<std::int64_t> ends,
                            kafka::AskOffsetsAt(client, {&partition, 1}, RD_KAFKA_OFFSET_END));
  return ends[0];
}

// By a client of the group that never joins it. librdkafka's other way, the admin request, frees
// itself when its time is up while its search for the group's coordinator still points to it
// (2.0.2), which ends the process at some later time.
Result<std::shared_ptr<Client>> KafkaLog::Cluster::GroupClient(const std::string& group,
                                                               OffsetsAs which) {
  const std::lock_guard lock(group_mutex_);
  if (group_.group != group) group_ = {group, nullptr, nullptr};
  const bool stable = which == OffsetsAs::kStable;
  std::shared_ptr<Client>& client = stable ? group_.stable : group_.last;
  if (client == nullptr) {
    LEADFLOW_ASSIGN_OR_RETURN(
        client, Client::New(RD_KAFKA_CONSUMER, options,
                            {{"group.id", group},
                             {"enable.auto.commit", "false"},
                             {"isolation.level", stable ? "read_committed" : "read_uncommitted"}}));
  }
  return client;
}

Result<std::vector<std::int64_t>> KafkaLog::Cluster::Committed(
    std::string_view group, std::span<const TopicPartition> inputs, OffsetsAs which) {
  const std::string name(group);
  const std::int64_t wait_ms = which == OffsetsAs::kStable ? kStableMs : options.answer_timeout_ms;
  LEADFLOW_ASSIGN_OR_RETURN(const std::shared_ptr<Client> client, GroupClient(name, which));
  LEADFLOW_ASSIGN_OR_RETURN(const auto committed,
                            kafka::AskGroupOffsets(client, wait_ms, name, inputs));
  std::vector<std::int64_t> offsets;
  for (const kafka::GroupOffset& one : committed) offsets.push_back(one.offset);
  return offsets;
}

void KafkaLog::Cluster::FenceAbsent(const std::string& group, std::string_view member,
                                    std::span<const TopicPartition> inputs) {
  const auto client = GroupClient(group, OffsetsAs::kLast);
  if (client.ok()) kafka::FenceAbsent(*client, &topics, group, member, inputs);
}

Status KafkaLog::Cluster::Purge(const TopicPartition& partition, std::int64_t offset) {
  if (topics.compacted(partition.topic)) return {};
  LEADFLOW_RETURN_IF_ERROR(topics.Check(partition));
  const std::lock_guard lock(purge_mutex_);
  std::int64_t& last = purges_[partition];
  last = std::max(last, offset);
  const std::int64_t now_ns = Clock::System().MonotonicNanos();
  const bool at_once = options.purge_interval_ms == 0;
  if (!at_once && now_ns - last_purge_ns_ < options.purge_interval_ms * 1'000'000) return {};
  last_purge_ns_ = now_ns;
  const std::map<TopicPartition, std::int64_t> due = std::exchange(purges_, {});
  const Offsets list(rd_kafka_topic_partition_list_new(static_cast<int>(due.size())));
  for (const auto& [name, before] : due) {
    rd_kafka_topic_partition_list_add(list.get(), name.topic.c_str(),
                                      static_cast<std::int32_t>(name.partition))
        ->offset = before;
  }
  rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(list.get());
  const auto free_request = [](rd_kafka_DeleteRecords_t* one) {
    rd_kafka_DeleteRecords_destroy(one);
  };
  const std::unique_ptr<rd_kafka_DeleteRecords_t, decltype(free_request)> owner(request,
                                                                                free_request);
  if (!at_once) {
    // Records that stay a little longer do no harm: the answer is taken when the next purge is due,
    // and an error only means that it comes to the same again.
    if (purge_answers_ == nullptr) purge_answers_.reset(rd_kafka_queue_new(client_->get()));
    while (const Event answer{rd_kafka_queue_poll(purge_answers_.get(), 0)}) {
    }
    const kafka::AdminOptions admin = kafka::NewAdminOptions(
        *client_, RD_KAFKA_ADMIN_OP_DELETERECORDS, options.answer_timeout_ms);
    rd_kafka_DeleteRecords(client_->get(), &request, 1, admin.get(), purge_answers_.get());
    return {};
  }
  LEADFLOW_ASSIGN_OR_RETURN(
      const Event event, Ask(*client_, RD_KAFKA_ADMIN_OP_DELETERECORDS, options.answer_timeout_ms,
                             "purging " + NameOf(partition),
                             [&](rd_kafka_AdminOptions_t* admin, rd_kafka_queue_t* queue) {
                               rd_kafka_DeleteRecords(client_->get(), &request, 1, admin, queue);
                             }));
  const rd_kafka_topic_partition_list_t* const results =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  for (int i = 0; i < results->cnt; ++i) {
    if (results->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return client_->StatusOf(results->elems[i].err, "purging " + NameOf(partition));
    }
  }
  return {};
}

Result<std::unique_ptr<KafkaLog>> KafkaLog::Open(KafkaOptions options) {
  LEADFLOW_RETURN_IF_ERROR(CheckOptions(options));
  LEADFLOW_ASSIGN_OR_RETURN(
      std::shared_ptr<Client> client,
      Client::New(RD_KAFKA_CONSUMER, options, {{"isolation.level", "read_committed"}}));
  auto cluster = std::make_unique<Cluster>(std::move(options), std::move(client));
  LEADFLOW_RETURN_IF_ERROR(cluster->Connect());
  return std::make_unique<KafkaLog>(std::move(cluster));
}

KafkaLog::KafkaLog(std::unique_ptr<Cluster> cluster) : cluster_(std::move(cluster)) {}
KafkaLog::~KafkaLog() = default;

Status KafkaLog::EnsureTopics(std::span<const TopicSpec> topics) {
  return cluster_->topics.Ensure(topics);
}

Result<std::uint32_t> KafkaLog::Partitions(const std::string& topic) {
  return cluster_->topics.Partitions(topic);
}

std::unique_ptr<LogReader> KafkaLog::NewReader(std::size_t ahead_bytes) {
  return std::make_unique<kafka::Reader>(cluster_->options, &cluster_->topics, ahead_bytes);
}

Result<std::unique_ptr<LogWriter>> KafkaLog::NewWriter(std::string_view transactional_id,
                                                       const Membership* member) {
  return kafka::Writer::New(
      cluster_->options, &cluster_->topics, transactional_id,
      member == nullptr ? nullptr : static_cast<const kafka::Member*>(member)->generation());
}

Result<std::unique_ptr<Membership>> KafkaLog::Join(std::string_view group, std::string_view topic,
                                                   std::string_view member) {
  return kafka::Member::Join(cluster_->options, group, topic, member);
}

Result<std::int64_t> KafkaLog::StartOffset(const TopicPartition& partition) {
  LEADFLOW_ASSIGN_OR_RETURN(const auto ends, cluster_->Ends(partition));
  return ends.start;
}

Result<std::int64_t> KafkaLog::EndOffset(const TopicPartition& partition) {
  LEADFLOW_ASSIGN_OR_RETURN(const auto ends, cluster_->Ends(partition));
  return ends.end;
}

Result<std::int64_t> KafkaLog::WrittenOffset(const TopicPartition& partition) {
  return cluster_->Written(partition);
}

Result<std::vector<std::int64_t>> KafkaLog::CommittedOffsets(std::string_view group,
                                                             std::span<const TopicPartition> inputs,
                                                             OffsetsAs which) {
  return cluster_->Committed(group, inputs, which);
}

void KafkaLog::FenceAbsent(std::string_view group, const Membership* member,
                           std::span<const TopicPartition> inputs) {
  const std::string name =
      member == nullptr ? "" : static_cast<const kafka::Member*>(member)->name();
  cluster_->FenceAbsent(std::string(group), name, inputs);
}

Status KafkaLog::Purge(const TopicPartition& partition, std::int64_t offset) {
  return cluster_->Purge(partition, offset);
}

}  // namespace leadflow
