// Columns of rows as fields of a Protobuf message: its schema, as proto3 text, and its bytes. Pure
// functions.
//
// A column has one field number for ever, in keys and values alike, whatever other columns a row
// has and however they are ordered; that of a column which is given up is not given to another:
//
//   1 to 15      what every row has, and `delta`
//   20 to 41     dimensions
//   2^24 + 24 b  labels and quantiles: bits of a hash of the name
//
// Fields are written in the order of their numbers and without those that have their default, as
// the libraries of all languages do: the same columns are the same bytes, whoever writes them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "operators/kpi/kpi_row.h"

namespace leadflow {

std::uint32_t FieldNumber(std::string_view column);

// `message NAME { ... }` with a field per column; what they hold does not matter. Numbers are
// decimal text, `value` also a double; `indent`: of its lines. kInvalidArgument: two columns would
// be one field.
Result<std::string> ProtobufMessage(std::string_view name, std::span<const RowField> columns,
                                    std::string_view indent);

// The message without its schema. REQUIRES: the columns are some of those that made the schema.
void AppendProtobuf(std::span<const RowField> columns, std::string* out);

// Fields of messages that are no rows: those with their default are left out.
void AppendTextField(std::uint32_t number, std::string_view text, std::string* out);
void AppendWholeField(std::uint32_t number, std::uint64_t whole, std::string* out);
void AppendMessageField(std::uint32_t number, std::string_view message, std::string* out);

// What a record of Kafka holds: how its reader finds the schema, then the message.
std::string WithSchemaId(std::uint32_t id, std::string_view message);

}  // namespace leadflow
