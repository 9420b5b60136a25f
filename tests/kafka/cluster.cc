#include "tests/kafka/cluster.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include "tests/unit/log/log_reading.h"

namespace leadflow {
namespace {

// For a client of the port without login.
rd_kafka_conf_t* NewConfig(const std::vector<std::pair<std::string, std::string>>& settings) {
  char text[256] = "";
  rd_kafka_conf_t* const config = rd_kafka_conf_new();
  rd_kafka_conf_set(config, "bootstrap.servers", BrokerVariable("LEADFLOW_KAFKA").c_str(), text,
                    sizeof text);
  for (const auto& [name, value] : settings) {
    EXPECT_EQ(rd_kafka_conf_set(config, name.c_str(), value.c_str(), text, sizeof text),
              RD_KAFKA_CONF_OK)
        << text;
  }
  return config;
}

}  // namespace

std::string BrokerVariable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) {
    std::cerr << name << " is not set: start this test by tests/kafka/broker.py run -- TEST\n";
    std::exit(1);
  }
  return value;
}

KafkaOptions BrokerOptions() {
  KafkaOptions options;
  options.brokers = BrokerVariable("LEADFLOW_KAFKA");
  options.replication = 1;
  options.purge_interval_ms = 0;
  options.commit_wait_ms = 2'000;
  options.session_timeout_ms = 2'000;
  return options;
}

std::string UniqueName(std::string_view name) {
  static std::atomic<int> count{0};
  static const std::string run =
      std::to_string(::getpid()) + "-" +
      std::to_string(std::chrono::system_clock::now().time_since_epoch().count() / 1'000'000);
  return "t" + run + "-" + std::to_string(++count) + "-" + std::string(name);
}

