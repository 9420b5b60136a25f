#include "operators/kpi/row_protobuf.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <map>
#include <optional>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/utf8_text.h"
#include "engine/base/wire.h"

namespace leadflow {
namespace {

constexpr std::string_view kValue = "value", kValueDouble = "value_double";

struct Numbered {
  std::string_view column;
  std::uint32_t number;
};
constexpr Numbered kNumbers[] = {
    {"kpi", 1},           {"window", 2},      {"window_start", 3},  {"window_end", 4},
    {kValue, 5},          {kValueDouble, 6},  {"numerator", 7},     {"denominator", 8},
    {"currency", 9},      {"unit", 10},       {"settled", 11},      {"revision", 12},
    {"cause", 13},        {"updated_at", 14}, {"delta", 15},        {"model", 20},
    {"channel", 21},      {"campaign", 22},   {"source", 23},       {"medium", 24},
    {"landing_page", 25}, {"fair", 26},       {"persona", 27},      {"account", 28},
    {"owner", 29},        {"country", 30},    {"product_line", 31}, {"discount_code", 32},
    {"offer", 33},        {"name", 34},       {"form", 35},         {"asset", 36},
    {"link", 37},         {"network", 38},    {"variant", 39},      {"kind", 40},
    {"reason", 41},
};
constexpr std::uint32_t kHashedBits = 24;

enum WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2 };

void AppendTag(std::uint32_t number, WireType type, std::string* out) {
  WireWriter(out).Varint(std::uint64_t{number} << 3 | type);
}

bool IsWhole(const RowField& column) { return column.name == "revision"; }

// Null is something else than the default.
bool IsNullable(const RowField& column) {
  return (column.type == RowField::Type::kNumber && !IsWhole(column)) ||
         column.name == "window_end";
}

const char* TypeOf(const RowField& column) {
  if (IsWhole(column)) return "uint64";
  return column.type == RowField::Type::kBool ? "bool" : "string";
}

// `labels.x` is labels_x: letters, digits and _.
std::string FieldName(std::string_view column) {
  std::string name(column);
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain) c = '_';
  }
  return name;
}

// Names that are one where a message is shown as JSON are no two names.
std::string Folded(std::string name) {
  std::erase(name, '_');
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name;
}

struct FieldText {
  std::string column, name, text;
};

double NearestDouble(std::string_view decimal) {
  double value = 0;
  std::from_chars(decimal.data(), decimal.data() + decimal.size(), value);
  return value;
}

void AppendColumn(const RowField& column, std::uint32_t number, std::string* out) {
  if (!column.text) return;
  if (column.type == RowField::Type::kBool) {
    AppendWholeField(number, *column.text == "true" ? 1 : 0, out);
  } else if (IsWhole(column)) {
    std::uint64_t whole = 0;
    std::from_chars(column.text->data(), column.text->data() + column.text->size(), whole);
    AppendWholeField(number, whole, out);
  } else if (IsNullable(column)) {
    AppendMessageField(number, *column.text, out);
  } else {
    AppendTextField(number, ValidUtf8(*column.text), out);
  }
  if (column.name != kValue) return;
  AppendTag(FieldNumber(kValueDouble), kFixed64, out);
  WireWriter(out).Fixed64(std::bit_cast<std::uint64_t>(NearestDouble(*column.text)));
}

}  // namespace

std::uint32_t FieldNumber(std::string_view column) {
  for (const Numbered& numbered : kNumbers) {
    if (numbered.column == column) return numbered.number;
  }
  constexpr std::uint32_t kFirst = std::uint32_t{1} << kHashedBits;
  return kFirst + static_cast<std::uint32_t>(Hash64(column) & (kFirst - 1));
}

Result<std::string> ProtobufMessage(std::string_view name, std::span<const RowField> columns,
                                    std::string_view indent) {
  std::map<std::uint32_t, FieldText> fields;
  std::map<std::string, std::string> columns_by_name;
  for (const RowField& column : columns) {
    const std::uint32_t number = FieldNumber(column.name);
    const std::string field = FieldName(column.name);
    const auto [at, added] =
        fields.try_emplace(number, FieldText{std::string(column.name), field, ""});
    const auto [same, named] = columns_by_name.try_emplace(Folded(field), column.name);
    if (!added || !named) {
      return Status::InvalidArgument("the columns `" + (added ? same->second : at->second.column) +
                                     "` and `" + std::string(column.name) +
                                     "` would be one field of a Protobuf message");
    }
    at->second.text = std::string(IsNullable(column) ? "optional " : "") + TypeOf(column);
    if (column.name == kValue) {
      const std::string twin(kValueDouble);
      fields[FieldNumber(twin)] = {twin, twin, "optional double"};
    }
  }
  std::string text = std::string(indent) + "message " + std::string(name) + " {\n";
  for (const auto& [number, field] : fields) {
    text.append(indent).append("  ").append(field.text).append(" ").append(field.name);
    text.append(" = ").append(std::to_string(number)).append(";\n");
  }
  return text.append(indent).append("}\n");
}

void AppendProtobuf(std::span<const RowField> columns, std::string* out) {
  std::vector<std::pair<std::uint32_t, const RowField*>> fields;
  fields.reserve(columns.size());
  for (const RowField& column : columns) fields.emplace_back(FieldNumber(column.name), &column);
  std::sort(fields.begin(), fields.end());
  for (const auto& [number, column] : fields) AppendColumn(*column, number, out);
}

void AppendTextField(std::uint32_t number, std::string_view text, std::string* out) {
  if (!text.empty()) AppendMessageField(number, text, out);
}

void AppendWholeField(std::uint32_t number, std::uint64_t whole, std::string* out) {
  if (whole == 0) return;
  AppendTag(number, kVarint, out);
  WireWriter(out).Varint(whole);
}

void AppendMessageField(std::uint32_t number, std::string_view message, std::string* out) {
  AppendTag(number, kLengthDelimited, out);
  WireWriter(out).Bytes(message);
}

std::string WithSchemaId(std::uint32_t id, std::string_view message) {
  std::string bytes(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(id >> shift));
  return bytes.append(1, '\0').append(message);  // The first and only message of its schema.
}

}  // namespace leadflow
