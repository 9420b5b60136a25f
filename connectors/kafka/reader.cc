#include "connectors/kafka/reader.h"

#include <algorithm>
#include <utility>

#include "engine/base/clock.h"

namespace leadflow::kafka {
namespace {

constexpr std::size_t kFetchMessages = 1024;
// How long Poll waits for what is on its way. Short: its thread has other work.
constexpr int kPollWaitMs = 1;

// The end of a partition is told with the first answer that is empty, and a broker holds that back
// for fetch.wait.max.ms.
const Settings& ReaderSettings() {
  static const Settings settings = {
      {"isolation.level", "read_committed"}, {"enable.auto.commit", "false"},
      {"enable.partition.eof", "true"},      {"fetch.wait.max.ms", "50"},
      {"fetch.error.backoff.ms", "50"},      {"queued.max.messages.kbytes", "16384"},
      {"auto.offset.reset", "error"},
  };
  return settings;
}

std::string_view View(const void* bytes, std::size_t size) {
  return {static_cast<const char*>(bytes), bytes == nullptr ? 0 : size};
}

}  // namespace

Reader::Reader(const KafkaOptions& options, Topics* topics) : topics_(*topics) {
  auto client = Client::New(RD_KAFKA_CONSUMER, options, ReaderSettings());
  if (client.ok()) {
    client_ = *std::move(client);
  } else {
    broken_ = client.status();
  }
}

Reader::~Reader() {
  Release();
  for (const auto& input : inputs_) Stop(*input);
  inputs_.clear();
  handles_.clear();
}

void Reader::Release() {
  for (rd_kafka_message_t* message : handed_) rd_kafka_message_destroy(message);
  handed_.clear();
  batches_.clear();
}

void Reader::Stop(Input& input) {
  if (input.queue == nullptr) return;
  rd_kafka_consume_stop(input.topic, static_cast<std::int32_t>(input.name.partition));
  for (std::size_t i = input.next; i < input.fetched.size(); ++i) {
    rd_kafka_message_destroy(input.fetched[i]);
  }
  input.fetched.clear();
  input.next = 0;
  input.queue.reset();
}

Status Reader::Seek(const TopicPartition& partition, std::int64_t offset) {
  LEADFLOW_RETURN_IF_ERROR(broken_);
  LEADFLOW_RETURN_IF_ERROR(topics_.Check(partition));
  if (offset < 0) {
    return Status::InvalidArgument("offset " + std::to_string(offset) + " of " + NameOf(partition));
  }
  Input*& input = by_name_[partition];
  if (input == nullptr) {
    input = inputs_.emplace_back(std::make_unique<Input>()).get();
    input->name = partition;
  }
  Topic& topic = handles_[partition.topic];
  if (topic == nullptr) {
    topic.reset(rd_kafka_topic_new(client_->get(), partition.topic.c_str(), nullptr));
  }
  Stop(*input);
  input->topic = topic.get();
  input->queue.reset(rd_kafka_queue_new(client_->get()));
  input->position = offset;
  input->at_end = false;
  input->failure = {};
  input->dry_since_ns = 0;
  const auto number = static_cast<std::int32_t>(partition.partition);
  if (rd_kafka_consume_start_queue(input->topic, number, offset, input->queue.get()) != 0) {
    input->failure = client_->StatusOf(rd_kafka_last_error(), NameOf(partition));
    return input->failure;
  }
  return {};
}

void Reader::Pause(const TopicPartition& partition) {
  if (const auto found = by_name_.find(partition); found != by_name_.end()) {
    found->second->paused = true;
  }
}

void Reader::Resume(const TopicPartition& partition) {
  if (const auto found = by_name_.find(partition); found != by_name_.end()) {
    found->second->paused = false;
    found->second->dry_since_ns = 0;
  }
}

std::int64_t Reader::Position(const TopicPartition& partition) const {
  const auto found = by_name_.find(partition);
  return found == by_name_.end() ? -1 : found->second->position;
}

bool Reader::AtEnd(const TopicPartition& partition) const {
  const auto found = by_name_.find(partition);
  return found != by_name_.end() && found->second->at_end;
}

void Reader::Fetch(Input& input) {
  if (input.next < input.fetched.size()) return;
  input.fetched.resize(kFetchMessages);
  input.next = 0;
  const ssize_t count =
      rd_kafka_consume_batch_queue(input.queue.get(), 0, input.fetched.data(), kFetchMessages);
  input.fetched.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (count > 0) input.dry_since_ns = 0;
}

// A message that is no record.
void Reader::Control(Input& input, const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    input.position = std::max(input.position, message.offset);
    input.at_end = true;
    return;
  }
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
      message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    input.failure = {ErrorCode::kFailedPrecondition,
                     NameOf(input.name) + " does not have offset " +
                         std::to_string(input.position) +
                         " any more: its records were dropped, or the topic was made anew"};
    return;
  }
  // What passes librdkafka deals with itself; if it does not pass, CheckPatience tells.
  if (!Client::Transient(message.err)) {
    input.failure = client_->StatusOf(message.err, "reading " + NameOf(input.name));
  }
}

