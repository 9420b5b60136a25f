#include "engine/runtime/task_meta.h"

#include "engine/base/hash.h"
#include "engine/base/wire.h"

namespace leadflow {
namespace {

constexpr std::uint8_t kVersion = 2;

bool ReadMarks(WireReader& reader, std::vector<BlockMark>* marks) {
  std::uint64_t count = 0;
  reader.Varint(&count);
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    BlockMark mark;
    std::uint64_t sender = 0;
    std::uint8_t active = 0;
    if (reader.Varint(&sender) && reader.Fixed64(&mark.source_id) && reader.Byte(&active) &&
        reader.Signed(&mark.mark.watermark_ms)) {
      mark.sender = static_cast<std::uint32_t>(sender);
      mark.mark.active = active != 0;
      marks->push_back(mark);
    }
  }
  return reader.ok();
}

bool ReadCounters(WireReader& reader, std::vector<TaskMeta::Counter>* counters) {
  std::uint64_t count = 0;
  reader.Varint(&count);
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    std::string_view name;
    std::string_view label;
    std::int64_t value = 0;
    if (reader.Bytes(&name) && reader.Bytes(&label) && reader.Signed(&value)) {
      counters->push_back({std::string(name), std::string(label), value});
    }
  }
  return reader.ok();
}

}  // namespace

std::string EncodeMeta(const TaskMeta& meta) {
  std::string out;
  WireWriter writer(&out);
  writer.Byte(kVersion);
  writer.Fixed64(meta.rules_hash);
  writer.Signed(meta.input_offset);
  writer.Bytes(meta.source_position);
  writer.Signed(meta.watermark_ms);
  writer.Signed(meta.committed_ms);
  writer.Signed(meta.begun_ms);
  writer.Varint(meta.marks.size());
  for (const BlockMark& mark : meta.marks) {
    writer.Varint(mark.sender);
    AppendMark(mark.source_id, mark.mark, &out);
  }
  writer.Varint(meta.counters.size());
  for (const TaskMeta::Counter& counter : meta.counters) {
    writer.Bytes(counter.name);
    writer.Bytes(counter.label);
    writer.Signed(counter.value);
  }
  writer.Fixed64(Hash64(out));
  return out;
}

Result<TaskMeta> DecodeMeta(std::string_view bytes) {
  if (bytes.size() < 9) return Status::Corruption("the meta record is cut off");
  const std::string_view body = bytes.substr(0, bytes.size() - 8);
  std::uint64_t checksum = 0;
  WireReader(bytes.substr(body.size())).Fixed64(&checksum);
  if (checksum != Hash64(body)) return Status::Corruption("the meta record is damaged");
  WireReader reader(body);
  std::uint8_t version = 0;
  reader.Byte(&version);
  if (version != kVersion) {
    return Status(ErrorCode::kFailedPrecondition, "meta record of format " +
                                                      std::to_string(version) +
                                                      ": another release wrote it; go back to that "
                                                      "one, or compute everything anew: `leadflow "
                                                      "reset`");
  }
  TaskMeta meta;
  std::string_view position;
  if (!reader.Fixed64(&meta.rules_hash) || !reader.Signed(&meta.input_offset) ||
      !reader.Bytes(&position) || !reader.Signed(&meta.watermark_ms) ||
      !reader.Signed(&meta.committed_ms) || !reader.Signed(&meta.begun_ms) ||
      !ReadMarks(reader, &meta.marks) || !ReadCounters(reader, &meta.counters)) {
    return Status::Corruption("the meta record means nothing");
  }
  meta.source_position = position;
  return meta;
}

Result<std::optional<TaskMeta>> MetaOf(KeyedStore& store) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, store.Get(kMetaKey));
  if (!bytes) return std::optional<TaskMeta>();
  LEADFLOW_ASSIGN_OR_RETURN(TaskMeta meta, DecodeMeta(*bytes));
  return std::optional<TaskMeta>(std::move(meta));
}

}  // namespace leadflow
