// LeadFunction: f. What one lead contributes to all KPI rows, twice:
//
//   Batch    the obvious one: walks the whole journey, emits every fact. Slow and short enough to
//   be
//            believed; `leadflow verify`, merges, unlinks and erasures use it.
//   Apply    the incremental one: one change of a journey, emits f(after) - f(before), touching
//   only
//            what the change can reach, a part of it at the next Settle. Random tests hold it equal
//            to Batch.
//
// Pure: no I/O but the journey's chunks, no clock, no threads. One instance per task.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "operators/facts/fact.h"
#include "operators/facts/occurrence.h"
#include "operators/journey/journey.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

// The part of a cluster that belongs to one lead: an entry or record is in if `in(home)` says so.
// Null: all of the cluster (it holds one lead).
using HomeFilter = std::function<bool(const Identifier& home)>;

class LeadFunction {
 public:
  explicit LeadFunction(const Pipeline& pipeline);
  ~LeadFunction();

  // Adds sign x f(lead). `contactable_from_ms`: the time of the first entry of the lead that
  // carries a contactable identifier is found from the entries themselves (home and others).
  Status Batch(Journey& journey, const HomeFilter& in, int sign, FactSink& sink) const;

  // REQUIRES: the journey holds one lead and its state() is what Apply or Rebuild left (empty for a
  // new journey). Inserts the entry (or puts the record) and emits the difference,
  // which is whole after Settle.
  // An entry with a known key whose content does not stand over the stored one changes nothing and
  // returns false.
  Result<bool> ApplyEntry(Journey& journey, const Entry& entry, FactSink& sink);
  Status ApplyRecord(Journey& journey, const Record& record, FactSink& sink);
  Status TakeBackRecord(Journey& journey, const std::string& id, FactSink& sink);
  // Adds what Apply has taken back and not yet added again: conversions that a late event changed
  // come back once, after all changes. Call it before the journey is written, leaves, or goes
  // through Batch.
  Status Settle(Journey& journey, FactSink& sink);

  // Makes journey.state() anew from all entries: after anything that was done by Batch.
  Status Rebuild(Journey& journey);

  // What a record without a lead contributes (channel `Unattributed`).
  void Unowned(const Record& record, int sign, FactSink& sink) const;
  // What an entry without a lead contributes: cost rows (spread over their days), counts,
  // follower counts, issued codes. The entry that stands, see Stands.
  void Standalone(const Entry& entry, int sign, FactSink& sink) const;

  // How often Apply had to take back everything and add it again: for counters and tests.
  std::uint64_t slow() const;

  // For people: calls back for each touch, conversion and stage entry, in order of time, as text
  // lines with credits. Used by `leadflow journey` and the demo report.
  struct Credit {  // of one touch
    std::int64_t time_ms;
    std::string channel;
    std::string campaign;
    std::vector<std::string> shares;  // percent, "33.3", per model of the pipeline
  };
  struct Line {
    std::int64_t time_ms;
    std::string what;  // "visit", "order", "stage sql", "goal order"; of events their kind
    std::string channel;
    std::string campaign;
    std::string detail;           // "100.00 EUR"; credits "first_touch 100 %, linear 33.3 %"
    std::vector<Credit> credits;  // of a goal, oldest touch first; empty: unattributed
  };
  Result<std::vector<Line>> Explain(Journey& journey, const HomeFilter& in) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class FactBuilder;

// LeadFunction::Explain without the rest of it.
Result<std::vector<LeadFunction::Line>> ExplainJourney(const Pipeline& pipeline,
                                                       const FactBuilder& facts, Journey& journey,
                                                       const HomeFilter& in);

}  // namespace leadflow
