// The reader of a KafkaLog. Only for this folder.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "connectors/kafka/client.h"
#include "connectors/kafka/feed.h"
#include "connectors/kafka/topics.h"
#include "engine/log/log.h"

namespace leadflow::kafka {

class Reader final : public LogReader {
 public:
  // `topics` outlives the reader.
  Reader(const KafkaOptions& options, Topics* topics, std::size_t ahead_bytes);
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
  std::int64_t Left(const TopicPartition& partition) const override;

 private:
  struct Input {
    Input(std::shared_ptr<Client> client, const TopicPartition& name, std::int64_t queue_bytes)
        : feed(std::move(client), name, queue_bytes) {}
    Feed feed;
    bool paused = false;
  };
  using Handle = std::function<void(const TopicPartition&, std::span<const LogRecord>)>;

  std::size_t HandOut(Feed& feed, std::size_t max_bytes, const Handle& handle,
                      std::size_t* bytes_handed);
  Result<std::size_t> PollOnce(std::size_t max_bytes, const Handle& handle);
  void Release();

  Topics& topics_;
  const std::int64_t ahead_bytes_;  // Of each partition.
  std::shared_ptr<Client> client_;
  Status broken_;  // Of the whole reader.
  std::vector<std::unique_ptr<Input>> inputs_;
  std::map<TopicPartition, Input*> by_name_;
  std::size_t first_ = 0;  // The input that the next Poll begins with.
  // Of the last Poll: its records are the caller's until the next. A batch stays where it is.
  std::vector<Message> handed_;
  std::deque<std::vector<LogRecord>> batches_;
};

}  // namespace leadflow::kafka
