#include "operators/kpi/row_record.h"

#include <algorithm>

#include "engine/base/hash.h"
#include "engine/base/money.h"
#include "engine/base/utf8_text.h"
#include "operators/facts/measure_unit.h"
#include "operators/kpi/row_protobuf.h"
#include "operators/kpi/row_text.h"

namespace leadflow {
namespace {

using Envelope = RowTopicSpec::Envelope;
using Format = RowTopicSpec::Format;

// The digits of every Decimal: as many as the column with the most has.
constexpr std::size_t kDecimalDigits = 6;

std::vector<RowField> KeyFields(const KpiRow& row, const TimeZone& zone) {
  using Type = RowField::Type;
  std::vector<RowField> fields = {{"window_start", Type::kText, zone.Format(row.window_start_ms)}};
  for (std::size_t i = 0; i < row.dimensions.size(); ++i) {
    fields.push_back({row.kpi->by[i].name, Type::kText, row.dimensions[i]});
  }
  if (row.kpi->money) fields.push_back({"currency", Type::kText, row.currency});
  return fields;
}

void AppendRow(const KpiRow* row, const TimeZone& zone, std::string* out) {
  if (row == nullptr) {
    out->append("null");
  } else {
    AppendJsonObject(RowFields(*row, zone), out);
  }
}

const char* Operation(const KpiRow* before, const KpiRow* after) {
  return before == nullptr ? "c" : after == nullptr ? "d" : "u";
}

std::string DebeziumValue(const KpiRow* before, const KpiRow* after, const Pipeline& pipeline,
                          std::int64_t wall_ms) {
  std::string out = "{\"before\":";
  AppendRow(before, pipeline.zone, &out);
  out.append(",\"after\":");
  AppendRow(after, pipeline.zone, &out);
  out.append(",\"op\":\"").append(Operation(before, after));
  out.append("\",\"ts_ms\":").append(std::to_string(wall_ms));
  out.append(",\"source\":{\"connector\":\"leadflow\",\"name\":");
  AppendJsonText(pipeline.name, &out);
  out.append(",\"kpi\":");
  AppendJsonText((after == nullptr ? before : after)->kpi->name, &out);
  return out.append("}}");
}

// The row, and by how much its value has changed; of a row that vanished the last one, without a
// value.
std::vector<RowField> DeltaFields(const KpiRow* before, const KpiRow* after, const TimeZone& zone) {
  KpiRow row = after == nullptr ? *before : *after;
  const auto value = [](const KpiRow* of) { return of == nullptr ? std::nullopt : of->value; };
  if (after == nullptr) {
    row.value.reset();
    for (auto& quantile : row.quantiles) quantile.reset();
    row.numerator.reset();
    row.denominator.reset();
  }
  std::vector<RowField> fields = RowFields(row, zone);
  fields.push_back(
      {"delta", RowField::Type::kNumber, DecimalDifference(value(after), value(before))});
  return fields;
}

std::string Json(const std::vector<RowField>& fields) {
  std::string out;
  AppendJsonObject(fields, &out);
  return out;
}

// ---- connect

bool IsWhole(const Measure& measure) {
  return measure.IsLeaf() && measure.type != Measure::Type::kMean &&
         measure.type != Measure::Type::kMeanTime && NumberUnitOf(measure) == MeasureUnit::kPlain;
}

std::string Padded(std::string decimal) {
  const std::size_t point = decimal.find('.');
  const std::size_t digits = point == std::string::npos ? 0 : decimal.size() - point - 1;
  if (point == std::string::npos) decimal.push_back('.');
  return decimal.append(kDecimalDigits - std::min(digits, kDecimalDigits), '0');
}

// A field of a row as Connect sees it: its type, and its value as JSON.
struct ConnectField {
  std::string_view type;  // of its schema, as JSON
  std::string payload;
};
constexpr std::string_view kText = R"("type":"string")";
constexpr std::string_view kBool = R"("type":"boolean")";
constexpr std::string_view kLong = R"("type":"int64")";
constexpr std::string_view kTimestamp =
    R"("type":"int64","name":"org.apache.kafka.connect.data.Timestamp","version":1)";
constexpr std::string_view kDecimal =
    R"("type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"6"})";

