// ByteStream: the bytes of a file or of standard input from their beginning; a gzip file (known by
// its first bytes, not by its name) gives what is inside.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/status.h"

namespace leadflow {

class ByteStream {
 public:
  // `path` "-" is standard input.
  static Result<std::unique_ptr<ByteStream>> Open(const std::string& path);

  virtual ~ByteStream() = default;

  // Reads up to `size` bytes. 0: nothing there now; see at_end() and problem().
  virtual Result<std::size_t> Read(char* to, std::size_t size) = 0;

  // Passes `size` bytes, or what is left of them.
  virtual Status Skip(std::int64_t size) = 0;

  // The last Read found the end. A file that grows may give more later.
  virtual bool at_end() const = 0;

  // Why no more can be read although more should be there: "gzip ends in the middle". Else empty.
  virtual const std::string& problem() const = 0;

  virtual std::int64_t raw_bytes_read() const = 0;  // of the file itself, not of what is inside

  // What the open file is now; all 0 for standard input.
  struct Facts {
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ms = 0;
  };
  virtual Facts facts() const = 0;
  virtual bool gzip() const = 0;
};

}  // namespace leadflow
