// The common end of every change of a cluster: resolve, drop what an erasure covers, emit the
// difference, tell the owners of newly linked identifiers.
#include <algorithm>
#include <utility>

#include "operators/identity/protocol.h"
#include "operators/identity/protocol_change.h"

namespace leadflow {
namespace {

constexpr auto kFrom = std::numeric_limits<std::int64_t>::min();
constexpr auto kTo = std::numeric_limits<std::int64_t>::max();

bool Contains(const std::vector<Identifier>& sorted, const Identifier& identifier) {
  return std::binary_search(sorted.begin(), sorted.end(), identifier);
}

bool Meet(const std::vector<Identifier>& sorted, const std::vector<Identifier>& any) {
  return std::any_of(any.begin(), any.end(),
                     [&](const Identifier& identifier) { return Contains(sorted, identifier); });
}

// The tables agree on everything that is stored.
bool SameBytes(const LinkTable& a, const LinkTable& b) {
  if (a.named().size() != b.named().size() || a.links().size() != b.links().size() ||
      a.words().size() != b.words().size() || a.erasures().size() != b.erasures().size()) {
    return false;
  }
  std::string left, right;
  a.Append(&left);
  b.Append(&right);
  return left == right;
}

}  // namespace

Protocol::Leads::Leads(const LinkTable& of, const Resolution& by)
    : table(of), resolution(by), homes(by.leads) {
  for (std::size_t i = 0; i < of.named().size(); ++i) {
    const LinkTable::Named& named = of.named()[i];
    if ((named.flags & LinkTable::kHome) != 0) homes[by.lead[i]].push_back(named.identifier);
  }
  for (auto& lead : homes) std::sort(lead.begin(), lead.end());
}

HomeFilter Protocol::Leads::Filter(std::size_t i) const {
  if (size() <= 1) return nullptr;
  const std::vector<Identifier>* lead = &homes[i];
  return [lead](const Identifier& home) { return Contains(*lead, home); };
}

Status Protocol::Update(Node* node, Change* change) {
  Cluster& cluster = *node->cluster;
  Resolution resolution = Resolve(change->after, limits_.guards);
  if (change->put != nullptr && resolution.CoversRecord(change->put->home, change->put->time_ms)) {
    return Status();
  }
  LinkTable alone;
  Resolution alone_resolution;
  const bool was_alone = cluster.table().empty();
  if (was_alone) {
    alone.Mark(node->id, LinkTable::kMember | (cluster.journey.empty() ? 0 : LinkTable::kHome));
    alone_resolution = Resolve(alone, limits_.guards);
  }
  const LinkTable& table_before = was_alone ? alone : cluster.table();
  const Resolution& resolution_before = was_alone ? alone_resolution : cluster.resolution();
  const Leads before(table_before, resolution_before), after(change->after, resolution);
  Strip strip;
  LEADFLOW_RETURN_IF_ERROR(FindCovered(&cluster, *change, resolution, &strip));
  const bool covered = change->insert != nullptr && resolution.Covers(*change->insert);
  if (before.size() <= 1 && after.size() <= 1 && strip.empty() && !covered &&
      change->arrived == nullptr &&
      (change->insert == nullptr || change->insert->kind != Kind::kErase)) {
    LEADFLOW_RETURN_IF_ERROR(ApplyOne(node, *change));
  } else {
    LEADFLOW_RETURN_IF_ERROR(ApplyAll(node, change, before, after, strip));
  }
  CountRefused(*change, resolution_before, resolution);
  Tell(node, &change->after, resolution);
  // A record or an entry of the root alone needs no table.
  const bool alone_after = change->after.named().size() == 1 && change->after.erasures().empty() &&
                           (change->after.named()[0].flags & LinkTable::kShared) == 0;
  if (alone_after) {
    node->head_dirty = node->head_dirty || !cluster.table().empty();
    cluster.SetLinks(LinkTable(), Resolution());
  } else {
    node->head_dirty = node->head_dirty || !SameBytes(cluster.table(), change->after);
    cluster.SetLinks(std::move(change->after), std::move(resolution));
  }
  nodes_.Touch(node);
  return Status();
}

// One lead before and after, the same but for one thing.
Status Protocol::ApplyOne(Node* node, const Change& change) {
  Journey& journey = node->cluster->journey;
  if (change.insert != nullptr) {
    auto changed = f_.ApplyEntry(journey, *change.insert, facts_);
    return changed.status();
  }
  if (change.put != nullptr) return f_.ApplyRecord(journey, *change.put, facts_);
  if (change.take_back != nullptr) return f_.TakeBackRecord(journey, change.take_back->id, facts_);
  return Status();
}

Status Protocol::ApplyAll(Node* node, Change* change, const Leads& before, const Leads& after,
                          const Strip& strip) {
  Cluster& cluster = *node->cluster;
  LEADFLOW_RETURN_IF_ERROR(f_.Settle(cluster.journey, facts_));
  std::vector<Identifier> touched = strip.homes;
  if (change->insert != nullptr) touched.push_back(change->insert->home);
  if (change->take_back != nullptr) touched.push_back(change->take_back->home);
  if (change->put != nullptr) {
    touched.push_back(change->put->home);
    const auto stored = cluster.journey.records().find(change->put->id);
    if (stored != cluster.journey.records().end()) touched.push_back(stored->second.home);
  }
  if (change->arrived != nullptr) {
    for (const LinkTable::Named& named : change->arrived->table.named()) {
      if ((named.flags & LinkTable::kHome) != 0) touched.push_back(named.identifier);
    }
    // A record that came along may replace an older version of itself, at another lead.
    for (const auto& [id, record] : change->arrived->journey.records()) {
      const auto stored = cluster.journey.records().find(id);
      if (stored != cluster.journey.records().end()) touched.push_back(stored->second.home);
    }
  }
  std::vector<std::vector<Identifier>> same;  // leads that stay as they are
  for (const auto& lead : before.homes) {
    if (!Meet(lead, touched) &&
        std::find(after.homes.begin(), after.homes.end(), lead) != after.homes.end()) {
      same.push_back(lead);
    }
  }
  std::sort(same.begin(), same.end());
  const auto stays = [&](const std::vector<Identifier>& lead) {
    return std::binary_search(same.begin(), same.end(), lead);
  };
  // Anonymous counts stay: then what the erasure takes is no change.
  if (limits_.erase_keeps_counts) {
    LEADFLOW_RETURN_IF_ERROR(StripCovered(&cluster, change, strip));
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (stays(before.homes[i])) continue;
    LEADFLOW_RETURN_IF_ERROR(f_.Batch(cluster.journey, before.Filter(i), -1, facts_));
  }
  if (change->arrived != nullptr) {
    const Leads arrived(change->arrived->table, change->arrived->resolution);
    for (std::size_t i = 0; i < arrived.size(); ++i) {
      LEADFLOW_RETURN_IF_ERROR(f_.Batch(change->arrived->journey, arrived.Filter(i), -1, facts_));
    }
  }
  if (!limits_.erase_keeps_counts) {
    LEADFLOW_RETURN_IF_ERROR(StripCovered(&cluster, change, strip));
  }
  LEADFLOW_RETURN_IF_ERROR(Mutate(&cluster, change, after.resolution));
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (stays(after.homes[i])) continue;
    LEADFLOW_RETURN_IF_ERROR(f_.Batch(cluster.journey, after.Filter(i), 1, facts_));
  }
  if (after.size() <= 1) return f_.Rebuild(cluster.journey);
  cluster.journey.mutable_state()->clear();
  return Status();
}

