#include "connectors/kafka/kafka_sources.h"

#include <algorithm>
#include <utility>

#include "connectors/kafka/client.h"
#include "connectors/kafka/feed.h"
#include "connectors/kafka/topic_reader.h"
#include "connectors/kafka/topics.h"

namespace leadflow {
namespace {

constexpr std::int64_t kQueueBytesMin = std::int64_t{64} << 10;  // Of a partition.
constexpr std::int64_t kQueueBytesMax = std::int64_t{16} << 20;

}  // namespace

std::string SourceNameOf(const TopicPartition& partition) {
  return partition.topic + "/" + std::to_string(partition.partition);
}

Result<std::unique_ptr<KafkaSources>> KafkaSources::Open(Options options,
                                                         std::span<const std::string> names) {
  std::map<std::string, std::uint32_t> partitions;
  std::int64_t count = 0;
  {
    // The bound of a queue is a setting of the client, and depends on the number of partitions.
    LEADFLOW_ASSIGN_OR_RETURN(const std::shared_ptr<kafka::Client> client,
                              kafka::Client::New(RD_KAFKA_CONSUMER, options.kafka, {}));
    kafka::Topics topics(client);
    std::string missing;
    for (const std::string& name : names) {
      const auto found = topics.Partitions(name);
      if (!found.ok() && found.status().code() == ErrorCode::kNotFound) {
        missing += (missing.empty() ? "" : "; ") + std::string(found.status().message());
        continue;
      }
      LEADFLOW_RETURN_IF_ERROR(found.status());
      partitions[name] = *found;
      count += *found;
    }
    if (!missing.empty()) return Status::NotFound(missing);
  }
  const std::int64_t queue_bytes = std::clamp(
      options.memory_bytes / std::max<std::int64_t>(count, 1), kQueueBytesMin, kQueueBytesMax);
  LEADFLOW_ASSIGN_OR_RETURN(
      std::shared_ptr<kafka::Client> client,
      kafka::Client::New(RD_KAFKA_CONSUMER, options.kafka, kafka::FeedSettings(queue_bytes)));
  return std::make_unique<KafkaSources>(options, queue_bytes, std::move(partitions),
                                        std::move(client));
}

KafkaSources::KafkaSources(const Options& options, std::int64_t queue_bytes,
                           std::map<std::string, std::uint32_t> partitions,
                           std::shared_ptr<kafka::Client> client)
    : until_end_(options.until_end),
      queue_bytes_(queue_bytes),
      partitions_(std::move(partitions)),
      client_(std::move(client)) {}

KafkaSources::~KafkaSources() = default;

std::unique_ptr<SourceReader> KafkaSources::NewReader(const TopicPartition& partition,
                                                      const KafkaStart& start) {
  return std::make_unique<kafka::TopicReader>(client_, partition, queue_bytes_, start, this);
}

std::int64_t KafkaSources::EndOfRun(const TopicPartition& partition, std::int64_t end_now) {
  if (!until_end_) return kafka::Feed::kNoLimit;
  const std::lock_guard lock(mutex_);
  return ends_.emplace(partition, end_now).first->second;
}

}  // namespace leadflow
