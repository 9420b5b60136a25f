// EntityCache: decoded entities in front of a store, up to a number of bytes. Used by one thread.
//
// The owner of an entity says how large it is (SetBytes), and pins the ones it has changed until
// their commit: a changed entity that was evicted would come back from the store as it was before.
// Eviction happens in Evict only, so a pointer stays good until then; it takes what was not used
// since the hand last came by (the clock algorithm), which costs nothing on the way of an event.
//
// Pinned entities may take the cache beyond its limit: the commit size bounds them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/check.h"

namespace leadflow {

// Key: 8 or 16 bytes that absl hashes, such as std::uint64_t or std::array<std::uint8_t, 16>.
template <class Key, class T>
class EntityCache {
 public:
  explicit EntityCache(std::size_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  // Null if it is not here. Counts as a use.
  T* Find(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    Slot& slot = slots_[found->second];
    slot.used = true;
    return slot.value.get();
  }

  // REQUIRES: the key is not here; value is not null
  T* Insert(const Key& key, std::unique_ptr<T> value, std::size_t bytes = 0) {
    LEADFLOW_CHECK(value != nullptr);
    std::uint32_t at = 0;
    if (free_.empty()) {
      at = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      at = free_.back();
      free_.pop_back();
    }
    const bool added = index_.emplace(key, at).second;
    LEADFLOW_CHECK(added);
    Slot& slot = slots_[at];
    slot.key = key;
    slot.value = std::move(value);
    slot.bytes = kEntryBytes + bytes;
    slot.used = false;  // What is never looked for again goes first.
    slot.pinned = false;
    bytes_ += slot.bytes;
    return slot.value.get();
  }

  // What the entity takes now, beside the cache's own part. REQUIRES: the key is here
  void SetBytes(const Key& key, std::size_t bytes) {
    Slot& slot = SlotOf(key);
    bytes_ += kEntryBytes + bytes;
    bytes_ -= slot.bytes;
    slot.bytes = kEntryBytes + bytes;
  }

  // Keeps the entity until UnpinAll (the commit) or Erase. REQUIRES: the key is here
  void Pin(const Key& key) {
    const auto found = index_.find(key);
    LEADFLOW_CHECK(found != index_.end());
    if (std::exchange(slots_[found->second].pinned, true)) return;
    pinned_.push_back(found->second);
  }
  void UnpinAll() {
    for (const std::uint32_t at : pinned_) slots_[at].pinned = false;
    pinned_.clear();
  }

  // False if it is not here. Pinned or not.
  bool Erase(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return false;
    Free(found->second);
    return true;
  }

  // Removes entities that are not pinned until the rest fits; `on_evict(key, T&)` sees each before.
  template <class OnEvict>
  void Evict(OnEvict&& on_evict) {
    // Two rounds: the first may only find entities that were used since the last one.
    for (std::size_t steps = 2 * slots_.size(); bytes_ > capacity_bytes_ && steps > 0; --steps) {
      hand_ = hand_ + 1 < slots_.size() ? hand_ + 1 : 0;
      Slot& slot = slots_[hand_];
      if (slot.value == nullptr || slot.pinned || std::exchange(slot.used, false)) continue;
      on_evict(std::as_const(slot.key), *slot.value);
      Free(static_cast<std::uint32_t>(hand_));
    }
  }
  void Evict() {
    Evict([](const Key&, T&) {});
  }

  // Forgets everything, pinned ones too: the transaction was aborted.
  void Clear() {
    index_.clear();
    slots_.clear();
    free_.clear();
    pinned_.clear();
    bytes_ = hand_ = 0;
  }

  void set_capacity_bytes(std::size_t bytes) { capacity_bytes_ = bytes; }
  std::size_t capacity_bytes() const { return capacity_bytes_; }
  std::size_t bytes() const { return bytes_; }
  std::size_t size() const { return index_.size(); }

 private:
  struct Slot {
    Key key{};
    std::unique_ptr<T> value;  // Null: free.
    std::size_t bytes = 0;
    bool used = false;
    bool pinned = false;
  };
  // A slot, its place in the index at the usual load, and what malloc adds to the entity.
  static constexpr std::size_t kEntryBytes = sizeof(Slot) + 2 * (sizeof(Key) + 5) + 16;

  Slot& SlotOf(const Key& key) {
    const auto found = index_.find(key);
    LEADFLOW_CHECK(found != index_.end());
    return slots_[found->second];
  }

  void Free(std::uint32_t at) {
    Slot& slot = slots_[at];
    if (slot.pinned) std::erase(pinned_, at);
    slot.pinned = false;
    bytes_ -= slot.bytes;
    index_.erase(slot.key);
    slot.value.reset();
    free_.push_back(at);
  }

  absl::flat_hash_map<Key, std::uint32_t> index_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> pinned_;
  std::size_t hand_ = 0;
  std::size_t bytes_ = 0;
  std::size_t capacity_bytes_;
};

}  // namespace leadflow
