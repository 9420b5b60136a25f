// FileSystem: the few calls the embedded log makes on a disk, so that a test can crash it at any
// byte.
//
// A FileSystem and its Files are thread-safe, except that one File is appended to by one thread at
// a time. Paths are plain; a directory is flat: no call here looks into sub-directories.
//
// What survives a power cut: bytes of a File up to the last successful Sync, and names (created,
// renamed, removed) up to the last successful SyncDirectory. Anything later may survive or not.
//
// "No space left" is kInternal with a text that begins with kNoSpace; use IsNoSpace.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace leadflow {

inline constexpr std::string_view kNoSpace = "no space left on device";
bool IsNoSpace(const Status& status);

class File {
 public:
  virtual ~File() = default;

  // Adds the parts, one behind the other, at the end. On an error any prefix of them may have been
  // added; the caller truncates.
  virtual Status Append(std::span<const std::string_view> parts) = 0;

  // Durable when it returns OK. After an error nothing is known of the bytes since the last Sync.
  virtual Status Sync() = 0;

  // Fills `out` with up to `size` bytes from `offset` on; fewer only at the end of the file.
  virtual Result<std::size_t> Read(std::uint64_t offset, std::size_t size, char* out) const = 0;

  virtual Status Truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> Size() const = 0;
};

// Holds a lock until it is destroyed.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // With parents; an existing one is fine.
  virtual Status CreateDirectory(const std::string& path) = 0;
  // Names (no paths) of the files in a directory, sorted.
  virtual Result<std::vector<std::string>> List(const std::string& directory) = 0;
  virtual Status SyncDirectory(const std::string& path) = 0;

  // kNotFound if there is none.
  virtual Result<std::unique_ptr<File>> Open(const std::string& path) = 0;
  // An empty file, whatever stood there before.
  virtual Result<std::unique_ptr<File>> Create(const std::string& path) = 0;
  // Replaces `to`, atomically. Open Files stay what they were.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;

  // Locks a file for this process and no other, without waiting. kFailedPrecondition names the
  // process that holds it.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

// The machine's own. Lives for ever.
FileSystem& PosixFileSystem();

}  // namespace leadflow
