// What subscribers of a topic get of a row: key, value and headers of a record. Pure functions.
//
//   key    {"window_start":...,<dimensions>,"currency":...}: one row has one key, for ever
//   value  the row as in `.jsonl` files; or an envelope around what was sent before and what is now
//
// Format `connect` wraps both in {"schema":...,"payload":...} as the JsonConverter of Kafka Connect
// reads them: times are its Timestamp, numbers that are not whole its Decimal.
//
// Format `protobuf` makes messages of both (row_protobuf.h), each with a schema of its own; so the
// bytes of a key rest on the id of its schema, too.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/record_header.h"
#include "engine/base/status.h"
#include "operators/kpi/kpi_row.h"
#include "operators/kpi/row_feed.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

std::string RowKey(const RowFeed& feed, const KpiRow& row, const Pipeline& pipeline);

// What became of a row: `before` is null if it was never sent (or taken back), `after` if it
// vanished; not both. nullopt: a tombstone. `wall_ms`: now.
std::optional<std::string> RowValue(const RowFeed& feed, const KpiRow* before, const KpiRow* after,
                                    const Pipeline& pipeline, std::int64_t wall_ms);

// Attributes of a CloudEvent in binary mode. Those of two sendings of one state of a row are equal.
class RowHeaders {
 public:
  // Borrows from `row`. `gone`: it is the last state of a row that vanished.
  RowHeaders(const RowFeed& feed, const KpiRow& row, bool gone, std::string_view key,
             const Pipeline& pipeline);
  RowHeaders(const RowHeaders&) = delete;
  RowHeaders& operator=(const RowHeaders&) = delete;

  std::span<const RecordHeader> views() const { return views_; }

 private:
  std::string id_, source_, time_;
  std::array<RecordHeader, 7> views_;
};

// The schemas of a topic's records, as proto3 text: one message each, with what is nested in it.
struct RowSchemas {
  std::string key, value;
};
// kInvalidArgument: two columns would be one field. REQUIRES: format kProtobuf
Result<RowSchemas> RowSchemasOf(const RowFeed& feed);

// a - b, of decimals as rows show them; nullopt is 0.
std::string DecimalDifference(const std::optional<std::string>& a,
                              const std::optional<std::string>& b);

}  // namespace leadflow
