#include "operators/journey/lead_apply.h"

#include <algorithm>
#include <utility>

namespace leadflow {
namespace {

constexpr std::int64_t kMachineMs = 10'000;
constexpr std::size_t kFewEntries = 8;
constexpr std::uint64_t kReactions = KindBit(Kind::kEmailOpen) | KindBit(Kind::kEmailClick);

class Nowhere final : public FactSink {
 public:
  void Add(std::string_view, std::string_view, std::int64_t) override {}
};

bool SameMessage(const Item& a, const Item& b) {
  if (!a.message.empty() && !b.message.empty()) return a.message == b.message;
  return a.own.campaign == b.own.campaign && a.variant == b.variant;
}

}  // namespace

// One entry that is about to come, and what is known about it.
struct LeadApply::Change {
  Item item;
  bool newest = false;  // behind everything the fold has seen
  bool linked = false;  // its place among its neighbours matters
  bool floor_moves = false;
  bool known_moves = false;
  Milestones old_marks;
  bool has_old_marks = false;  // else nothing before it happens at its time or later, or is owed
  bool marks_changed = false;
  // Touches that came or went: from first_ms to last_ms.
  bool touches_changed = false;
  std::int64_t first_ms = 0, last_ms = 0;
  JourneyTouches::View view_before, view_after;
};

Result<std::unique_ptr<LeadState>> LeadApply::Add(Journey& journey, const Owed& owed,
                                                  FactSink& sink) {
  auto state = std::make_unique<LeadState>(rules_);
  facts_.Begin(&sink, &state->seen);
  LEADFLOW_RETURN_IF_ERROR(LeadBatch(
                               rules_, &facts_, [&] { state->seen.Clear(); }, owed)
                               .Run(journey, nullptr, state.get()));
  state->PlaceRecords(journey);
  return state;
}

Status LeadApply::Rebuild(Journey& journey) {
  Nowhere nowhere;
  auto state = Add(journey, Owed(), nowhere);
  if (!state.ok()) return state.status();
  journey.Keep(*std::move(state));
  journey.StateChanged();
  return {};
}

Status LeadApply::Slow(Journey& journey, FactSink& sink, Visitor<Status()> change) {
  ++slow_;
  const auto* known = dynamic_cast<const LeadState*>(journey.decoded());
  NegatedFacts negated(&sink);
  auto old = Add(journey, known == nullptr ? Owed() : known->owed, negated);
  if (!old.ok()) return old.status();
  LEADFLOW_RETURN_IF_ERROR(change());
  auto state = Add(journey, Owed(), sink);
  if (!state.ok()) return state.status();
  journey.Keep(*std::move(state));
  journey.StateChanged();
  return {};
}

Status LeadApply::Settle(Journey& journey, FactSink& sink) {
  auto* const state = dynamic_cast<LeadState*>(journey.decoded());
  if (state == nullptr || state->owed.empty()) return {};
  const Owed owed = std::exchange(state->owed, Owed());
  facts_.Begin(&sink, &state->seen);
  Emission emission(rules_, &journey, &facts_);
  StateDimensions dimensions(rules_, journey, *state);
  JourneyTouches touches(rules_, journey, TouchesOf(*state), owed.to_ms);
  const LeadView view{&state->fold.marks, &state->records, &touches, &dimensions};
  return emission.HappeningsBetween(owed.from_ms, owed.to_ms, view, +1);
}

// The touches as they stand.
JourneyTouches::View LeadApply::TouchesOf(const LeadState& state) const {
  JourneyTouches::View view;
  view.floor_ms = state.journeys > 1 ? state.floor_ms : INT64_MIN;
  view.linked = Linked(state);
  return view;
}

Result<LeadState*> LeadApply::StateOf(Journey& journey) {
  auto* state = dynamic_cast<LeadState*>(journey.decoded());
  if (state != nullptr && state->rules == &rules_) return state;
  if (journey.state().empty() && !journey.empty()) {
    LEADFLOW_RETURN_IF_ERROR(Rebuild(journey));
    return static_cast<LeadState*>(journey.decoded());
  }
  auto read = std::make_unique<LeadState>(rules_);
  state = read.get();
  if (!journey.state().empty()) {
    if (!read->Read(journey.state())) return Status::Corruption("journey: state cannot be read");
    read->PlaceRecords(journey);
  }
  journey.state();
  journey.Keep(std::move(read));
  return state;
}

bool LeadApply::Linked(const LeadState& state) const {
  return (rules_.visits && (state.kinds & 1) != 0) ||
         (state.kinds & KindBit(Kind::kEmailDelivered)) != 0;
}

Result<bool> LeadApply::PutEntry(Journey& journey, const Entry& entry, FactSink& sink) {
  LEADFLOW_ASSIGN_OR_RETURN(LeadState * state, StateOf(journey));
  LEADFLOW_ASSIGN_OR_RETURN(const std::optional<Entry> stored,
                            journey.Find(entry.key, entry.time_ms));
  if (stored.has_value() && !Stands(entry, *stored)) return false;
  Change change;
  bool fits = !stored.has_value() && !entry.erased();
  if (fits) {
    LEADFLOW_ASSIGN_OR_RETURN(fits, Prepare(journey, *state, entry, &change));
  }
  if (!fits) {
    LEADFLOW_RETURN_IF_ERROR(Slow(journey, sink, [&] { return journey.Insert(entry); }));
    return true;
  }
  LEADFLOW_RETURN_IF_ERROR(journey.Insert(entry));
  LEADFLOW_RETURN_IF_ERROR(EmitEntry(journey, *state, change, sink));
  journey.StateChanged();
  return true;
}

// True: the change fits, and the state has taken what it says about milestones and profile.
Result<bool> LeadApply::Prepare(Journey& journey, LeadState& state, const Entry& entry,
                                Change* change) {
  ReadItem(rules_, entry, nullptr, arena_, &change->item);
  if (journey.size() == 0) {
    // With records only, the first entry decides which journey they belong to: once per lead.
    if (!journey.records().empty()) return false;
    state.journeys = 1;
    state.floor_ms = entry.time_ms;
  }
  LEADFLOW_ASSIGN_OR_RETURN(bool fits, PrepareTime(journey, state, change));
  if (!fits) return false;
  change->newest =
      state.fold.last.time_ms == kNoTime || IsBefore(state.fold.last, change->item.entry);
  LEADFLOW_ASSIGN_OR_RETURN(fits, PrepareMachine(journey, state, change));
  if (!fits) return false;
  LEADFLOW_ASSIGN_OR_RETURN(fits, PrepareContactable(journey, state, change));
  if (!fits || !PrepareProfile(state, journey, change)) return false;
  const std::uint64_t kinds = state.kinds | KindBit(entry.kind) | (change->item.web ? 1 : 0);
  const bool linked =
      (rules_.visits && (kinds & 1) != 0) || (kinds & KindBit(Kind::kEmailDelivered)) != 0;
  change->linked = linked && (KindBit(entry.kind) & kLinkedKinds) != 0;
  if (rules_.local_credit) {
    // Later events may have been credited to what changes now.
    if (!change->newest || change->linked || journey.newest_ms() == entry.time_ms) return false;
  }

  if (!change->newest || change->linked || state.fold.last.time_ms == entry.time_ms ||
      state.NewestHappening(state.fold.marks) >= entry.time_ms || !state.owed.empty()) {
    change->old_marks = state.fold.marks;
    change->has_old_marks = true;
  }
  if (!change->newest) {
    if (change->known_moves) state.fold.marks.contactable = Moment::Of(entry);
    const MilestoneFold::Late late = state.fold.AddLateEntry(entry, change->item.machine);
    if (late == MilestoneFold::Late::kUnknown) return false;
    change->marks_changed = late == MilestoneFold::Late::kChanged;
  } else {
    const auto size = [&] {
      return state.fold.marks.stages.size() + state.fold.marks.goals.size() +
             (state.fold.marks.creation.has_value() ? 1 : 0);
    };
    const std::size_t before = size();
    state.fold.AddEntry(entry, change->item.machine);
    change->marks_changed = size() != before;
  }
  std::int64_t newest = 0;
  if (state.profile.Carries(rules_, entry, &newest) && newest <= entry.time_ms) {
    state.profile.Take(rules_, entry);
  }
  if (entry.time_ms < state.floor_ms) state.floor_ms = entry.time_ms;
  state.NoteKind(change->item);
  state.NoteMailing(change->item);
  return true;
}

// Whether the entry lies in the newest journey of the lead and joins no two of them.
Result<bool> LeadApply::PrepareTime(Journey& journey, LeadState& state, Change* change) {
  const std::int64_t time = change->item.entry.time_ms;
  const Pipeline& pipeline = rules_.pipeline;
  if (journey.size() == 0) return true;
  const std::int64_t shorter = std::min(pipeline.journey_ttl_ms, pipeline.anonymous_ttl_ms);
  if (time < state.floor_ms) {
    if (state.journeys > 1 || state.floor_ms - time > shorter) return false;
  }
  if (time > journey.newest_ms()) {
    const bool known = state.fold.marks.contactable.has_value();
    const std::int64_t ttl = known ? pipeline.journey_ttl_ms : pipeline.anonymous_ttl_ms;
    if (time - journey.newest_ms() > ttl) return false;
  }
  return true;
}

// Finds out whether a machine did it; false: it makes a machine of an event that was a person's.
Result<bool> LeadApply::PrepareMachine(Journey& journey, const LeadState& state, Change* change) {
  Item& item = change->item;
  const std::int64_t time = item.entry.time_ms;
  bool fits = true;
  if (item.entry.kind == Kind::kEmailDelivered && (state.kinds & kReactions) != 0) {
    LEADFLOW_RETURN_IF_ERROR(journey.ForEachOf(kReactions, time, time + kMachineMs - 1,
                                               [&](const Entry& entry, std::uint16_t&) {
                                                 fits = entry.erased();
                                                 return fits;
                                               }));
  }
  if ((KindBit(item.entry.kind) & kReactions) != 0 &&
      (state.kinds & KindBit(Kind::kEmailDelivered)) != 0) {
    LEADFLOW_RETURN_IF_ERROR(journey.ForEachOf(
        KindBit(Kind::kEmailDelivered), time - kMachineMs + 1, time,
        [&](const Entry& entry, std::uint16_t& note) {
          Item delivery;
          ReadItem(rules_, entry, &note, arena_, &delivery);
          item.machine |=
              !entry.erased() && entry.time_ms >= state.floor_ms && SameMessage(item, delivery);
          return true;
        }));
  }
  return fits;
}

// A late entry that makes the lead known earlier fits if nothing between could create the lead.
Result<bool> LeadApply::PrepareContactable(Journey& journey, LeadState& state, Change* change) {
  const Entry& entry = change->item.entry;
  if (change->newest || !HasContactable(entry)) return true;
  const std::optional<Moment>& known = state.fold.marks.contactable;
  if (known.has_value() && IsBefore(*known, entry)) return true;
  if (state.journeys > 1 || rules_.pipeline.anonymous_ttl_ms > rules_.pipeline.journey_ttl_ms) {
    return false;
  }
  std::size_t seen = 0;
  bool fits = true;
  const std::int64_t until = known.has_value() ? known->time_ms : INT64_MAX;
  LEADFLOW_RETURN_IF_ERROR(journey.ForEach(entry.time_ms, until, [&](const Entry& other) {
    if (known.has_value() && !(Moment::Of(other) < *known)) return false;
    const bool creates = (rules_.pipeline.created_by & KindBit(other.kind)) != 0;
    fits = !creates && ++seen <= kFewEntries;
    return fits;
  }));
  change->known_moves = fits;
  return fits;
}

bool LeadApply::PrepareProfile(const LeadState& state, const Journey& journey, Change* change) {
  const Entry& entry = change->item.entry;
  const bool event = rules_.UsesEventDimensions();
  std::int64_t newest = 0;
  if (!state.profile.Carries(rules_, entry, &newest)) return true;
  if (journey.size() == 0) return true;
  if (!change->newest || newest > entry.time_ms) {
    return !event && newest > entry.time_ms;
  }
  Profile profile = state.profile;
  if (!profile.Take(rules_, entry)) return true;
  if (rules_.UsesNowDimensions()) return false;
  // What happened in the same moment would have seen it.
  return journey.newest_ms() < entry.time_ms &&
         state.NewestHappening(state.fold.marks) < entry.time_ms;
}

Status LeadApply::EmitEntry(Journey& journey, LeadState& state, Change& change, FactSink& sink) {
  facts_.Begin(&sink, &state.seen);
  Emission emission(rules_, &journey, &facts_, state.owed);
  StateDimensions dimensions(rules_, journey, state);
  change.view_after = TouchesOf(state);
  change.view_before = change.view_after;
  change.view_before.without = change.item.entry.key;
  const Milestones none;
  LeadView view{&state.fold.marks, &state.records, nullptr, &dimensions};
  JourneyTouches touches(rules_, journey, change.view_after, change.item.entry.time_ms);
  view.touches = &touches;
  if (change.linked) {
    LEADFLOW_RETURN_IF_ERROR(EmitStretch(journey, change, view, emission));
  } else {
    LEADFLOW_RETURN_IF_ERROR(EmitAlone(change, view, emission));
  }
  LEADFLOW_RETURN_IF_ERROR(EmitMailing(journey, state, change, view, emission));
  view.touches = nullptr;
  LeadView before = view;
  before.marks = change.has_old_marks ? &change.old_marks : &none;
  return EmitHappenings(journey, state, change, before, emission);
}

Status LeadApply::EmitAlone(Change& change, const LeadView& view, Emission& emission) {
  const bool touch = (KindBit(change.item.entry.kind) & rules_.touch_kinds) != 0;
  change.touches_changed = touch && !change.item.machine;
  change.first_ms = change.last_ms = change.item.entry.time_ms;
  return emission.Event(before_, change.item, view, +1);
}

Status LeadApply::EmitStretch(Journey& journey, Change& change, const LeadView& view,
                              Emission& emission) {
  const std::int64_t time = change.item.entry.time_ms;
  Bounds bounds{time, time};
  // Nothing was behind the newest one that it could have taken.
  loader_.set_arrived(change.newest ? 0 : change.item.entry.key);
  LEADFLOW_RETURN_IF_ERROR(
      loader_.Widen(journey, {change.view_after.floor_ms, INT64_MAX}, &bounds));
  LEADFLOW_RETURN_IF_ERROR(
      loader_.Load(journey, bounds, kLinkedKinds | rules_.touch_kinds, 0, &after_));
  before_.Clear();
  for (const Item& item : after_.items) {
    if (item.entry.key != change.item.entry.key) before_.items.push_back(item);
  }
  CutStretch(rules_, &before_);
  CutStretch(rules_, &after_);

  std::size_t old = 0;
  for (const Item& item : after_.items) {
    if (item.entry.key == change.item.entry.key) {
      LEADFLOW_RETURN_IF_ERROR(emission.Event(after_, item, view, +1));
      continue;
    }
    const Item& was = before_.items[old++];
    if (was.machine == item.machine &&
        EventDimensions(before_, was) == EventDimensions(after_, item)) {
      continue;
    }
    LEADFLOW_RETURN_IF_ERROR(emission.Event(before_, was, view, -1));
    LEADFLOW_RETURN_IF_ERROR(emission.Event(after_, item, view, +1));
  }

  const auto key = [](const Stretch& stretch, int item) {
    return stretch.items[static_cast<std::size_t>(item)].entry.key;
  };
  const auto same = [&](const Visit& a, const Stretch& in_a, const Visit& b, const Stretch& in_b) {
    return key(in_a, a.first) == key(in_b, b.first) && key(in_a, a.last) == key(in_b, b.last) &&
           key(in_a, a.deciding) == key(in_b, b.deciding) && a.page_views == b.page_views &&
           a.others == b.others && a.engaged_ms == b.engaged_ms;
  };
  const auto missing = [&](const Stretch& from, const Stretch& to, int sign) -> Status {
    for (const Visit& visit : from.visits) {
      const bool there = std::any_of(to.visits.begin(), to.visits.end(), [&](const Visit& other) {
        return same(visit, from, other, to);
      });
      if (!there) LEADFLOW_RETURN_IF_ERROR(emission.VisitOf(from, visit, view, sign));
    }
    return {};
  };
  LEADFLOW_RETURN_IF_ERROR(missing(before_, after_, -1));
  LEADFLOW_RETURN_IF_ERROR(missing(after_, before_, +1));

  // Touches that differ, from both ends.
  const std::vector<Touch>&a = before_.touches, &b = after_.touches;
  std::size_t front = 0, back = 0;
  while (front < a.size() && front < b.size() && a[front] == b[front]) ++front;
  while (back + front < a.size() && back + front < b.size() &&
         a[a.size() - 1 - back] == b[b.size() - 1 - back]) {
    ++back;
  }
  change.touches_changed = front + back < a.size() || front + back < b.size();
  change.first_ms = INT64_MAX;
  change.last_ms = INT64_MIN;
  for (const std::vector<Touch>* touches : {&a, &b}) {
    for (std::size_t i = front; i + back < touches->size(); ++i) {
      change.first_ms = std::min(change.first_ms, (*touches)[i].time_ms);
      change.last_ms = std::max(change.last_ms, (*touches)[i].time_ms);
    }
  }
  for (JourneyTouches::View* touches : {&change.view_before, &change.view_after}) {
    touches->has_hole = true;
    touches->hole = bounds;
  }
  change.view_before.inside = &before_.touches;
  change.view_after.inside = &after_.touches;
  return {};
}

Status LeadApply::EmitMailing(Journey& journey, LeadState& state, Change& change,
                              const LeadView& view, Emission& emission) {
  if (!rules_.mail_distinct ||
      (KindBit(change.item.entry.kind) & (kMailKinds | kLetterKinds)) == 0) {
    return {};
  }
  const std::uint64_t mailing = MailingOf(change.item);
  const auto [first, last] = state.mailings.at(mailing);
  Stretch stretch;
  LEADFLOW_RETURN_IF_ERROR(
      loader_.Load(journey, {std::max(first - kMachineMs, change.view_after.floor_ms), last},
                   kMailKinds | kLetterKinds, 0, &stretch));
  CutStretch(rules_, &stretch);
  std::vector<const Item*> before, after;
  for (const Item& item : stretch.items) {
    if (MailingOf(item) != mailing) continue;
    after.push_back(&item);
    if (item.entry.key != change.item.entry.key) before.push_back(&item);
  }
  LEADFLOW_RETURN_IF_ERROR(emission.Mailing(before, view, -1));
  return emission.Mailing(after, view, +1);
}

// How far a touch that changed can reach: behind as many touches as one conversion has at most, or
// a lookback, and one touch that is not direct, nobody sees it. The first touch is seen by all.
Result<std::int64_t> LeadApply::Reach(Journey& journey, const Change& change) {
  if (rules_.first_credit) {
    JourneyTouches touches(rules_, journey, change.view_after, change.last_ms);
    LEADFLOW_ASSIGN_OR_RETURN(const Touch* first, touches.First());
    if (first == nullptr || first->time_ms >= change.first_ms) return INT64_MAX;
  }
  std::int64_t lookback = rules_.pipeline.attribution.lookback_ms;
  for (const GoalSpec& goal : rules_.pipeline.goals) {
    lookback = std::max(lookback, goal.lookback_ms);
  }
  const auto most = static_cast<std::size_t>(std::max(rules_.pipeline.attribution.max_touches, 1));
  std::size_t touches = 0;
  bool indirect = false;
  std::int64_t reach = INT64_MAX;
  LEADFLOW_RETURN_IF_ERROR(ForEachTouchFrom(
      rules_, journey, {change.view_after.floor_ms, INT64_MAX}, change.last_ms + 1,
      change.view_after.linked, 0, [&](const Touch& touch) {
        ++touches;
        indirect |= !touch.direct();
        const bool behind = touches >= most || touch.time_ms - change.last_ms > lookback;
        if (indirect && behind) reach = touch.time_ms;
        return !(indirect && behind);
      }));
  return reach;
}

Status LeadApply::EmitHappenings(Journey& journey, LeadState& state, Change& change,
                                 const LeadView& before, Emission& emission) {
  std::int64_t from = change.marks_changed ? change.item.entry.time_ms : INT64_MAX;
  if (change.touches_changed) from = std::min(from, change.first_ms);
  const std::int64_t newest =
      std::max(state.NewestHappening(*before.marks), state.NewestHappening(state.fold.marks));
  if (newest < from) return {};
  std::int64_t to = newest;
  if (!change.marks_changed) {
    LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t reach, Reach(journey, change));
    to = std::min(to, reach);
  }
  // One span for all that is owed: what lies between two of them stands as it was and comes back
  // as it was.
  Owed owed = state.owed;
  owed.Widen(from, to);
  JourneyTouches touches(rules_, journey, change.view_before, owed.to_ms);
  LeadView was = before;
  was.touches = &touches;
  LEADFLOW_RETURN_IF_ERROR(emission.HappeningsBetween(owed.from_ms, owed.to_ms, was, -1));
  state.owed = owed;
  return {};
}

}  // namespace leadflow
