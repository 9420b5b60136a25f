#include "engine/runtime/block.h"

#include "engine/base/wire.h"

namespace leadflow {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kActive = 1;
constexpr std::uint64_t kMarksMax = 1 << 20;

bool ReadMark(WireReader& reader, BlockMark* mark) {
  std::uint64_t sender = 0;
  std::uint8_t flags = 0;
  if (!reader.Varint(&sender) || !reader.Fixed64(&mark->source_id) || !reader.Byte(&flags) ||
      !reader.Signed(&mark->mark.watermark_ms)) {
    return false;
  }
  mark->sender = static_cast<std::uint32_t>(sender);
  mark->mark.active = (flags & kActive) != 0;
  return true;
}

}  // namespace

void AppendMark(std::uint64_t source_id, const SourceMark& mark, std::string* out) {
  WireWriter writer(out);
  writer.Fixed64(source_id);
  writer.Byte(mark.active ? kActive : 0);
  writer.Signed(mark.watermark_ms);
}

void BlockBuilder::Append(std::string_view value) {
  if (blocks_.empty() || blocks_.back().size() + value.size() + 10 > kBlockBytes) {
    blocks_.emplace_back();
    WireWriter writer(&blocks_.back());
    writer.Byte(kVersion);
    writer.Varint(0);
  }
  WireWriter(&blocks_.back()).Bytes(value);
  bytes_ += value.size();
}

const std::vector<std::string>& BlockBuilder::Finish() {
  if (marks_.empty()) return blocks_;
  std::string header;
  WireWriter writer(&header);
  writer.Byte(kVersion);
  writer.Varint(marks_.size());
  for (const BlockMark& mark : marks_) {
    writer.Varint(mark.sender);
    AppendMark(mark.source_id, mark.mark, &header);
  }
  marks_.clear();
  if (blocks_.empty()) {
    blocks_.push_back(std::move(header));
  } else {
    blocks_.back().replace(0, 2, header);
  }
  return blocks_;
}

void BlockBuilder::Clear() {
  blocks_.clear();
  marks_.clear();
  bytes_ = 0;
}

Status ReadBlock(std::string_view block, std::int64_t log_time_ms,
                 std::vector<MessageView>* messages, std::vector<BlockMark>* marks) {
  messages->clear();
  marks->clear();
  WireReader reader(block);
  std::uint8_t version = 0;
  if (reader.Byte(&version) && version > kVersion) {
    return {ErrorCode::kFailedPrecondition,
            "block format " + std::to_string(version) + " was written by a newer release"};
  }
  std::uint64_t count = 0;
  if (version != kVersion || !reader.Varint(&count) || count > kMarksMax) {
    return Status::Corruption("the bytes are no block");
  }
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    BlockMark mark;
    if (ReadMark(reader, &mark)) marks->push_back(mark);
  }
  while (reader.ok() && !reader.AtEnd()) {
    MessageView message;
    message.log_time_ms = log_time_ms;
    if (reader.Bytes(&message.value)) messages->push_back(message);
  }
  return reader.ok() ? Status() : Status::Corruption("the block is cut off");
}

}  // namespace leadflow
