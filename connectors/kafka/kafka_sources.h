// KafkaSources: topics of a cluster as inputs of a job: one SourceReader per partition, any keys,
// any number of partitions, committed records only. All readers of a process share one connection
// and one bound on what is fetched ahead.
//
// A reader's position is the offset of the next record. It goes on from there as long as the topic
// still has it; if not, Seek and Read fail with kFailedPrecondition. A message's log time is the
// timestamp of its record, or now if that is ahead of now.
//
// Thread-safe; a reader is used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "connectors/kafka/kafka_options.h"
#include "engine/api/source.h"
#include "engine/base/status.h"
#include "engine/log/log.h"

namespace leadflow {

namespace kafka {
class Client;
}

// Where a partition is begun that no run has read yet.
struct KafkaStart {
  enum class From : std::uint8_t { kEarliest, kLatest, kTime } from = From::kEarliest;
  std::int64_t time_ms = 0;  // kTime: at the first record with this timestamp or a later one.
};

class KafkaSources {
 public:
  struct Options {
    KafkaOptions kafka;
    std::int64_t memory_bytes = std::int64_t{32} << 20;  // Fetched ahead, of all partitions.
    // Readers end where the partition ended when it was first asked for in this process, though
    // producers go on. Else they never end.
    bool until_end = false;
  };

  // Asks how many partitions the topics have. kNotFound names all that do not exist.
  static Result<std::unique_ptr<KafkaSources>> Open(Options options,
                                                    std::span<const std::string> topics);
  KafkaSources(const Options& options, std::int64_t queue_bytes,
               std::map<std::string, std::uint32_t> partitions,
               std::shared_ptr<kafka::Client> client);  // Use Open.
  ~KafkaSources();                                      // Readers have to be gone.

  // REQUIRES: the topic was one of Open's
  std::uint32_t partitions(const std::string& topic) const { return partitions_.at(topic); }

  // Reads nothing before its Seek.
  std::unique_ptr<SourceReader> NewReader(const TopicPartition& partition, const KafkaStart& start);

  // For readers: where a run until the end stops.
  std::int64_t EndOfRun(const TopicPartition& partition, std::int64_t end_now);

 private:
  const bool until_end_;
  const std::int64_t queue_bytes_;  // Of a partition.
  const std::map<std::string, std::uint32_t> partitions_;
  const std::shared_ptr<kafka::Client> client_;
  std::mutex mutex_;
  std::map<TopicPartition, std::int64_t> ends_;  // Guarded by mutex_. Of a run until the end.
};

// "web.events/3": names a partition in state, for ever, and for people.
std::string SourceNameOf(const TopicPartition& partition);

}  // namespace leadflow
