#include "connectors/kafka/forget.h"

#include <memory>

#include "connectors/kafka/client.h"
#include "connectors/kafka/questions.h"
#include "connectors/kafka/topics.h"

namespace leadflow {
namespace {

using kafka::Ask;
using kafka::Client;
using kafka::Event;

Status CheckNobodyIn(const std::shared_ptr<Client>& client, const std::string& group) {
  struct Members {
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    int count = 0;
  };
  LEADFLOW_ASSIGN_OR_RETURN(
      const std::shared_ptr<const Members> members,
      kafka::AskInTime<Members>(
          *client, client->options().answer_timeout_ms, "group `" + group + "`",
          [client, group](Members& answer, int wait_ms) {
            const rd_kafka_group_list* groups = nullptr;
            answer.error = rd_kafka_list_groups(client->get(), group.c_str(), &groups, wait_ms);
            if (answer.error != RD_KAFKA_RESP_ERR_NO_ERROR) return;
            for (int i = 0; i < groups->group_cnt; ++i) {
              if (groups->groups[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                answer.error = groups->groups[i].err;
              }
              answer.count += groups->groups[i].member_cnt;
            }
            rd_kafka_group_list_destroy(groups);
          }));
  if (members->count == 0) return {};
  return {ErrorCode::kFailedPrecondition,
          "group `" + group + "` has " + std::to_string(members->count) +
              " members: stop all processes of this pipeline, and wait for "
              "`kafka.session_timeout` (" +
              std::to_string(client->options().session_timeout_ms / 1000) +
              " s) after the last has ended"};
}

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
  if (error == nullptr || rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
    return {};
  }
  return client->StatusOf(rd_kafka_error_code(error), what);
}

}  // namespace

Status ForgetOnKafka(const KafkaOptions& options, const std::string& group,
                     std::span<const std::string> topics) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::shared_ptr<Client> client,
                            Client::New(RD_KAFKA_CONSUMER, options, {}));
  LEADFLOW_RETURN_IF_ERROR(CheckNobodyIn(client, group));
  for (const std::string& topic : topics) LEADFLOW_RETURN_IF_ERROR(DeleteTopic(client, topic));
  return DeleteGroup(client, group);
}

}  // namespace leadflow
