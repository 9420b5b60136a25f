// InboxRecord: what a record of the inbox holds: the body of one request, or some messages of a
// file. Its bytes outlive the process and the release: they begin with a version.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/record_header.h"
#include "engine/base/status.h"

namespace leadflow {

// All views are borrowed.
struct InboxRecord {
  struct Message {
    std::int64_t line = 0;         // In `origin`.
    std::string_view bytes = {};   // What is no message: its beginning.
    std::string_view reason = {};  // Why it is none; empty: it is one.
  };

  std::string_view origin = {};            // For people: a path.
  std::int64_t arrived_ms = 0;             // Wall clock.
  std::int64_t modified_ms = 0;            // When the file was last changed, or `arrived_ms`.
  bool whole = false;                      // One message, to be split as a file is.
  std::string_view header = {};            // CSV and TSV: the line that names the columns.
  std::vector<RecordHeader> headers = {};  // Of the request.
  std::vector<Message> messages = {};
};

// Appends the bytes of `record` to `out`.
void EncodeInboxRecord(const InboxRecord& record, std::string* out);

// kCorruption: they mean nothing, or a newer release wrote them. The views point into `bytes`.
Status DecodeInboxRecord(std::string_view bytes, InboxRecord* record);

}  // namespace leadflow
