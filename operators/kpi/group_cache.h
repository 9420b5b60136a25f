// GroupCache: the row groups that were touched last, decoded, with what the open transaction adds
// to them. A fact for a known group costs a hash, a probe and an addition. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "operators/kpi/row_state.h"
#include "operators/pipeline/kpi_spec.h"

namespace leadflow {

struct Cell {
  std::string component;
  std::int64_t committed = 0;
  std::int64_t delta = 0;  // of the open transaction
};

// What the subscribers of a group's topics know of it, beside the group.
struct Telling {
  Told committed, staged;
  std::int64_t changed_ms = 0;  // of the row, as of the last commit
  // Of the open transaction:
  bool woken = false;     // to be looked at although nothing has changed
  bool newcomer = false;  // a topic that does not have it yet is to get it
  bool sent = false;
};

class Group {
 public:
  // The cell of a component, made if it is new.
  Cell& At(std::string_view component);
  std::vector<Cell>& cells() { return cells_; }
  const std::vector<Cell>& cells() const { return cells_; }
  // Forgets cells that are 0 in both ways.
  void DropZeros();
  void Clear();

  std::uint64_t hash = 0;
  std::string key;               // 'R' + group
  const KpiSpec* kpi = nullptr;  // null: no KPI of this pipeline
  std::int64_t window_end_ms = 0;
  std::uint32_t head_size = 0;  // of the group's head
  bool loaded = false;  // `committed` is what the store holds (nothing, if it does not exist)
  bool exists = false;  // the store holds it, as of the last commit
  bool dirty = false;   // in the list of the open transaction
  bool staged = false;  // the open transaction writes it
  bool used = false;    // since the last sweep
  std::uint8_t flags = 0, staged_flags = 0;
  std::uint64_t revision = 0;
  std::int64_t created_ms = 0;
  std::uint64_t staged_revision = 0;
  std::int64_t staged_changed_ms = 0;
  std::unique_ptr<Telling> telling;  // null: no topic carries the KPI

 private:
  static constexpr std::size_t kWalked = 16;  // cells that are found by walking
  void Index();

  std::vector<Cell> cells_;
  std::vector<std::uint32_t>
      index_;  // open addressing, 0: free, else 1 + cell; above kWalked cells
};

class GroupCache {
 public:
  GroupCache();

  // Brings the slot of a hash near the processor before Find.
  void Prefetch(std::uint64_t hash) const {
    __builtin_prefetch(&slots_[static_cast<std::size_t>(hash) & mask_]);
  }
  // nullptr: not here.
  Group* Find(std::uint64_t hash, std::string_view group) const;
  // REQUIRES: Find says that it is not here
  Group* Insert(std::uint64_t hash, std::string_view group);

  // Drops groups that were not used since the last time and are not dirty until at most `bytes`
  // remain; if that is not enough, used ones too. Adds up the memory only now and then while the
  // number of groups stays as it is.
  void Shrink(std::size_t bytes);
  // Drops the groups for which `drop` is true.
  template <class Drop>
  void RemoveIf(Drop drop) {
    std::erase_if(groups_, [&](const std::unique_ptr<Group>& group) { return drop(*group); });
    Rebuild();
  }

  std::size_t size() const { return groups_.size(); }
  std::size_t memory_bytes() const;

 private:
  struct Slot {
    std::uint64_t hash = 0;
    Group* group = nullptr;
  };
  void Rebuild();
  void Place(Group* group);

  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  std::size_t measured_groups_ = 0;  // when memory was added up last
  int unmeasured_ = 0;               // calls of Shrink since
};

}  // namespace leadflow
