// Rows as text: CSV (RFC 4180: CRLF, quotes where needed, null empty) and JSON Lines (null is null,
// numbers are exact and unquoted). Bytes that are no UTF-8 become U+FFFD in JSON.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "operators/kpi/kpi_row.h"

namespace leadflow {

void AppendCsvHeader(std::span<const std::string_view> columns, std::string* out);
void AppendCsvRow(std::span<const RowField> fields, std::string* out);
// One object, without a line end.
void AppendJsonObject(std::span<const RowField> fields, std::string* out);
// The same, and a line end.
void AppendJsonRow(std::span<const RowField> fields, std::string* out);

}  // namespace leadflow
