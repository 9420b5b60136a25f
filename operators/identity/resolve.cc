#include "operators/identity/resolve.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/base/check.h"

namespace leadflow {
namespace {

// The components while the links are gone through in order.
class Components {
 public:
  Components(const LinkTable& table, const Guards& guards)
      : named_(table.named()), guards_(guards), of_(named_.size()), held_(named_.size()) {
    for (std::uint32_t i = 0; i < named_.size(); ++i) Isolate(i);
  }

  // REQUIRES: neither is shared
  Refusal Unite(std::uint32_t home, std::uint32_t other) {
    const std::uint32_t a = of_[home], b = of_[other];
    if (a == b) return Refusal::kNone;
    const auto limit = static_cast<std::size_t>(guards_.max_identifiers);
    // The first two need not know the other side, so they are decided alike wherever it lies.
    if (Conflict(held_[a], {&other, 1})) return Refusal::kUnique;
    if (held_[a].size() + 1 > limit) return Refusal::kMaxIdentifiers;
    if (Conflict(held_[a], held_[b])) return Refusal::kUnique;
    if (held_[a].size() + held_[b].size() > limit) return Refusal::kMaxIdentifiers;
    for (const std::uint32_t i : held_[b]) of_[i] = a;
    held_[a].insert(held_[a].end(), held_[b].begin(), held_[b].end());
    held_[b].clear();
    return Refusal::kNone;
  }

  // Everybody of the component alone again; returns who they were.
  std::vector<std::uint32_t> Dissolve(std::uint32_t of) {
    std::vector<std::uint32_t> all = std::move(held_[of_[of]]);
    for (const std::uint32_t i : all) Isolate(i);
    return all;
  }

  std::uint32_t of(std::uint32_t i) const { return of_[i]; }

 private:
  void Isolate(std::uint32_t i) {
    of_[i] = i;
    held_[i].assign(1, i);
  }

  bool Conflict(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) const {
    if (guards_.unique_types == 0) return false;
    for (const std::uint32_t i : a) {
      const auto type = named_[i].identifier.bytes[0];
      if (type >= 32 || ((guards_.unique_types >> type) & 1) == 0) continue;
      for (const std::uint32_t j : b) {
        if (i != j && named_[j].identifier.bytes[0] == type) return true;
      }
    }
    return false;
  }

  std::span<const LinkTable::Named> named_;
  const Guards& guards_;
  std::vector<std::uint32_t> of_;                 // index of the component
  std::vector<std::vector<std::uint32_t>> held_;  // by component
};

struct Step {
  const EventOrder* order;
  std::uint32_t index;
  bool erasure;
};

std::vector<Step> StepsInOrder(const LinkTable& table) {
  std::vector<Step> steps;
  for (std::uint32_t i = 0; i < table.links().size(); ++i) {
    for (const EventOrder& claim : table.links()[i].claims) steps.push_back({&claim, i, false});
  }
  for (std::uint32_t i = 0; i < table.erasures().size(); ++i) {
    steps.push_back({&table.erasures()[i].order, i, true});
  }
  std::sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) {
    if (const auto order = *a.order <=> *b.order; order != 0) return order < 0;
    return std::pair(a.erasure, a.index) < std::pair(b.erasure, b.index);
  });
  return steps;
}

bool Vetoed(const LinkTable& table, const LinkTable::Link& link) {
  for (const LinkTable::Word& word : table.words()) {
    if (word.home == link.home && word.other == link.other) return word.unlink;
  }
  return false;
}

// Leads that hold something come first; the others only name identifiers.
void NumberLeads(const LinkTable& table, const Components& components, Resolution* out) {
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  const std::size_t count = table.named().size();
  std::vector<std::uint32_t> number(count, kNone);
  std::uint32_t next = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if ((table.named()[i].flags & LinkTable::kHome) == 0) continue;
    std::uint32_t& slot = number[components.of(i)];
    if (slot == kNone) slot = next++;
  }
  out->leads = next;
  out->lead.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint32_t& slot = number[components.of(i)];
    if (slot == kNone) slot = next++;
    out->lead[i] = slot;
  }
}

}  // namespace

EventOrder EventOrder::Of(const Entry& entry, int position) {
  return {entry.time_ms, entry.kind == Kind::kErase,         entry.source, entry.id,
          entry.key,     static_cast<std::uint8_t>(position)};
}

std::strong_ordering CompareOrder(const Entry& entry, int position, const EventOrder& order) {
  if (auto c = entry.time_ms <=> order.time_ms; c != 0) return c;
  if (auto c = (entry.kind == Kind::kErase) <=> order.erase; c != 0) return c;
  if (auto c = entry.source <=> order.source; c != 0) return c;
  if (auto c = entry.id <=> order.id.view(); c != 0) return c;
  if (auto c = entry.key <=> order.key; c != 0) return c;
  return position <=> static_cast<int>(order.position);
}

std::string_view RefusalName(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone: return "none";
    case Refusal::kShared: return "shared";
    case Refusal::kUnlinked: return "unlinked";
    case Refusal::kCapacity: return "capacity";
    case Refusal::kUnique: return "unique";
    case Refusal::kMaxIdentifiers: return "max_identifiers";
  }
  return "none";
}

Resolution Resolve(const LinkTable& table, const Guards& guards) {
  Resolution out;
  out.decisions.resize(table.links().size());
  Components components(table, guards);
  std::vector<bool> vetoed(table.links().size());
  if (!table.words().empty()) {
    for (std::size_t i = 0; i < vetoed.size(); ++i) vetoed[i] = Vetoed(table, table.links()[i]);
  }
  const auto shared = [&](std::uint32_t i) {
    return (table.named()[i].flags & LinkTable::kShared) != 0;
  };
  for (const Step& step : StepsInOrder(table)) {
    if (step.erasure) {
      Resolution::Cover& cover = out.covers.emplace_back();
      cover.before = *step.order;
      for (const std::uint32_t i : components.Dissolve(table.erasures()[step.index].identifier)) {
        cover.homes.push_back(table.named()[i].identifier);
      }
      std::sort(cover.homes.begin(), cover.homes.end());
      continue;
    }
    const LinkTable::Link& link = table.links()[step.index];
    Resolution::Decision& decision = out.decisions[step.index];
    if (shared(link.home) || shared(link.other)) {
      decision.refusal = Refusal::kShared;
    } else if (vetoed[step.index]) {
      decision.refusal = Refusal::kUnlinked;
    } else if ((link.flags & LinkTable::Link::kCapped) != 0) {
      decision.refusal = Refusal::kCapacity;
    } else {
      decision.refusal = components.Unite(link.home, link.other);
    }
    if (decision.refusal == Refusal::kNone) decision.accepted = true;
  }
  NumberLeads(table, components, &out);
  return out;
}

bool Resolution::Covers(const Entry& entry) const {
  if (entry.kind == Kind::kErase || entry.kind == Kind::kUnlink) return false;
  for (const Cover& cover : covers) {
    if (CompareOrder(entry, 0, cover.before) < 0 &&
        std::binary_search(cover.homes.begin(), cover.homes.end(), entry.home)) {
      return true;
    }
  }
  return false;
}

bool Resolution::CoversRecord(const Identifier& home, std::int64_t time_ms) const {
  for (const Cover& cover : covers) {
    if (time_ms <= cover.before.time_ms &&
        std::binary_search(cover.homes.begin(), cover.homes.end(), home)) {
      return true;
    }
  }
  return false;
}

}  // namespace leadflow
