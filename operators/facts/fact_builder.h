// FactBuilder: from occurrences to facts: which KPI leaves want an occurrence, in which window and
// dimensions, with which component. Compiled once per pipeline; one instance per task.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "operators/facts/fact.h"
#include "operators/facts/occurrence.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

// How often one lead has occurred in each row of each `distinct` measure: what makes distinct
// counts exact and retractable. Kept with the journey's state. Whoever takes back a whole lead
// without its map adds with sign +1 into a sink that negates: an empty map knows no row that could
// be left.
class SeenMap {
 public:
  // Adds `by` to the count of a row (Hash64 of group and component); returns the new count.
  std::int64_t Add(std::uint64_t row, std::int64_t by);
  bool empty() const { return counts_.empty(); }
  std::size_t size() const { return counts_.size(); }
  void Clear() { counts_.clear(); }
  void Append(std::string* out) const;
  bool Read(std::string_view* bytes);

 private:
  std::map<std::uint64_t, std::int64_t> counts_;  // never 0
};

// A duration measure: emit an Occurrence with `duration = index` for each pair found.
struct DurationSpec {
  Subject from, to;
  bool time_in = false;  // time in stage from.stage, counted at exit
};

class FactBuilder final : public OccurrenceSink {
 public:
  explicit FactBuilder(const Pipeline& pipeline);
  ~FactBuilder() override;

  // Facts go to `sink`; distinct counts go through `seen`. Both must live until the next Begin.
  void Begin(FactSink* sink, SeenMap* seen);
  void Add(const Occurrence& occurrence, int sign) override;

  // Whether any leaf could want such an occurrence: derivation skips the others.
  bool Wants(Subject::Of of, Kind kind) const;
  bool WantsStage(int stage) const;
  bool WantsGoal(int goal) const;
  // Whether some leaf reads a dimension that comes from the newest state of the lead (`as_of:
  // now`).
  bool UsesNowDimensions() const;
  const std::vector<DurationSpec>& durations() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leadflow
