// MessageBuffer: messages waiting in memory, in order. Bytes are copied into blocks that stay where
// they are and are used again, so that a message costs one copy and no allocation of its own.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/api/operator.h"

namespace leadflow {

class MessageBuffer {
 public:
  void Append(std::string_view value, std::int64_t log_time_ms) {
    if (value.size() > left_) [[unlikely]] {
      Grow(value.size());
    }
    if (!value.empty()) std::memcpy(at_, value.data(), value.size());
    messages_.push_back({.value = {at_, value.size()}, .log_time_ms = log_time_ms});
    at_ += value.size();
    left_ -= value.size();
    bytes_ += value.size();
  }

  bool empty() const { return messages_.empty(); }
  std::size_t bytes() const { return bytes_; }

  // Valid until the next Append or Clear.
  std::span<const MessageView> messages() const { return messages_; }

  // Keeps the first blocks for later.
  void Clear() {
    messages_.clear();
    large_.clear();
    if (blocks_.size() > kBlocksKept) blocks_.resize(kBlocksKept);
    next_block_ = 0;
    at_ = nullptr;
    left_ = 0;
    bytes_ = 0;
  }

 private:
  static constexpr std::size_t kBlockBytes = std::size_t{64} << 10;
  static constexpr std::size_t kBlocksKept = 16;

  void Grow(std::size_t need) {
    if (need > kBlockBytes) {
      large_.push_back(std::make_unique_for_overwrite<char[]>(need));
      at_ = large_.back().get();
      left_ = need;
      return;
    }
    if (next_block_ == blocks_.size()) {
      blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
    }
    at_ = blocks_[next_block_++].get();
    left_ = kBlockBytes;
  }

  std::vector<MessageView> messages_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::vector<std::unique_ptr<char[]>> large_;  // One message each.
  std::size_t next_block_ = 0;
  char* at_ = nullptr;
  std::size_t left_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace leadflow
