#include "tests/kafka/read_topic.h"

#include <memory>
#include <set>
#include <utility>

#include <librdkafka/rdkafka.h>

namespace leadflow {
namespace {

using Client = std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)>;
using Message = std::unique_ptr<rd_kafka_message_t, void (*)(rd_kafka_message_t*)>;

Client NewConsumer(const std::string& brokers) {
  char text[512] = "";
  rd_kafka_conf_t* const config = rd_kafka_conf_new();
  const std::pair<const char*, std::string> settings[] = {{"bootstrap.servers", brokers},
                                                          {"group.id", "unused"},
                                                          {"isolation.level", "read_committed"},
                                                          {"enable.partition.eof", "true"},
                                                          {"enable.auto.commit", "false"}};
  for (const auto& [name, value] : settings) {
    rd_kafka_conf_set(config, name, value.c_str(), text, sizeof text);
  }
  return {rd_kafka_new(RD_KAFKA_CONSUMER, config, text, sizeof text), &rd_kafka_destroy};
}

TopicRecord RecordOf(const rd_kafka_message_t& message) {
  TopicRecord record;
  record.partition = message.partition;
  record.key.assign(static_cast<const char*>(message.key), message.key_len);
  if (message.payload != nullptr) {
    record.value.emplace(static_cast<const char*>(message.payload), message.len);
  }
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t at = 0;
       rd_kafka_header_get_all(headers, at, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++at) {
    record.headers[name].assign(static_cast<const char*>(value), size);
  }
  return record;
}

}  // namespace

std::optional<std::vector<TopicRecord>> ReadTopic(const std::string& brokers,
                                                  const std::string& topic,
                                                  std::int32_t partitions) {
  const Client client = NewConsumer(brokers);
  if (client == nullptr) return std::nullopt;
  rd_kafka_poll_set_consumer(client.get());
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(partitions);
  for (std::int32_t p = 0; p < partitions; ++p) {
    rd_kafka_topic_partition_list_add(list, topic.c_str(), p)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(client.get(), list);
  rd_kafka_topic_partition_list_destroy(list);
  std::vector<TopicRecord> records;
  std::set<std::int32_t> ended;
  while (ended.size() < static_cast<std::size_t>(partitions)) {
    const Message message(rd_kafka_consumer_poll(client.get(), 20'000), &rd_kafka_message_destroy);
    if (message == nullptr) return std::nullopt;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ended.insert(message->partition);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) records.push_back(RecordOf(*message));
  }
  return records;
}

}  // namespace leadflow
