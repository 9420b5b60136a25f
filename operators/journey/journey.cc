#include "operators/journey/journey.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/wire.h"
#include "operators/journey/chunk.h"

namespace leadflow {
namespace {

constexpr std::uint8_t kHeadVersion = 2;
constexpr std::size_t kMostEntries = 256;   // of a chunk
constexpr std::uint64_t kFewEntries = 8;    // of a chunk that goes on beyond its month
constexpr std::size_t kInlineBytes = 1536;  // of the last chunk: it lies in the head
constexpr std::int64_t kDayMs = 86'400'000;

// First moment of the UTC month of a time; by the civil calendar, valid for any year.
std::int64_t MonthStart(std::int64_t time_ms) {
  std::int64_t days = time_ms / kDayMs - (time_ms % kDayMs < 0 ? 1 : 0);
  // Eras of 400 years that begin on March 1st, so that a leap day is the last of its year.
  const std::int64_t shifted = days + 719468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const std::int64_t day_of_era = shifted - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153;
  const std::int64_t day_of_month = day_of_year - (153 * month + 2) / 5;
  return (days - day_of_month) * kDayMs;
}

}  // namespace

struct Journey::Impl {
  // One chunk of the directory: entries with key <= time < key of the next one, in the same month
  // unless they are few. The first chunk of a month has the month's start as key, or the moment
  // after a chunk that reaches into it; the others the time of the first entry they had, which no
  // other moment shares.
  struct Place {
    std::int64_t key = 0;
    std::int64_t first_ms = 0, last_ms = 0;
    std::uint64_t count = 0;
    std::unique_ptr<Chunk> chunk;  // null: not loaded
    bool stored = false;           // under its own key; else it has to stay loaded
  };

  LoadChunk load;
  std::vector<Place> places;
  std::vector<std::int64_t> gone;  // keys of chunks that were written and are empty now
  std::map<std::string, Record> records;
  mutable std::string state;
  mutable bool state_stale = false;  // `decoded` knows better
  std::unique_ptr<DecodedState> decoded;
  std::uint64_t size = 0;
  bool head_dirty = false;

  // Whether the head shall hold the last chunk: one write for what comes in order.
  bool Inline() const {
    return !places.empty() && places.back().chunk != nullptr &&
           places.back().chunk->encoded_bytes() <= kInlineBytes;
  }

  std::size_t Upper(std::int64_t time_ms) const {
    if (places.empty() || places.back().key <= time_ms) return places.size();
    return static_cast<std::size_t>(
        std::upper_bound(places.begin(), places.end(), time_ms,
                         [](std::int64_t time, const Place& place) { return time < place.key; }) -
        places.begin());
  }
  // The place whose range holds the time; places.size() if there is none.
  std::size_t Holding(std::int64_t time_ms) const {
    const std::size_t upper = Upper(time_ms);
    if (upper == 0) return places.size();
    const std::size_t i = upper - 1;
    if (time_ms <= places[i].last_ms) return i;
    if (places[i].count < kFewEntries) return i;
    return places[i].key >= MonthStart(time_ms) ? i : places.size();
  }

  Status Load(Place& place) {
    if (place.chunk != nullptr) return {};
    auto bytes = load(place.key);
    if (!bytes.ok()) return bytes.status();
    if (!bytes->has_value()) {
      return Status::Corruption("journey: chunk " + std::to_string(place.key) + " is gone");
    }
    return Take(place, **bytes);
  }

  Status Take(Place& place, std::string_view bytes) {
    auto chunk = std::make_unique<Chunk>();
    if (!chunk->Decode(bytes) || chunk->slots().size() != place.count ||
        chunk->slots().front().time_ms != place.first_ms ||
        chunk->slots().back().time_ms != place.last_ms) {
      return Status::Corruption("journey: chunk " + std::to_string(place.key) + " cannot be read");
    }
    place.chunk = std::move(chunk);
    return {};
  }

  void Note(Place& place) {
    const auto& slots = place.chunk->slots();
    place.count = slots.size();
    place.first_ms = slots.front().time_ms;
    place.last_ms = slots.back().time_ms;
    place.chunk->dirty = true;
    head_dirty = true;
  }

  void Split(std::size_t i, bool grew_at_end) {
    std::unique_ptr<Chunk> second = places[i].chunk->SplitOff(grew_at_end);
    if (second == nullptr) return;
    Place place;
    place.key = second->slots().front().time_ms;
    place.chunk = std::move(second);
    Note(places[i]);
    Note(place);
    places.insert(places.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(place));
  }

  void Drop(std::size_t i) {
    gone.push_back(places[i].key);
    places.erase(places.begin() + static_cast<std::ptrdiff_t>(i));
    head_dirty = true;
  }

