// For tests: pipelines made by hand, and facts summed into readable cells.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/wire.h"
#include "operators/facts/fact.h"
#include "operators/facts/fact_builder.h"

namespace leadflow {

inline constexpr std::int64_t kDayMs = 86'400'000;

// "kpi day/dim/dim slot" -> sum; a component that is no plain sum adds its kind and payload.
class Cells final : public FactSink {
 public:
  explicit Cells(const Pipeline& pipeline) : pipeline_(pipeline) {}

  void Add(std::string_view group, std::string_view component, std::int64_t delta) override {
    std::int64_t& cell = cells_[Name(group, component)];
    cell += delta;
    ++calls_;
  }

  // Cells that are not 0.
  std::map<std::string, std::int64_t> sums() const {
    std::map<std::string, std::int64_t> sums;
    for (const auto& [name, sum] : cells_) {
      if (sum != 0) sums[name] = sum;
    }
    return sums;
  }
  int calls() const { return calls_; }

 private:
  static bool HasAlong(const Measure& measure) {
    if (measure.type == Measure::Type::kShareOf) return true;
    for (const Measure& operand : measure.operands) {
      if (HasAlong(operand)) return true;
    }
    return false;
  }

  std::string Name(std::string_view group, std::string_view bytes) const {
    std::uint64_t hash = 0;
    std::int64_t window = 0;
    if (!ReadGroupHead(&group, &hash, &window)) return "?";
    const KpiSpec* kpi = nullptr;
    for (const KpiSpec& spec : pipeline_.kpis) {
      if (Hash64(spec.name) == hash) kpi = &spec;
    }
    if (kpi == nullptr) return "?";
    std::string name = kpi->name + " " + std::to_string(window / kDayMs);
    WireReader reader(group);
    std::string_view text;
    while (!reader.AtEnd()) {
      if (!reader.Bytes(&text)) return "?";
      name += "/";
      name += text;
    }
    Component component;
    if (!ReadComponent(bytes, HasAlong(kpi->measure), &component)) return "?";
    name += " " + std::to_string(component.slot);
    if (!component.along.empty()) name += "~" + std::string(component.along);
    switch (component.kind) {
      case ComponentKind::kSum: break;
      case ComponentKind::kCount: name += " n"; break;
      case ComponentKind::kBucket: name += " =" + std::to_string(component.bucket); break;
      case ComponentKind::kAccount: name += " @" + std::string(component.account); break;
    }
    return name;
  }

  const Pipeline& pipeline_;
  std::map<std::string, std::int64_t> cells_;
  int calls_ = 0;
};

using Sums = std::map<std::string, std::int64_t>;

// Adds all with sign +1 and returns the cells that are not 0.
inline Sums SumsOf(const Pipeline& pipeline, const std::vector<Occurrence>& occurrences) {
  FactBuilder builder(pipeline);
  Cells cells(pipeline);
  SeenMap seen;
  builder.Begin(&cells, &seen);
  for (const Occurrence& occurrence : occurrences) builder.Add(occurrence, 1);
  return cells.sums();
}

inline int CountLeaves(const Measure& measure) {
  int leaves = measure.IsLeaf() ? 1 : 0;
  for (const Measure& operand : measure.operands) leaves += CountLeaves(operand);
  return leaves;
}

inline KpiSpec& AddKpi(Pipeline* pipeline, std::string name, Measure measure,
                       std::vector<DimensionSpec> by, WindowUnit window = WindowUnit::kDay) {
  KpiSpec kpi;
  kpi.name = std::move(name);
  kpi.index = static_cast<int>(pipeline->kpis.size());
  kpi.slots = CountLeaves(measure);
  kpi.measure = std::move(measure);
  kpi.by = std::move(by);
  kpi.window = window;
  pipeline->kpis.push_back(std::move(kpi));
  return pipeline->kpis.back();
}

inline DimensionSpec By(Dimension dimension) {
  DimensionSpec spec;
  spec.dimension = dimension;
  spec.name = "d" + std::to_string(static_cast<int>(dimension));
  return spec;
}

inline Measure MeasureOf(Measure::Type type, Subject::Of of, Kind kind = Kind::kNone) {
  Measure measure;
  measure.type = type;
  measure.subject.of = of;
  measure.subject.kind = kind;
  return measure;
}

inline void NumberLeaves(Measure* measure, int* slot) {
  if (measure->IsLeaf()) measure->slot = (*slot)++;
  for (Measure& operand : measure->operands) NumberLeaves(&operand, slot);
}

// A measure of measures; numbers the leaves.
inline Measure Combine(Measure::Type type, std::vector<Measure> operands) {
  Measure measure;
  measure.type = type;
  measure.operands = std::move(operands);
  int slot = 0;
  NumberLeaves(&measure, &slot);
  return measure;
}

inline ModelSpec MakeModel(std::string name, Model model) {
  ModelSpec spec;
  spec.name = std::move(name);
  spec.model = model;
  return spec;
}

// Values by slot.
class SlotFields final : public FieldSource {
 public:
  void Set(int slot, Value value) { values_[slot] = value; }
  void Set(leadflow::Field field, Value value) { values_[static_cast<int>(field)] = value; }
  Value Field(int slot) const override {
    const auto at = values_.find(slot);
    return at == values_.end() ? Value::Null() : at->second;
  }

 private:
  std::map<int, Value> values_;
};

// A condition that is true where one slot is.
class SlotIsTrue final : public Expression {
 public:
  explicit SlotIsTrue(int slot) : slots_{slot} {}
  Value Evaluate(const FieldSource& fields, EvalArena&) const override {
    return fields.Field(slots_[0]);
  }
  ValueType type() const override { return ValueType::kBool; }
  std::string_view text() const override { return "slot"; }
  const std::vector<int>& slots() const override { return slots_; }

 private:
  std::vector<int> slots_;
};

}  // namespace leadflow
