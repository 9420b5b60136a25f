// SourceReader: one partition of an input (a file, standard input, a partition of a topic): raw
// messages in order, with a position that a later run can go on from. Used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/api/operator.h"
#include "engine/base/status.h"

namespace leadflow {

class SourceReader {
 public:
  virtual ~SourceReader() = default;

  // Goes on from a position() of an earlier run; empty: from the start. Fails with
  // kFailedPrecondition if the input is no longer what it was (truncated, replaced), naming it and
  // what to do.
  virtual Status Seek(std::string_view position) = 0;

  // Hands over up to about `max_bytes` of messages and returns how many; 0: nothing there now (see
  // AtEnd). Views live until the next call. What cannot be read as messages (a line of 100 MB, a
  // truncated gzip) is handed to `bad` with its reason and at most its first 64 KiB.
  using Bad = std::function<void(std::string_view origin, std::int64_t line,
                                 std::string_view reason, std::string_view bytes)>;
  virtual Result<std::size_t> Read(std::size_t max_bytes,
                                   const std::function<void(std::span<const MessageView>)>& handle,
                                   const Bad& bad) = 0;

  // Opaque, at most 64 KiB: behind the last message handed over.
  virtual std::string position() const = 0;

  // A bounded input is read to its end. A followed one never is.
  virtual bool AtEnd() const = 0;

  // After a Read that found nothing: whether it is known that nothing is there for now. False: it
  // may be on its way, and event time must not pass it by.
  virtual bool Idle() const { return true; }

  // Partitions of topics: the position as the cluster counts, for its tools that show lag. Nobody
  // goes on from it.
  struct TopicOffset {
    std::string topic;
    std::uint32_t partition = 0;
    std::int64_t offset = 0;
  };
  virtual std::optional<TopicOffset> topic_offset() const { return std::nullopt; }

  // Records that are there and not handed over yet, as far as was heard of them.
  virtual std::optional<std::int64_t> records_left() const { return std::nullopt; }

  // Nobody goes back behind `position` any more: what lies before it may be dropped.
  virtual void Committed(std::string_view position) { static_cast<void>(position); }

  // For progress: bytes read so far and in all (0: unknown).
  virtual std::int64_t bytes_read() const { return 0; }
  virtual std::int64_t bytes_total() const { return 0; }
};

}  // namespace leadflow
