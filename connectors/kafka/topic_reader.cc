#include "connectors/kafka/topic_reader.h"

#include <algorithm>
#include <utility>

#include "connectors/kafka/questions.h"
#include "engine/base/clock.h"
#include "engine/base/wire.h"

namespace leadflow::kafka {
namespace {

constexpr std::uint8_t kVersion = 1;

constexpr std::string_view kWhatToDo =
    "; start with a new `name` and state directory to compute from what the topic holds now";

Status Gone(const std::string& what) {
  return {ErrorCode::kFailedPrecondition, what + std::string(kWhatToDo)};
}

}  // namespace

TopicReader::TopicReader(std::shared_ptr<Client> client, const TopicPartition& partition,
                         std::int64_t queue_bytes, const KafkaStart& start, KafkaSources* sources)
    : client_(std::move(client)),
      start_(start),
      sources_(*sources),
      name_(SourceNameOf(partition)),
      feed_(client_, partition, queue_bytes) {}

std::string TopicReader::position() const {
  std::string bytes;
  WireWriter writer(&bytes);
  writer.Byte(kVersion);
  writer.Varint(static_cast<std::uint64_t>(std::max<std::int64_t>(feed_.position(), 0)));
  return bytes;
}

// Where to begin what no run has read yet.
Result<std::int64_t> TopicReader::FirstOffset(std::int64_t begin, std::int64_t end) const {
  switch (start_.from) {
    case KafkaStart::From::kEarliest: return begin;
    case KafkaStart::From::kLatest: return end;
    case KafkaStart::From::kTime: break;
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::vector<std::int64_t> offsets,
                            AskOffsetsAt(client_, {&feed_.name(), 1}, start_.time_ms));
  return offsets[0] < 0 ? end : offsets[0];
}

Status TopicReader::Seek(std::string_view position) {
  LEADFLOW_ASSIGN_OR_RETURN(const Ends ends, AskEnds(client_, feed_.name()));
  end_ = sources_.EndOfRun(feed_.name(), ends.end);
  std::int64_t offset = 0;
  if (position.empty()) {
    LEADFLOW_ASSIGN_OR_RETURN(offset, FirstOffset(ends.start, ends.end));
  } else {
    WireReader reader(position);
    std::uint8_t version = 0;
    std::uint64_t stored = 0;
    reader.Byte(&version);
    reader.Varint(&stored);
    offset = static_cast<std::int64_t>(stored);
    if (!reader.ok() || !reader.AtEnd() || version != kVersion || offset < 0) {
      return Status::Corruption("the stored position of " + NameOf(feed_.name()) +
                                " means nothing");
    }
    const std::string next =
        NameOf(feed_.name()) + ": the next record to read has offset " + std::to_string(offset);
    if (offset < ends.start) {
      return Gone(next + ", but the topic begins at " + std::to_string(ends.start) +
                  ": records were dropped before they were read (its retention is too short), or "
                  "it was made anew");
    }
    if (offset > ends.end) {
      return Gone(next + ", but the topic ends at " + std::to_string(ends.end) +
                  ": it was made anew, or is another cluster's");
    }
  }
  LEADFLOW_RETURN_IF_ERROR(feed_.Start(offset));
  if (AtEnd()) feed_.Stop();
  return {};
}

Status TopicReader::Failure() const {
  const Status& failure = feed_.failure();
  if (failure.code() != ErrorCode::kFailedPrecondition) return failure;
  return Gone(std::string(failure.message()));
}

const RecordExtras* TopicReader::ExtrasOf(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  const bool has = rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR;
  const bool tombstone = message.payload == nullptr;
  if (!has && !tombstone) return nullptr;
  RecordExtras& extras = extras_.emplace_back();
  extras.tombstone = tombstone;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; has && rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
                                     RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    extras.headers.push_back({name, {static_cast<const char*>(value), value ? size : 0}});
  }
  return &extras;
}

MessageView TopicReader::ViewOf(const rd_kafka_message_t& message, std::int64_t now_ms) {
  const std::int64_t written_ms = TimestampOf(message);
  // A producer may set a timestamp as it likes; none may move time ahead of the clock.
  const std::int64_t time_ms = written_ms < 0 ? now_ms : std::min(written_ms, now_ms);
  return {.value = ValueOf(message),
          .log_time_ms = time_ms,
          .origin = name_,
          .line = message.offset,
          .modified_ms = time_ms,
          .extras = ExtrasOf(message)};
}

Result<std::size_t> TopicReader::Read(
    std::size_t max_bytes, const std::function<void(std::span<const MessageView>)>& handle,
    const Bad&) {
  views_.clear();
  extras_.clear();
  messages_.clear();
  if (AtEnd()) return std::size_t{0};
  rd_kafka_poll(client_->get(), 0);
  feed_.Take(max_bytes, &messages_, end_);
  if (messages_.empty()) {
    LEADFLOW_RETURN_IF_ERROR(Failure());
    if (AtEnd()) {
      feed_.Stop();
    } else if (!feed_.at_end()) {
      LEADFLOW_RETURN_IF_ERROR(feed_.CheckPatience());
    }
    return std::size_t{0};
  }
  extras_.reserve(messages_.size());  // They stay where they are.
  const std::int64_t now_ms = Clock::System().WallMillis();
  for (const Message& message : messages_) views_.push_back(ViewOf(*message, now_ms));
  handle(views_);
  if (AtEnd()) feed_.Stop();
  return views_.size();
}

}  // namespace leadflow::kafka
