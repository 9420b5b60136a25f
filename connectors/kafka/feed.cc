#include "connectors/kafka/feed.h"

#include <algorithm>
#include <utility>

#include "engine/base/clock.h"

namespace leadflow::kafka {
namespace {

constexpr std::size_t kFetchMessages = 1024;
// Compressed: JSON takes ten times as much in memory, beyond what the queue may hold.
constexpr std::int64_t kAnswerBytesMax = std::int64_t{256} << 10;
constexpr std::int64_t kRecordBytes = 512;  // That librdkafka keeps beside a record in a queue.

std::int64_t RecordsMax(std::int64_t queue_bytes) {
  return std::max<std::int64_t>(queue_bytes / kRecordBytes, 1);
}

std::string_view View(const void* bytes, std::size_t size) {
  return {static_cast<const char*>(bytes), bytes == nullptr ? 0 : size};
}

}  // namespace

std::string_view KeyOf(const rd_kafka_message_t& message) {
  return View(message.key, message.key_len);
}

std::string_view ValueOf(const rd_kafka_message_t& message) {
  return View(message.payload, message.len);
}

std::int64_t TimestampOf(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type{};
  return rd_kafka_message_timestamp(&message, &type);
}

// The end of a partition is told with the first answer that is empty, and a broker holds that back
// for fetch.wait.max.ms. A queue may be as much too full as one answer brings of its partition.
Settings FeedSettings(std::int64_t queue_bytes) {
  return {
      {"isolation.level", "read_committed"},
      {"enable.auto.commit", "false"},
      {"enable.partition.eof", "true"},
      {"fetch.wait.max.ms", "50"},
      {"fetch.error.backoff.ms", "50"},
      {"queued.max.messages.kbytes", std::to_string(std::max<std::int64_t>(queue_bytes >> 10, 1))},
      {"queued.min.messages", std::to_string(RecordsMax(queue_bytes))},
      {"fetch.message.max.bytes", std::to_string(std::clamp<std::int64_t>(
                                      queue_bytes / 2, std::int64_t{64} << 10, kAnswerBytesMax))},
      {"auto.offset.reset", "error"},
  };
}

Feed::Feed(std::shared_ptr<Client> client, TopicPartition name, std::int64_t queue_bytes)
    : client_(std::move(client)),
      name_(std::move(name)),
      topic_(rd_kafka_topic_new(client_->get(), name_.topic.c_str(), nullptr)),
      queue_bytes_(queue_bytes) {}

void Feed::Stop() {
  if (queue_ == nullptr) return;
  rd_kafka_consume_stop(topic_.get(), static_cast<std::int32_t>(name_.partition));
  for (std::size_t i = next_; i < fetched_.size(); ++i) rd_kafka_message_destroy(fetched_[i]);
  fetched_.clear();
  next_ = 0;
  queue_.reset();
}

Status Feed::Start(std::int64_t offset) {
  Stop();
  queue_.reset(rd_kafka_queue_new(client_->get()));
  bytes_taken_ = records_taken_ = 0;
  position_ = offset;
  at_end_ = false;
  failure_ = {};
  dry_since_ns_ = 0;
  const auto number = static_cast<std::int32_t>(name_.partition);
  if (rd_kafka_consume_start_queue(topic_.get(), number, offset, queue_.get()) != 0) {
    failure_ = client_->StatusOf(rd_kafka_last_error(), NameOf(name_));
    queue_.reset();
  }
  return failure_;
}

void Feed::Fetch() {
  if (next_ < fetched_.size()) return;
  fetched_.resize(kFetchMessages);
  next_ = 0;
  const ssize_t count =
      rd_kafka_consume_batch_queue(queue_.get(), 0, fetched_.data(), kFetchMessages);
  fetched_.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (count > 0) dry_since_ns_ = 0;
}

// Whether the empty queue was full before. An older librdkafka then looks only after a second
// whether there is room again; a new Start makes it look at once.
bool Feed::Stalls() const {
  return rd_kafka_version() < kVersionWithQueueBackoff && !at_end_ &&
         (bytes_taken_ >= queue_bytes_ || records_taken_ >= RecordsMax(queue_bytes_));
}

// A message that is no record.
void Feed::Control(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    position_ = std::max(position_, message.offset);
    at_end_ = true;
    return;
  }
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
      message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    failure_ = {ErrorCode::kFailedPrecondition,
                NameOf(name_) + " does not have offset " + std::to_string(position_) +
                    " any more: its records were dropped, or the topic was made anew"};
    return;
  }
  // What passes librdkafka deals with itself; if it does not pass, CheckPatience tells.
  if (!Client::Transient(message.err)) {
    failure_ = client_->StatusOf(message.err, "reading " + NameOf(name_));
  }
}

std::size_t Feed::Take(std::size_t max_bytes, std::vector<Message>* messages, std::int64_t limit) {
  std::size_t bytes = 0;
  while (queue_ != nullptr && bytes < max_bytes && failure_.ok()) {
    Fetch();
    if (fetched_.empty()) {
      if (Stalls()) static_cast<void>(Start(position_));  // Its error is in failure().
      break;
    }
    for (; next_ < fetched_.size() && bytes < max_bytes; ++next_) {
      rd_kafka_message_t* const message = fetched_[next_];
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        Control(*message);
        rd_kafka_message_destroy(message);
        continue;
      }
      if (message->offset >= limit) {
        position_ = std::max(position_, limit);
        return bytes;
      }
      messages->emplace_back(message);
      position_ = message->offset + 1;
      at_end_ = false;
      const std::size_t size = std::max<std::size_t>(message->len + message->key_len, 1);
      bytes += size;
      bytes_taken_ += static_cast<std::int64_t>(size);
      ++records_taken_;
    }
  }
  return bytes;
}

std::int64_t Feed::left() const {
  std::int64_t start = 0, end = 0;
  const rd_kafka_resp_err_t error =
      rd_kafka_get_watermark_offsets(client_->get(), name_.topic.c_str(),
                                     static_cast<std::int32_t>(name_.partition), &start, &end);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? std::max<std::int64_t>(end - position_, 0) : 0;
}

Status Feed::CheckPatience() {
  const std::int64_t now_ns = Clock::System().MonotonicNanos();
  if (dry_since_ns_ == 0) dry_since_ns_ = now_ns;
  const std::int64_t patience_ms = client_->options().answer_timeout_ms;
  if (now_ns - dry_since_ns_ < patience_ms * 1'000'000) return {};
  return client_->StatusOf(RD_KAFKA_RESP_ERR__TIMED_OUT, "reading " + NameOf(name_));
}

}  // namespace leadflow::kafka
