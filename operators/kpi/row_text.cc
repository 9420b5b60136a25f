#include "operators/kpi/row_text.h"

#include "engine/base/utf8_text.h"

namespace leadflow {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

void AppendCsvText(std::string_view text, std::string* out) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out->append(text);
    return;
  }
  out->push_back('"');
  for (const char c : text) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

}  // namespace

void AppendCsvHeader(std::span<const std::string_view> columns, std::string* out) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendCsvText(columns[i], out);
  }
  out->append(kLineEnd);
}

void AppendCsvRow(std::span<const RowField> fields, std::string* out) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out->push_back(',');
    if (fields[i].text.has_value()) AppendCsvText(*fields[i].text, out);
  }
  out->append(kLineEnd);
}

void AppendJsonObject(std::span<const RowField> fields, std::string* out) {
  out->push_back('{');
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonText(fields[i].name, out);
    out->push_back(':');
    if (!fields[i].text.has_value()) {
      out->append("null");
    } else if (fields[i].type == RowField::Type::kText) {
      AppendJsonText(*fields[i].text, out);
    } else {
      out->append(*fields[i].text);
    }
  }
  out->push_back('}');
}

void AppendJsonRow(std::span<const RowField> fields, std::string* out) {
  AppendJsonObject(fields, out);
  out->push_back('\n');
}

}  // namespace leadflow
