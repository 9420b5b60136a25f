#include <string_view>
#include <utility>

#include "engine/base/wire.h"
#include "operators/journey/journey.h"

namespace leadflow {

void AppendRecord(const Record& record, std::string* out) {
  WireWriter writer(out);
  writer.Bytes(record.id);
  writer.Byte(static_cast<std::uint8_t>(record.kind));
  writer.Varint(record.version);
  writer.Byte(record.source);
  writer.Signed(record.time_ms);
  writer.Byte(record.counts ? 1 : 0);
  writer.Signed(record.gross_minor);
  writer.Signed(record.net_minor);
  writer.Bytes(record.currency);
  writer.Bytes(record.fields);
  writer.Raw(record.home.view());
  writer.Bytes(record.event_id);
  writer.Varint(record.refunds.size());
  for (const Record::Refund& refund : record.refunds) {
    writer.Signed(refund.time_ms);
    writer.Signed(refund.minor);
    writer.Byte(refund.removes ? 1 : 0);
  }
}

bool ReadRecord(std::string_view* bytes, Record* record) {
  WireReader reader(*bytes);
  std::string_view id, currency, fields, home, event_id;
  std::uint8_t kind = 0, counts = 0;
  std::uint64_t refunds = 0;
  if (!reader.Bytes(&id) || !reader.Byte(&kind) || !reader.Varint(&record->version) ||
      !reader.Byte(&record->source) || !reader.Signed(&record->time_ms) || !reader.Byte(&counts) ||
      !reader.Signed(&record->gross_minor) || !reader.Signed(&record->net_minor) ||
      !reader.Bytes(&currency) || !reader.Bytes(&fields) || !reader.Raw(16, &home) ||
      !reader.Bytes(&event_id) || !reader.Varint(&refunds)) {
    return false;
  }
  record->kind = static_cast<Kind>(kind);
  if (record->kind != Kind::kOrder && record->kind != Kind::kDealChange) return false;
  record->id = id;
  record->counts = counts != 0;
  record->currency = currency;
  record->fields = fields;
  record->home = Identifier::From(home);
  record->event_id = event_id;
  record->refunds.clear();
  for (std::uint64_t i = 0; i < refunds; ++i) {
    Record::Refund refund;
    std::uint8_t removes = 0;
    if (!reader.Signed(&refund.time_ms) || !reader.Signed(&refund.minor) ||
        !reader.Byte(&removes)) {
      return false;
    }
    refund.removes = removes != 0;
    record->refunds.push_back(refund);
  }
  *bytes = reader.Rest();
  return true;
}

}  // namespace leadflow
