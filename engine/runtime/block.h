// Block: many messages and the watermarks behind them in one record of an internal topic, because
// the fixed cost of a record is higher than the work on a message.
//
//   version byte (1)
//   varint count of marks; each: varint sender, fixed64 source id, byte flags, signed watermark
//   messages, each: varint size, bytes; up to the end
//
// The marks hold once all messages of the block are handled.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/operator.h"
#include "engine/base/status.h"
#include "engine/runtime/watermark.h"

namespace leadflow {

struct BlockMark {
  std::uint32_t sender = 0;
  std::uint64_t source_id = 0;
  SourceMark mark;
};

void AppendMark(std::uint64_t source_id, const SourceMark& mark, std::string* out);

// Collects what one thread sends to one partition of another thread until the commit.
class BlockBuilder {
 public:
  static constexpr std::size_t kBlockBytes = std::size_t{512} << 10;

  // A message larger than a block travels in a block of its own.
  void Append(std::string_view value);
  // Goes out with the last block; replaces nothing, so call once per mark and commit.
  void AddMark(const BlockMark& mark) { marks_.push_back(mark); }

  bool empty() const { return blocks_.empty() && marks_.empty(); }
  std::size_t bytes() const { return bytes_; }

  // The finished blocks, in order. Valid until Clear.
  const std::vector<std::string>& Finish();
  void Clear();

 private:
  std::vector<std::string> blocks_;
  std::vector<BlockMark> marks_;
  std::size_t bytes_ = 0;
};

// Views into `block`. kCorruption if the bytes are no block; kFailedPrecondition if a newer release
// wrote it. Replaces the contents of both vectors.
Status ReadBlock(std::string_view block, std::int64_t log_time_ms,
                 std::vector<MessageView>* messages, std::vector<BlockMark>* marks);

}  // namespace leadflow
