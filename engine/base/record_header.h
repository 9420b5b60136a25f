// RecordHeader: a name and a value beside the key and the value of a record, for subscribers.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/base/wire.h"

namespace leadflow {

struct RecordHeader {
  std::string_view name;
  std::string_view value;
};

// As bytes, on their way through a commit: name and value of each, with their lengths.
inline void EncodeHeaders(std::span<const RecordHeader> headers, std::string* out) {
  WireWriter writer(out);
  for (const RecordHeader& header : headers) {
    writer.Bytes(header.name);
    writer.Bytes(header.value);
  }
}
// False: none is left.
inline bool NextHeader(WireReader* headers, RecordHeader* header) {
  return headers->Bytes(&header->name) && headers->Bytes(&header->value);
}

}  // namespace leadflow
