#include "connectors/kafka/reader.h"

#include <algorithm>
#include <utility>

namespace leadflow::kafka {
namespace {

// How long Poll waits for what is on its way. Short: its thread has other work.
constexpr int kPollWaitMs = 1;

}  // namespace

Reader::Reader(const KafkaOptions& options, Topics* topics, std::size_t ahead_bytes)
    : topics_(*topics), ahead_bytes_(static_cast<std::int64_t>(ahead_bytes)) {
  auto client = Client::New(RD_KAFKA_CONSUMER, options, FeedSettings(ahead_bytes_));
  if (client.ok()) {
    client_ = *std::move(client);
  } else {
    broken_ = client.status();
  }
}

Reader::~Reader() { Release(); }

void Reader::Release() {
  batches_.clear();
  handed_.clear();
}

Status Reader::Seek(const TopicPartition& partition, std::int64_t offset) {
  LEADFLOW_RETURN_IF_ERROR(broken_);
  LEADFLOW_RETURN_IF_ERROR(topics_.Check(partition));
  if (offset < 0) {
    return Status::InvalidArgument("offset " + std::to_string(offset) + " of " + NameOf(partition));
  }
  Input*& input = by_name_[partition];
  if (input == nullptr) {
    input = inputs_.emplace_back(std::make_unique<Input>(client_, partition, ahead_bytes_)).get();
  }
  return input->feed.Start(offset);
}

void Reader::Pause(const TopicPartition& partition) {
  if (const auto found = by_name_.find(partition); found != by_name_.end()) {
    found->second->paused = true;
  }
}

void Reader::Resume(const TopicPartition& partition) {
  if (const auto found = by_name_.find(partition); found != by_name_.end()) {
    found->second->paused = false;
    found->second->feed.ForgetPatience();
  }
}

std::int64_t Reader::Position(const TopicPartition& partition) const {
  const auto found = by_name_.find(partition);
  return found == by_name_.end() ? -1 : found->second->feed.position();
}

bool Reader::AtEnd(const TopicPartition& partition) const {
  const auto found = by_name_.find(partition);
  return found != by_name_.end() && found->second->feed.at_end();
}

std::int64_t Reader::Left(const TopicPartition& partition) const {
  const auto found = by_name_.find(partition);
  if (found == by_name_.end() || found->second->feed.at_end()) return 0;
  return found->second->feed.left();
}

std::size_t Reader::HandOut(Feed& feed, std::size_t max_bytes, const Handle& handle,
                            std::size_t* bytes_handed) {
  const std::size_t before = handed_.size();
  *bytes_handed = feed.Take(max_bytes, &handed_);
  if (handed_.size() == before) return 0;
  std::vector<LogRecord>& records = batches_.emplace_back();
  for (std::size_t i = before; i < handed_.size(); ++i) {
    const rd_kafka_message_t& message = *handed_[i];
    records.push_back({message.offset, TimestampOf(message), KeyOf(message), ValueOf(message),
                       message.payload == nullptr});
  }
  handle(feed.name(), records);
  return records.size();
}

Result<std::size_t> Reader::PollOnce(std::size_t max_bytes, const Handle& handle) {
  std::size_t bytes_left = std::max<std::size_t>(max_bytes, 1);
  std::size_t count = 0;
  for (std::size_t i = 0; i < inputs_.size() && bytes_left > 0; ++i) {
    Input& input = *inputs_[(first_ + i) % inputs_.size()];
    if (input.paused) continue;
    Feed& feed = input.feed;
    LEADFLOW_RETURN_IF_ERROR(feed.failure());
    std::size_t bytes = 0;
    const std::size_t handed = HandOut(feed, bytes_left, handle, &bytes);
    count += handed;
    bytes_left -= std::min(bytes_left, bytes);
    // An error behind records is told once they are through.
    if (handed == 0) LEADFLOW_RETURN_IF_ERROR(feed.failure());
    if (handed == 0 && !feed.at_end()) LEADFLOW_RETURN_IF_ERROR(feed.CheckPatience());
  }
  return count;
}

Result<std::size_t> Reader::Poll(std::size_t max_bytes, const Handle& handle) {
  LEADFLOW_RETURN_IF_ERROR(broken_);
  Release();
  rd_kafka_poll(client_->get(), 0);
  LEADFLOW_ASSIGN_OR_RETURN(std::size_t count, PollOnce(max_bytes, handle));
  const bool on_its_way = std::any_of(inputs_.begin(), inputs_.end(), [](const auto& input) {
    return !input->paused && !input->feed.at_end();
  });
  if (count == 0 && on_its_way) {
    rd_kafka_poll(client_->get(), kPollWaitMs);
    LEADFLOW_ASSIGN_OR_RETURN(count, PollOnce(max_bytes, handle));
  }
  if (!inputs_.empty()) first_ = (first_ + 1) % inputs_.size();
  return count;
}

}  // namespace leadflow::kafka
