#include "operators/journey/chunk.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/check.h"

namespace leadflow {
namespace {

constexpr std::size_t kLargestBlock = 16 * 1024;

}  // namespace

char* Arena::Allocate(std::size_t size) {
  if (size > left_) {
    const std::size_t block = std::max(size, next_block_);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block));
    at_ = blocks_.back().get();
    left_ = block;
    bytes_ += block;
    next_block_ = std::min(next_block_ * 2, kLargestBlock);
  }
  char* const result = at_;
  at_ += size;
  left_ -= size;
  return result;
}

std::string_view Arena::Adopt(std::string bytes) {
  loaded_ = std::move(bytes);
  bytes_ += loaded_.capacity();
  return loaded_;
}

Entry Chunk::Slot::Read() const {
  Entry entry;
  std::string_view view(bytes, size);
  LEADFLOW_CHECK(ReadEntry(&view, &entry));
  return entry;
}

bool Chunk::Decode(std::string bytes) {
  encoded_bytes_ = bytes.size();
  std::string_view rest = arena_->Adopt(std::move(bytes));
  if (rest.empty() || static_cast<std::uint8_t>(rest[0]) != kVersion) return false;
  rest.remove_prefix(1);
  slots_.clear();
  Entry entry, before;
  while (!rest.empty()) {
    const char* const begin = rest.data();
    if (!ReadEntry(&rest, &entry)) return false;
    if (!slots_.empty() && !Before(before, entry)) return false;
    slots_.push_back({entry.time_ms, entry.key, begin,
                      static_cast<std::uint32_t>(rest.data() - begin), entry.kind, entry.source});
    before = entry;
  }
  return true;
}

void Chunk::Append(std::string* out) const {
  out->push_back(static_cast<char>(kVersion));
  for (const Slot& slot : slots_) out->append(slot.bytes, slot.size);
}

std::string Chunk::Encode() const {
  std::string out;
  out.reserve(encoded_bytes());
  Append(&out);
  return out;
}

std::size_t Chunk::LowerBound(std::int64_t time_ms) const {
  if (slots_.empty() || slots_.back().time_ms < time_ms) return slots_.size();
  const auto at =
      std::lower_bound(slots_.begin(), slots_.end(), time_ms,
                       [](const Slot& slot, std::int64_t time) { return slot.time_ms < time; });
  return static_cast<std::size_t>(at - slots_.begin());
}

std::size_t Chunk::Find(std::uint64_t key, std::int64_t time_ms) const {
  for (std::size_t i = LowerBound(time_ms); i < slots_.size() && slots_[i].time_ms == time_ms;
       ++i) {
    if (slots_[i].key == key) return i;
  }
  return slots_.size();
}

void Chunk::Insert(const Entry& entry) {
  std::size_t at = slots_.size();
  if (at > 0 && slots_.back().time_ms > entry.time_ms) at = LowerBound(entry.time_ms + 1);
  while (at > 0 && slots_[at - 1].time_ms == entry.time_ms &&
         Before(entry, slots_[at - 1].Read())) {
    --at;
  }
  scratch_.clear();
  AppendEntry(entry, &scratch_);
  char* const bytes = arena_->Allocate(scratch_.size());
  std::memcpy(bytes, scratch_.data(), scratch_.size());
  encoded_bytes_ += scratch_.size();
  slots_.insert(slots_.begin() + static_cast<std::ptrdiff_t>(at),
                {entry.time_ms, entry.key, bytes, static_cast<std::uint32_t>(scratch_.size()),
                 entry.kind, entry.source});
}

std::unique_ptr<Chunk> Chunk::SplitOff(bool grew_at_end) {
  const std::size_t size = slots_.size();
  std::size_t at = grew_at_end ? size - 1 : size / 2;
  while (at > 0 && slots_[at - 1].time_ms == slots_[at].time_ms) --at;
  if (at == 0) {
    at = size / 2;
    while (at < size && slots_[at - 1].time_ms == slots_[at].time_ms) ++at;
    if (at == size) return nullptr;
  }
  auto second = std::make_unique<Chunk>();
  second->arena_ = arena_;
  second->slots_.assign(slots_.begin() + static_cast<std::ptrdiff_t>(at), slots_.end());
  slots_.resize(at);
  for (const Slot& slot : second->slots_) second->encoded_bytes_ += slot.size;
  encoded_bytes_ -= second->encoded_bytes_ - 1;
  return second;
}

std::size_t Chunk::memory_bytes() const {
  return sizeof(Chunk) + slots_.capacity() * sizeof(Slot) +
         arena_->memory_bytes() / static_cast<std::size_t>(std::max(1L, arena_.use_count()));
}

}  // namespace leadflow
