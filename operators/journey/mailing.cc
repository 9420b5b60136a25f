// The leads of a mailing (SEMANTICS 4): occurrences that exist for `distinct` alone.
#include <algorithm>
#include <vector>

#include "operators/journey/emission.h"

namespace leadflow {
namespace {

bool IsSend(const Item& item) {
  return item.entry.kind == Kind::kEmailSent || item.entry.kind == Kind::kLetterSent;
}

bool FitsVariant(const Item& send, const Item& item) {
  return send.variant.empty() || item.variant.empty() || send.variant == item.variant;
}

// What the events of one send amount to.
struct Unit {
  const Item* send = nullptr;  // the send, or what stands for it
  bool real = false;
  std::int64_t time_ms = 0;
  bool delivered = false, hard_bounce = false;
};

class Sends {
 public:
  explicit Sends(const std::vector<const Item*>& items) {
    for (const Item* item : items) {
      if (IsSend(*item)) units_.push_back({item, true, item->entry.time_ms});
    }
    any_ = !units_.empty();
    if (!any_) units_.push_back({items.front(), false, items.front()->entry.time_ms});
  }

  // The unit of an event; `time_ms`: in whose window it counts.
  Unit& Find(const Item& item, std::int64_t* time_ms) {
    Unit* unit = any_ ? nullptr : &units_.front();
    if (any_ && !item.message.empty()) {
      for (Unit& candidate : units_) {
        if (unit == nullptr && candidate.real && candidate.send->message == item.message) {
          unit = &candidate;
        }
      }
    }
    if (any_ && unit == nullptr) {
      for (Unit& candidate : units_) {
        if (candidate.real && candidate.time_ms <= item.entry.time_ms &&
            FitsVariant(*candidate.send, item)) {
          unit = &candidate;  // the newest wins: they are in order
        }
      }
    }
    if (unit == nullptr) {
      // Before every send: it stands for itself.
      units_.push_back({&item, false, item.entry.time_ms});
      unit = &units_.back();
    }
    *time_ms = std::max(unit->time_ms, INT64_MIN);
    if (item.entry.time_ms < unit->time_ms) *time_ms = item.entry.time_ms;
    return *unit;
  }
  std::vector<Unit>& units() { return units_; }

 private:
  std::vector<Unit> units_;
  bool any_ = false;
};

}  // namespace

Status Emission::Mailing(const std::vector<const Item*>& items, const LeadView& view, int sign) {
  if (items.empty()) return {};
  const bool letters = (KindBit(items.front()->entry.kind) & kLetterKinds) != 0;
  const auto emit = [&](Kind kind, const Item& item, std::int64_t time_ms, bool machine) -> Status {
    if ((KindBit(kind) & rules_.event_kinds) == 0) return {};
    const EntryFields fields(item.entry, rules_.pipeline.names, rules_.pipeline.source_names);
    Occurrence occurrence;
    occurrence.of = Subject::Of::kEvent;
    occurrence.kind = kind;
    occurrence.time_ms = time_ms;
    occurrence.machine = machine;
    occurrence.distinct_only = true;
    occurrence.own = occurrence.by_default = item.own;
    occurrence.fields = &fields;
    occurrence.names = &rules_.pipeline.names;
    LEADFLOW_ASSIGN_OR_RETURN(occurrence.lead, view.dimensions->At(item.entry.time_ms));
    if (rules_.local_credit) {
      LEADFLOW_RETURN_IF_ERROR(Credit(item.entry.time_ms, view, &occurrence));
    }
    Send(occurrence, sign);
    return {};
  };
  Sends sends(items);
  for (const Item* item : items) {
    if (IsSend(*item)) continue;
    std::int64_t time = 0;
    Unit& unit = sends.Find(*item, &time);
    switch (item->entry.kind) {
      case Kind::kEmailDelivered:
        unit.delivered = true;
        LEADFLOW_RETURN_IF_ERROR(emit(Kind::kEmailDelivered, *item, time, false));
        break;
      case Kind::kEmailBounce:
        unit.hard_bounce |= item->entry.Fields().Number(Field::kHard) != 0;
        LEADFLOW_RETURN_IF_ERROR(emit(Kind::kEmailBounce, *item, time, item->machine));
        break;
      case Kind::kEmailClick:
        LEADFLOW_RETURN_IF_ERROR(emit(Kind::kEmailOpen, *item, time, item->machine));
        [[fallthrough]];
      default: LEADFLOW_RETURN_IF_ERROR(emit(item->entry.kind, *item, time, item->machine));
    }
  }
  for (const Unit& unit : sends.units()) {
    if (!unit.real) {
      LEADFLOW_RETURN_IF_ERROR(
          emit(letters ? Kind::kLetterSent : Kind::kEmailSent, *unit.send, unit.time_ms, false));
    }
    if (letters || unit.delivered || unit.hard_bounce) continue;
    LEADFLOW_RETURN_IF_ERROR(emit(Kind::kEmailDelivered, *unit.send, unit.time_ms, false));
  }
  return {};
}

}  // namespace leadflow
