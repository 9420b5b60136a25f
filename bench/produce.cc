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

#include <librdkafka/rdkafka.h>

#include "bench/kafka_client.h"
#include "connectors/kafka/kafka_log.h"

namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "bench_produce: " << what << "\n";
  std::exit(1);
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
  rd_kafka_t* const client =
      leadflow::bench::NewClient(RD_KAFKA_PRODUCER,
                                 {{"bootstrap.servers", argv[1]},
                                  {"partitioner", "murmur2_random"},
                                  {"compression.type", "lz4"},
                                  {"linger.ms", "20"},
                                  {"max.in.flight.requests.per.connection", "1"},
                                  {"queue.buffering.max.messages", "500000"}},
                                 &failed);
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    leadflow::bench::Send(client, argv[2], line);
  }
  if (rd_kafka_flush(client, 120'000) != RD_KAFKA_RESP_ERR_NO_ERROR || failed) {
    Fail("not all records were written");
  }
  rd_kafka_destroy(client);
}
