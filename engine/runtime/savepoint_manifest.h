// SavepointManifest: what a savepoint is of, and which files belong to it. It is written last: a
// directory without one is no savepoint.
//
//   leadflow savepoint 1
//   name acme
//   rules 5f0c...                16 hex digits
//   partitions 4
//   created_ms 1772366400000
//   note WORD TEXT               what the application adds
//   file NAME BYTES ENTRIES CHECKSUM
//   end CHECKSUM                 of all lines above
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/runtime/savepoint_file.h"

namespace leadflow {

struct SavepointManifest {
  std::string app;
  std::uint64_t rules_hash = 0;
  std::uint32_t partitions = 0;
  std::int64_t created_ms = 0;
  std::map<std::string, std::string> notes;  // Words and texts without line ends.
  std::vector<SavedFile> files;
};

std::string EncodeManifest(const SavepointManifest& manifest);

// kCorruption: it is damaged. kFailedPrecondition: a newer release wrote it.
Result<SavepointManifest> DecodeManifest(std::string_view text);

}  // namespace leadflow
