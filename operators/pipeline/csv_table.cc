#include "operators/pipeline/csv_table.h"

namespace leadflow {

std::optional<std::vector<CsvRow>> ReadCsvTable(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<CsvRow> rows;
  CsvRow row;
  std::string value;
  int line = 1;
  bool quoted = false, any = false;
  row.line = line;
  const auto end_value = [&] {
    row.values.push_back(std::move(value));
    value.clear();
  };
  const auto end_row = [&] {
    if (any) {
      end_value();
      rows.push_back(std::move(row));
    }
    row = CsvRow();
    value.clear();
    any = false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (quoted) {
      if (c != '"') {
        value += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        value += text[++i];
      } else {
        quoted = false;
      }
    } else if (c == '\n') {
      end_row();
      row.line = line;
    } else if (c == '"' && value.empty()) {
      quoted = any = true;
    } else if (c == ',') {
      any = true;
      end_value();
    } else if (c != '\r') {
      any = true;
      value += c;
    }
  }
  if (quoted) return std::nullopt;
  end_row();
  return rows;
}

}  // namespace leadflow
