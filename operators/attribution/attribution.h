// Attribution: who gets how much of a conversion, as integer weights per touch (the table of
// SEMANTICS 8). What a weight is worth is money's SplitByWeights; `participation` shares nothing,
// so its weights are 1 each and its callers give everything to every distinct touch.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "operators/attribution/conversion.h"
#include "operators/attribution/decay.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

// One model, ready to be asked often. Immutable, thread-safe, copied cheaply.
class AttributionModel {
 public:
  // REQUIRES: position weights between 0 and 1e15; half_life_hours > 0 for kTimeDecay
  explicit AttributionModel(const ModelSpec& spec);

  bool participation() const { return spec_.model == Model::kParticipation; }
  const ModelSpec& spec() const { return spec_; }

  // The touch that gets everything, for models that always choose one (first_touch, last_touch,
  // last_non_direct); else -1. REQUIRES: there are touches
  int Single(const Conversion& conversion) const;

  // One weight per touch, none negative, not all 0 (a model whose weights are all 0 is linear).
  // REQUIRES: there are touches; weights->size() becomes their number
  void Weights(const Conversion& conversion, std::int64_t conversion_time_ms,
               std::vector<std::int64_t>* weights) const;

 private:
  ModelSpec spec_;
  std::shared_ptr<const DecayTable> decay_;  // kTimeDecay
};

// The same for one question.
void Weights(const ModelSpec& spec, const Conversion& conversion, std::int64_t conversion_time_ms,
             std::vector<std::int64_t>* weights);

}  // namespace leadflow
