// Feed: the committed records of one partition from an offset on, fetched ahead by librdkafka into
// a queue of its own. Only for this folder; used by one thread at a time.
//
// Each partition has its own queue, so that one that rests holds up no other, and what is fetched
// ahead has a bound per partition. A Start begins with a new queue, so nothing from before it can
// arrive.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "connectors/kafka/client.h"
#include "connectors/kafka/topics.h"
#include "engine/log/log.h"

namespace leadflow::kafka {

struct MessageDeleter {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
// Its bytes, and those of its key and headers, live as long as it does.
using Message = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;

std::string_view KeyOf(const rd_kafka_message_t& message);
std::string_view ValueOf(const rd_kafka_message_t& message);
std::int64_t TimestampOf(const rd_kafka_message_t& message);  // -1: it has none.

// Of a client whose partitions are read by Feeds of this bound: so many bytes are fetched ahead of
// each, somewhat more, and about as much again for what librdkafka keeps beside small records.
Settings FeedSettings(std::int64_t queue_bytes);

class Feed {
 public:
  static constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

  // `queue_bytes`: as in the settings of the client.
  Feed(std::shared_ptr<Client> client, TopicPartition name, std::int64_t queue_bytes);
  ~Feed() { Stop(); }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // REQUIRES: the partition exists; offset >= 0.
  Status Start(std::int64_t offset);
  // Nothing is fetched any more. The position stays.
  void Stop();

  // Puts about `max_bytes` of what has arrived behind `messages`, none at offset `limit` or beyond,
  // and returns how many bytes it was. Never waits. An error behind records is in failure() once
  // they are through.
  std::size_t Take(std::size_t max_bytes, std::vector<Message>* messages,
                   std::int64_t limit = kNoLimit);

  // For who found nothing and is not at the end: kUnavailable once that has been so for longer than
  // brokers may be silent.
  Status CheckPatience();
  void ForgetPatience() { dry_since_ns_ = 0; }

  const TopicPartition& name() const { return name_; }
  // Offset of the next record; -1 before the first Start.
  std::int64_t position() const { return position_; }
  // Offsets between the position and what the brokers last said is the end.
  std::int64_t left() const;
  // The brokers said that nothing committed lies at the position or behind it.
  bool at_end() const { return at_end_; }
  const Status& failure() const { return failure_; }

 private:
  void Fetch();
  bool Stalls() const;
  void Control(const rd_kafka_message_t& message);

  const std::shared_ptr<Client> client_;
  const TopicPartition name_;
  const Topic topic_;
  const std::int64_t queue_bytes_;
  Queue queue_;
  std::vector<rd_kafka_message_t*> fetched_;  // Owned; from next_ on not yet taken.
  std::size_t next_ = 0;
  std::int64_t bytes_taken_ = 0;  // Since the last Start.
  std::int64_t records_taken_ = 0;
  std::int64_t position_ = -1;
  bool at_end_ = false;
  Status failure_;                 // Of the partition, until the next Start.
  std::int64_t dry_since_ns_ = 0;  // When nothing was found first, and not the end. 0: not so.
};

}  // namespace leadflow::kafka
