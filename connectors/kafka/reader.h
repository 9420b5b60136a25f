// The reader of a KafkaLog. Only for this folder.
//
// Built on librdkafka's consumption by partition, one queue each: a partition that rests, or a poll
// that is full, holds up no other one, and what is fetched ahead has a bound per partition. A Seek
// begins with a new queue, so nothing from before it can arrive.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/kafka/client.h"
#include "connectors/kafka/topics.h"
#include "engine/log/log.h"

namespace leadflow::kafka {

class Reader final : public LogReader {
 public:
  // `topics` outlives the reader.
  Reader(const KafkaOptions& options, Topics* topics);
  ~Reader() override;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Status Seek(const TopicPartition& partition, std::int64_t offset) override;
  void Pause(const TopicPartition& partition) override;
  void Resume(const TopicPartition& partition) override;
  Result<std::size_t> Poll(std::size_t max_bytes,
                           const std::function<void(const TopicPartition&,
                                                    std::span<const LogRecord>)>& handle) override;
  std::int64_t Position(const TopicPartition& partition) const override;
  bool AtEnd(const TopicPartition& partition) const override;

 private:
  struct Input {
    TopicPartition name;
    rd_kafka_topic_t* topic = nullptr;  // topics_ owns it.
    Queue queue;
    std::vector<rd_kafka_message_t*> fetched;  // Owned; from `next` on not yet handed out.
    std::size_t next = 0;
    std::int64_t position = -1;
    bool paused = false;
    bool at_end = false;
    Status failure;                 // Of the partition; every Poll reports it until the next Seek.
    std::int64_t dry_since_ns = 0;  // When Poll first found nothing, and not the end. 0: not so.
  };
  using Handle = std::function<void(const TopicPartition&, std::span<const LogRecord>)>;

  void Stop(Input& input);
  void Fetch(Input& input);
  std::size_t HandOut(Input& input, std::size_t max_bytes, const Handle& handle,
                      std::size_t* bytes_handed);
  void Control(Input& input, const rd_kafka_message_t& message);
  Status CheckPatience(Input& input);
  Result<std::size_t> PollOnce(std::size_t max_bytes, const Handle& handle);
  void Release();

  Topics& topics_;
  std::shared_ptr<Client> client_;
  Status broken_;  // Of the whole reader.
  std::map<std::string, Topic> handles_;
  std::vector<std::unique_ptr<Input>> inputs_;
  std::map<TopicPartition, Input*> by_name_;
  std::size_t first_ = 0;                    // The input that the next Poll begins with.
  std::vector<rd_kafka_message_t*> handed_;  // Owned; their bytes are the caller's until next Poll.
  std::deque<std::vector<LogRecord>> batches_;  // Of the last Poll; a batch stays where it is.
};

}  // namespace leadflow::kafka
