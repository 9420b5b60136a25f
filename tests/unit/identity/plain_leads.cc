#include <algorithm>
#include <memory>

#include "tests/unit/identity/world.h"

namespace leadflow {
namespace {

using Pair = std::pair<Identifier, Identifier>;
using Component = std::shared_ptr<std::set<Identifier>>;

struct Walk {
  const Guards& guards;
  std::map<Identifier, Component> component;

  bool Conflict(const std::set<Identifier>& a, const std::set<Identifier>& b) const {
    for (const Identifier& i : a) {
      for (const Identifier& j : b) {
        if (i != j && i.type() == j.type() &&
            ((guards.unique_types >> static_cast<int>(i.type())) & 1) != 0) {
          return true;
        }
      }
    }
    return false;
  }

  // Empty: they are together now.
  std::string Unite(const Identifier& home, const Identifier& other) {
    const Component a = component[home], b = component[other];
    const auto limit = static_cast<std::size_t>(guards.max_identifiers);
    if (a == b) return "";
    if (Conflict(*a, {other})) return "unique";
    if (a->size() + 1 > limit) return "max_identifiers";
    if (Conflict(*a, *b)) return "unique";
    if (a->size() + b->size() > limit) return "max_identifiers";
    a->insert(b->begin(), b->end());
    for (const Identifier& i : *b) component[i] = a;
    return "";
  }
};

}  // namespace

PlainLeads ResolvePlainly(const std::vector<Delivery>& source, const Guards& guards,
                          const std::set<Identifier>& shared, const std::set<Pair>& capped) {
  std::vector<Delivery> sorted = source;
  std::sort(sorted.begin(), sorted.end(),
            [](Delivery a, Delivery b) { return Before(EntryOf(&a), EntryOf(&b)); });
  std::map<Pair, Kind> word;
  for (const Delivery& d : sorted) {
    if (d.kind != Kind::kIdentify && d.kind != Kind::kUnlink) continue;
    for (std::size_t i = 1; i < d.ids.size(); ++i) word[{d.ids[0], d.ids[i]}] = d.kind;
  }
  PlainLeads out;
  Walk walk{guards, {}};
  std::map<Identifier, std::vector<std::uint64_t>> held;
  for (const Delivery& d : sorted) {
    for (const Identifier& i : d.ids) {
      auto& component = walk.component[i];
      if (!component) component = std::make_shared<std::set<Identifier>>(std::set<Identifier>{i});
    }
    const Identifier home = d.ids[0];
    if (d.kind == Kind::kErase) {
      const std::set<Identifier> all = *walk.component[home];
      for (const Identifier& i : all) {
        out.covered.insert(held[i].begin(), held[i].end());
        held[i].clear();
        walk.component[i] = std::make_shared<std::set<Identifier>>(std::set<Identifier>{i});
      }
      continue;
    }
    if (d.kind == Kind::kUnlink) continue;
    held[home].push_back(d.key());
    for (std::size_t k = 1; k < d.ids.size(); ++k) {
      const Pair pair{home, d.ids[k]};
      const auto said = word.find(pair);
      std::string why;
      if (shared.contains(pair.first) || shared.contains(pair.second)) {
        why = "shared";
      } else if (said != word.end() && said->second == Kind::kUnlink) {
        why = "unlinked";
      } else if (capped.contains(pair)) {
        why = "capacity";
      } else {
        why = walk.Unite(pair.first, pair.second);
      }
      out.refused.erase(pair);
      if (!why.empty()) out.refused[pair] = why;
    }
  }
  std::set<std::set<Identifier>*> done;
  for (const auto& [id, component] : walk.component) {
    if (done.insert(component.get()).second) out.leads.push_back(*component);
  }
  return out;
}

}  // namespace leadflow
