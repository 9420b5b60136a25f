// StoredLeads: looks into the stores of the journeys stage while nobody writes them: what everything
// stored contributes, computed anew by the obvious f, and the lead of an identifier.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/state/keyed_store.h"
#include "operators/identity/cluster.h"
#include "operators/identity/contribution.h"
#include "operators/journey/lead_function.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

class StoredLeads {
 public:
  // By partition; they and the pipeline outlive it. Reads only.
  StoredLeads(const Pipeline& pipeline, std::vector<KeyedStore*> partitions);

  // Adds f of every lead, unowned record and standalone entry. `entities`, if not null, counts them.
  Status Contributions(FactSink& sink, std::int64_t* entities);

  // The journey of the lead that an identifier belongs to, and which part of it; nullopt: nothing is
  // stored of it. Valid until the next call.
  struct Found {
    Journey* journey = nullptr;
    HomeFilter in;
  };
  Result<std::optional<Found>> Find(const Identifier& identifier);

 private:
  Status ClusterContributions(std::size_t partition, FactSink& sink, std::int64_t* entities);
  Status KeyedContributions(KeyedStore& store, FactSink& sink, std::int64_t* entities);

  const std::vector<KeyedStore*> stores_;
  std::vector<std::unique_ptr<NodeStore>> nodes_;
  std::unique_ptr<Contribution> f_;
};

}  // namespace leadflow
