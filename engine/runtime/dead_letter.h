// Dead letters: what could not be used, kept with its reason. One JSON object per line:
// {"source":..,"position":..,"reason":..,"bytes":<base64>}.
//
// DeadLetterExport copies the topic of dead letters to a file, each committed line exactly once: the
// length that belongs to an offset of the topic stands in a second file, and what is longer is cut
// off at the next start. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/log/log.h"

namespace leadflow {

inline constexpr std::size_t kDeadLetterBytesMax = std::size_t{64} << 10;

// One line without its end, from at most the first 64 KiB of `bytes`. Bytes of the texts that are no
// UTF-8 become U+FFFD.
std::string DeadLetterLine(std::string_view source, std::string_view position,
                           std::string_view reason, std::string_view bytes);

std::string Base64(std::string_view bytes);

class DeadLetterExport {
 public:
  // Writes `path`, and the offset to `path` + ".offset". The log outlives it.
  DeadLetterExport(Log& log, std::string topic, std::string path);

  Status Open();
  // Appends what was committed since, makes it durable and drops it from the topic.
  Status Pump();

 private:
  Status SaveOffset();

  Log& log_;
  const TopicPartition from_;
  const std::string path_;
  std::unique_ptr<LogReader> reader_;
  std::int64_t offset_ = 0;
  std::int64_t length_ = 0;
};

}  // namespace leadflow
