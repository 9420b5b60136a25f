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

namespace leadflow {

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
  rd_kafka_conf_t* const config = rd_kafka_conf_new();
  rd_kafka_conf_set(config, "bootstrap.servers", BrokerVariable("LEADFLOW_KAFKA").c_str(), text,
                    sizeof text);
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
}

StoppedBroker::StoppedBroker() : pid_(std::stoi(BrokerVariable("LEADFLOW_KAFKA_PID"))) {
  ::kill(pid_, SIGSTOP);
}

void StoppedBroker::Continue() { ::kill(pid_, SIGCONT); }

}  // namespace leadflow
