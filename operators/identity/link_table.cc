#include <algorithm>
#include <tuple>
#include <utility>

#include "engine/base/wire.h"
#include "operators/identity/resolve.h"

namespace leadflow {
namespace {

constexpr std::uint8_t kFormat = 2;

// Identifiers per table: far above what kMaxLinks and the size of a cluster allow.
constexpr std::uint64_t kMaxNamed = 1'000'000;

bool Links(Kind kind) { return kind != Kind::kUnlink && kind != Kind::kErase; }

void AppendOrder(const EventOrder& order, WireWriter* writer) {
  writer->Signed(order.time_ms);
  writer->Byte(order.erase ? 1 : 0);
  writer->Byte(order.source);
  order.id.view().Append(writer);
  writer->Fixed64(order.key);
  writer->Byte(order.position);
}

bool ReadOrder(WireReader* reader, EventOrder* order) {
  std::uint8_t erase = 0;
  EventIdView id;
  if (!reader->Signed(&order->time_ms) || !reader->Byte(&erase) || !reader->Byte(&order->source) ||
      !id.Read(reader) || !reader->Fixed64(&order->key) || !reader->Byte(&order->position)) {
    return false;
  }
  order->erase = erase != 0;
  order->id = id;
  return true;
}

// Reads a count that cannot be more than the bytes that are left.
bool ReadCount(WireReader* reader, std::uint64_t* count) {
  return reader->Varint(count) && *count <= reader->Rest().size() && *count <= kMaxNamed;
}

bool ReadPair(WireReader* reader, std::size_t named, std::uint32_t* home, std::uint32_t* other) {
  std::uint64_t a = 0, b = 0;
  if (!reader->Varint(&a) || !reader->Varint(&b) || a >= named || b >= named) return false;
  *home = static_cast<std::uint32_t>(a);
  *other = static_cast<std::uint32_t>(b);
  return true;
}

}  // namespace

std::size_t LinkTable::living() const {
  return static_cast<std::size_t>(std::count_if(named_.begin(), named_.end(), [](const Named& n) {
    return (n.flags & (kMember | kHome)) != 0;
  }));
}

std::optional<std::uint32_t> LinkTable::Find(const Identifier& identifier) const {
  for (std::uint32_t i = 0; i < named_.size(); ++i) {
    if (named_[i].identifier == identifier) return i;
  }
  return std::nullopt;
}

bool LinkTable::Has(const Identifier& identifier, std::uint8_t flags) const {
  const auto found = Find(identifier);
  return found && (named_[*found].flags & flags) == flags;
}

std::uint32_t LinkTable::Intern(const Identifier& identifier) {
  if (const auto found = Find(identifier)) return *found;
  named_.push_back({identifier, 0});
  return static_cast<std::uint32_t>(named_.size() - 1);
}

bool LinkTable::Mark(const Identifier& identifier, std::uint8_t flags) {
  if (Has(identifier, flags)) return false;
  named_[Intern(identifier)].flags |= flags;
  return true;
}

std::optional<std::size_t> LinkTable::FindLink(std::uint32_t home, std::uint32_t other) const {
  const auto at = std::lower_bound(
      links_.begin(), links_.end(), std::pair(home, other),
      [](const Link& link, const auto& pair) { return std::pair(link.home, link.other) < pair; });
  if (at == links_.end() || at->home != home || at->other != other) return std::nullopt;
  return static_cast<std::size_t>(at - links_.begin());
}

std::size_t LinkTable::InternLink(std::uint32_t home, std::uint32_t other) {
  const auto at = std::lower_bound(
      links_.begin(), links_.end(), std::pair(home, other),
      [](const Link& link, const auto& pair) { return std::pair(link.home, link.other) < pair; });
  const auto index = static_cast<std::size_t>(at - links_.begin());
  if (at != links_.end() && at->home == home && at->other == other) return index;
  Link link;
  link.home = home;
  link.other = other;
  links_.insert(at, std::move(link));
  return index;
}

std::size_t LinkTable::Interval(const EventOrder& order) const {
  const auto at = std::upper_bound(
      erasures_.begin(), erasures_.end(), order,
      [](const EventOrder& o, const Erasure& erasure) { return o < erasure.order; });
  return static_cast<std::size_t>(at - erasures_.begin());
}

bool LinkTable::Claim(Link* link, EventOrder order) {
  const std::size_t interval = Interval(order);
  for (EventOrder& claim : link->claims) {
    if (Interval(claim) != interval) continue;
    if (claim <= order) return false;
    claim = std::move(order);
    return true;
  }
  const auto at = std::lower_bound(link->claims.begin(), link->claims.end(), order);
  link->claims.insert(at, std::move(order));
  return true;
}

void LinkTable::Say(Word word) {
  for (Word& old : words_) {
    if (old.home != word.home || old.other != word.other) continue;
    if (old.order < word.order) old = std::move(word);
    return;
  }
  words_.push_back(std::move(word));
}

void LinkTable::AddEntry(const Entry& entry) {
  const std::uint32_t home = Intern(entry.home);
  if (entry.kind != Kind::kErase) named_[home].flags |= kHome;
  for (int i = 0; i < entry.links; ++i) {
    const std::uint32_t other = Intern(entry.Other(i));
    if (other == home) continue;
    EventOrder order = EventOrder::Of(entry, i);
    if (!Links(entry.kind) || entry.kind == Kind::kIdentify) {
      Say({home, other, entry.kind == Kind::kUnlink, order});
    }
    if (!Links(entry.kind)) continue;
    Claim(&links_[InternLink(home, other)], std::move(order));
  }
}

bool LinkTable::Knows(const Entry& entry) const {
  if (!Links(entry.kind) || entry.kind == Kind::kIdentify) return false;
  const auto home = Find(entry.home);
  if (!home || (named_[*home].flags & kHome) == 0) return false;
  for (int i = 0; i < entry.links; ++i) {
    const auto other = Find(entry.Other(i));
    if (!other) return false;
    if (*other == *home) continue;
    const auto link = FindLink(*home, *other);
    if (!link) return false;
    // The newest claim before this entry must lie behind the newest erasure before it.
    const EventOrder* newest = nullptr;
    for (const EventOrder& claim : links_[*link].claims) {
      if (CompareOrder(entry, i, claim) >= 0) newest = &claim;
    }
    if (newest == nullptr) return false;
    for (const Erasure& erasure : erasures_) {
      if (CompareOrder(entry, 0, erasure.order) > 0 && *newest < erasure.order) return false;
    }
  }
  return true;
}

std::size_t LinkTable::NewLinks(const Entry& entry) const {
  const auto home = Find(entry.home);
  std::size_t count = 0;
  for (int i = 0; i < entry.links; ++i) {
    const auto other = Find(entry.Other(i));
    if (!home || !other || !FindLink(*home, *other)) ++count;
  }
  return count;
}

bool LinkTable::MarkLink(const Identifier& home, const Identifier& other, std::uint8_t flags) {
  const auto a = Find(home), b = Find(other);
  if (!a || !b) return false;
  const auto link = FindLink(*a, *b);
  if (!link) return false;
  links_[*link].flags |= flags;
  return true;
}

void LinkTable::Unite(const LinkTable& other, bool with_claims) {
  std::vector<std::uint32_t> here;
  for (const Named& named : other.named_) {
    here.push_back(Intern(named.identifier));
    named_[here.back()].flags |=
        with_claims ? named.flags : static_cast<std::uint8_t>(named.flags & ~kHome);
  }
  for (const Link& link : other.links_) {
    Link& mine = links_[InternLink(here[link.home], here[link.other])];
    mine.flags |= link.flags;
    if (!with_claims) continue;
    for (const EventOrder& claim : link.claims) Claim(&mine, claim);
  }
  if (!with_claims) return;
  for (const Word& word : other.words_) {
    Say({here[word.home], here[word.other], word.unlink, word.order});
  }
}

void LinkTable::ForgetClaims() {
  for (Named& named : named_) named.flags &= static_cast<std::uint8_t>(~kHome);
  for (Link& link : links_) link.claims.clear();
  words_.clear();
  erasures_.clear();
}

void LinkTable::AddErasure(const Entry& entry) {
  Erasure erasure{Intern(entry.home), EventOrder::Of(entry)};
  const auto at =
      std::lower_bound(erasures_.begin(), erasures_.end(), erasure.order,
                       [](const Erasure& e, const EventOrder& order) { return e.order < order; });
  if (at != erasures_.end() && at->order == erasure.order) return;
  erasures_.insert(at, std::move(erasure));
}

void LinkTable::DropUnclaimed() {
  std::erase_if(links_, [](const Link& link) { return link.claims.empty(); });
}

void LinkTable::Append(std::string* out) const {
  WireWriter writer(out);
  writer.Byte(kFormat);
  writer.Varint(named_.size());
  for (const Named& named : named_) {
    writer.Raw(named.identifier.view());
    writer.Byte(named.flags);
  }
  writer.Varint(links_.size());
  for (const Link& link : links_) {
    writer.Varint(link.home);
    writer.Varint(link.other);
    writer.Byte(link.flags);
    writer.Varint(link.claims.size());
    for (const EventOrder& claim : link.claims) AppendOrder(claim, &writer);
  }
  writer.Varint(words_.size());
  for (const Word& word : words_) {
    writer.Varint(word.home);
    writer.Varint(word.other);
    writer.Byte(word.unlink ? 1 : 0);
    AppendOrder(word.order, &writer);
  }
  writer.Varint(erasures_.size());
  for (const Erasure& erasure : erasures_) {
    writer.Varint(erasure.identifier);
    AppendOrder(erasure.order, &writer);
  }
}

bool LinkTable::Read(std::string_view* bytes) {
  *this = LinkTable();
  WireReader reader(*bytes);
  std::uint8_t format = 0;
  std::uint64_t count = 0;
  if (!reader.Byte(&format) || format != kFormat || !ReadCount(&reader, &count)) return false;
  named_.resize(count);
  for (Named& named : named_) {
    std::string_view raw;
    if (!reader.Raw(16, &raw) || !reader.Byte(&named.flags)) return false;
    named.identifier = Identifier::From(raw);
  }
  if (!ReadCount(&reader, &count)) return false;
  links_.resize(count);
  for (std::size_t i = 0; i < links_.size(); ++i) {
    Link& link = links_[i];
    if (!ReadPair(&reader, named_.size(), &link.home, &link.other)) return false;
    if (!reader.Byte(&link.flags) || !ReadCount(&reader, &count)) return false;
    link.claims.resize(count);
    for (EventOrder& claim : link.claims) {
      if (!ReadOrder(&reader, &claim)) return false;
    }
    if (i > 0 &&
        std::tie(links_[i - 1].home, links_[i - 1].other) >= std::tie(link.home, link.other)) {
      return false;
    }
  }
  if (!ReadCount(&reader, &count)) return false;
  words_.resize(count);
  for (Word& word : words_) {
    std::uint8_t unlink = 0;
    if (!ReadPair(&reader, named_.size(), &word.home, &word.other) || !reader.Byte(&unlink) ||
        !ReadOrder(&reader, &word.order)) {
      return false;
    }
    word.unlink = unlink != 0;
  }
  if (!ReadCount(&reader, &count)) return false;
  erasures_.resize(count);
  for (Erasure& erasure : erasures_) {
    std::uint64_t identifier = 0;
    if (!reader.Varint(&identifier) || identifier >= named_.size() ||
        !ReadOrder(&reader, &erasure.order)) {
      return false;
    }
    erasure.identifier = static_cast<std::uint32_t>(identifier);
  }
  *bytes = reader.Rest();
  return true;
}

std::size_t LinkTable::memory_bytes() const {
  return named_.capacity() * sizeof(Named) + links_.size() * (sizeof(Link) + sizeof(EventOrder)) +
         words_.size() * sizeof(Word) + erasures_.size() * sizeof(Erasure);
}

}  // namespace leadflow
