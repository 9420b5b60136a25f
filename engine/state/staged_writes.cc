#include "engine/state/staged_writes.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>

#include "engine/base/check.h"

namespace leadflow {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{64} << 10;
constexpr std::size_t kBlocksKept = 256;   // 16 MiB: a usual commit.
constexpr std::size_t kUnsortedMax = 256;  // Few enough to look at one by one.

std::uint64_t PrefixOf(std::string_view key) {
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    prefix = prefix << 8 | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0);
  }
  return prefix;
}

}  // namespace

void StagedWrites::Put(std::string_view key, std::optional<std::string_view> value) {
  const std::size_t size = value ? value->size() : 0;
  LEADFLOW_CHECK(size <= std::numeric_limits<std::uint32_t>::max());
  bool again = true;
  const auto place = index_.lazy_emplace(key, [&](const auto& construct) {
    again = false;
    char* const copy = Allocate(key.size());
    if (!key.empty()) std::memcpy(copy, key.data(), key.size());
    Entry& added = entries_.emplace_back();
    added.key = {copy, key.size()};
    added.prefix = PrefixOf(key);
    bytes_ += key.size();
    construct(added.key, static_cast<std::uint32_t>(entries_.size() - 1));
  });
  Entry* const entry = &entries_[place->second];
  if (again) bytes_ -= entry->size;
  if (size > entry->capacity) {
    // One that grows will grow again.
    const std::size_t room = again ? size + size / 2 : size;
    entry->value = Allocate(room);
    entry->capacity = static_cast<std::uint32_t>(
        std::min<std::size_t>(room, std::numeric_limits<std::uint32_t>::max()));
  }
  // The new value may be a view of the old one.
  if (size > 0) std::memmove(entry->value, value->data(), size);
  entry->size = static_cast<std::uint32_t>(size);
  entry->deleted = !value.has_value();
  bytes_ += size;
}

std::optional<StagedWrites::Write> StagedWrites::Find(std::string_view key) const {
  if (entries_.empty()) return std::nullopt;
  const auto known = index_.find(key);
  if (known == index_.end()) return std::nullopt;
  return View(entries_[known->second]);
}

std::vector<StagedWrites::Write> StagedWrites::WithPrefix(std::string_view prefix) const {
  if (prefix.empty() || entries_.size() - sorted_.size() > kUnsortedMax) SortIn();
  std::vector<Write> found;
  const std::size_t sorted = sorted_.size();
  auto at = std::lower_bound(
      sorted_.begin(), sorted_.end(), prefix,
      [this](std::uint32_t entry, std::string_view key) { return entries_[entry].key < key; });
  for (; at != sorted_.end() && entries_[*at].key.starts_with(prefix); ++at) {
    found.push_back(View(entries_[*at]));
  }
  const auto middle = static_cast<std::ptrdiff_t>(found.size());
  for (std::size_t i = sorted; i < entries_.size(); ++i) {
    if (entries_[i].key.starts_with(prefix)) found.push_back(View(entries_[i]));
  }
  const auto by_key = [](const Write& a, const Write& b) { return a.key < b.key; };
  std::sort(found.begin() + middle, found.end(), by_key);
  std::inplace_merge(found.begin(), found.begin() + middle, found.end(), by_key);
  return found;
}

void StagedWrites::SortIn() const {
  const auto middle = static_cast<std::ptrdiff_t>(sorted_.size());
  for (std::size_t i = sorted_.size(); i < entries_.size(); ++i) {
    sorted_.push_back(static_cast<std::uint32_t>(i));
  }
  const auto by_key = [this](std::uint32_t a, std::uint32_t b) { return Before(a, b); };
  std::sort(sorted_.begin() + middle, sorted_.end(), by_key);
  std::inplace_merge(sorted_.begin(), sorted_.begin() + middle, sorted_.end(), by_key);
}

void StagedWrites::Clear() {
  // As many come again; to grow step by step would hash them all anew each time.
  const std::size_t usual = index_.size();
  index_.clear();
  index_.reserve(usual);
  entries_.clear();
  sorted_.clear();
  large_.clear();
  if (blocks_.size() > kBlocksKept) blocks_.resize(kBlocksKept);
  block_ = used_ = bytes_ = allocated_ = 0;
}

StagedWrites::Write StagedWrites::View(const Entry& entry) {
  if (entry.deleted) return {entry.key, std::nullopt};
  return {entry.key, std::string_view(entry.value, entry.size)};
}

char* StagedWrites::Allocate(std::size_t size) {
  allocated_ += size;
  if (size > kBlockBytes / 4) {
    return large_.emplace_back(std::make_unique_for_overwrite<char[]>(size)).get();
  }
  if (!blocks_.empty() && used_ + size > kBlockBytes) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
  }
  char* const found = blocks_[block_].get() + used_;
  used_ += size;
  return found;
}

}  // namespace leadflow
