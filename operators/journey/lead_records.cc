// The part of LeadApply that puts and takes back orders and deals.
#include <algorithm>
#include <utility>

#include "operators/journey/lead_apply.h"

namespace leadflow {
namespace {

bool IsOrder(const Record* record) {
  return record != nullptr && record->counts && record->kind == Kind::kOrder;
}

bool ReadsRecords(const DerivationRules& rules, const Subject& subject) {
  if (subject.of == Subject::Of::kOrder || subject.of == Subject::Of::kDealWon) return true;
  if (subject.of != Subject::Of::kGoal) return false;
  const GoalSpec::On on = rules.pipeline.goals[static_cast<std::size_t>(subject.goal)].on;
  return on == GoalSpec::On::kOrder || on == GoalSpec::On::kDealWon;
}

// Whether one record can change what another one contributes.
bool RecordsMeet(const DerivationRules& rules) {
  return rules.any_cycle ||
         std::any_of(rules.durations.begin(), rules.durations.end(), [&](const DurationSpec& spec) {
           return !spec.time_in && ReadsRecords(rules, spec.from);
         });
}

bool SameTrigger(const DerivationRules& rules, const MilestoneFold& fold, const Record* old,
                 const Record* record) {
  if (!IsOrder(old) || !IsOrder(record)) return IsOrder(old) == IsOrder(record);
  if (Moment::Of(*old) != Moment::Of(*record)) return false;
  if (old->fields == record->fields) return true;
  return !rules.any_while && fold.StageOf(*old) == fold.StageOf(*record);
}

}  // namespace

Status LeadApply::PutRecord(Journey& journey, const Record& record, FactSink& sink) {
  return ChangeRecord(journey, record.id, &record, sink);
}

Status LeadApply::TakeBackRecord(Journey& journey, const std::string& id, FactSink& sink) {
  if (!journey.records().contains(id)) return {};
  return ChangeRecord(journey, id, nullptr, sink);
}

Status LeadApply::EmitRecord(Emission& emission, const LeadView& view, const Record* record,
                             int sign) {
  if (record == nullptr) return {};
  LEADFLOW_RETURN_IF_ERROR(emission.Happens({Happening::What::kRecord, 0, record}, view, sign));
  for (std::size_t i = 0; i < view.marks->stages.size(); ++i) {
    if (view.marks->stages[i].record != record->id) continue;
    LEADFLOW_RETURN_IF_ERROR(emission.Happens({Happening::What::kStage, i, nullptr}, view, sign));
  }
  return {};
}

Status LeadApply::ChangeRecord(Journey& journey, const std::string& id, const Record* record,
                               FactSink& sink) {
  LEADFLOW_ASSIGN_OR_RETURN(LeadState * state, StateOf(journey));
  const auto found = journey.records().find(id);
  const Record* const old = found == journey.records().end() ? nullptr : &found->second;
  const auto mutate = [&]() -> Status {
    if (record != nullptr) {
      journey.PutRecord(*record);
    } else {
      journey.RemoveRecord(id);
    }
    return {};
  };
  std::int64_t from = INT64_MAX;
  if (old != nullptr) from = std::min(from, old->time_ms);
  if (record != nullptr) from = std::min(from, record->time_ms);

  // Without entries nothing says where a journey of the lead begins.
  bool fits = journey.size() != 0 && (state->journeys <= 1 || from >= state->floor_ms);
  MilestoneFold& fold = state->fold;
  const bool stages = !rules_.pipeline.stages.empty();
  Milestones old_marks;
  if (stages) old_marks = fold.marks;
  if (fits && !SameTrigger(rules_, fold, old, record)) {
    // An order that no stage hangs on goes without a trace, if scores do not count it.
    if (IsOrder(old) && (fold.Uses(id) || rules_.any_while || rules_.any_reenter)) fits = false;
    if (fits && IsOrder(record)) {
      if (fold.last < Moment::Of(*record)) {
        fold.AddOrder(*record);
      } else {
        fits = fold.AddLateOrder(*record) != MilestoneFold::Late::kUnknown;
      }
    }
  }
  if (!fits) return Slow(journey, sink, mutate);

  const bool wide = RecordsMeet(rules_) || (stages && old_marks.stages != fold.marks.stages);
  facts_.Begin(&sink, &state->seen);
  Emission emission(rules_, &journey, &facts_, state->owed);
  StateDimensions dimensions(rules_, journey, *state);
  std::int64_t newest = std::max(old == nullptr ? INT64_MIN : old->time_ms,
                                 record == nullptr ? INT64_MIN : record->time_ms);
  if (wide) {
    newest =
        std::max({newest, state->NewestHappening(fold.marks), state->NewestHappening(old_marks)});
  }
  // A new one behind all others is owed: the events before it are often still on their way.
  Owed owed = state->owed;
  const bool owes = !wide && old == nullptr && record->counts &&
                    record->time_ms >= state->NewestHappening(stages ? old_marks : fold.marks);
  if (owes) {
    owed.Widen(record->time_ms, record->time_ms);
  }
  JourneyTouches touches(rules_, journey, TouchesOf(*state), newest);
  LeadView view{stages ? &old_marks : &fold.marks, &state->records, &touches, &dimensions};
  if (owes) {
    LEADFLOW_RETURN_IF_ERROR(emission.HappeningsBetween(owed.from_ms, owed.to_ms, view, -1));
    emission.set_owed(owed);
  }
  LEADFLOW_RETURN_IF_ERROR(wide ? emission.HappeningsBetween(from, INT64_MAX, view, -1)
                                : EmitRecord(emission, view, old, -1));
  if (old != nullptr) state->Displace(old);
  LEADFLOW_RETURN_IF_ERROR(mutate());
  if (record != nullptr) state->Place(&journey.records().find(id)->second);
  view.marks = &fold.marks;
  LEADFLOW_RETURN_IF_ERROR(
      wide ? emission.HappeningsBetween(from, INT64_MAX, view, +1)
           : EmitRecord(emission, view,
                        record == nullptr ? nullptr : &journey.records().find(id)->second, +1));
  state->owed = owed;
  journey.StateChanged();
  return {};
}

}  // namespace leadflow
