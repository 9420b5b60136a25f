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

rd_kafka_topic_partition_list_t* ListOf(std::span<const TopicPartition> partitions) {
  rd_kafka_topic_partition_list_t* const list =
      rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size()));
  for (const TopicPartition& one : partitions) {
    rd_kafka_topic_partition_list_add(list, one.topic.c_str(),
                                      static_cast<std::int32_t>(one.partition));
  }
  return list;
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

Result<std::vector<std::int64_t>> AskOffsetsAt(const std::shared_ptr<Client>& client,
                                               std::span<const TopicPartition> partitions,
                                               std::int64_t time_ms) {
  struct Answer {
    std::vector<std::int64_t> offsets;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
  };
  if (partitions.empty()) return std::vector<std::int64_t>();
  LEADFLOW_ASSIGN_OR_RETURN(
      const auto answer,
      AskInTime<Answer>(
          *client, client->options().answer_timeout_ms, NameOf(partitions[0]),
          [client, asked = std::vector(partitions.begin(), partitions.end()), time_ms](
              Answer& to, int wait_ms) {
            const Offsets list(ListOf(asked));
            for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = time_ms;
            to.error = rd_kafka_offsets_for_times(client->get(), list.get(), wait_ms);
            // librdkafka answers in its own order.
            const TopicPartition* failed =
                to.error == RD_KAFKA_RESP_ERR_NO_ERROR ? nullptr : &asked[0];
            for (const TopicPartition& one : asked) {
              const rd_kafka_topic_partition_t& found = *rd_kafka_topic_partition_list_find(
                  list.get(), one.topic.c_str(), static_cast<std::int32_t>(one.partition));
              to.offsets.push_back(found.offset);
              if (failed != nullptr || found.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
              failed = &one;
              to.error = found.err;
            }
            if (failed != nullptr) FindLeaderAnew(*client, *failed, wait_ms);
          }));
  return answer->offsets;
}

// librdkafka asks for stable offsets if its client reads committed records: a broker that has a
// transaction under way that moves one answers that it is to be asked again.
Result<std::vector<GroupOffset>> AskGroupOffsets(const std::shared_ptr<Client>& client,
                                                 std::int64_t timeout_ms, const std::string& group,
                                                 std::span<const TopicPartition> inputs) {
  struct Answer {
    std::vector<GroupOffset> offsets;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
  };
  if (inputs.empty()) return std::vector<GroupOffset>();
  LEADFLOW_ASSIGN_OR_RETURN(
      const auto answer,
      AskInTime<Answer>(
          *client, timeout_ms, "the offset of group `" + group + "` in " + NameOf(inputs[0]),
          [client, asked = std::vector(inputs.begin(), inputs.end())](Answer& to, int wait_ms) {
            const Offsets list(ListOf(asked));
            to.error = rd_kafka_committed(client->get(), list.get(), wait_ms);
            if (to.error == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
              to.error = RD_KAFKA_RESP_ERR_NO_ERROR;
              to.offsets.resize(asked.size());
              return;
            }
            for (int i = 0; i < list->cnt; ++i) {
              const rd_kafka_topic_partition_t& one = list->elems[i];
              if (to.error == RD_KAFKA_RESP_ERR_NO_ERROR) to.error = one.err;
              GroupOffset& offset = to.offsets.emplace_back();
              offset.offset = std::max<std::int64_t>(one.offset, -1);
              if (one.metadata == nullptr) continue;
              offset.note.assign(static_cast<const char*>(one.metadata), one.metadata_size);
            }
          }));
  return answer->offsets;
}

}  // namespace leadflow::kafka
