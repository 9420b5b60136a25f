// Chunk: some neighbouring entries of a journey, in order, over their encoded bytes.
//
// Bytes: a version byte, the home that most entries have (16 bytes), then the entries as
// AppendEntry writes them with it. Reading is one pass that notes where each begins. A new entry is
// appended to the bytes wherever it belongs in the order, so mostly they are what will be written.
//
// Entries handed out borrow from the bytes. Bytes that had to move are kept until Settle, so an
// entry stays valid as long as nobody calls it. Not thread-safe.
#pragma once

#include <cstdint>
#include <forward_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "operators/event/entry.h"

namespace leadflow {

class Chunk {
 public:
  static constexpr std::uint8_t kVersion = 3;

  // What is needed to order and filter; the rest is read from the bytes when it is asked for.
  struct Slot {
    std::int64_t time_ms = 0;
    std::uint32_t at = 0;    // in the bytes
    std::uint16_t note = 0;  // see Journey::ForEachOf
    Kind kind = Kind::kNone;
  };

  // False: not a chunk.
  bool Decode(std::string_view bytes);
  std::string Encode() const;
  void Append(std::string* out) const;  // the same
  std::size_t encoded_bytes() const { return live_; }

  std::vector<Slot>& slots() { return slots_; }
  const std::vector<Slot>& slots() const { return slots_; }
  Entry Read(const Slot& slot) const;

  // Index of the first slot with time >= time_ms.
  std::size_t LowerBound(std::int64_t time_ms) const;
  // Index of the entry; size() if it is not there.
  std::size_t Find(std::uint64_t key, std::int64_t time_ms) const;
  // Puts a copy where it belongs. REQUIRES: Find says that it is not there
  void Insert(const Entry& entry);
  void Remove(std::size_t index);

  // The second part of a chunk that is too large; nullptr if all entries have one time. A chunk
  // that grew at its end keeps all but the last moment, so that chunks of a growing journey are
  // full.
  std::unique_ptr<Chunk> SplitOff(bool grew_at_end);

  // Nobody holds an entry any more: gives back memory that was kept for that.
  void Settle();

  std::size_t memory_bytes() const;
  // Asks the processor for what an entry at the end touches.
  void Prefetch() const;
  bool dirty = false;

 private:
  static constexpr std::size_t kHeadBytes = 17;

  Identifier Usual() const { return Identifier::From({bytes_.get() + 1, 16}); }
  std::uint64_t KeyOf(const Slot& slot) const;
  std::size_t SizeOf(const Slot& slot) const;
  void Start(const Identifier& usual);
  void Reserve(std::size_t more);
  void Pack(std::size_t capacity);

  std::unique_ptr<char[]> bytes_;  // null: no entry yet
  std::vector<Slot> slots_;
  std::uint32_t used_ = 0, capacity_ = 0;
  std::uint32_t live_ = kHeadBytes;  // of the bytes: the head and what slots point to
  bool in_order_ = true;             // so are the entries in the bytes
  std::forward_list<std::unique_ptr<char[]>> moved_;
  std::size_t moved_bytes_ = 0;
};

}  // namespace leadflow
