// Chunk: some neighbouring entries of a journey, in order, over the bytes that they were read from.
//
// Bytes: a version byte, then the entries as AppendEntry writes them. Reading is one pass that sets
// pointers into the bytes; nothing is copied. A new entry goes into an arena block of its own. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "operators/event/entry.h"

namespace leadflow {

// Bytes that never move. Shared by the two halves of a chunk that was split.
class Arena {
 public:
  char* Allocate(std::size_t size);
  // Takes over the bytes of a whole chunk.
  std::string_view Adopt(std::string bytes);
  std::size_t memory_bytes() const { return bytes_; }

 private:
  std::string loaded_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t left_ = 0, next_block_ = 256;
  char* at_ = nullptr;
  std::size_t bytes_ = 0;
};

class Chunk {
 public:
  static constexpr std::uint8_t kVersion = 1;

  // What is needed to order, filter and find; the rest is read from the bytes when it is asked for.
  struct Slot {
    std::int64_t time_ms = 0;
    std::uint64_t key = 0;
    const char* bytes = nullptr;
    std::uint32_t size = 0;
    Kind kind = Kind::kNone;
    std::uint8_t source = 0;
    std::uint16_t note = 0;  // see Journey::ForEachOf

    Entry Read() const;
  };

  Chunk() : arena_(std::make_shared<Arena>()) {}

  // False: not a chunk.
  bool Decode(std::string bytes);
  std::string Encode() const;
  void Append(std::string* out) const;  // the same
  std::size_t encoded_bytes() const { return encoded_bytes_; }

  std::vector<Slot>& slots() { return slots_; }
  const std::vector<Slot>& slots() const { return slots_; }

  // Index of the first slot with time >= time_ms.
  std::size_t LowerBound(std::int64_t time_ms) const;
  // Index of the entry; size() if it is not there.
  std::size_t Find(std::uint64_t key, std::int64_t time_ms) const;
  // Puts a copy where it belongs. REQUIRES: Find says that it is not there
  void Insert(const Entry& entry);
  void Remove(std::size_t index) {
    encoded_bytes_ -= slots_[index].size;
    slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  // The second part of a chunk that is too large; nullptr if all entries have one time. A chunk
  // that grew at its end keeps all but the last moment, so that chunks of a growing journey are
  // full.
  std::unique_ptr<Chunk> SplitOff(bool grew_at_end);

  std::size_t memory_bytes() const;
  bool dirty = false;

 private:
  std::shared_ptr<Arena> arena_;
  std::vector<Slot> slots_;
  std::size_t encoded_bytes_ = 1;  // the version byte and all slots
  std::string scratch_;
};

}  // namespace leadflow