Status Protocol::StripCovered(Cluster* cluster, Change* change, const Strip& strip) {
  for (const Strip::Key& key : strip.stored) {
    LEADFLOW_RETURN_IF_ERROR(cluster->journey.Erase(key.key, key.time_ms));
  }
  for (const std::string& id : strip.stored_records) cluster->journey.RemoveRecord(id);
  for (const Strip::Key& key : strip.arrived) {
    LEADFLOW_RETURN_IF_ERROR(change->arrived->journey.Erase(key.key, key.time_ms));
  }
  for (const std::string& id : strip.arrived_records) change->arrived->journey.RemoveRecord(id);
  return Status();
}

Status Protocol::Mutate(Cluster* cluster, Change* change, const Resolution& after) {
  Journey& journey = cluster->journey;
  if (change->insert != nullptr) {
    Entry entry = *change->insert;
    if (after.Covers(entry)) {
      entry.flags |= Entry::kErased;
      entry.fields = {};
    }
    LEADFLOW_RETURN_IF_ERROR(journey.Insert(entry));
  }
  if (change->put != nullptr) journey.PutRecord(*change->put);
  if (change->take_back != nullptr) journey.RemoveRecord(change->take_back->id);
  if (change->arrived == nullptr) return Status();
  Status failed;
  LEADFLOW_RETURN_IF_ERROR(change->arrived->journey.ForEach(kFrom, kTo, [&](const Entry& entry) {
    failed = journey.Insert(entry);
    return failed.ok();
  }));
  LEADFLOW_RETURN_IF_ERROR(failed);
  for (const auto& [id, record] : change->arrived->journey.records()) {
    const auto stored = journey.records().find(id);
    if (stored == journey.records().end() || stored->second.version < record.version) {
      journey.PutRecord(record);
    }
  }
  return Status();
}

