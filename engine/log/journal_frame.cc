#include "engine/log/journal_frame.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "engine/base/hash.h"

namespace leadflow::journal {
namespace {

constexpr std::string_view kFileMagic = "leadflog";
constexpr std::uint32_t kFrameMagic = 0x314d464c;  // "LFM1"
constexpr std::size_t kHeaderMax = std::size_t{256} << 20;
constexpr std::uint64_t kGapMax = std::uint64_t{1} << 62;
constexpr std::size_t kWindow = std::size_t{64} << 10;

enum OpKind : std::uint8_t { kTopic = 1, kRange, kPurge, kOffset, kWriter, kChunk };
enum RecordFlag : std::uint8_t { kTombstone = 1, kGap = 2, kTime = 4 };

void PutFixed32(std::uint32_t value, std::string* out) {
  for (int i = 0; i < 4; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

std::uint64_t GetFixed(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[at + i])) << (8 * i);
  }
  return value;
}

bool Varint32(WireReader* reader, std::uint32_t* value) {
  std::uint64_t wide = 0;
  if (!reader->Varint(&wide) || wide > std::numeric_limits<std::uint32_t>::max()) return false;
  *value = static_cast<std::uint32_t>(wide);
  return true;
}

bool Text(WireReader* reader, std::string* value) {
  std::string_view bytes;
  if (!reader->Bytes(&bytes)) return false;
  value->assign(bytes);
  return true;
}

bool Offset(WireReader* reader, std::int64_t* value) {
  return reader->Signed(value) && *value >= 0 && *value < std::numeric_limits<std::int64_t>::max();
}

bool Read(WireReader* reader, TopicOp* op) {
  std::uint8_t cleanup = 0;
  if (!Varint32(reader, &op->id) || !Text(reader, &op->spec.name) ||
      !Varint32(reader, &op->spec.partitions) || !reader->Byte(&cleanup) || cleanup > 1) {
    return false;
  }
  op->spec.cleanup = static_cast<Cleanup>(cleanup);
  return op->spec.partitions > 0 && op->spec.partitions <= kMaxPartitions;
}

bool Read(WireReader* reader, RangeOp* op) {
  return Varint32(reader, &op->topic) && Varint32(reader, &op->partition) &&
         Offset(reader, &op->start) && Offset(reader, &op->next) && op->start <= op->next;
}

bool Read(WireReader* reader, PurgeOp* op) {
  return Varint32(reader, &op->topic) && Varint32(reader, &op->partition) &&
         Offset(reader, &op->start);
}

bool Read(WireReader* reader, OffsetOp* op) {
  return Text(reader, &op->group) && Text(reader, &op->input.topic) &&
         Varint32(reader, &op->input.partition) && reader->Signed(&op->offset);
}

bool Read(WireReader* reader, WriterOp* op) {
  return Text(reader, &op->id) && reader->Varint(&op->generation);
}

bool Read(WireReader* reader, ChunkOp* op) {
  return Varint32(reader, &op->topic) && Varint32(reader, &op->partition) &&
         Offset(reader, &op->first) && Offset(reader, &op->last) && op->first <= op->last &&
         Varint32(reader, &op->size) && op->size > kChunkHeadSize &&
         reader->Fixed64(&op->checksum) && reader->Signed(&op->timestamp_ms);
}

template <class Op>
bool ReadInto(WireReader* reader, std::vector<Op>* ops) {
  return Read(reader, &ops->emplace_back());
}

// Reads a file front to back in windows, so that neither small frames nor large bodies cost a
// system call per few bytes or a copy that nobody looks at.
class Window {
 public:
  Window(const File& file, std::uint64_t file_size) : file_(file), file_size_(file_size) {}