void CreateTopic(const std::string& name, int partitions,
                 const std::map<std::string, std::string>& settings) {
  char text[256] = "";
  rd_kafka_conf_t* const config = NewConfig({});
  const std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)> client(
      rd_kafka_new(RD_KAFKA_PRODUCER, config, text, sizeof text), &rd_kafka_destroy);
  ASSERT_NE(client, nullptr) << text;
  const std::unique_ptr<rd_kafka_queue_t, void (*)(rd_kafka_queue_t*)> queue(
      rd_kafka_queue_new(client.get()), &rd_kafka_queue_destroy);
  rd_kafka_NewTopic_t* topic =
      rd_kafka_NewTopic_new(name.c_str(), partitions, 1, text, sizeof text);
  for (const auto& [key, value] : settings) {
    rd_kafka_NewTopic_set_config(topic, key.c_str(), value.c_str());
  }
  rd_kafka_CreateTopics(client.get(), &topic, 1, nullptr, queue.get());
  rd_kafka_NewTopic_destroy(topic);
  const std::unique_ptr<rd_kafka_event_t, void (*)(rd_kafka_event_t*)> event(
      rd_kafka_queue_poll(queue.get(), 60'000), &rd_kafka_event_destroy);
  ASSERT_NE(event, nullptr);
  ASSERT_EQ(rd_kafka_event_error(event.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
  std::size_t count = 0;
  const rd_kafka_topic_result_t** const results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  ASSERT_EQ(count, 1u);
  ASSERT_EQ(rd_kafka_topic_result_error(results[0]), RD_KAFKA_RESP_ERR_NO_ERROR);
  // The broker answers before it takes records. A client whose first request fails meanwhile may
  // send the second before it sends the first again.
  for (int partition = 0; partition < partitions; ++partition) {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    ASSERT_TRUE(Eventually([&] {
      return rd_kafka_query_watermark_offsets(client.get(), name.c_str(), partition, &begin, &end,
                                              5'000) == RD_KAFKA_RESP_ERR_NO_ERROR;
    }));
  }
}

void Produce(const std::string& topic, const std::vector<ProducedRecord>& records) {
  char text[256] = "";
  rd_kafka_conf_t* const config = NewConfig({
      // An idempotent one of librdkafka 2.0.2 may report the first record of a new topic as written
      // that is not, if its first request fails and those behind it do not.
      {"max.in.flight.requests.per.connection", "1"},
      {"linger.ms", "5"},
      {"message.max.bytes", "4194304"},
      {"queue.buffering.max.messages", "1000000"},
  });
  std::size_t delivered = 0;
  rd_kafka_conf_set_opaque(config, &delivered);
  rd_kafka_conf_set_dr_msg_cb(
      config, [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
        EXPECT_EQ(message->err, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(message->err);
        EXPECT_GE(message->offset, 0);
        ++*static_cast<std::size_t*>(opaque);
      });
  const std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)> client(
      rd_kafka_new(RD_KAFKA_PRODUCER, config, text, sizeof text), &rd_kafka_destroy);
  ASSERT_NE(client, nullptr) << text;
  for (const ProducedRecord& record : records) {
    rd_kafka_headers_t* const headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, value] : record.headers) {
      rd_kafka_header_add(headers, name.c_str(), -1, value.data(),
                          static_cast<ssize_t>(value.size()));
    }
    // An empty value is one that is there: its pointer must be.
    const std::string value = record.value.value_or("");
    const void* const bytes = record.value ? value.c_str() : nullptr;
    ASSERT_EQ(rd_kafka_producev(client.get(), RD_KAFKA_V_TOPIC(topic.c_str()),
                                RD_KAFKA_V_PARTITION(record.partition),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                RD_KAFKA_V_KEY(record.key.data(), record.key.size()),
                                RD_KAFKA_V_VALUE(const_cast<void*>(bytes), value.size()),
                                RD_KAFKA_V_TIMESTAMP(record.timestamp_ms),
                                RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_poll(client.get(), 0);
  }
  ASSERT_EQ(rd_kafka_flush(client.get(), 60'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(delivered, records.size());
}

OpenTransaction::OpenTransaction(const std::string& id, int timeout_ms) {
  char text[256] = "";
  rd_kafka_conf_t* const config = NewConfig({{"transactional.id", id},
                                             {"transaction.timeout.ms", std::to_string(timeout_ms)},
                                             {"socket.timeout.ms", "4000"}});
  handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, config, text, sizeof text);
  EXPECT_NE(handle_, nullptr) << text;
  EXPECT_EQ(rd_kafka_init_transactions(handle_, 30'000), nullptr);
  EXPECT_EQ(rd_kafka_begin_transaction(handle_), nullptr);
}

OpenTransaction::~OpenTransaction() { rd_kafka_destroy(handle_); }

void OpenTransaction::Append(const std::string& topic, int partition, const std::string& value) {
  ASSERT_EQ(rd_kafka_producev(
                handle_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_END),
            RD_KAFKA_RESP_ERR_NO_ERROR);
  ASSERT_EQ(rd_kafka_flush(handle_, 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);
}

void OpenTransaction::SendOffset(const std::string& group, const std::string& topic, int partition,
                                 std::int64_t offset) {
  const std::unique_ptr<rd_kafka_topic_partition_list_t, void (*)(rd_kafka_topic_partition_list_t*)>
      list(rd_kafka_topic_partition_list_new(1), &rd_kafka_topic_partition_list_destroy);
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
  const std::unique_ptr<rd_kafka_consumer_group_metadata_t,
                        void (*)(rd_kafka_consumer_group_metadata_t*)>
      nobody(rd_kafka_consumer_group_metadata_new(group.c_str()),
             &rd_kafka_consumer_group_metadata_destroy);
  ASSERT_EQ(rd_kafka_send_offsets_to_transaction(handle_, list.get(), nobody.get(), 30'000),
            nullptr);
}

bool OpenTransaction::Commit() {
  rd_kafka_error_t* const error = rd_kafka_commit_transaction(handle_, 30'000);
  if (error != nullptr) rd_kafka_error_destroy(error);
  return error == nullptr;
}

StoppedBroker::StoppedBroker() : pid_(std::stoi(BrokerVariable("LEADFLOW_KAFKA_PID"))) {
  ::kill(pid_, SIGSTOP);
}

void StoppedBroker::Continue() { ::kill(pid_, SIGCONT); }

}  // namespace leadflow
