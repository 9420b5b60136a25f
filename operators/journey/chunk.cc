#include "operators/journey/chunk.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/base/check.h"

namespace leadflow {
namespace {

constexpr std::size_t kKeyAt = 4;  // of an entry: behind flags, kind, source and links

}  // namespace

Entry Chunk::Read(const Slot& slot) const {
  Entry entry;
  std::string_view view(bytes_.get() + slot.at, used_ - slot.at);
  LEADFLOW_CHECK(ReadEntry(&view, &entry, Usual()));
  return entry;
}

std::uint64_t Chunk::KeyOf(const Slot& slot) const {
  std::uint64_t key = 0;
  WireReader({bytes_.get() + slot.at + kKeyAt, sizeof key}).Fixed64(&key);
  return key;
}

std::size_t Chunk::SizeOf(const Slot& slot) const {
  Entry entry;
  std::string_view view(bytes_.get() + slot.at, used_ - slot.at);
  const std::size_t before = view.size();
  LEADFLOW_CHECK(ReadEntry(&view, &entry, Usual()));
  return before - view.size();
}

bool Chunk::Decode(std::string_view bytes) {
  if (bytes.size() <= kHeadBytes || static_cast<std::uint8_t>(bytes[0]) != kVersion ||
      bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    return false;
  }
  bytes_ = std::make_unique_for_overwrite<char[]>(bytes.size());
  std::memcpy(bytes_.get(), bytes.data(), bytes.size());
  used_ = capacity_ = live_ = static_cast<std::uint32_t>(bytes.size());
  in_order_ = true;
  slots_.clear();
  const Identifier usual = Usual();
  std::string_view rest(bytes_.get() + kHeadBytes, bytes.size() - kHeadBytes);
  Entry entry, before;
  while (!rest.empty()) {
    const auto at = static_cast<std::uint32_t>(rest.data() - bytes_.get());
    if (!ReadEntry(&rest, &entry, usual)) return false;
    if (!slots_.empty() && !Before(before, entry)) return false;
    slots_.push_back({entry.time_ms, at, 0, entry.kind});
    before = entry;
  }
  return true;
}

void Chunk::Append(std::string* out) const {
  if (in_order_ && live_ == used_) {
    out->append(bytes_.get(), used_);
    return;
  }
  out->append(bytes_.get(), kHeadBytes);
  for (const Slot& slot : slots_) out->append(bytes_.get() + slot.at, SizeOf(slot));
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
    if (KeyOf(slots_[i]) == key) return i;
  }
  return slots_.size();
}

void Chunk::Start(const Identifier& usual) {
  bytes_[0] = static_cast<char>(kVersion);
  std::memcpy(bytes_.get() + 1, usual.bytes.data(), usual.bytes.size());
  used_ = live_ = kHeadBytes;
}

// Makes room for `more` bytes behind the others.
void Chunk::Reserve(std::size_t more) {
  if (capacity_ - used_ >= more) return;
  constexpr std::size_t kSomeEntries = 160;
  const std::size_t need = live_ + more;
  Pack(need + std::max(need / 8, kSomeEntries));
}

// Moves what is alive, in order, to bytes of another size.
void Chunk::Pack(std::size_t capacity) {
  LEADFLOW_CHECK(capacity <= std::numeric_limits<std::uint32_t>::max());
  auto packed = std::make_unique_for_overwrite<char[]>(capacity);
  if (bytes_ != nullptr) {
    std::uint32_t at = kHeadBytes;
    std::memcpy(packed.get(), bytes_.get(), in_order_ && live_ == used_ ? used_ : kHeadBytes);
    if (!in_order_ || live_ != used_) {
      for (Slot& slot : slots_) {
        const std::size_t size = SizeOf(slot);
        std::memcpy(packed.get() + at, bytes_.get() + slot.at, size);
        slot.at = at;
        at += static_cast<std::uint32_t>(size);
      }
      LEADFLOW_CHECK(at == live_);
    }
    moved_bytes_ += capacity_;
    moved_.push_front(std::move(bytes_));
  }
  bytes_ = std::move(packed);
  used_ = live_;
  capacity_ = static_cast<std::uint32_t>(capacity);
  in_order_ = true;
}

void Chunk::Insert(const Entry& entry) {
  std::size_t at = slots_.size();
  if (at > 0 && slots_.back().time_ms > entry.time_ms) at = LowerBound(entry.time_ms + 1);
  while (at > 0 && slots_[at - 1].time_ms == entry.time_ms && Before(entry, Read(slots_[at - 1]))) {
    --at;
  }
  const bool first = bytes_ == nullptr;
  thread_local std::string encoded;
  encoded.clear();
  AppendEntry(entry, &encoded, first ? entry.home : Usual());
  Reserve(encoded.size());
  if (first) Start(entry.home);
  std::memcpy(bytes_.get() + used_, encoded.data(), encoded.size());
  if (slots_.size() == slots_.capacity()) slots_.reserve(slots_.size() + slots_.size() / 4 + 3);
  in_order_ = in_order_ && at == slots_.size();
  slots_.insert(slots_.begin() + static_cast<std::ptrdiff_t>(at),
                {entry.time_ms, used_, 0, entry.kind});
  used_ += static_cast<std::uint32_t>(encoded.size());
  live_ += static_cast<std::uint32_t>(encoded.size());
}

void Chunk::Remove(std::size_t index) {
  live_ -= static_cast<std::uint32_t>(SizeOf(slots_[index]));
  slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(index));
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
  std::size_t bytes = 0;
  for (std::size_t i = at; i < size; ++i) bytes += SizeOf(slots_[i]);
  second->Reserve(bytes);
  second->Start(Usual());
  for (std::size_t i = at; i < size; ++i) {
    const std::size_t entry = SizeOf(slots_[i]);
    std::memcpy(second->bytes_.get() + second->used_, bytes_.get() + slots_[i].at, entry);
    second->slots_.push_back({slots_[i].time_ms, second->used_, slots_[i].note, slots_[i].kind});
    second->used_ += static_cast<std::uint32_t>(entry);
  }
  second->live_ = second->used_;
  slots_.resize(at);
  live_ -= static_cast<std::uint32_t>(bytes);
  return second;
}

void Chunk::Settle() {
  if (bytes_ != nullptr && live_ < used_ - used_ / 4) Pack(live_);
  moved_.clear();
  moved_bytes_ = 0;
}

void Chunk::Prefetch() const {
  constexpr std::size_t kLine = 64;
  if (slots_.empty()) return;
  __builtin_prefetch(&slots_.back());
  // All of it if it is short: it will be written as a whole.
  constexpr std::size_t kShort = 1024;
  const std::size_t from = used_ > kShort ? used_ - kLine : 0;
  for (std::size_t at = from; at < used_; at += kLine) __builtin_prefetch(bytes_.get() + at);
  __builtin_prefetch(bytes_.get());
}

std::size_t Chunk::memory_bytes() const {
  return sizeof(Chunk) + slots_.capacity() * sizeof(Slot) + capacity_ + moved_bytes_;
}

}  // namespace leadflow