  template <bool kForward>
  Status Walk(std::uint64_t kinds, std::int64_t from_ms, std::int64_t to_ms, NotedVisitor visit) {
    if (from_ms > to_ms) return {};
    const std::size_t end = Upper(to_ms);
    if constexpr (kForward) {
      std::size_t i = Upper(from_ms);
      if (i > 0) --i;
      for (; i < end; ++i) {
        if (places[i].last_ms < from_ms) continue;
        LEADFLOW_RETURN_IF_ERROR(Load(places[i]));
        auto& slots = places[i].chunk->slots();
        for (std::size_t s = places[i].chunk->LowerBound(from_ms); s < slots.size(); ++s) {
          if (slots[s].time_ms > to_ms) return {};
          if ((kinds >> static_cast<int>(slots[s].kind) & 1) == 0) continue;
          if (!visit(places[i].chunk->Read(slots[s]), slots[s].note)) return {};
        }
      }
    } else {
      for (std::size_t i = end; i-- > 0;) {
        if (places[i].last_ms < from_ms) return {};
        LEADFLOW_RETURN_IF_ERROR(Load(places[i]));
        auto& slots = places[i].chunk->slots();
        std::size_t s =
            places[i].last_ms <= to_ms ? slots.size() : places[i].chunk->LowerBound(to_ms + 1);
        while (s-- > 0) {
          if (slots[s].time_ms < from_ms) return {};
          if ((kinds >> static_cast<int>(slots[s].kind) & 1) == 0) continue;
          if (!visit(places[i].chunk->Read(slots[s]), slots[s].note)) return {};
        }
      }
    }
    return {};
  }
};

Journey::Journey(LoadChunk load) : impl_(std::make_unique<Impl>()) {
  impl_->load = std::move(load);
}
Journey::~Journey() = default;
Journey::Journey(Journey&&) noexcept = default;
Journey& Journey::operator=(Journey&&) noexcept = default;

std::uint64_t Journey::size() const { return impl_->size; }

Result<std::optional<Entry>> Journey::Find(std::uint64_t key, std::int64_t time_ms) {
  const std::size_t i = impl_->Holding(time_ms);
  if (i == impl_->places.size() || time_ms < impl_->places[i].first_ms ||
      time_ms > impl_->places[i].last_ms) {
    return std::optional<Entry>();
  }
  LEADFLOW_RETURN_IF_ERROR(impl_->Load(impl_->places[i]));
  const Chunk& chunk = *impl_->places[i].chunk;
  const std::size_t at = chunk.Find(key, time_ms);
  if (at == chunk.slots().size()) return std::optional<Entry>();
  return std::optional<Entry>(chunk.Read(chunk.slots()[at]));
}

Status Journey::Insert(const Entry& entry) {
  Impl& impl = *impl_;
  std::size_t i = impl.Holding(entry.time_ms);
  if (i == impl.places.size()) {
    Impl::Place place;
    i = impl.Upper(entry.time_ms);
    place.key = MonthStart(entry.time_ms);
    if (i != 0) place.key = std::max(place.key, impl.places[i - 1].last_ms + 1);
    place.chunk = std::make_unique<Chunk>();
    place.stored = std::erase(impl.gone, place.key) != 0;
    impl.places.insert(impl.places.begin() + static_cast<std::ptrdiff_t>(i), std::move(place));
  }
  LEADFLOW_RETURN_IF_ERROR(impl.Load(impl.places[i]));
  Chunk& chunk = *impl.places[i].chunk;
  const std::size_t at = chunk.Find(entry.key, entry.time_ms);
  if (at != chunk.slots().size()) {
    chunk.Remove(at);
    --impl.size;
  }
  const bool at_end = chunk.slots().empty() || chunk.slots().back().time_ms <= entry.time_ms;
  chunk.Insert(entry);
  ++impl.size;
  impl.Note(impl.places[i]);
  if (chunk.slots().size() > kMostEntries) impl.Split(i, at_end);
  return {};
}

Status Journey::Erase(std::uint64_t key, std::int64_t time_ms) {
  auto found = Find(key, time_ms);
  if (!found.ok()) return found.status();
  LEADFLOW_CHECK(found->has_value());
  Entry entry = **found;
  entry.flags |= Entry::kErased;
  entry.id = {};
  entry.fields = {};
  entry.updated_ms = kNoTime;
  return Insert(entry);
}

Status Journey::Remove(std::uint64_t key, std::int64_t time_ms) {
  const std::size_t i = impl_->Holding(time_ms);
  if (i == impl_->places.size()) return {};
  LEADFLOW_RETURN_IF_ERROR(impl_->Load(impl_->places[i]));
  Chunk& chunk = *impl_->places[i].chunk;
  const std::size_t at = chunk.Find(key, time_ms);
  if (at == chunk.slots().size()) return {};
  chunk.Remove(at);
  --impl_->size;
  if (chunk.slots().empty()) {
    impl_->Drop(i);
  } else {
    impl_->Note(impl_->places[i]);
  }
  return {};
}

Status Journey::ForEach(std::int64_t from_ms, std::int64_t to_ms,
                        Visitor<bool(const Entry&)> visit) {
  return impl_->Walk<true>(~std::uint64_t{0}, from_ms, to_ms,
                           [&](const Entry& entry, std::uint16_t&) { return visit(entry); });
}
Status Journey::ForEachBackward(std::int64_t from_ms, std::int64_t to_ms,
                                Visitor<bool(const Entry&)> visit) {
  return impl_->Walk<false>(~std::uint64_t{0}, from_ms, to_ms,
                            [&](const Entry& entry, std::uint16_t&) { return visit(entry); });
}
Status Journey::ForEachOf(std::uint64_t kinds, std::int64_t from_ms, std::int64_t to_ms,
                          NotedVisitor visit) {
  return impl_->Walk<true>(kinds, from_ms, to_ms, visit);
}
Status Journey::ForEachOfBackward(std::uint64_t kinds, std::int64_t from_ms, std::int64_t to_ms,
                                  NotedVisitor visit) {
  return impl_->Walk<false>(kinds, from_ms, to_ms, visit);
}

std::int64_t Journey::newest_ms() const {
  return impl_->places.empty() ? kNoTime : impl_->places.back().last_ms;
}
std::int64_t Journey::oldest_ms() const {
  return impl_->places.empty() ? kNoTime : impl_->places.front().first_ms;
}

const std::map<std::string, Record>& Journey::records() const { return impl_->records; }
void Journey::PutRecord(Record record) {
  impl_->head_dirty = true;
  std::string id = record.id;
  impl_->records.insert_or_assign(std::move(id), std::move(record));
}
void Journey::RemoveRecord(const std::string& id) {
  if (impl_->records.erase(id) != 0) impl_->head_dirty = true;
}

const std::string& Journey::state() const {
  if (impl_->state_stale) {
    impl_->state.clear();
    impl_->decoded->Encode(&impl_->state);
    impl_->state_stale = false;
  }
  return impl_->state;
}
std::string* Journey::mutable_state() {
  state();
  impl_->decoded.reset();
  impl_->head_dirty = true;
  return &impl_->state;
}
DecodedState* Journey::decoded() const { return impl_->decoded.get(); }
void Journey::Keep(std::unique_ptr<DecodedState> decoded) {
  impl_->decoded = std::move(decoded);
  impl_->state_stale = false;
}
void Journey::StateChanged() {
  impl_->state_stale = impl_->decoded != nullptr;
  impl_->head_dirty = true;
}

Result<Journey> Journey::Decode(std::string_view head, LoadChunk load) {
  Journey journey(std::move(load));
  Impl& impl = *journey.impl_;
  WireReader reader(head);
  std::uint8_t version = 0;
  std::uint64_t places = 0, records = 0;
  std::string_view state;
  if (reader.Byte(&version) && version != 0 && version != kHeadVersion) {
    return Status(ErrorCode::kFailedPrecondition,
                  "the state was written by another release (journeys of format " +
                      std::to_string(version) + ", this one reads " + std::to_string(kHeadVersion) +
                      "): start with a new state_dir to compute everything anew");
  }
  const Status bad = Status::Corruption("journey: head cannot be read");
  if (version == 0 || !reader.Varint(&places)) return bad;
  std::int64_t before = 0;
  for (std::uint64_t i = 0; i < places; ++i) {
    Impl::Place place;
    std::int64_t key = 0, first = 0, last = 0;
    if (!reader.Signed(&key) || !reader.Signed(&first) || !reader.Signed(&last) ||
        !reader.Varint(&place.count) || place.count == 0) {
      return bad;
    }
    place.key = static_cast<std::int64_t>(static_cast<std::uint64_t>(before) +
                                          static_cast<std::uint64_t>(key));
    place.first_ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(place.key) +
                                               static_cast<std::uint64_t>(first));
    place.last_ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(place.first_ms) +
                                              static_cast<std::uint64_t>(last));
    if (i != 0 && place.key <= before) return bad;
    before = place.key;
    impl.size += place.count;
    impl.places.push_back(std::move(place));
  }
  std::string_view chunk;
  if (!reader.Bytes(&chunk) || !reader.Bytes(&state) || !reader.Varint(&records)) return bad;
  for (Impl::Place& place : impl.places) place.stored = true;
  if (!chunk.empty()) {
    if (impl.places.empty() || !impl.Take(impl.places.back(), chunk).ok()) return bad;
    impl.places.back().stored = false;
  }
  impl.state = state;
  std::string_view rest = reader.Rest();
  for (std::uint64_t i = 0; i < records; ++i) {
    Record record;
    if (!ReadRecord(&rest, &record)) return bad;
    std::string id = record.id;
    impl.records.insert_or_assign(std::move(id), std::move(record));
  }
  if (!rest.empty()) return bad;
  return journey;
}

