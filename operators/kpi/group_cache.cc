#include "operators/kpi/group_cache.h"

#include <algorithm>
#include <bit>

#include "engine/base/hash.h"

namespace leadflow {
namespace {

constexpr std::size_t kFewestSlots = 1024;

std::size_t BytesOf(const Group& group) {
  return sizeof(Group) + 64 + group.key.capacity() + group.cells().capacity() * sizeof(Cell);
}

}  // namespace

Cell& Group::At(std::string_view component) {
  if (cells_.size() <= kWalked) {
    for (Cell& cell : cells_) {
      if (cell.component == component) return cell;
    }
    cells_.push_back({std::string(component), 0, 0});
    if (cells_.size() > kWalked) Index();
    return cells_.back();
  }
  std::size_t at = Hash64(component) & (index_.size() - 1);
  while (index_[at] != 0) {
    Cell& cell = cells_[index_[at] - 1];
    if (cell.component == component) return cell;
    at = (at + 1) & (index_.size() - 1);
  }
  cells_.push_back({std::string(component), 0, 0});
  index_[at] = static_cast<std::uint32_t>(cells_.size());
  if (2 * cells_.size() > index_.size()) Index();
  return cells_.back();
}

void Group::Index() {
  index_.assign(std::bit_ceil(4 * cells_.size()), 0);
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    std::size_t at = Hash64(cells_[i].component) & (index_.size() - 1);
    while (index_[at] != 0) at = (at + 1) & (index_.size() - 1);
    index_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

void Group::DropZeros() {
  const std::size_t dropped = std::erase_if(
      cells_, [](const Cell& cell) { return cell.committed == 0 && cell.delta == 0; });
  if (dropped == 0) return;
  if (cells_.size() > kWalked) {
    Index();
  } else {
    index_.clear();
  }
}

void Group::Clear() {
  cells_.clear();
  index_.clear();
}

GroupCache::GroupCache() : slots_(kFewestSlots), mask_(kFewestSlots - 1) {}

Group* GroupCache::Find(std::uint64_t hash, std::string_view group) const {
  for (std::size_t at = hash & mask_; slots_[at].group != nullptr; at = (at + 1) & mask_) {
    const Slot& slot = slots_[at];
    if (slot.hash != hash) continue;
    if (std::string_view(slot.group->key).substr(1) == group) return slot.group;
  }
  return nullptr;
}

Group* GroupCache::Insert(std::uint64_t hash, std::string_view group) {
  groups_.push_back(std::make_unique<Group>());
  Group* added = groups_.back().get();
  added->hash = hash;
  added->key.reserve(group.size() + 1);
  added->key.push_back(kRowKey);
  added->key.append(group);
  if (2 * groups_.size() > slots_.size()) {
    Rebuild();
  } else {
    Place(added);
  }
  return added;
}

void GroupCache::Place(Group* group) {
  std::size_t at = group->hash & mask_;
  while (slots_[at].group != nullptr) at = (at + 1) & mask_;
  slots_[at] = {group->hash, group};
}

void GroupCache::Rebuild() {
  const std::size_t size = std::max(kFewestSlots, std::bit_ceil(3 * groups_.size()));
  slots_.assign(size, Slot());
  mask_ = size - 1;
  for (const auto& group : groups_) Place(group.get());
}

std::size_t GroupCache::memory_bytes() const {
  std::size_t bytes = slots_.size() * sizeof(Slot);
  for (const auto& group : groups_) bytes += BytesOf(*group);
  return bytes;
}

void GroupCache::Shrink(std::size_t bytes) {
  constexpr int kMostUnmeasured = 64;
  if (groups_.size() == measured_groups_ && ++unmeasured_ < kMostUnmeasured) return;
  measured_groups_ = groups_.size();
  unmeasured_ = 0;
  std::size_t kept = memory_bytes();
  if (kept <= bytes) return;
  for (const bool used_too : {false, true}) {
    std::erase_if(groups_, [&](const std::unique_ptr<Group>& group) {
      if (kept <= bytes || group->dirty || (group->used && !used_too)) return false;
      kept -= std::min(kept, BytesOf(*group));
      return true;
    });
  }
  for (const auto& group : groups_) group->used = false;
  measured_groups_ = groups_.size();
  Rebuild();
}

}  // namespace leadflow
