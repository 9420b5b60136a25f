// The SourceReader of one partition. Only for this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/kafka/feed.h"
#include "connectors/kafka/kafka_sources.h"
#include "engine/api/source.h"

namespace leadflow::kafka {

class TopicReader final : public SourceReader {
 public:
  // `sources` outlives it.
  TopicReader(std::shared_ptr<Client> client, const TopicPartition& partition,
              std::int64_t queue_bytes, const KafkaStart& start, KafkaSources* sources);

  Status Seek(std::string_view position) override;
  Result<std::size_t> Read(std::size_t max_bytes,
                           const std::function<void(std::span<const MessageView>)>& handle,
                           const Bad& bad) override;
  std::string position() const override;
  bool AtEnd() const override { return feed_.position() >= end_; }
  bool Idle() const override { return feed_.at_end(); }
  std::optional<std::int64_t> records_left() const override { return feed_.left(); }
  std::optional<TopicOffset> topic_offset() const override {
    return TopicOffset{feed_.name().topic, feed_.name().partition, feed_.position()};
  }

 private:
  Result<std::int64_t> FirstOffset(std::int64_t begin, std::int64_t end) const;
  Status Failure() const;
  MessageView ViewOf(const rd_kafka_message_t& message, std::int64_t now_ms);
  const RecordExtras* ExtrasOf(const rd_kafka_message_t& message);

  const std::shared_ptr<Client> client_;
  const KafkaStart start_;
  KafkaSources& sources_;
  const std::string name_;
  Feed feed_;
  std::int64_t end_ = Feed::kNoLimit;
  // Of the last Read.
  std::vector<Message> messages_;
  std::vector<RecordExtras> extras_;
  std::vector<MessageView> views_;
};

}  // namespace leadflow::kafka