void Journey::AppendHead(std::string* out) const {
  WireWriter writer(out);
  writer.Byte(kHeadVersion);
  writer.Varint(impl_->places.size());
  std::int64_t before = 0;
  for (const Impl::Place& place : impl_->places) {
    writer.Signed(place.key - before);
    writer.Signed(place.first_ms - place.key);
    writer.Signed(place.last_ms - place.first_ms);
    writer.Varint(place.count);
    before = place.key;
  }
  if (impl_->Inline()) {
    const Chunk& chunk = *impl_->places.back().chunk;
    writer.Varint(chunk.encoded_bytes());
    chunk.Append(out);
  } else {
    writer.Varint(0);
  }
  writer.Bytes(state());
  writer.Varint(impl_->records.size());
  for (const auto& [id, record] : impl_->records) AppendRecord(record, out);
}

bool Journey::head_dirty() const { return impl_->head_dirty; }

void Journey::VisitDirtyChunks(
    const std::function<void(std::int64_t chunk, std::optional<std::string_view> bytes)>& visit) {
  for (const std::int64_t key : impl_->gone) visit(key, std::nullopt);
  if (!impl_->head_dirty) return;
  const Impl::Place* const in_head = impl_->Inline() ? &impl_->places.back() : nullptr;
  for (const Impl::Place& place : impl_->places) {
    if (&place == in_head) {
      if (place.stored) visit(place.key, std::nullopt);
    } else if (!place.stored || (place.chunk != nullptr && place.chunk->dirty)) {
      visit(place.key, place.chunk->Encode());
    }
  }
}

