#include "operators/identity/fact_sum.h"

#include <algorithm>
#include <cstring>

#include "engine/base/hash.h"

namespace leadflow {
namespace {

std::uint64_t HashOf(std::string_view group, std::string_view component) {
  // The length keeps ("ab", "c") from ("a", "bc").
  return (Hash64(group) * 0x9E3779B97F4A7C15u + group.size()) ^ Hash64(component);
}

}  // namespace

FactSum::FactSum() : slots_(1024, kFree) {}

void FactSum::Add(std::string_view group, std::string_view component, std::int64_t delta) {
  const std::uint64_t hash = HashOf(group, component);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = (hash ^ (hash >> 32)) & mask;
  for (; slots_[at] != kFree; at = (at + 1) & mask) {
    Cell& cell = cells_[slots_[at]];
    if (cell.hash == hash && cell.group == group.size() && cell.component == component.size() &&
        std::memcmp(cell.bytes, group.data(), group.size()) == 0 &&
        std::memcmp(cell.bytes + group.size(), component.data(), component.size()) == 0) {
      cell.delta += delta;
      return;
    }
  }
  slots_[at] = static_cast<std::uint32_t>(cells_.size());
  cells_.push_back({hash, Keep(group, component), static_cast<std::uint32_t>(group.size()),
                    static_cast<std::uint32_t>(component.size()), delta});
  if (cells_.size() * 2 > slots_.size()) Grow();
}

const char* FactSum::Keep(std::string_view group, std::string_view component) {
  const std::size_t size = group.size() + component.size();
  if (blocks_.empty() || blocks_.back().capacity() - blocks_.back().size() < size) {
    blocks_.emplace_back().reserve(std::max(kBlock, size));
  }
  std::string& block = blocks_.back();
  const std::size_t offset = block.size();
  block += group;
  block += component;
  kept_ += size;
  return block.data() + offset;
}

void FactSum::Grow() {
  slots_.assign(slots_.size() * 2, kFree);
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t i = 0; i < cells_.size(); ++i) {
    std::size_t at = (cells_[i].hash ^ (cells_[i].hash >> 32)) & mask;
    while (slots_[at] != kFree) at = (at + 1) & mask;
    slots_[at] = i;
  }
}

void FactSum::Clear() {
  cells_.clear();
  std::fill(slots_.begin(), slots_.end(), kFree);
  if (blocks_.size() > 1) blocks_.resize(1);
  if (!blocks_.empty()) blocks_.front().clear();
  kept_ = 0;
}

std::size_t FactSum::bytes() const {
  return kept_ + cells_.size() * sizeof(Cell) + slots_.size() * sizeof(std::uint32_t);
}

}  // namespace leadflow
