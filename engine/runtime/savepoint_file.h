// SavepointFile: keys and values in a file of a savepoint, in order. The checksums find damage, not
// forgery.
//
// A file is frames, each of a million bytes of entries or one that is larger:
//   fixed64 size of the entries, fixed64 their Hash64
//   entries, each: varint size, key, varint size, value
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/log/file_system.h"

namespace leadflow {

// What the manifest says of a file.
struct SavedFile {
  std::string name;  // No path.
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
  std::uint64_t checksum = 0;  // Of the checksums of its frames, in order.

  bool operator==(const SavedFile&) const = default;
};

// Used by one thread.
class SavepointWriter {
 public:
  static Result<std::unique_ptr<SavepointWriter>> Create(FileSystem& files,
                                                         const std::string& directory,
                                                         const std::string& name);
  SavepointWriter(std::unique_ptr<File> file, std::string name);  // Use Create.

  Status Add(std::string_view key, std::string_view value);

  // Durable when it returns OK. Nothing may be called after it.
  Result<SavedFile> Finish();

 private:
  Status WriteFrame();

  const std::unique_ptr<File> file_;
  SavedFile saved_;
  std::string frame_;
};

// Hands over the entries in order. kCorruption names the file: it is not the one that was saved.
// Stops at the first error of `visit`.
using VisitEntry = std::function<Status(std::string_view key, std::string_view value)>;
Status ReadSavedFile(FileSystem& files, const std::string& directory, const SavedFile& saved,
                     const VisitEntry& visit);

}  // namespace leadflow
