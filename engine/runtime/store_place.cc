#include "engine/runtime/store_place.h"

#include "engine/base/hash.h"

namespace leadflow {
namespace {

std::string Hex(std::uint64_t number) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out(16, '0');
  for (int i = 15; i >= 0; --i, number >>= 4)
    out[static_cast<std::size_t>(i)] = kDigits[number & 15];
  return out;
}

StorePlace PlaceOf(const Plan& plan, const std::string& kind, std::uint32_t partition) {
  return {kind + "-" + std::to_string(partition), {plan.changelog_topic(kind), partition}, ""};
}

}  // namespace

StorePlace PlaceOfEvents(const Plan& plan, std::uint32_t partition) {
  return PlaceOf(plan, "events", partition);
}

StorePlace PlaceOfFacts(const Plan& plan, std::uint32_t partition) {
  return PlaceOf(plan, "facts", partition);
}

StorePlace PlaceOfSource(const Plan& plan, std::uint64_t source_id) {
  return {"ingest-" + Hex(source_id),
          {plan.changelog_topic("ingest"), PartitionOf(source_id, plan.partitions)},
          Hex(source_id)};
}

std::vector<StorePlace> AllPlaces(const Plan& plan) {
  std::vector<StorePlace> places;
  for (std::uint32_t p = 0; p < plan.partitions; ++p) {
    places.push_back(PlaceOfEvents(plan, p));
    places.push_back(PlaceOfFacts(plan, p));
  }
  for (const SourcePlan& source : plan.sources) {
    for (const SourcePartition& partition : source.partitions) {
      places.push_back(PlaceOfSource(plan, Hash64(SourcePartitionId(source.name, partition.name))));
    }
  }
  return places;
}

}  // namespace leadflow
