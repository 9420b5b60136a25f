// Leaf: one measure of a KPI that reads occurrences, compiled: what FactBuilder and TrustFacts
// walk. Internal to operators/facts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operators/facts/fact_builder.h"
#include "operators/facts/row_key.h"
#include "operators/pipeline/kpi_spec.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

// One dimension of a row: where its text comes from.
struct DimensionSource {
  Dimension dimension = Dimension::kChannel;
  int slot = 0;  // of the occurrence's fields; conversion and event dimensions
};

// The number that a sum, mean or quantile is made of.
enum class NumberSource : std::uint8_t {
  kNone,
  kAmount,  // the occurrence's amount, else the field
  kDwell,
  kEngaged,
  kPageViews,
  kTouches,
  kField,     // `number_slot`
  kDuration,  // of a pair (from, to)
};

struct Leaf {
  const KpiSpec* kpi = nullptr;
  const Measure* measure = nullptr;
  std::uint64_t name_hash = 0;
  std::vector<DimensionSource> by;  // of the group: without the dimension that shares run along
  bool has_along = false;           // the KPI's components carry one
  DimensionSource along;
  bool model_dimension = false;  // `by` or `along` is the model
  std::vector<int> models;       // what it is shared by, or repeated for
  unsigned touch_mask = 0;       // bit per touch dimension in `by` or `along`
  int combination = 0;           // number of that mask among all leaves

  bool money = false;        // its number is money
  bool money_rows = false;   // the group carries a currency
  bool needs_rate = false;   // without a rate it does not count at all (inside ratios and means)
  bool cut_to_unit = false;  // a duration under a quantile
  NumberSource number = NumberSource::kNone;
  int number_slot = 0;
  int duration = -1;  // number in LeafSet::durations

  bool IsDistinct() const {
    return measure->type == Measure::Type::kDistinctLeads ||
           measure->type == Measure::Type::kDistinctAccounts;
  }
  bool IsAttributed() const {
    return measure->type == Measure::Type::kAttributed ||
           measure->type == Measure::Type::kAttributedValue;
  }
};

struct LeafSet {
  std::vector<Leaf> leaves;
  std::vector<DurationSpec> durations;
  std::vector<unsigned> masks;  // by Leaf::combination
  bool uses_now = false;
};

LeafSet CompileLeaves(const Pipeline& pipeline);

inline bool IsTouchDimension(Dimension dimension) {
  return dimension >= Dimension::kChannel && dimension <= Dimension::kFair;
}

// The text of a touch dimension. REQUIRES: IsTouchDimension
std::string_view TouchText(const TouchDimensions& touch, Dimension dimension);

// What the dimensions of one row are read from.
struct RowTexts {
  const Occurrence* occurrence = nullptr;  // null: trust counters
  const TouchDimensions* touch = nullptr;  // null: no touch dimension has a value
  std::string_view model;
  std::string_view trust_source, trust_reason;
};

// The text of a dimension; `(none)` if it has none.
std::string_view DimensionText(const DimensionSource& source, const RowTexts& texts);

// Makes `key` the group of a row. `currency`: of KPIs whose rows carry one.
void BeginRow(const Leaf& leaf, std::int64_t window_start_ms, const RowTexts& texts,
              std::string_view currency, RowKey* key);

// The component behind it that holds `kind`; the payload may be appended.
void BeginComponent(const Leaf& leaf, ComponentKind kind, const RowTexts& texts, RowKey* key);

inline constexpr std::string_view kNoText = "(none)";
inline constexpr std::string_view kUnattributed = "Unattributed";

}  // namespace leadflow
