// ClusterJob: the journeys of people in small. Numbers are given to keys; a key may move to a
// higher key and takes its numbers along, wherever that lies; each group of keys sums a function of
// its keys that is not linear. Input comes doubled, broken and poisonous.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/simulation.h"

namespace leadflow::simulation {

class ClusterJob final : public Job {
 public:
  // `forgetful`: a deliberate mistake; numbers that come from another key are not looked for among
  // those that are known.
  ClusterJob(std::uint64_t seed, bool forgetful);

  const Plan& plan() const override { return plan_; }
  std::string Check(const Outcome& outcome) const override;

  // The higher key that a key moves to; the key itself: none.
  static std::uint64_t TargetOf(std::uint64_t key);

 private:
  using Table = std::map<std::string, std::string>;  // Stored key -> value.

  void MakeInputs(std::uint64_t seed);
  void MakePlan(std::uint64_t seed, bool forgetful);
  void PassOnce();
  std::uint64_t Root(std::uint64_t key) const;

  std::vector<std::vector<std::string>> inputs_;  // By source partition.
  Plan plan_;

  // What a single pass over the input gives.
  std::map<std::uint64_t, std::map<std::uint64_t, std::int64_t>> numbers_;  // Key -> id -> number.
  std::map<std::uint64_t, std::int64_t> arrivals_;                          // Key -> messages.
  std::set<std::uint64_t> moved_;
  std::multiset<std::string> letters_;  // Reason and bytes.
  Table events_;
  Table facts_;
  std::int64_t messages_ = 0;
  std::int64_t watermark_ms_ = kNoWatermark;
};

}  // namespace leadflow::simulation
