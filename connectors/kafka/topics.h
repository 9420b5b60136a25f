// Topics: what the cluster has of the topics that the engine asks for, and the making of those that
// are missing. Only for this folder.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "connectors/kafka/client.h"
#include "engine/base/status.h"
#include "engine/log/log.h"

namespace leadflow::kafka {

struct EventDeleter {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
using Event = std::unique_ptr<rd_kafka_event_t, EventDeleter>;
struct QueueDeleter {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
using Queue = std::unique_ptr<rd_kafka_queue_t, QueueDeleter>;
struct OffsetsDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using Offsets = std::unique_ptr<rd_kafka_topic_partition_list_t, OffsetsDeleter>;
struct TopicDeleter {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
using Topic = std::unique_ptr<rd_kafka_topic_t, TopicDeleter>;
struct AdminOptionsDeleter {
  void operator()(rd_kafka_AdminOptions_t* options) const {
    rd_kafka_AdminOptions_destroy(options);
  }
};
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, AdminOptionsDeleter>;

AdminOptions NewAdminOptions(const Client& client, rd_kafka_admin_op_t operation,
                             std::int64_t timeout_ms);

// Sends a request of the admin kind and waits for its answer. `what` is for the error.
Result<Event> Ask(const Client& client, rd_kafka_admin_op_t operation, std::int64_t wait_ms,
                  std::string_view what,
                  const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send);

// "topic `x`, partition 3"
std::string NameOf(const TopicPartition& partition);

class Topics {
 public:
  explicit Topics(std::shared_ptr<Client> client) : client_(std::move(client)) {}

  // See KafkaLog::EnsureTopics.
  Status Ensure(std::span<const TopicSpec> specs);

  // How many it has now; what Ensure has made and nobody has used yet is there. kNotFound: there is
  // no such topic.
  Result<std::uint32_t> Partitions(const std::string& topic);

  // OK if the partition exists. Asks the cluster once per topic. Whoever is to use a partition asks
  // here first: this waits until a topic that Ensure made is ready.
  Status Check(const TopicPartition& partition);

  bool compacted(const std::string& topic) const;

 private:
  struct Shape {
    std::uint32_t partitions = 0;
    std::uint32_t replicas = 0;  // The fewest of any partition.
    bool ready = false;          // Every partition has a leader.
  };
  // nullopt: there is no such topic.
  Result<std::optional<Shape>> Describe(const std::string& topic) const;
  Status Create(std::span<const TopicSpec* const> specs, std::vector<const TopicSpec*>* existing);
  // Waits until the brokers know a topic that is there, or also who leads its partitions.
  enum class Until : std::uint8_t { kKnown, kLed };
  Result<Shape> Await(const std::string& topic, Until until) const;
  Status AwaitNew(const std::string& topic);
  std::uint32_t PartitionsOfNew(const std::string& topic);
  Status CheckSettings(std::span<const TopicSpec* const> specs) const;
  Status CheckShape(const TopicSpec& spec, const Shape& shape) const;

  std::shared_ptr<Client> client_;
  mutable std::mutex mutex_;
  std::map<std::string, std::uint32_t>
      partitions_;                          // Guarded by mutex_. Fixed when a topic is made.
  std::map<std::string, Cleanup> cleanup_;  // Guarded by mutex_.
  // Made by Ensure, with a leader that may not take records yet: a first request that fails costs a
  // writer its transaction. Brokers need some 20 ms for each; meanwhile other things begin.
  std::mutex new_mutex_;
  std::map<std::string, std::uint32_t> new_;  // Partitions by topic. Guarded by new_mutex_.
};

}  // namespace leadflow::kafka