ConnectField Connected(const RowField& field, const KpiRow& row) {
  if (field.name == "window_start") return {kTimestamp, std::to_string(row.window_start_ms)};
  if (field.name == "updated_at") return {kTimestamp, std::to_string(row.updated_at_ms)};
  if (field.name == "window_end") {
    return {kTimestamp, field.text ? std::to_string(row.window_end_ms) : "null"};
  }
  const std::string text = field.text.value_or("null");
  switch (field.type) {
    case RowField::Type::kBool: return {kBool, text};
    case RowField::Type::kNumber: {
      const bool whole = field.name == "revision" || IsWhole(row.kpi->measure);
      if (whole) return {kLong, text};
      return {kDecimal, field.text ? Padded(text) : text};
    }
    case RowField::Type::kText: break;
  }
  std::string quoted;
  if (field.text) AppendJsonText(text, &quoted);
  return {kText, field.text ? quoted : text};
}

std::string Connect(const std::vector<RowField>& fields, const KpiRow& row, bool key) {
  std::string schema, payload;
  for (const RowField& field : fields) {
    const ConnectField connected = Connected(field, row);
    if (!schema.empty()) schema.push_back(','), payload.push_back(',');
    schema.append("{").append(connected.type);
    schema.append(key ? R"(,"optional":false,"field":)" : R"(,"optional":true,"field":)");
    AppendJsonText(field.name, &schema);
    schema.push_back('}');
    AppendJsonText(field.name, &payload);
    payload.append(":").append(connected.payload);
  }
  return R"({"schema":{"type":"struct","optional":false,"fields":[)" + schema +
         R"(]},"payload":{)" + payload + "}}";
}

// ---- protobuf

// The texts of schemas must stay as they are, letter by letter: another text is another schema.
constexpr const char* kSchemaHead = "syntax = \"proto3\";\npackage leadflow.kpi;\n\n";
constexpr const char* kChangeFields =
    "  message Source {\n"
    "    string connector = 1;\n"
    "    string name = 2;\n"
    "    string kpi = 3;\n"
    "  }\n"
    "  Row before = 1;\n"
    "  Row after = 2;\n"
    "  string op = 3;\n"
    "  int64 ts_ms = 4;\n"
    "  Source source = 5;\n";

// new_leads: NewLeads
std::string MessageName(std::string_view kpi) {
  std::string name;
  bool begins = true;
  for (const char c : kpi) {
    const bool mark = c == '_' || c == '-';
    if (!mark)
      name.push_back(begins && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    begins = mark;
  }
  return name;
}

std::string Protobuf(const std::vector<RowField>& fields) {
  std::string message;
  AppendProtobuf(fields, &message);
  return message;
}

std::string DebeziumProtobuf(const KpiRow* before, const KpiRow* after, const Pipeline& pipeline,
                             std::int64_t wall_ms) {
  std::string source, change;
  AppendTextField(1, "leadflow", &source);
  AppendTextField(2, pipeline.name, &source);
  AppendTextField(3, (after == nullptr ? before : after)->kpi->name, &source);
  if (before) AppendMessageField(1, Protobuf(RowFields(*before, pipeline.zone)), &change);
  if (after) AppendMessageField(2, Protobuf(RowFields(*after, pipeline.zone)), &change);
  AppendTextField(3, Operation(before, after), &change);
  AppendWholeField(4, static_cast<std::uint64_t>(wall_ms), &change);
  AppendMessageField(5, source, &change);
  return change;
}

// ---- decimals

struct Digits {
  __int128 number = 0;
  std::size_t digits = 0;
};

Digits Parse(const std::optional<std::string>& text) {
  Digits decimal;
  bool fraction = false;
  for (const char c : text.value_or("")) {
    if (c == '.') fraction = true;
    if (c < '0' || c > '9') continue;
    decimal.number = decimal.number * 10 + (c - '0');
    decimal.digits += fraction ? 1 : 0;
  }
  if (text && text->starts_with('-')) decimal.number = -decimal.number;
  return decimal;
}

__int128 Scaled(const Digits& decimal, std::size_t digits) {
  __int128 number = decimal.number;
  for (std::size_t i = decimal.digits; i < digits; ++i) number *= 10;
  return number;
}

}  // namespace

