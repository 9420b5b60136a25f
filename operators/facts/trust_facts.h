// TrustFacts: facts of the trust counters (refused, dead_letter, excluded, machine, shared,
// no_rate, overflow): what happened beside the journeys. Whoever counts such a thing may emit these
// facts; the kpis stage sums them like all others.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "operators/facts/fact.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

class TrustFacts {
 public:
  // `pipeline` outlives it.
  explicit TrustFacts(const Pipeline& pipeline);
  ~TrustFacts();

  // Whether some KPI counts it.
  bool Wants(std::string_view trust) const;

  // Adds `by` to every KPI that counts `trust`, in the window of `time_ms`. `source` and `reason`
  // are its dimensions; empty: `(none)`.
  void Count(std::string_view trust, std::string_view source, std::string_view reason,
             std::int64_t time_ms, std::int64_t by, FactSink& sink);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leadflow
