#include "connectors/file/file_reader.h"

#include <algorithm>
#include <cstring>

#include <sys/stat.h>

#include "engine/base/hash.h"
#include "engine/base/wire.h"

namespace leadflow {
namespace {

constexpr std::size_t kBuffer = 512 * 1024;
constexpr std::size_t kHead = 4096;
constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

struct FileReader::Place {
  std::string_view path;
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;
  std::uint64_t line = 1;
  std::uint64_t head_size = 0;
  std::uint64_t head_hash = 0;
  bool in_list = false;

  static bool Read(std::string_view bytes, Place* place) {
    WireReader reader(bytes);
    std::uint8_t version = 0;
    std::uint8_t in_list = 0;
    reader.Byte(&version);
    reader.Bytes(&place->path);
    reader.Varint(&place->inode);
    reader.Varint(&place->offset);
    reader.Varint(&place->line);
    reader.Varint(&place->head_size);
    reader.Fixed64(&place->head_hash);
    reader.Byte(&in_list);
    place->in_list = in_list != 0;
    return reader.ok() && reader.AtEnd() && version == kVersion && place->head_size <= kHead;
  }
};

FileReader::FileReader(Options options) : options_(std::move(options)) {}
FileReader::~FileReader() = default;

std::string FileReader::position() const {
  std::string bytes;
  WireWriter writer(&bytes);
  writer.Byte(kVersion);
  writer.Bytes(options_.path);
  writer.Varint(facts_.inode);
  writer.Varint(static_cast<std::uint64_t>(offset_));
  writer.Varint(static_cast<std::uint64_t>(line_));
  const std::size_t size = std::min<std::size_t>(head_.size(), static_cast<std::size_t>(offset_));
  writer.Varint(size);
  writer.Fixed64(Hash64(std::string_view(head_).substr(0, size)));
  writer.Byte(splitter_.in_list() ? 1 : 0);
  return bytes;
}

std::int64_t FileReader::bytes_read() const {
  return earlier_bytes_ + (stream_ == nullptr ? 0 : stream_->raw_bytes_read());
}

std::int64_t FileReader::bytes_total() const {
  if (options_.path == "-") return 0;
  if (stream_ != nullptr) return earlier_bytes_ + stream_->facts().size;
  struct stat info;
  return ::stat(options_.path.c_str(), &info) == 0 ? earlier_bytes_ + info.st_size : earlier_bytes_;
}

Status FileReader::Open() {
  LEADFLOW_ASSIGN_OR_RETURN(stream_, ByteStream::Open(options_.path));
  facts_ = stream_->facts();
  begin_ = end_ = 0;
  offset_ = 0;
  line_ = 1;
  head_.clear();
  begun_ = false;
  return {};
}

// Reads more behind what is there; grows the buffer only for a record that does not fit.
Status FileReader::Fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(buffer_.empty() ? kBuffer : buffer_.size() * 2);
  LEADFLOW_ASSIGN_OR_RETURN(const std::size_t got,
                            stream_->Read(buffer_.data() + end_, buffer_.size() - end_));
  if (static_cast<std::size_t>(offset_) + end_ == head_.size() && head_.size() < kHead) {
    head_.append(buffer_.data() + end_, std::min(got, kHead - head_.size()));
  }
  end_ += got;
  return {};
}

void FileReader::Advance(std::size_t bytes, std::int64_t lines) {
  begin_ += bytes;
  offset_ += static_cast<std::int64_t>(bytes);
  line_ += lines;
}

void FileReader::Consume(const RecordSplitter::Step& step) {
  splitter_.Accept(step);
  Advance(step.consumed, step.lines);
}

void FileReader::Finish() {
  done_ = true;
  buffer_ = {};
  begin_ = end_ = 0;
}

// Decides how the file is laid out and takes its header. False: not enough bytes yet.
Result<bool> FileReader::TakeHeader() {
  while (Data().size() < kMaxRecord && !stream_->at_end() && stream_->problem().empty()) {
    const std::size_t before = end_;
    LEADFLOW_RETURN_IF_ERROR(Fill());
    if (end_ == before) break;
  }
  const bool last = Last() || !stream_->problem().empty();
  const bool line = Data().size() >= kMaxRecord || Data().find('\n') != std::string_view::npos;
  if (!line && !last) return false;
  if (Data().substr(0, 3) == kByteOrderMark) Advance(3, 0);
  layout_ = LayoutOf(options_.format, Data());
  splitter_ = RecordSplitter(layout_.layout);
  std::string_view header;
  if (layout_.header) {
    const RecordSplitter::Step step = splitter_.Next(Data(), last);
    if (step.found == RecordSplitter::Found::kNothing && !last) return false;
    if (step.found == RecordSplitter::Found::kBad) return Status::InvalidArgument(step.why);
    header = step.record;
    Consume(step);
  }
  begun_ = true;
  if (header_sink_) LEADFLOW_RETURN_IF_ERROR(header_sink_(header));
  return true;
}

Status FileReader::Begin(const Bad& bad) {
  if (stream_ == nullptr) LEADFLOW_RETURN_IF_ERROR(Open());
  const auto taken = TakeHeader();
  if (taken.ok() || taken.status().code() != ErrorCode::kInvalidArgument) return taken.status();
  const std::string_view data = Data();
  bad(options_.path, 1, "header: " + std::string(taken.status().message()),
      data.substr(0, std::min(data.find('\n'), kMaxRecord)));
  Finish();
  return {};
}

Status FileReader::CheckHead(const Place& place) {
  const auto changed = [&](const std::string& what) {
    return Status(
        ErrorCode::kFailedPrecondition,
        "`" + options_.path + "` " + what +
            " since the last run; put the old file back, or start with a new state folder");
  };
  while (head_.size() < place.head_size) {
    const std::size_t before = head_.size();
    LEADFLOW_RETURN_IF_ERROR(Fill());
    if (head_.size() == before && (stream_->at_end() || !stream_->problem().empty())) break;
  }
  // Only now is it known whether the file is gzip, whose positions count the bytes inside.
  if (stream_->facts().size < static_cast<std::int64_t>(place.offset) && !stream_->gzip() &&
      options_.path != "-") {
    return changed("was cut");
  }
  const auto size = static_cast<std::size_t>(place.head_size);
  if (head_.size() < size) return changed("was cut");
  if (Hash64(std::string_view(head_).substr(0, size)) != place.head_hash) {
    return changed("was replaced");
  }
  return {};
}

Status FileReader::Seek(std::string_view position) {
  done_ = false;
  LEADFLOW_RETURN_IF_ERROR(Open());
  if (position.empty()) return {};
  Place place;
  if (!Place::Read(position, &place)) {
    return Status::Corruption("the stored position of `" + options_.path + "` means nothing");
  }
  LEADFLOW_RETURN_IF_ERROR(CheckHead(place));
  if (place.offset == 0) return {};
  LEADFLOW_ASSIGN_OR_RETURN(const bool taken, TakeHeader());
  const auto offset = static_cast<std::int64_t>(place.offset);
  if (!taken || offset < offset_) {
    return Status::Corruption("the stored position of `" + options_.path + "` means nothing");
  }
  const auto ahead = static_cast<std::size_t>(offset - offset_);
  const std::size_t buffered = std::min(ahead, end_ - begin_);
  begin_ += buffered;
  LEADFLOW_RETURN_IF_ERROR(stream_->Skip(static_cast<std::int64_t>(ahead - buffered)));
  offset_ = offset;
  line_ = static_cast<std::int64_t>(place.line);
  splitter_ = RecordSplitter(layout_.layout, place.in_list);
  return {};
}

// Reports a record that is none and passes the rest of it, however long, in the memory of one
// buffer.
Status FileReader::PassBad(const RecordSplitter::Step& step, const Bad& bad) {
  bad(options_.path, line_ + step.lines_before, step.why, step.record);
  Consume(step);
  for (;;) {
    std::size_t consumed = 0;
    std::int64_t lines = 0;
    const bool over = splitter_.SkipRest(Data(), &consumed, &lines);
    Advance(consumed, lines);
    if (over) return {};
    const std::size_t before = end_ - begin_;
    LEADFLOW_RETURN_IF_ERROR(Fill());
    if (end_ - begin_ == before && (stream_->at_end() || !stream_->problem().empty())) return {};
  }
}

Status FileReader::Follow() {
  struct stat info;
  if (options_.path == "-" || ::stat(options_.path.c_str(), &info) != 0) return {};
  const std::int64_t read = stream_->raw_bytes_read();
  if (info.st_ino == facts_.inode) {
    if (info.st_size >= read || stream_->gzip()) return {};
    return Status(ErrorCode::kFailedPrecondition,
                  "`" + options_.path + "` was cut while it is followed; rotate it by renaming");
  }
  // The writer may have added to the old file before it went over to the new one.
  replaced_ = true;
  return Fill();
}

// Nothing whole is left in the buffer and nothing more comes for now.
Status FileReader::AtEndOfData(const Bad& bad) {
  if (!stream_->problem().empty()) {
    bad(options_.path, line_, stream_->problem(), Data().substr(0, kMaxRecord));
    Finish();
  } else if (Last()) {
    if (splitter_.in_list()) {
      bad(options_.path, line_, "the file ends inside of a list", Data().substr(0, kMaxRecord));
    }
    if (!replaced_) {
      Finish();
      return {};
    }
    replaced_ = false;
    earlier_bytes_ += stream_->raw_bytes_read();
    return Open();
  } else if (options_.follow && stream_->at_end()) {
    return Follow();
  }
  return {};
}

Result<std::size_t> FileReader::Read(
    std::size_t max_bytes, const std::function<void(std::span<const MessageView>)>& handle,
    const Bad& bad) {
  batch_.clear();
  if (done_) return std::size_t{0};
  if (!begun_) LEADFLOW_RETURN_IF_ERROR(Begin(bad));
  if (done_ || !begun_) return std::size_t{0};
  std::size_t bytes = 0;
  const std::int64_t now_ms = options_.clock->WallMillis();
  while (bytes < max_bytes) {
    const bool last = Last();
    const RecordSplitter::Step step = splitter_.Next(Data(), last);
    if (step.found == RecordSplitter::Found::kRecord) {
      MessageView& message = batch_.emplace_back();
      message.value = step.record;
      message.log_time_ms = now_ms;
      message.origin = options_.path;
      message.line = line_ + step.lines_before;
      message.modified_ms = facts_.modified_ms;
      bytes += step.record.size();
      Consume(step);
      continue;
    }
    if (!batch_.empty()) break;  // The buffer may move only when nobody looks at it any more.
    if (step.found == RecordSplitter::Found::kBad) {
      LEADFLOW_RETURN_IF_ERROR(PassBad(step, bad));
      continue;
    }
    Consume(step);
    const std::size_t before = end_ - begin_;
    if (!last) LEADFLOW_RETURN_IF_ERROR(Fill());
    if (end_ - begin_ > before || (!last && Last())) continue;
    LEADFLOW_RETURN_IF_ERROR(AtEndOfData(bad));
    break;
  }
  if (!batch_.empty()) handle(batch_);
  return batch_.size();
}

}  // namespace leadflow