std::string DecimalDifference(const std::optional<std::string>& a,
                              const std::optional<std::string>& b) {
  const Digits left = Parse(a);
  const Digits right = Parse(b);
  const std::size_t digits = std::max(left.digits, right.digits);
  const __int128 difference = Scaled(left, digits) - Scaled(right, digits);
  __int128 denominator = 1;
  for (std::size_t i = 0; i < digits; ++i) denominator *= 10;
  return FormatRatio(difference, denominator, static_cast<int>(digits));
}

std::string RowKey(const RowFeed& feed, const KpiRow& row, const Pipeline& pipeline) {
  const std::vector<RowField> fields = KeyFields(row, pipeline.zone);
  switch (feed.output->format) {
    case Format::kConnect: return Connect(fields, row, true);
    case Format::kProtobuf: return WithSchemaId(feed.schemas.key, Protobuf(fields));
    case Format::kJson: break;
  }
  return Json(fields);
}

std::optional<std::string> RowValue(const RowFeed& feed, const KpiRow* before, const KpiRow* after,
                                    const Pipeline& pipeline, std::int64_t wall_ms) {
  const bool protobuf = feed.output->format == Format::kProtobuf;
  const std::uint32_t schema = feed.schemas.value;
  if (feed.output->envelope == Envelope::kDebezium) {
    if (!protobuf) return DebeziumValue(before, after, pipeline, wall_ms);
    return WithSchemaId(schema, DebeziumProtobuf(before, after, pipeline, wall_ms));
  }
  const bool delta = feed.output->envelope == Envelope::kDelta;
  if (after == nullptr && !delta) return std::nullopt;
  const std::vector<RowField> fields =
      delta ? DeltaFields(before, after, pipeline.zone) : RowFields(*after, pipeline.zone);
  if (protobuf) return WithSchemaId(schema, Protobuf(fields));
  if (feed.output->format == Format::kConnect) return Connect(fields, *after, false);
  return Json(fields);
}

Result<RowSchemas> RowSchemasOf(const RowFeed& feed) {
  KpiRow row;  // One with all columns.
  row.kpi = feed.kpi;
  row.dimensions.resize(feed.kpi->by.size());
  row.quantiles.resize(feed.kpi->measure.quantile_columns.size());
  const TimeZone zone = TimeZone::Utc();
  const std::string name = MessageName(feed.kpi->name);
  RowSchemas schemas;
  LEADFLOW_ASSIGN_OR_RETURN(schemas.key, ProtobufMessage(name + "Key", KeyFields(row, zone), ""));
  if (feed.output->envelope == Envelope::kDebezium) {
    LEADFLOW_ASSIGN_OR_RETURN(const std::string nested,
                              ProtobufMessage("Row", RowFields(row, zone), "  "));
    schemas.value = "message " + name + "Change {\n" + nested + kChangeFields + "}\n";
  } else {
    const bool delta = feed.output->envelope == Envelope::kDelta;
    LEADFLOW_ASSIGN_OR_RETURN(
        schemas.value,
        ProtobufMessage(delta ? name + "Delta" : name,
                        delta ? DeltaFields(nullptr, &row, zone) : RowFields(row, zone), ""));
  }
  schemas.key.insert(0, kSchemaHead);
  schemas.value.insert(0, kSchemaHead);
  return schemas;
}

RowHeaders::RowHeaders(const RowFeed& feed, const KpiRow& row, bool gone, std::string_view key,
                       const Pipeline& pipeline)
    : id_(row.kpi->name + "/"),
      source_("/leadflow/" + pipeline.name),
      time_(TimeZone::Utc().Format(row.updated_at_ms)) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const std::uint8_t byte : Hash128(key)) {
    id_.push_back(kDigits[byte >> 4]);
    id_.push_back(kDigits[byte & 15]);
  }
  id_.append("/").append(std::to_string(row.revision)).append(gone ? "/gone" : "");
  const bool protobuf = feed.output->format == Format::kProtobuf;
  views_ = {{
      {"ce_specversion", "1.0"},
      {"ce_id", id_},
      {"ce_source", source_},
      {"ce_type", "leadflow.kpi.row.v1"},
      {"ce_subject", row.kpi->name},
      {"ce_time", time_},
      {"content-type", protobuf ? "application/x-protobuf" : "application/json"},
  }};
}

}  // namespace leadflow
