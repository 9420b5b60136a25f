// CreditSplit: what one conversion gives to each distinct combination of touch dimensions under
// each model, worked out once per conversion and shared by all KPIs that ask. Internal to
// operators/facts.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "operators/attribution/attribution.h"
#include "operators/facts/leaf.h"

namespace leadflow {

class CreditSplit {
 public:
  CreditSplit(std::span<const ModelSpec> models, std::vector<unsigned> masks);

  // A new conversion; everything remembered of the last one is void.
  // REQUIRES: it has touches; it outlives the calls that follow
  void Begin(const Conversion& conversion, std::int64_t time_ms);

  // One part of a conversion: the touch that stands for the combination, and what it gets.
  struct Part {
    int touch;
    std::int64_t share;
  };
  // The parts of `total` by combination (number of a mask) under `model`; parts of 0 are left out.
  // Valid until the next call.
  std::span<const Part> Split(int model, int combination, std::int64_t total);

  const AttributionModel& model(int index) const {
    return models_[static_cast<std::size_t>(index)].model;
  }

 private:
  struct PerModel {
    explicit PerModel(const ModelSpec& spec) : model(spec) {}
    AttributionModel model;
    std::uint64_t weighted = 0;  // the conversion that `weights` are of
    std::vector<std::int64_t> weights;
    // Shares of the totals asked for last: a conversion is asked for its count and its value.
    struct Shares {
      std::uint64_t of = 0;
      std::int64_t total = 0;
      std::vector<std::int64_t> values;
    };
    Shares shares[2];
    int next = 0;
  };
  struct PerMask {
    unsigned mask = 0;
    std::uint64_t of = 0;
    std::vector<int> combination;  // per touch: index into `first`
    std::vector<int> first;        // the first touch of each combination
  };

  const PerMask& Combine(int combination);
  std::span<const std::int64_t> Shares(PerModel* model, std::int64_t total);

  std::vector<PerModel> models_;
  std::vector<PerMask> masks_;
  std::vector<std::int64_t> sums_;
  std::vector<Part> parts_;
  std::vector<std::int32_t> buckets_;  // hash table of Combine; -1: free
  const Conversion* conversion_ = nullptr;
  std::int64_t time_ms_ = 0;
  std::uint64_t number_ = 0;  // of conversions begun
};

}  // namespace leadflow
