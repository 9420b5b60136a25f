// LeadBatch: the obvious way: all entries of a lead, in order, from the beginning.
#pragma once

#include <functional>

#include "operators/journey/lead_function.h"
#include "operators/journey/lead_state.h"

namespace leadflow {

class LeadBatch {
 public:
  // `next_journey` is called before the occurrences of each journey of the lead: each counts as a
  // lead of its own.
  LeadBatch(const DerivationRules& rules, OccurrenceSink* sink, Visitor<void()> next_journey,
            const Owed& owed = Owed())
      : rules_(rules), sink_(*sink), next_journey_(next_journey), owed_(owed) {}

  // Emits everything but what is owed with sign +1. `state`: becomes what ApplyEntry goes on from
  // (but `seen` and `records`); null: not wanted.
  Status Run(Journey& journey, const HomeFilter& in, LeadState* state);

 private:
  Status OneJourney(Journey& journey, std::vector<Item> items, std::vector<RecordPlace> records,
                    MilestoneFold* fold, LeadState* state);
  Status Emit(Journey& journey, const Stretch& stretch, const LeadView& view);

  const DerivationRules& rules_;
  OccurrenceSink& sink_;
  Visitor<void()> next_journey_;
  const Owed owed_;
};

}  // namespace leadflow