  // A view of [at, at + size) that lives until the next call. REQUIRES: it lies within the file
  Result<std::string_view> View(std::uint64_t at, std::size_t size) {
    if (at < start_ || at + size > start_ + bytes_.size()) {
      const std::size_t wanted = static_cast<std::size_t>(
          std::min<std::uint64_t>(std::max(size, kWindow), file_size_ - at));
      bytes_.resize(wanted);
      start_ = at;
      LEADFLOW_ASSIGN_OR_RETURN(const std::size_t got, file_.Read(at, wanted, bytes_.data()));
      bytes_.resize(got);
      if (got < size) return Status::Corruption("the file became shorter while it was read");
    }
    return std::string_view(bytes_).substr(static_cast<std::size_t>(at - start_), size);
  }

 private:
  const File& file_;
  std::uint64_t file_size_;
  std::uint64_t start_ = 0;
  std::string bytes_;
};

struct Frame {
  Header header;
  std::uint64_t body = 0;  // Position.
  std::uint64_t end = 0;
  std::uint64_t synced = 0;
};

// False: no good frame at `at`. `whole`: the body has to be good too.
Result<bool> ReadFrame(Window* window, std::uint64_t file_size, std::uint64_t at, bool whole,
                       Frame* frame) {
  if (file_size - at < kFrameHeadSize) return false;
  LEADFLOW_ASSIGN_OR_RETURN(const std::string_view head, window->View(at, kFrameHeadSize));
  const std::uint64_t checksum = GetFixed(head, 0, 8);
  const std::uint64_t header_size = GetFixed(head, 12, 4);
  const std::uint64_t body_size = GetFixed(head, 16, 8);
  frame->synced = GetFixed(head, 24, 8);
  const std::uint64_t rest = file_size - at - kFrameHeadSize;
  if (GetFixed(head, 8, 4) != kFrameMagic || header_size > kHeaderMax || header_size > rest ||
      body_size > rest - header_size) {
    return false;
  }
  LEADFLOW_ASSIGN_OR_RETURN(
      const std::string_view checked,
      window->View(at + 8, kFrameHeadSize - 8 + static_cast<std::size_t>(header_size)));
  frame->header = {};
  if (Hash64(checked) != checksum || !Decode(checked.substr(kFrameHeadSize - 8), &frame->header)) {
    return false;
  }
  frame->body = at + kFrameHeadSize + header_size;
  frame->end = frame->body + body_size;
  std::uint64_t position = frame->body;
  for (const ChunkOp& op : frame->header.chunks) {
    if (op.size > frame->end - position) return false;
    if (whole) {
      LEADFLOW_ASSIGN_OR_RETURN(const std::string_view chunk, window->View(position, op.size));
      if (GetFixed(chunk, 0, 8) != op.checksum ||
          static_cast<std::int64_t>(GetFixed(chunk, 8, 8)) != op.timestamp_ms ||
          ChunkChecksum(Hash64(chunk.substr(kChunkHeadSize)), op.first, op.timestamp_ms) !=
              op.checksum) {
        return false;
      }
    }
    position += op.size;
  }
  return position == frame->end;
}

// Whether a good frame behind `bad` says that `bad` had been durable.
Result<bool> WasDurable(Window* window, std::uint64_t file_size, std::uint64_t bad) {
  std::string needle;
  PutFixed32(kFrameMagic, &needle);
  Frame frame;
  for (std::uint64_t at = bad; file_size - at >= kFrameHeadSize;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kWindow, file_size - at));
    LEADFLOW_ASSIGN_OR_RETURN(const std::string_view view, window->View(at, size));
    const std::size_t found = view.find(needle, 8);
    if (found == std::string_view::npos) {
      at += size > kFrameHeadSize ? size - kFrameHeadSize : 1;
      continue;
    }
    LEADFLOW_ASSIGN_OR_RETURN(const bool good,
                              ReadFrame(window, file_size, at + found - 8, false, &frame));
    if (good && frame.synced > bad) return true;
    at += found - 8 + 1;
  }
  return false;
}

}  // namespace

std::string FileHeader(std::uint32_t flags) {
  std::string out(kFileMagic);
  PutFixed32(kFileVersion, &out);
  PutFixed32(flags, &out);
  return out;
}

