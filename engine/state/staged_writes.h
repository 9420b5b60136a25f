// StagedWrites: what a task has written since its last commit, by key. Puts are a hash look-up and
// a copy into blocks that are kept from commit to commit; order is made only when somebody asks for
// it. Used by one thread. Bounded by whoever commits (see KeyedStore::staged_bytes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/hash.h"
#include "engine/base/status.h"

namespace leadflow {

class StagedWrites {
 public:
  struct Write {
    std::string_view key;
    std::optional<std::string_view> value;  // nullopt = delete.
  };

  // Views live until Clear, the value's until the key is written again.
  void Put(std::string_view key, std::optional<std::string_view> value);

  // Brings near what a Put or Find of this key looks at first.
  void Prefetch(std::string_view key) const { index_.prefetch(key); }
  // Null: nothing staged at `key`. Valid until the next Put.
  std::optional<Write> Find(std::string_view key) const;

  // In key order. Cheap also between Puts: what came since the last call is sorted in little by
  // little.
  std::vector<Write> WithPrefix(std::string_view prefix) const;
  std::vector<Write> All() const { return WithPrefix({}); }
  // In the order in which their keys were first written.
  template <class F>
  void ForEach(const F& f) const {
    for (const Entry& entry : entries_) f(View(entry));
  }

  void Clear();

  std::size_t bytes() const { return bytes_; }  // Of keys and values.
  bool empty() const { return entries_.empty(); }
  // What the writes take, values that were replaced by longer ones included.
  std::size_t memory_bytes() const { return allocated_ + entries_.size() * kEntryBytes; }

 private:
  struct Entry {
    std::string_view key;
    std::uint64_t prefix = 0;  // the first 8 bytes of the key as a number: what most orders need
    char* value = nullptr;
    std::uint32_t size = 0;
    std::uint32_t capacity = 0;
    bool deleted = false;
  };

  struct Hasher {
    std::size_t operator()(std::string_view key) const { return Hash64(key); }
  };

  // An entry, and its part of the index and of the order.
  static constexpr std::size_t kEntryBytes = sizeof(Entry) + 48;

  static Write View(const Entry& entry);
  bool Before(std::uint32_t a, std::uint32_t b) const {
    const Entry &left = entries_[a], &right = entries_[b];
    return left.prefix != right.prefix ? left.prefix < right.prefix : left.key < right.key;
  }
  char* Allocate(std::size_t size);
  void SortIn() const;

  std::vector<Entry> entries_;  // In the order in which their keys were first written.
  absl::flat_hash_map<std::string_view, std::uint32_t, Hasher> index_;
  // Numbers of the first sorted_.size() entries, by key; those behind are not yet sorted in.
  mutable std::vector<std::uint32_t> sorted_;
  std::size_t bytes_ = 0;
  std::size_t allocated_ = 0;

  std::vector<std::unique_ptr<char[]>> blocks_;  // Of kBlockBytes each.
  std::vector<std::unique_ptr<char[]>> large_;
  std::size_t block_ = 0;  // The one being filled, and how far.
  std::size_t used_ = 0;
};

// Visits `above` and what `scan` visits below it, in key order; a write above hides its key below.
template <class Visit, class ScanBelow>
Status Overlay(const std::vector<StagedWrites::Write>& above, const Visit& visit,
               const ScanBelow& scan) {
  auto next = above.begin();
  bool stopped = false;
  LEADFLOW_RETURN_IF_ERROR(scan([&](std::string_view key, std::string_view value) {
    for (; !stopped && next != above.end() && next->key < key; ++next) {
      stopped = next->value && !visit(next->key, *next->value);
    }
    if (stopped) return false;
    if (next == above.end() || next->key != key) {
      stopped = !visit(key, value);
    } else {
      stopped = next->value && !visit(key, *next->value);
      ++next;
    }
    return !stopped;
  }));
  for (; !stopped && next != above.end(); ++next) {
    stopped = next->value && !visit(next->key, *next->value);
  }
  return {};
}

}  // namespace leadflow
