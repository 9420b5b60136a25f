// RowKey: builds the bytes of a group and a component behind it, in one reused buffer, without an
// allocation per row. Internal to operators/facts; writes what fact.h describes.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "operators/facts/fact.h"

namespace leadflow {

class RowKey {
 public:
  void Begin(std::uint64_t kpi, std::int64_t window_start_ms) {
    size_ = 0;
    Reserve(32);
    for (int i = 0; i < 8; ++i) Push(static_cast<std::uint8_t>(kpi >> (8 * i)));
    Signed(window_start_ms);
  }
  void Text(std::string_view text) {
    Reserve(text.size() + 10);
    Varint(text.size());
    std::memcpy(bytes_.get() + size_, text.data(), text.size());
    size_ += text.size();
  }
  void EndGroup() { group_ = size_; }

  // A component behind the group; replaces the one before.
  void Component(std::uint64_t slot, ComponentKind kind) {
    size_ = group_;
    Reserve(16);
    Varint(slot);
    Push(static_cast<std::uint8_t>(kind));
  }
  void Bucket(std::int64_t value) {
    Reserve(10);
    Signed(value);
  }
  void Raw(std::string_view bytes) {
    Reserve(bytes.size());
    std::memcpy(bytes_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }

  std::string_view group() const { return {bytes_.get(), group_}; }
  std::string_view component() const { return {bytes_.get() + group_, size_ - group_}; }
  std::string_view all() const { return {bytes_.get(), size_}; }

 private:
  void Reserve(std::size_t more) {
    if (size_ + more > capacity_) Grow(size_ + more);
  }
  void Grow(std::size_t least) {
    const std::size_t capacity = 2 * least;
    std::unique_ptr<char[]> bytes(new char[capacity]);
    std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }
  void Push(std::uint8_t byte) { bytes_[size_++] = static_cast<char>(byte); }
  void Varint(std::uint64_t value) {
    while (value >= 0x80) {
      Push(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    Push(static_cast<std::uint8_t>(value));
  }
  void Signed(std::int64_t value) {
    Varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }

  std::unique_ptr<char[]> bytes_{new char[256]};
  std::size_t capacity_ = 256;
  std::size_t size_ = 0;
  std::size_t group_ = 0;
};

}  // namespace leadflow
