#include "connectors/inbox/record.h"

#include "engine/base/wire.h"

namespace leadflow {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

void EncodeInboxRecord(const InboxRecord& record, std::string* out) {
  WireWriter writer(out);
  writer.Byte(kVersion);
  writer.Bytes(record.origin);
  writer.Signed(record.arrived_ms);
  writer.Signed(record.modified_ms);
  writer.Byte(record.whole ? 1 : 0);
  writer.Bytes(record.header);
  writer.Varint(record.headers.size());
  for (const RecordHeader& header : record.headers) {
    writer.Bytes(header.name);
    writer.Bytes(header.value);
  }
  for (const InboxRecord::Message& message : record.messages) {
    writer.Signed(message.line);
    writer.Bytes(message.bytes);
    writer.Bytes(message.reason);
  }
}

Status DecodeInboxRecord(std::string_view bytes, InboxRecord* record) {
  WireReader reader(bytes);
  std::uint8_t version = 0, whole = 0;
  reader.Byte(&version);
  if (!reader.ok() || version != kVersion) {
    return Status::Corruption("a record of version " + std::to_string(version) +
                              ", which this release does not know");
  }
  reader.Bytes(&record->origin);
  reader.Signed(&record->arrived_ms);
  reader.Signed(&record->modified_ms);
  reader.Byte(&whole);
  record->whole = whole != 0;
  reader.Bytes(&record->header);
  std::uint64_t count = 0;
  reader.Varint(&count);
  record->headers.clear();
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    RecordHeader& header = record->headers.emplace_back();
    reader.Bytes(&header.name);
    reader.Bytes(&header.value);
  }
  record->messages.clear();
  while (reader.ok() && !reader.AtEnd()) {
    InboxRecord::Message& message = record->messages.emplace_back();
    reader.Signed(&message.line);
    reader.Bytes(&message.bytes);
    reader.Bytes(&message.reason);
  }
  if (!reader.ok()) return Status::Corruption("the bytes of a record mean nothing");
  return {};
}

}  // namespace leadflow
