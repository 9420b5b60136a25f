#include "connectors/inbox/reader.h"

#include <algorithm>
#include <utility>

#include "connectors/file/record_splitter.h"
#include "connectors/formats/formats.h"
#include "engine/base/wire.h"

namespace leadflow {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::int64_t kLookEveryMs = 60'000;
constexpr std::size_t kLookBytes = std::size_t{64} << 10;

std::optional<std::int64_t> OffsetOf(std::string_view position) {
  if (position.empty()) return 0;
  WireReader reader(position);
  std::uint8_t version = 0;
  std::uint64_t offset = 0;
  reader.Byte(&version);
  reader.Varint(&offset);
  if (!reader.ok() || !reader.AtEnd() || version != kVersion) return std::nullopt;
  return static_cast<std::int64_t>(offset);
}

}  // namespace

InboxReader::InboxReader(Log* log, InboxReaderOptions options, HeaderSink sink)
    : log_(*log), options_(std::move(options)), sink_(std::move(sink)), at_{options_.topic, 0} {}

std::string InboxReader::position() const {
  std::string bytes;
  WireWriter writer(&bytes);
  writer.Byte(kVersion);
  writer.Varint(static_cast<std::uint64_t>(next_));
  return bytes;
}

std::optional<SourceReader::TopicOffset> InboxReader::topic_offset() const {
  if (!options_.show_offset) return std::nullopt;
  return TopicOffset{at_.topic, at_.partition, next_};
}

Status InboxReader::Seek(std::string_view position) {
  const std::optional<std::int64_t> stored = OffsetOf(position);
  if (!stored) {
    return Status::Corruption("the stored position of topic `" + at_.topic + "` means nothing");
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t start, log_.StartOffset(at_));
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t end, log_.EndOffset(at_));
  if (!position.empty() && (*stored < start || *stored > end)) {
    return {ErrorCode::kFailedPrecondition,
            "topic `" + at_.topic + "` holds offsets " + std::to_string(start) + " to " +
                std::to_string(end) + ", and the next to read is " + std::to_string(*stored) +
                ": it was made anew; put the old one back, or run `leadflow reset`"};
  }
  next_ = std::max(*stored, start);
  if (AtEnd()) return {};
  reader_ = log_.NewReader(options_.ahead_bytes);
  return reader_->Seek(at_, next_);
}

Result<std::size_t> InboxReader::Read(std::size_t max_bytes, const Handle& handle, const Bad& bad) {
  if (AtEnd()) return std::size_t{0};
  std::size_t count = 0;
  Status failure;
  auto polled =
      reader_->Poll(max_bytes, [&](const TopicPartition&, std::span<const LogRecord> records) {
        for (const LogRecord& record : records) {
          if (failure.ok()) failure = Take(record, handle, bad, &count);
        }
      });
  if (!polled.ok()) return polled.status();
  LEADFLOW_RETURN_IF_ERROR(failure);
  // Behind the last record there may be offsets that are none.
  next_ = std::max(next_, reader_->Position(at_));
  return count;
}

Status InboxReader::Take(const LogRecord& record, const Handle& handle, const Bad& bad,
                         std::size_t* count) {
  const Status decoded = DecodeInboxRecord(record.value, &record_);
  if (!decoded.ok()) {
    return decoded.WithContext("topic `" + at_.topic + "`, offset " +
                               std::to_string(record.offset));
  }
  extras_.headers = record_.headers;
  MessageView like;
  like.log_time_ms = std::min(record_.arrived_ms, options_.clock->WallMillis());
  like.modified_ms = record_.modified_ms;
  like.origin = record_.origin;
  like.extras = record_.headers.empty() ? nullptr : &extras_;
  views_.clear();
  if (record_.whole) {
    for (const InboxRecord::Message& message : record_.messages) {
      like.line = record.offset;
      Split(message.bytes, like, bad);
    }
  } else if (TakeHeader(record_.header, bad)) {
    for (const InboxRecord::Message& message : record_.messages) {
      if (!message.reason.empty()) {
        bad(record_.origin, message.line, message.reason, message.bytes);
        continue;
      }
      like.line = message.line;
      like.value = message.bytes;
      views_.push_back(like);
    }
  }
  if (!views_.empty()) handle(views_);
  *count += views_.size();
  next_ = record.offset + 1;
  return {};
}

bool InboxReader::TakeHeader(std::string_view header, const Bad& bad) {
  if (header_ && *header_ == header) return header_good_;
  header_ = header;
  const Status taken = sink_ ? sink_(header) : Status();
  header_good_ = taken.ok();
  if (!taken.ok()) bad(record_.origin, 1, "header: " + std::string(taken.message()), header);
  return header_good_;
}

// As a file with these bytes is read.
void InboxReader::Split(std::string_view body, const MessageView& like, const Bad& bad) {
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  const FileLayout layout = LayoutOf(options_.format, body.substr(0, kMaxRecord));
  RecordSplitter splitter(layout.layout);
  bool header = layout.header;
  if (!header && !TakeHeader("", bad)) return;
  while (!body.empty()) {
    const RecordSplitter::Step step = splitter.Next(body, true);
    splitter.Accept(step);
    body.remove_prefix(step.consumed);
    if (step.found == RecordSplitter::Found::kNothing) break;
    if (step.found == RecordSplitter::Found::kBad) {
      bad(like.origin, like.line, step.why, step.record);
      for (bool over = false; !over && !body.empty();) {
        std::size_t consumed = 0;
        std::int64_t lines = 0;
        over = splitter.SkipRest(body, &consumed, &lines);
        body.remove_prefix(consumed);
        if (!over && consumed == 0) return;
      }
    } else if (header) {
      header = false;
      if (!TakeHeader(step.record, bad)) return;
    } else {
      views_.push_back(like);
      views_.back().value = step.record;
    }
  }
  if (splitter.in_list()) bad(like.origin, like.line, "the body ends inside of a list", {});
}

// What cannot be dropped now is dropped later.
void InboxReader::Committed(std::string_view position) {
  const std::int64_t now_ms = options_.clock->WallMillis();
  if (options_.keep_ms == 0 || now_ms < look_ms_) return;
  const std::optional<std::int64_t> committed = OffsetOf(position);
  if (!committed || *committed == 0 || FindKept(*committed).ok()) return;
  oldest_.reset();
  look_ms_ = now_ms + kLookEveryMs;
}

// A step of the search; what lies before what it has found is dropped.
Status InboxReader::FindKept(std::int64_t committed) {
  if (oldest_ == nullptr) {
    LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t start, log_.StartOffset(at_));
    oldest_ = log_.NewReader(kLookBytes);
    LEADFLOW_RETURN_IF_ERROR(oldest_->Seek(at_, start));
  }
  const std::int64_t now_ms = options_.clock->WallMillis();
  std::optional<std::int64_t> kept;
  std::int64_t due_ms = 0;
  const auto polled =
      oldest_->Poll(kLookBytes, [&](const TopicPartition&, std::span<const LogRecord> records) {
        for (const LogRecord& record : records) {
          const bool young = record.timestamp_ms > now_ms - options_.keep_ms;
          if (kept || (!young && record.offset < committed)) continue;
          kept = record.offset;
          due_ms = record.timestamp_ms + options_.keep_ms;
        }
      });
  LEADFLOW_RETURN_IF_ERROR(polled.status());
  if (!kept && oldest_->AtEnd(at_)) kept = committed;
  if (!kept) return {};
  oldest_.reset();
  look_ms_ = std::max(due_ms, now_ms + kLookEveryMs);
  return log_.Purge(at_, std::min(*kept, committed));
}

}  // namespace leadflow
