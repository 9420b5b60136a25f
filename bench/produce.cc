// Writes the lines of standard input to a topic, as fast as the broker takes them; those of one
// lead go to one partition, in their order.
//
//   bench_produce BROKERS TOPIC PARTITIONS < events.jsonl
//
// Makes the topic. Ends with 1 if a record was not written.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include <librdkafka/rdkafka.h>

#include "connectors/kafka/kafka_log.h"

namespace {

std::string_view LeadOf(std::string_view line) {
  constexpr std::string_view kName = "\"user_id\":\"";
  const std::size_t at = line.find(kName);
  if (at == std::string_view::npos) return {};
  const std::size_t begin = at + kName.size();
  return line.substr(begin, line.find('"', begin) - begin);
}

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "bench_produce: " << what << "\n";
  std::exit(1);
}

rd_kafka_t* NewClient(const char* brokers, bool* failed) {
  char text[256] = "";
  rd_kafka_conf_t* const config = rd_kafka_conf_new();
  const char* const settings[][2] = {{"bootstrap.servers", brokers},
                                     {"partitioner", "murmur2_random"},
                                     {"compression.type", "lz4"},
                                     {"linger.ms", "20"},
                                     {"max.in.flight.requests.per.connection", "1"},
                                     {"queue.buffering.max.messages", "500000"}};
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(config, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) Fail(text);
  }
  rd_kafka_conf_set_opaque(config, failed);
  rd_kafka_conf_set_dr_msg_cb(config, [](rd_kafka_t*, const rd_kafka_message_t* message, void* to) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) *static_cast<bool*>(to) = true;
  });
  rd_kafka_t* const client = rd_kafka_new(RD_KAFKA_PRODUCER, config, text, sizeof text);
  if (client == nullptr) Fail(text);
  return client;
}

void MakeTopic(const char* brokers, const char* name, int partitions) {
  leadflow::KafkaOptions options;
  options.brokers = brokers;
  options.replication = 1;
  const auto log = leadflow::KafkaLog::Open(options);
  if (!log.ok()) Fail(log.status().ToString());
  const leadflow::TopicSpec spec{name, static_cast<std::uint32_t>(partitions)};
  if (const auto made = (*log)->EnsureTopics({&spec, 1}); !made.ok()) Fail(made.ToString());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) Fail("usage: bench_produce BROKERS TOPIC PARTITIONS < events.jsonl");
  bool failed = false;
  MakeTopic(argv[1], argv[2], std::atoi(argv[3]));
  rd_kafka_t* const client = NewClient(argv[1], &failed);
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    const std::string_view lead = LeadOf(line);
    while (true) {
      const rd_kafka_resp_err_t error = rd_kafka_producev(
          client, RD_KAFKA_V_TOPIC(argv[2]), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
          RD_KAFKA_V_KEY(lead.data(), lead.size()), RD_KAFKA_V_VALUE(line.data(), line.size()),
          RD_KAFKA_V_END);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
      if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) Fail(rd_kafka_err2str(error));
      rd_kafka_poll(client, 100);
    }
    rd_kafka_poll(client, 0);
  }
  if (rd_kafka_flush(client, 120'000) != RD_KAFKA_RESP_ERR_NO_ERROR || failed) {
    Fail("not all records were written");
  }
  rd_kafka_destroy(client);
}
