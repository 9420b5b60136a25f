// From an event in a topic to the committed row that it changes, as a subscriber sees it.
//
//   bench_latency BROKERS EVENTS_TOPIC ROWS_TOPIC RATE SECONDS < events.jsonl
//
// Sends the lines of standard input at RATE a second and between them, twenty times a second, a
// visit of a campaign of its own, whose row cannot be there before. Prints for each of these
//   sent_ms latency_ms
// of the monotonic clock; latency -1: the row did not come within a minute after the end.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "bench/kafka_client.h"

namespace {

using leadflow::bench::NewClient;
using leadflow::bench::Send;

constexpr std::int64_t kProbeEveryMs = 50;
constexpr std::int64_t kPatienceMs = 60'000;
constexpr std::string_view kProbe = "probe-";

struct Probe {
  std::atomic<std::int64_t> sent_ms = -1;
  std::int64_t seen_ms = -1;
};

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "bench_latency: " << what << "\n";
  std::exit(1);
}

void Produce(const char* brokers, const char* topic, std::int64_t rate,
             std::vector<Probe>* probes) {
  rd_kafka_t* const client = NewClient(
      RD_KAFKA_PRODUCER,
      {{"bootstrap.servers", brokers}, {"linger.ms", "5"}, {"partitioner", "murmur2_random"}});
  const std::int64_t begin_ms = NowMs();
  std::int64_t sent = 0;
  std::string line;
  for (std::size_t n = 0; n < probes->size(); ++n) {
    const std::int64_t due_ms = begin_ms + static_cast<std::int64_t>(n) * kProbeEveryMs;
    for (std::int64_t now = NowMs(); now < due_ms; now = NowMs()) {
      for (; sent < (now - begin_ms) * rate / 1000; ++sent) {
        if (!std::getline(std::cin, line)) Fail("standard input is too short");
        Send(client, topic, line);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const std::string name = std::string(kProbe) + std::to_string(n) + "-";
    (*probes)[n].sent_ms = due_ms;  // Also if it is late: nobody waits less for that.
    Send(client, topic,
         R"({"id":")" + name + std::to_string(begin_ms) +
             R"(","time":"2025-06-01T00:00:00Z","kind":"web_visit","user_id":")" + name +
             R"(","utm":{"source":"google","medium":"cpc","campaign":")" + name +
             R"("},"country":"AT"})");
  }
  rd_kafka_flush(client, kPatienceMs);
  rd_kafka_destroy(client);
}

// The topic may be made by a process that has only just begun.
rd_kafka_t* Subscribe(const char* brokers, const char* topic) {
  rd_kafka_t* const client =
      NewClient(RD_KAFKA_CONSUMER,
                {{"bootstrap.servers", brokers},
                 {"group.id", "bench-latency"},  // An assignment needs one; nothing is committed.
                 {"enable.auto.commit", "false"},
                 {"fetch.wait.max.ms", "50"},
                 {"isolation.level", "read_committed"}});
  rd_kafka_topic_t* const handle = rd_kafka_topic_new(client, topic, nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  for (const std::int64_t end_ms = NowMs() + kPatienceMs;;) {
    if (rd_kafka_metadata(client, 0, handle, &metadata, kPatienceMs) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (metadata->topics[0].partition_cnt > 0) break;
      rd_kafka_metadata_destroy(metadata);
    }
    if (NowMs() > end_ms) Fail(std::string("no topic ") + topic);
    rd_kafka_poll(client, 20);
  }
  rd_kafka_topic_partition_list_t* const all = rd_kafka_topic_partition_list_new(8);
  for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) {
    rd_kafka_topic_partition_list_add(all, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  if (const auto error = rd_kafka_assign(client, all); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Fail(rd_kafka_err2str(error));
  }
  rd_kafka_topic_partition_list_destroy(all);
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(handle);
  rd_kafka_poll_set_consumer(client);
  return client;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) Fail("usage: bench_latency BROKERS EVENTS_TOPIC ROWS_TOPIC RATE SECONDS");
  const std::int64_t seconds = std::atoll(argv[5]);
  std::vector<Probe> probes(static_cast<std::size_t>(seconds * 1000 / kProbeEveryMs));
  rd_kafka_t* const client = Subscribe(argv[1], argv[3]);
  std::thread producer([&] { Produce(argv[1], argv[2], std::atoll(argv[4]), &probes); });
  const std::int64_t end_ms = NowMs() + seconds * 1000 + kPatienceMs;
  for (std::size_t seen = 0; seen < probes.size() && NowMs() < end_ms;) {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(client, 100);
    if (message == nullptr) continue;
    const std::string_view key(static_cast<const char*>(message->key), message->key_len);
    if (const std::size_t at = key.find(kProbe); at != std::string_view::npos) {
      const std::size_t n = static_cast<std::size_t>(std::atoll(key.data() + at + kProbe.size()));
      if (n < probes.size() && probes[n].seen_ms < 0) {
        probes[n].seen_ms = NowMs();
        ++seen;
      }
    }
    rd_kafka_message_destroy(message);
  }
  producer.join();
  for (const Probe& probe : probes) {
    const std::int64_t sent_ms = probe.sent_ms;
    std::printf("%lld %lld\n", static_cast<long long>(sent_ms),
                static_cast<long long>(probe.seen_ms < 0 ? -1 : probe.seen_ms - sent_ms));
  }
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
}
