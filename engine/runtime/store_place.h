// StorePlace: where the state of a task lies: the name of its store, and its changelog.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/log/log.h"
#include "engine/runtime/plan.h"

namespace leadflow {

struct StorePlace {
  std::string store;  // A valid file name.
  TopicPartition changelog;
  std::string key_prefix;  // Of its records there; what begins otherwise is other tasks'.
};

StorePlace PlaceOfEvents(const Plan& plan, std::uint32_t partition);
StorePlace PlaceOfFacts(const Plan& plan, std::uint32_t partition);

// A source partition's task has no state but its meta record. All of them share the partitions of
// one changelog. `source_id`: the hash of SourcePartitionId.
StorePlace PlaceOfSource(const Plan& plan, std::uint64_t source_id);

// Of all tasks of the plan.
std::vector<StorePlace> AllPlaces(const Plan& plan);

}  // namespace leadflow