std::size_t Reader::HandOut(Input& input, std::size_t max_bytes, const Handle& handle,
                            std::size_t* bytes_handed) {
  std::vector<LogRecord>& records = batches_.emplace_back();
  std::size_t bytes = 0;
  while (bytes < max_bytes && input.failure.ok()) {
    Fetch(input);
    if (input.fetched.empty()) break;
    for (; input.next < input.fetched.size() && bytes < max_bytes; ++input.next) {
      rd_kafka_message_t* const message = input.fetched[input.next];
      handed_.push_back(message);
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        Control(input, *message);
        continue;
      }
      const std::size_t size = message->len + message->key_len;
      rd_kafka_timestamp_type_t type{};
      records.push_back({message->offset, rd_kafka_message_timestamp(message, &type),
                         View(message->key, message->key_len), View(message->payload, message->len),
                         message->payload == nullptr});
      input.position = message->offset + 1;
      input.at_end = false;
      bytes += std::max<std::size_t>(size, 1);
    }
  }
  *bytes_handed = bytes;
  if (!records.empty()) handle(input.name, records);
  return records.size();
}

Status Reader::CheckPatience(Input& input) {
  const std::int64_t now_ns = Clock::System().MonotonicNanos();
  if (input.dry_since_ns == 0) input.dry_since_ns = now_ns;
  const std::int64_t patience_ms = client_->options().answer_timeout_ms;
  if (now_ns - input.dry_since_ns < patience_ms * 1'000'000) return {};
  return client_->StatusOf(RD_KAFKA_RESP_ERR__TIMED_OUT, "reading " + NameOf(input.name));
}

Result<std::size_t> Reader::PollOnce(std::size_t max_bytes, const Handle& handle) {
  std::size_t bytes_left = std::max<std::size_t>(max_bytes, 1);
  std::size_t count = 0;
  for (std::size_t i = 0; i < inputs_.size() && bytes_left > 0; ++i) {
    Input& input = *inputs_[(first_ + i) % inputs_.size()];
    if (input.paused) continue;
    LEADFLOW_RETURN_IF_ERROR(input.failure);
    std::size_t bytes = 0;
    const std::size_t handed = HandOut(input, bytes_left, handle, &bytes);
    count += handed;
    bytes_left -= std::min(bytes_left, bytes);
    // An error behind records is told once they are through.
    if (handed == 0) LEADFLOW_RETURN_IF_ERROR(input.failure);
    if (handed == 0 && !input.at_end) LEADFLOW_RETURN_IF_ERROR(CheckPatience(input));
  }
  return count;
}

Result<std::size_t> Reader::Poll(std::size_t max_bytes, const Handle& handle) {
  LEADFLOW_RETURN_IF_ERROR(broken_);
  Release();
  rd_kafka_poll(client_->get(), 0);
  LEADFLOW_ASSIGN_OR_RETURN(std::size_t count, PollOnce(max_bytes, handle));
  const bool on_its_way = std::any_of(inputs_.begin(), inputs_.end(), [](const auto& input) {
    return !input->paused && !input->at_end;
  });
  if (count == 0 && on_its_way) {
    rd_kafka_poll(client_->get(), kPollWaitMs);
    LEADFLOW_ASSIGN_OR_RETURN(count, PollOnce(max_bytes, handle));
  }
  if (!inputs_.empty()) first_ = (first_ + 1) % inputs_.size();
  return count;
}

}  // namespace leadflow::kafka