Result<std::uint32_t> ReadFileHeader(std::string_view bytes) {
  if (bytes.size() < kFileHeaderSize || !bytes.starts_with(kFileMagic)) {
    return Status::Corruption("this is no segment of a log");
  }
  const auto version = static_cast<std::uint32_t>(GetFixed(bytes, 8, 4));
  if (version > kFileVersion) {
    return Status(ErrorCode::kFailedPrecondition,
                  "written by a newer release (format " + std::to_string(version) +
                      ", this one reads up to " + std::to_string(kFileVersion) +
                      "); start the newer release again");
  }
  return static_cast<std::uint32_t>(GetFixed(bytes, 12, 4));
}

void Encode(const TopicOp& op, std::string* out) {
  WireWriter writer(out);
  writer.Byte(kTopic);
  writer.Varint(op.id);
  writer.Bytes(op.spec.name);
  writer.Varint(op.spec.partitions);
  writer.Byte(static_cast<std::uint8_t>(op.spec.cleanup));
}

void Encode(const RangeOp& op, std::string* out) {
  WireWriter writer(out);
  writer.Byte(kRange);
  writer.Varint(op.topic);
  writer.Varint(op.partition);
  writer.Signed(op.start);
  writer.Signed(op.next);
}

void Encode(const PurgeOp& op, std::string* out) {
  WireWriter writer(out);
  writer.Byte(kPurge);
  writer.Varint(op.topic);
  writer.Varint(op.partition);
  writer.Signed(op.start);
}

void Encode(const OffsetOp& op, std::string* out) {
  WireWriter writer(out);
  writer.Byte(kOffset);
  writer.Bytes(op.group);
  writer.Bytes(op.input.topic);
  writer.Varint(op.input.partition);
  writer.Signed(op.offset);
}

void Encode(const WriterOp& op, std::string* out) {
  WireWriter writer(out);
  writer.Byte(kWriter);
  writer.Bytes(op.id);
  writer.Varint(op.generation);
}

void Encode(const ChunkOp& op, std::string* out) {
  WireWriter writer(out);
  writer.Byte(kChunk);
  writer.Varint(op.topic);
  writer.Varint(op.partition);
  writer.Signed(op.first);
  writer.Signed(op.last);
  writer.Varint(op.size);
  writer.Fixed64(op.checksum);
  writer.Signed(op.timestamp_ms);
}

bool Decode(std::string_view bytes, Header* header) {
  WireReader reader(bytes);
  while (!reader.AtEnd()) {
    std::uint8_t kind = 0;
    reader.Byte(&kind);
    bool good = false;
    switch (kind) {
      case kTopic: good = ReadInto(&reader, &header->topics); break;
      case kRange: good = ReadInto(&reader, &header->ranges); break;
      case kPurge: good = ReadInto(&reader, &header->purges); break;
      case kOffset: good = ReadInto(&reader, &header->offsets); break;
      case kWriter: good = ReadInto(&reader, &header->writers); break;
      case kChunk: good = ReadInto(&reader, &header->chunks); break;
      default: break;
    }
    if (!good) return false;
  }
  return reader.ok();
}

std::string FrameHead(std::string_view header, std::uint64_t body_size, std::uint64_t synced) {
  std::string head;
  PutFixed32(kFrameMagic, &head);
  PutFixed32(static_cast<std::uint32_t>(header.size()), &head);
  WireWriter writer(&head);
  writer.Fixed64(body_size);
  writer.Fixed64(synced);
  head.append(header);
  std::string out;
  WireWriter(&out).Fixed64(Hash64(head));
  out.append(head, 0, kFrameHeadSize - 8);
  return out;
}

std::uint64_t ChunkChecksum(std::uint64_t hash, std::int64_t first, std::int64_t timestamp_ms) {
  // The two numbers are spread by odd constants, so that no small change of one undoes another.
  return hash ^ (static_cast<std::uint64_t>(first) * 0x9e3779b97f4a7c15) ^
         (static_cast<std::uint64_t>(timestamp_ms) * 0xc2b2ae3d27d4eb4f);
}

