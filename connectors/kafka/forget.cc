#include "connectors/kafka/forget.h"

#include <cstdlib>
#include <memory>

#include "connectors/kafka/client.h"
#include "connectors/kafka/questions.h"
#include "connectors/kafka/topics.h"

namespace leadflow {
namespace {

using kafka::Ask;
using kafka::Client;
using kafka::Event;

Status DeleteTopic(const std::shared_ptr<Client>& client, const std::string& topic) {
  constexpr int kPauseMs = 20;
  const std::string what = "deleting topic `" + topic + "`";
  const auto free_topic = [](rd_kafka_DeleteTopic_t* one) { rd_kafka_DeleteTopic_destroy(one); };
  const std::unique_ptr<rd_kafka_DeleteTopic_t, decltype(free_topic)> request(
      rd_kafka_DeleteTopic_new(topic.c_str()), free_topic);
  rd_kafka_DeleteTopic_t* raw = request.get();
  LEADFLOW_ASSIGN_OR_RETURN(
      const Event event,
      Ask(*client, RD_KAFKA_ADMIN_OP_DELETETOPICS, client->options().answer_timeout_ms, what,
          [&](rd_kafka_AdminOptions_t* admin, rd_kafka_queue_t* queue) {
            rd_kafka_DeleteTopics(client->get(), &raw, 1, admin, queue);
          }));
  std::size_t count = 0;
  const rd_kafka_topic_result_t** const results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  if (count != 1) return {ErrorCode::kInternal, what + ": no answer about it"};
  const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[0]);
  if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return {};
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client->StatusOf(error, what);
  // The brokers take their time; one of the same name cannot be made before.
  const kafka::Deadline deadline(client->options().answer_timeout_ms);
  kafka::Topics topics(client);
  while (true) {
    const auto there = topics.Partitions(topic);
    if (!there.ok() && there.status().code() == ErrorCode::kNotFound) return {};
    if (!there.ok() && !there.status().retryable()) return there.status();
    if (deadline.passed()) return Status::Unavailable(what + ": the brokers have not done it yet");
    rd_kafka_poll(client->get(), kPauseMs);
  }
}

Status DeleteGroup(const std::shared_ptr<Client>& client, const std::string& group) {
  const std::string what = "deleting group `" + group + "`";
  const auto free_group = [](rd_kafka_DeleteGroup_t* one) { rd_kafka_DeleteGroup_destroy(one); };
  const std::unique_ptr<rd_kafka_DeleteGroup_t, decltype(free_group)> request(
      rd_kafka_DeleteGroup_new(group.c_str()), free_group);
  rd_kafka_DeleteGroup_t* raw = request.get();
  LEADFLOW_ASSIGN_OR_RETURN(
      const Event event,
      Ask(*client, RD_KAFKA_ADMIN_OP_DELETEGROUPS, client->options().answer_timeout_ms, what,
          [&](rd_kafka_AdminOptions_t* admin, rd_kafka_queue_t* queue) {
            rd_kafka_DeleteGroups(client->get(), &raw, 1, admin, queue);
          }));
  std::size_t count = 0;
  const rd_kafka_group_result_t** const results =
      rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event.get()), &count);
  if (count != 1) return {ErrorCode::kInternal, what + ": no answer about it"};
  const rd_kafka_error_t* const error = rd_kafka_group_result_error(results[0]);
  const rd_kafka_resp_err_t code =
      error == nullptr ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) return {};
  if (code != RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP) return client->StatusOf(code, what);
  return {ErrorCode::kFailedPrecondition,
          "group `" + group +
              "` still has members: stop all processes of this pipeline, and wait for "
              "`kafka.session_timeout` (" +
              std::to_string(client->options().session_timeout_ms / 1000) +
              " s) after the last has ended"};
}

Result<bool> IsAnyThere(const std::shared_ptr<Client>& client, std::span<const std::string> names) {
  kafka::Topics topics(client);
  for (const std::string& name : names) {
    const Status status = topics.Partitions(name).status();
    if (status.ok()) return true;
    if (status.code() != ErrorCode::kNotFound) return status;
  }
  return false;
}

Status DeleteAll(const std::shared_ptr<Client>& client, std::span<const std::string> topics) {
  for (const std::string& topic : topics) LEADFLOW_RETURN_IF_ERROR(DeleteTopic(client, topic));
  return {};
}

// A refusal does not take back what an earlier reset has begun.
Status Begin(const std::shared_ptr<Client>& client, const std::string& group) {
  const std::string sign = ForgettingTopic(group);
  LEADFLOW_ASSIGN_OR_RETURN(const bool begun, IsAnyThere(client, {&sign, 1}));
  const TopicSpec spec{sign, 1, Cleanup::kDelete};
  LEADFLOW_RETURN_IF_ERROR(kafka::Topics(client).Ensure({&spec, 1}));
  const Status status = DeleteGroup(client, group);
  if (status.ok() || begun) return status;
  const Status undone = DeleteTopic(client, sign);
  return undone.ok() ? status : undone.WithContext(std::string(status.message()));
}

}  // namespace

std::string ForgettingTopic(const std::string& group) { return group + ".reset"; }

Status CheckNotForgotten(Log& log, const std::string& group) {
  const Status status = log.Partitions(ForgettingTopic(group)).status();
  if (status.code() == ErrorCode::kNotFound) return {};
  if (!status.ok()) return status;
  return {ErrorCode::kFailedPrecondition,
          "a reset or restore of this pipeline has begun and not ended (topic `" +
              ForgettingTopic(group) + "`): `leadflow reset` removes what is left"};
}

Status BeginAnew(KafkaOptions options, const std::string& group) {
  options.create_topics = true;
  LEADFLOW_ASSIGN_OR_RETURN(const std::shared_ptr<Client> client,
                            Client::New(RD_KAFKA_CONSUMER, options, {}));
  return Begin(client, group);
}

Status EndAnew(const KafkaOptions& options, const std::string& group) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::shared_ptr<Client> client,
                            Client::New(RD_KAFKA_CONSUMER, options, {}));
  return DeleteTopic(client, ForgettingTopic(group));
}

Status ForgetOnKafka(KafkaOptions options, const std::string& group,
                     std::span<const std::string> topics) {
  options.create_topics = true;
  LEADFLOW_ASSIGN_OR_RETURN(const std::shared_ptr<Client> client,
                            Client::New(RD_KAFKA_CONSUMER, options, {}));
  const std::string sign = ForgettingTopic(group);
  LEADFLOW_ASSIGN_OR_RETURN(const bool begun, IsAnyThere(client, {&sign, 1}));
  LEADFLOW_ASSIGN_OR_RETURN(const bool any, IsAnyThere(client, topics));
  if (!begun && !any) return {};
  LEADFLOW_RETURN_IF_ERROR(Begin(client, group));
  if (const Status status = DeleteAll(client, topics); !status.ok()) {
    return {status.code(), std::string(status.message()) +
                               "; the pipeline does not start until `leadflow reset` has ended"};
  }
  return DeleteTopic(client, sign);
}

Result<std::string> ClusterIdOf(const KafkaOptions& options) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::shared_ptr<Client> client,
                            Client::New(RD_KAFKA_CONSUMER, options, {}));
  const std::unique_ptr<char, decltype(&std::free)> id(
      rd_kafka_clusterid(client->get(), options.answer_timeout_ms), &std::free);
  if (id != nullptr) return std::string(id.get());
  return client->StatusOf(RD_KAFKA_RESP_ERR__TIMED_OUT, "asking for the cluster's id");
}

}  // namespace leadflow