void Journey::ClearDirty() {
  if (!impl_->head_dirty) return;
  impl_->gone.clear();
  const Impl::Place* const in_head = impl_->Inline() ? &impl_->places.back() : nullptr;
  for (Impl::Place& place : impl_->places) {
    place.stored = &place != in_head;
    if (place.chunk == nullptr || !place.chunk->dirty) continue;
    place.chunk->dirty = false;
    place.chunk->Settle();
  }
  impl_->head_dirty = false;
  DropDecoded();
}

void Journey::DropDecoded() {
  if (impl_->decoded == nullptr) return;
  state();
  if (impl_->state.capacity() > impl_->state.size() + impl_->state.size() / 4) {
    impl_->state = std::string(impl_->state);
  }
  impl_->decoded.reset();
}

std::size_t Journey::memory_bytes() const {
  std::size_t bytes =
      sizeof(Impl) + impl_->state.capacity() + impl_->places.capacity() * sizeof(Impl::Place);
  if (impl_->decoded != nullptr) bytes += impl_->decoded->memory_bytes();
  for (const Impl::Place& place : impl_->places) {
    if (place.chunk != nullptr) bytes += place.chunk->memory_bytes();
  }
  for (const auto& [id, record] : impl_->records) {
    bytes += sizeof(Record) + 64 + 2 * id.size() + record.fields.size() +
             record.refunds.size() * sizeof(Record::Refund);
  }
  return bytes;
}

void Journey::Prefetch(int step) const {
  constexpr std::size_t kLine = 64;
  const auto ask = [](const void* from, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += kLine) {
      __builtin_prefetch(static_cast<const char*>(from) + at);
    }
  };
  const Impl& impl = *impl_;
  if (step == 0) return ask(&impl, sizeof(Impl));
  if (step == 1) {
    ask(impl.state.data(), impl.state.size());
    constexpr std::size_t kFewPlaces = 4;
    const std::size_t places = std::min(impl.places.size(), kFewPlaces);
    return ask(impl.places.data() + impl.places.size() - places, places * sizeof(Impl::Place));
  }
  if (impl.places.empty() || impl.places.back().chunk == nullptr) return;
  const Chunk& chunk = *impl.places.back().chunk;
  if (step == 2) return ask(&chunk, sizeof(Chunk));
  chunk.Prefetch();
}

void Journey::DropCleanChunks() {
  for (Impl::Place& place : impl_->places) {
    if (place.stored && place.chunk != nullptr && !place.chunk->dirty) place.chunk.reset();
  }
  if (!impl_->head_dirty) DropDecoded();
}

}  // namespace leadflow