std::string ChunkHead(const ChunkOp& op) {
  std::string out;
  WireWriter writer(&out);
  writer.Fixed64(op.checksum);
  writer.Fixed64(static_cast<std::uint64_t>(op.timestamp_ms));
  return out;
}

std::optional<Chunk> ReadChunk(std::shared_ptr<const std::string> bytes, std::int64_t first) {
  if (bytes->size() < kChunkHeadSize) return std::nullopt;
  Chunk chunk;
  chunk.first = first;
  chunk.timestamp_ms = static_cast<std::int64_t>(GetFixed(*bytes, 8, 8));
  chunk.records = std::string_view(*bytes).substr(kChunkHeadSize);
  if (ChunkChecksum(Hash64(chunk.records), first, chunk.timestamp_ms) != GetFixed(*bytes, 0, 8)) {
    return std::nullopt;
  }
  chunk.bytes = std::move(bytes);
  return chunk;
}

void AppendRecord(std::string_view key, std::optional<std::string_view> value, std::uint64_t gap,
                  std::int64_t time_delta, std::string* out) {
  WireWriter writer(out);
  writer.Byte(static_cast<std::uint8_t>((value ? 0 : kTombstone) | (gap != 0 ? kGap : 0) |
                                        (time_delta != 0 ? kTime : 0)));
  if (gap != 0) writer.Varint(gap);
  if (time_delta != 0) writer.Signed(time_delta);
  writer.Bytes(key);
  if (value) writer.Bytes(*value);
}

bool RecordCursor::Next(LogRecord* record) {
  if (reader_.AtEnd()) return false;
  std::uint8_t flags = 0;
  std::uint64_t gap = 0;
  std::int64_t time_delta = 0;
  reader_.Byte(&flags);
  if ((flags & kGap) != 0 && (!reader_.Varint(&gap) || gap > kGapMax)) return false;
  if ((flags & kTime) != 0 && !reader_.Signed(&time_delta)) return false;
  if (!reader_.Bytes(&record->key)) return false;
  record->tombstone = (flags & kTombstone) != 0;
  record->value = {};
  if (!record->tombstone && !reader_.Bytes(&record->value)) return false;
  record->offset = static_cast<std::int64_t>(static_cast<std::uint64_t>(next_offset_) + gap);
  record->timestamp_ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(timestamp_ms_) +
                                                   static_cast<std::uint64_t>(time_delta));
  next_offset_ = static_cast<std::int64_t>(static_cast<std::uint64_t>(record->offset) + 1);
  return true;
}

Result<ScanResult> Scan(const File& file, bool whole,
                        const std::function<Status(const Header&, std::uint64_t body)>& visit) {
  ScanResult result;
  LEADFLOW_ASSIGN_OR_RETURN(result.file_bytes, file.Size());
  if (result.file_bytes < kFileHeaderSize) return result;
  Window window(file, result.file_bytes);
  LEADFLOW_ASSIGN_OR_RETURN(const std::string_view head, window.View(0, kFileHeaderSize));
  const Result<std::uint32_t> flags = ReadFileHeader(head);
  if (!flags.ok() && flags.status().code() == ErrorCode::kFailedPrecondition) {
    return flags.status();
  }
  if (flags.ok()) {
    result.flags = *flags;
    result.valid_bytes = kFileHeaderSize;
    Frame frame;
    while (true) {
      LEADFLOW_ASSIGN_OR_RETURN(const bool good, ReadFrame(&window, result.file_bytes,
                                                           result.valid_bytes, whole, &frame));
      if (!good) break;
      LEADFLOW_RETURN_IF_ERROR(visit(frame.header, frame.body));
      result.valid_bytes = frame.end;
    }
  }
  if (result.valid_bytes < result.file_bytes) {
    LEADFLOW_ASSIGN_OR_RETURN(result.damaged,
                              WasDurable(&window, result.file_bytes, result.valid_bytes));
  }
  return result;
}

}  // namespace leadflow::journal
