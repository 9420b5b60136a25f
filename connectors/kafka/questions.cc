#include "connectors/kafka/questions.h"

#include "connectors/kafka/topics.h"

namespace leadflow::kafka {
namespace {

// librdkafka remembers for minutes who leads a partition, also when that one says that it does not,
// unless the topic is asked about.
void FindLeaderAnew(const Client& client, const TopicPartition& partition, int wait_ms) {
  const Topic topic(rd_kafka_topic_new(client.get(), partition.topic.c_str(), nullptr));
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(client.get(), 0, topic.get(), &metadata, std::min(wait_ms, 500));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_metadata_destroy(metadata);
}

}  // namespace

Result<Ends> AskEnds(const std::shared_ptr<Client>& client, const TopicPartition& partition) {
  struct Answer {
    Ends ends;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
  };
  LEADFLOW_ASSIGN_OR_RETURN(
      const auto answer,
      AskInTime<Answer>(*client, client->options().answer_timeout_ms, NameOf(partition),
                        [client, partition](Answer& to, int wait_ms) {
                          to.error = rd_kafka_query_watermark_offsets(
                              client->get(), partition.topic.c_str(),
                              static_cast<std::int32_t>(partition.partition), &to.ends.start,
                              &to.ends.end, wait_ms);
                          if (to.error != RD_KAFKA_RESP_ERR_NO_ERROR) {
                            FindLeaderAnew(*client, partition, wait_ms);
                          }
                        }));
  return answer->ends;
}

Result<std::int64_t> AskOffsetAt(const std::shared_ptr<Client>& client,
                                 const TopicPartition& partition, std::int64_t time_ms) {
  struct Answer {
    std::int64_t offset = -1;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
  };
  LEADFLOW_ASSIGN_OR_RETURN(
      const auto answer,
      AskInTime<Answer>(*client, client->options().answer_timeout_ms, NameOf(partition),
                        [client, partition, time_ms](Answer& to, int wait_ms) {
                          const Offsets list(rd_kafka_topic_partition_list_new(1));
                          rd_kafka_topic_partition_t* const one = rd_kafka_topic_partition_list_add(
                              list.get(), partition.topic.c_str(),
                              static_cast<std::int32_t>(partition.partition));
                          one->offset = time_ms;
                          to.error = rd_kafka_offsets_for_times(client->get(), list.get(), wait_ms);
                          if (to.error == RD_KAFKA_RESP_ERR_NO_ERROR) to.error = one->err;
                          to.offset = one->offset;
                          if (to.error != RD_KAFKA_RESP_ERR_NO_ERROR) {
                            FindLeaderAnew(*client, partition, wait_ms);
                          }
                        }));
  return answer->offset;
}

}  // namespace leadflow::kafka
