#include "operators/journey/derivation_rules.h"

#include <algorithm>

namespace leadflow {
namespace {

bool Reads(const Measure& measure, int slot) {
  if (measure.where == nullptr) return false;
  const std::vector<int>& slots = measure.where->slots();
  return std::find(slots.begin(), slots.end(), slot) != slots.end();
}

}  // namespace

DerivationRules::DerivationRules(const Pipeline& all, const FactBuilder& facts, bool everything)
    : pipeline(all), channel_rules(all), durations(facts.durations()) {
  for (const NamedRule& rule : all.channels) channels.push_back(rule.name);
  for (const Kind kind : AllKinds()) {
    if (everything || facts.Wants(Subject::Of::kEvent, kind)) event_kinds |= KindBit(kind);
  }
  wants_visit = everything || facts.Wants(Subject::Of::kVisit, Kind::kNone);
  wants_creation = everything || facts.Wants(Subject::Of::kLeadCreation, Kind::kNone);
  wants_order = everything || facts.Wants(Subject::Of::kOrder, Kind::kNone);
  wants_deal_won = everything || facts.Wants(Subject::Of::kDealWon, Kind::kNone);
  wants_deal_lost = everything || facts.Wants(Subject::Of::kDealLost, Kind::kNone);
  for (std::size_t i = 0; i < all.stages.size(); ++i) {
    wants_stage.push_back(everything || facts.WantsStage(static_cast<int>(i)));
    any_reenter |= all.stages[i].reenter;
    any_while |= all.stages[i].when != nullptr;
  }
  for (std::size_t i = 0; i < all.goals.size(); ++i) {
    wants_goal.push_back(everything || facts.WantsGoal(static_cast<int>(i)));
    event_goals |= all.goals[i].on == GoalSpec::On::kEvent;
    any_cycle |= all.goals[i].cycle;
  }
  visit_touch = (all.attribution.touch_kinds & 1) != 0;
  touch_kinds = all.attribution.touch_kinds & ~std::uint64_t{1};
  for (const KpiSpec& kpi : all.kpis) {
    ReadMeasure(kpi.measure);
    for (const DimensionSpec& by : kpi.by) {
      persona |= by.dimension == Dimension::kPersona;
      account |= by.dimension == Dimension::kAccount;
      owner |= by.dimension == Dimension::kOwner;
      country |= by.dimension == Dimension::kCountry;
    }
  }
  visits = wants_visit || visit_touch ||
           (event_kinds & (kWebKinds | kMaybeWebKinds | kAbsorbedKinds)) != 0;
  const std::int64_t hours = all.score_half_life_ms / 3'600'000;
  if (hours > 0 && any_while) score_decay = std::make_shared<DecayTable>(hours);
}

void DerivationRules::ReadMeasure(const Measure& measure) {
  for (const Measure& operand : measure.operands) ReadMeasure(operand);
  if (!measure.IsLeaf()) return;
  const bool distinct = measure.type == Measure::Type::kDistinctLeads ||
                        measure.type == Measure::Type::kDistinctAccounts;
  const Subject& subject = measure.subject;
  const bool local = subject.of == Subject::Of::kEvent || subject.of == Subject::Of::kVisit;
  mail_distinct |= distinct && subject.of == Subject::Of::kEvent &&
                   ((kMailKinds | kLetterKinds) & KindBit(subject.kind)) != 0;
  account |= measure.type == Measure::Type::kDistinctAccounts;
  local_credit |= local && measure.credit != Credit::kDefault && measure.credit != Credit::kOwn;
  first_credit |= measure.credit == Credit::kFirst;
  booked |= measure.ledger == Ledger::kBooked;
  engaged |= measure.field == "engaged_time" || Reads(measure, kSlotEngaged);
  touch_count |= measure.field == "touches" || Reads(measure, kSlotTouches);
}

bool DerivationRules::UsesEventDimensions() const {
  return (owner && !pipeline.owner_now) || (persona && !pipeline.persona_now) ||
         (account && !pipeline.account_now) || (country && !pipeline.country_now);
}

bool DerivationRules::UsesNowDimensions() const {
  return (owner && pipeline.owner_now) || (persona && pipeline.persona_now) ||
         (account && pipeline.account_now) || (country && pipeline.country_now);
}

}  // namespace leadflow
