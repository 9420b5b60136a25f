// Client: one handle of librdkafka, and the words for its errors. Only for this folder.
//
// Thread-safe, as librdkafka is.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "connectors/kafka/kafka_options.h"
#include "engine/base/status.h"

namespace leadflow::kafka {

// Of one record. Topics are made to take it and checked to.
constexpr std::size_t kRecordBytesMax = std::size_t{4} << 20;

// From here on librdkafka knows fetch.queue.backoff.ms.
constexpr int kVersionWithQueueBackoff = 0x02020000;

// A point in time by which a call has to return.
class Deadline {
 public:
  explicit Deadline(std::int64_t wait_ms)
      : at_(std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms)) {}
  bool passed() const { return std::chrono::steady_clock::now() >= at_; }
  // At least 1: librdkafka takes 0 for "do not wait" and less for "for ever".
  int remaining_ms() const;

 private:
  std::chrono::steady_clock::time_point at_;
};

using Settings = std::vector<std::pair<std::string, std::string>>;

class Client {
  struct Events;

 public:
  using DeliveryCallback = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);

  struct Hooks {
    DeliveryCallback on_delivery = nullptr;  // Of a producer.
    int events = 0;                          // RD_KAFKA_EVENT_*: go to a queue.
  };

  // KafkaOptions::extra stands above `settings`.
  static Result<std::shared_ptr<Client>> New(rd_kafka_type_t type, const KafkaOptions& options,
                                             const Settings& settings, const Hooks& hooks);
  static Result<std::shared_ptr<Client>> New(rd_kafka_type_t type, const KafkaOptions& options,
                                             const Settings& settings) {
    return New(type, options, settings, {});
  }
  Client(KafkaOptions options, std::shared_ptr<Events> events, rd_kafka_t* handle)  // Use New.
      : options_(std::move(options)), events_(std::move(events)), handle_(handle) {}
  ~Client();  // Waits at most some seconds for librdkafka to end; then leaves it behind.
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* get() const { return handle_; }
  const KafkaOptions& options() const { return options_; }

  // The Status of an error of librdkafka about `what` ("topic `x`"). For errors of connections it
  // says what the client last met; a refused login is told from a broker that is away.
  Status StatusOf(rd_kafka_resp_err_t code, std::string_view what) const;

  // Whether a broker it has met is older than Apache Kafka 2.5: its transactions do not look at the
  // generation of the member that sends offsets.
  bool met_old_broker() const { return events_->old_broker; }

  // Whether calling again may help; whether a newer writer or member took the place.
  static bool Transient(rd_kafka_resp_err_t code);
  static bool Fenced(rd_kafka_resp_err_t code);

 private:
  // What the callbacks of a handle write to; outlives a handle that is left behind.
  struct Events {
    KafkaSasl sasl;
    std::mutex mutex;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::string text;
    std::atomic<bool> old_broker = false;
  };

  static void OnLog(const rd_kafka_t* handle, int level, const char* topic, const char* line);
  static void OnError(rd_kafka_t* handle, int code, const char* reason, void* opaque);
  static void OnToken(rd_kafka_t* handle, const char* config, void* opaque);

  KafkaOptions options_;
  std::shared_ptr<Events> events_;
  rd_kafka_t* handle_;
};

}  // namespace leadflow::kafka
