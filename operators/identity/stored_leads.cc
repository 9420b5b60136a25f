#include "operators/identity/stored_leads.h"

#include "engine/base/hash.h"
#include "operators/identity/journeys_operator.h"
#include "operators/identity/record.h"

namespace leadflow {
namespace {

constexpr std::size_t kCacheBytes = std::size_t{64} << 20;
constexpr int kMostPointers = 1000;

// The part of a cluster that is one of its leads; null: all of it.
HomeFilter LeadFilter(const Cluster& cluster, std::uint32_t lead) {
  if (cluster.table().empty()) return nullptr;
  return [&cluster, lead](const Identifier& home) {
    const std::optional<std::uint32_t> at = cluster.table().Find(home);
    return at && cluster.resolution().lead[*at] == lead;
  };
}

}  // namespace

StoredLeads::StoredLeads(const Pipeline& pipeline, std::vector<KeyedStore*> partitions)
    : stores_(std::move(partitions)), f_(MakeLeadContribution(pipeline)) {
  for (KeyedStore* store : stores_) {
    nodes_.push_back(std::make_unique<NodeStore>(store, LimitsOf(pipeline).guards, kCacheBytes));
  }
}

Status StoredLeads::Contributions(FactSink& sink, std::int64_t* entities) {
  for (std::size_t p = 0; p < stores_.size(); ++p) {
    LEADFLOW_RETURN_IF_ERROR(ClusterContributions(p, sink, entities));
    LEADFLOW_RETURN_IF_ERROR(KeyedContributions(*stores_[p], sink, entities));
  }
  return {};
}

Status StoredLeads::ClusterContributions(std::size_t partition, FactSink& sink,
                                         std::int64_t* entities) {
  std::vector<Identifier> roots;
  LEADFLOW_RETURN_IF_ERROR(
      stores_[partition]->ScanCommitted("N", [&](std::string_view key, std::string_view) {
        if (key.size() == 17) roots.push_back(Identifier::From(key.substr(1)));
        return true;
      }));
  NodeStore& nodes = *nodes_[partition];
  for (const Identifier& root : roots) {
    auto node = nodes.Get(root);
    if (!node.ok()) return node.status();
    if ((*node)->cluster == nullptr) continue;
    Cluster& cluster = *(*node)->cluster;
    const std::uint32_t leads = cluster.table().empty() ? 1 : cluster.resolution().leads;
    for (std::uint32_t lead = 0; lead < leads; ++lead) {
      LEADFLOW_RETURN_IF_ERROR(f_->Batch(cluster.journey, LeadFilter(cluster, lead), 1, sink));
      if (entities != nullptr) ++*entities;
    }
    nodes.Measure(*node);
    LEADFLOW_RETURN_IF_ERROR(nodes.Trim());
  }
  return {};
}

Status StoredLeads::KeyedContributions(KeyedStore& store, FactSink& sink, std::int64_t* entities) {
  Status failure;
  LEADFLOW_RETURN_IF_ERROR(
      store.ScanCommitted("R", [&](std::string_view key, std::string_view value) {
        auto record = StoredRecord(key.substr(1), value);
        if (!record.ok()) {
          failure = record.status();
          return false;
        }
        if (*record && (*record)->home == Identifier()) f_->Unowned(**record, 1, sink);
        if (entities != nullptr) ++*entities;
        return true;
      }));
  LEADFLOW_RETURN_IF_ERROR(failure);
  LEADFLOW_RETURN_IF_ERROR(store.ScanCommitted("X", [&](std::string_view, std::string_view value) {
    Entry entry;
    if (!ReadEntry(&value, &entry)) {
      failure = Status::Corruption("a standalone entry means nothing to this release");
      return false;
    }
    f_->Standalone(entry, 1, sink);
    if (entities != nullptr) ++*entities;
    return true;
  }));
  return failure;
}

Result<std::optional<StoredLeads::Found>> StoredLeads::Find(const Identifier& identifier) {
  Identifier at = identifier;
  for (int i = 0; i < kMostPointers; ++i) {
    const std::size_t partition =
        PartitionOf(at.hash(), static_cast<std::uint32_t>(stores_.size()));
    auto node = nodes_[partition]->Get(at);
    if (!node.ok()) return node.status();
    if ((*node)->address.pointer) {
      at = *(*node)->address.pointer;
      continue;
    }
    if ((*node)->cluster == nullptr) return std::optional<Found>();
    Cluster& cluster = *(*node)->cluster;
    if (cluster.table().empty()) return std::optional<Found>(Found{&cluster.journey, nullptr});
    const std::optional<std::uint32_t> index = cluster.table().Find(identifier);
    if (!index) return std::optional<Found>();
    return std::optional<Found>(
        Found{&cluster.journey, LeadFilter(cluster, cluster.resolution().lead[*index])});
  }
  return Status::Corruption("pointers of an identifier go round in a circle");
}

}  // namespace leadflow