Status Protocol::FindCovered(Cluster* cluster, const Change& change, const Resolution& after,
                             Strip* strip) const {
  if (after.covers.empty()) return Status();
  const auto look = [&](Journey& journey, std::vector<Strip::Key>* keys,
                        std::vector<std::string>* records) -> Status {
    LEADFLOW_RETURN_IF_ERROR(journey.ForEach(kFrom, kTo, [&](const Entry& entry) {
      if (!entry.erased() && after.Covers(entry)) {
        keys->push_back({entry.key, entry.time_ms});
        strip->homes.push_back(entry.home);
      }
      return true;
    }));
    for (const auto& [id, record] : journey.records()) {
      if (!after.CoversRecord(record.home, record.time_ms)) continue;
      records->push_back(id);
      strip->homes.push_back(record.home);
    }
    return Status();
  };
  LEADFLOW_RETURN_IF_ERROR(look(cluster->journey, &strip->stored, &strip->stored_records));
  if (change.arrived == nullptr) return Status();
  return look(change.arrived->journey, &strip->arrived, &strip->arrived_records);
}

void Protocol::Tell(Node* node, LinkTable* table, const Resolution& resolution) {
  const std::size_t size = table->living();
  for (std::size_t i = 0; i < table->links().size(); ++i) {
    const LinkTable::Link& link = table->links()[i];
    const bool accepted = resolution.decisions[i].accepted;
    if ((link.flags & LinkTable::Link::kCounted) != 0 &&
        (!accepted || (link.flags & LinkTable::Link::kJoined) != 0)) {
      continue;
    }
    const Identifier other = table->named()[link.other].identifier;
    out_.clear();
    AppendLink(other, {table->named()[link.home].identifier, node->id, accepted, size}, &out_);
    Send(other);
    table->MarkLink(
        i, LinkTable::Link::kCounted | (accepted ? LinkTable::Link::kJoined : std::uint8_t{0}));
  }
}

void Protocol::CountRefused(const Change& change, const Resolution& before,
                            const Resolution& after) {
  std::int64_t by_reason[8] = {};
  const auto add = [&](const Resolution& resolution, int sign) {
    for (const Resolution::Decision& decision : resolution.decisions) {
      by_reason[static_cast<std::size_t>(decision.refusal)] += sign;
    }
  };
  add(before, -1);
  if (change.arrived != nullptr) add(change.arrived->resolution, -1);
  add(after, 1);
  for (std::size_t reason = 1; reason < std::size(by_reason); ++reason) {
    if (by_reason[reason] == 0) continue;
    context_.Count("refused_links", RefusalName(static_cast<Refusal>(reason)), by_reason[reason]);
  }
}

}  // namespace leadflow
