// LeadApply: the incremental way: one change of a journey, and only what it can reach.
//
// A change is either within reach of a few steps (see Prepare), or it is done the slow way:
// everything taken back, the change made, everything added again.
#pragma once

#include <memory>
#include <vector>

#include "operators/journey/lead_batch.h"

namespace leadflow {

class LeadApply {
 public:
  LeadApply(const DerivationRules& rules, FactBuilder* facts) : rules_(rules), facts_(*facts) {}

  Result<bool> PutEntry(Journey& journey, const Entry& entry, FactSink& sink);
  Status PutRecord(Journey& journey, const Record& record, FactSink& sink);
  Status TakeBackRecord(Journey& journey, const std::string& id, FactSink& sink);
  Status Rebuild(Journey& journey);
  // Adds what the changes since the last call have left owed.
  Status Settle(Journey& journey, FactSink& sink);

  // How often the slow way was taken: for tests and counters.
  std::uint64_t slow() const { return slow_; }

 private:
  struct Change;

  Result<LeadState*> StateOf(Journey& journey);
  Status Slow(Journey& journey, FactSink& sink, Visitor<Status()> change);
  Result<std::unique_ptr<LeadState>> Add(Journey& journey, const Owed& owed, FactSink& sink);
  JourneyTouches::View TouchesOf(const LeadState& state) const;

  Result<bool> Prepare(Journey& journey, LeadState& state, const Entry& entry, Change* change);
  Result<bool> PrepareTime(Journey& journey, LeadState& state, Change* change);
  Result<bool> PrepareMachine(Journey& journey, const LeadState& state, Change* change);
  Result<bool> PrepareContactable(Journey& journey, LeadState& state, Change* change);
  bool PrepareProfile(const LeadState& state, const Journey& journey, Change* change);
  bool Linked(const LeadState& state) const;

  Status EmitEntry(Journey& journey, LeadState& state, Change& change, FactSink& sink);
  Status EmitAlone(Change& change, const LeadView& view, Emission& emission);
  Status EmitStretch(Journey& journey, Change& change, const LeadView& view, Emission& emission);
  Status EmitMailing(Journey& journey, LeadState& state, Change& change, const LeadView& view,
                     Emission& emission);
  Status EmitHappenings(Journey& journey, LeadState& state, Change& change, const LeadView& before,
                        Emission& emission);
  Result<std::int64_t> Reach(Journey& journey, const Change& change);

  // What a record contributes by itself, and the stages that it entered.
  Status EmitRecord(Emission& emission, const LeadView& view, const Record* record, int sign);
  Status ChangeRecord(Journey& journey, const std::string& id, const Record* record,
                      FactSink& sink);

  const DerivationRules& rules_;
  FactBuilder& facts_;
  StretchLoader loader_{rules_};
  Stretch before_, after_;  // reused
  EvalArena arena_;
  std::uint64_t slow_ = 0;
};

}  // namespace leadflow
