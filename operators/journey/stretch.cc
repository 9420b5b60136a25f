#include "operators/journey/stretch.h"

#include <algorithm>

#include "engine/base/hash.h"

namespace leadflow {
namespace {

constexpr std::int64_t kLongestSessionMs = 24 * 3'600'000;
constexpr std::int64_t kJoinsMs = 30 * 60'000;
constexpr std::int64_t kMachineMs = 10'000;
constexpr std::int64_t kNever = INT64_MAX / 2;
constexpr std::size_t kBatch = 64;

bool Has(const std::vector<std::uint64_t>& set, std::uint64_t value) {
  return std::find(set.begin(), set.end(), value) != set.end();
}
void Put(std::vector<std::uint64_t>* set, std::uint64_t value) {
  if (!Has(*set, value)) set->push_back(value);
}
bool Is(const Entry& entry, std::uint64_t kinds) { return (KindBit(entry.kind) & kinds) != 0; }

}  // namespace

std::uint64_t StretchLoader::SessionOf(const Entry& entry) const {
  if (!Is(entry, kWebKinds | kMaybeWebKinds)) return 0;
  const std::string_view session = entry.Fields().Text(Field::kSessionId);
  return session.empty() ? 0 : Hash64(session) | 1;
}

bool StretchLoader::IsWeb(const Entry& entry) const {
  return Is(entry, kWebKinds) ||
         (Is(entry, kMaybeWebKinds) &&
          (DeviceOf(entry) != Identifier() || entry.Fields().Has(Field::kSessionId)));
}

// An entry is inside now.
void StretchLoader::Note(const Entry& entry, bool backward) {
  const std::int64_t time = entry.time_ms;
  if (IsWeb(entry) && !entry.machine()) {
    first_web_ = std::min(first_web_, time);
    last_web_ = std::max(last_web_, time);
    if (const std::uint64_t name = SessionOf(entry); name != 0) {
      const auto at = std::find_if(sessions_.begin(), sessions_.end(),
                                   [&](const Session& session) { return session.name == name; });
      if (at == sessions_.end()) {
        sessions_.push_back({name, time, time});
      } else {
        at->first_ms = std::min(at->first_ms, time);
        at->last_ms = std::max(at->last_ms, time);
      }
    }
  }
  if (Is(entry, kAbsorbedKinds)) last_absorbed_ = std::max(last_absorbed_, time);
  if (entry.kind == Kind::kEmailDelivered) last_delivery_ = std::max(last_delivery_, time);
  if (entry.kind == Kind::kEmailOpen || entry.kind == Kind::kEmailClick) {
    first_reaction_ = std::min(first_reaction_, time);
  }
  if (!rules_.engaged || entry.machine()) return;
  const std::uint64_t device = DeviceOf(entry).hash();
  if (entry.kind == Kind::kPageView) {
    // A page view that has just come may have taken the pings of the one before it.
    if (entry.key == arrived_) {
      Put(&waiting_, device);
    } else if (backward) {
      std::erase(waiting_, device);
    }
    Put(&paging_, device);
  } else if (entry.kind == Kind::kPagePing && backward) {
    Put(&waiting_, device);
  }
}

bool StretchLoader::LinksBack(const Entry& entry) const {
  const std::int64_t time = entry.time_ms;
  const std::int64_t gap = rules_.pipeline.visits.gap_ms;
  if (IsWeb(entry)) {
    if (first_web_ - time <= gap) return true;
    if (const std::uint64_t name = SessionOf(entry); name != 0) {
      for (const Session& session : sessions_) {
        if (session.name == name && session.first_ms - time <= kLongestSessionMs) return true;
      }
    }
  }
  if (Is(entry, kAbsorbedKinds) && first_web_ - time <= kJoinsMs) return true;
  if (entry.kind == Kind::kEmailDelivered && first_reaction_ - time < kMachineMs) return true;
  return entry.kind == Kind::kPageView && !waiting_.empty() && !entry.machine() &&
         Has(waiting_, DeviceOf(entry).hash());
}

bool StretchLoader::LinksOn(const Entry& entry) const {
  const std::int64_t time = entry.time_ms;
  const std::int64_t gap = rules_.pipeline.visits.gap_ms;
  if (IsWeb(entry)) {
    if (time - last_web_ <= gap || time - last_absorbed_ <= kJoinsMs) return true;
    if (const std::uint64_t name = SessionOf(entry); name != 0) {
      for (const Session& session : sessions_) {
        if (session.name == name && time - session.last_ms <= kLongestSessionMs) return true;
      }
    }
  }
  if ((entry.kind == Kind::kEmailOpen || entry.kind == Kind::kEmailClick) &&
      time - last_delivery_ < kMachineMs) {
    return true;
  }
  return entry.kind == Kind::kPagePing && Has(paging_, DeviceOf(entry).hash());
}

void StretchLoader::Forget() {
  sessions_.clear();
  waiting_.clear();
  paging_.clear();
  first_web_ = first_reaction_ = kNever;
  last_web_ = last_absorbed_ = last_delivery_ = -kNever;
}

// An end is clean if nothing on one side of it links with anything on the other, inside or not: a
// session may reach over the whole of the bounds.
Status StretchLoader::WidenFront(Journey& journey, const Bounds& limit, Bounds* at) {
  if (at->low_ms <= limit.low_ms) return {};
  Forget();
  // In reverse, so that a page view meets the pings behind it.
  const std::int64_t until =
      std::min(limit.high_ms, std::max(at->high_ms, at->low_ms + kLongestSessionMs));
  LEADFLOW_RETURN_IF_ERROR(journey.ForEachOfBackward(kLinkedKinds, at->low_ms, until,
                                                     [&](const Entry& entry, std::uint16_t&) {
                                                       if (!entry.erased())
                                                         Note(entry, entry.time_ms <= at->high_ms);
                                                       return true;
                                                     }));
  passed_.clear();
  return journey.ForEachOfBackward(
      kLinkedKinds, limit.low_ms, at->low_ms - 1, [&](const Entry& entry, std::uint16_t&) {
        if (entry.erased()) return true;
        std::int64_t horizon =
            std::min(first_web_ - std::max(rules_.pipeline.visits.gap_ms, kJoinsMs),
                     first_reaction_ - kMachineMs);
        for (const Session& session : sessions_) {
          horizon = std::min(horizon, session.first_ms - kLongestSessionMs);
        }
        if (entry.time_ms < horizon && waiting_.empty()) return false;
        passed_.push_back(entry);
        if (LinksBack(entry) || entry.time_ms == at->low_ms) {
          for (const Entry& inside : passed_) Note(inside, true);
          passed_.clear();
          at->low_ms = entry.time_ms;
        }
        return true;
      });
}

Status StretchLoader::WidenBack(Journey& journey, const Bounds& limit, Bounds* at) {
  if (at->high_ms >= limit.high_ms) return {};
  Forget();
  const std::int64_t since =
      std::max(limit.low_ms, std::min(at->low_ms, at->high_ms - kLongestSessionMs));
  LEADFLOW_RETURN_IF_ERROR(
      journey.ForEachOf(kLinkedKinds, since, at->high_ms, [&](const Entry& entry, std::uint16_t&) {
        if (!entry.erased()) Note(entry, false);
        return true;
      }));
  passed_.clear();
  return journey.ForEachOf(
      kLinkedKinds, at->high_ms + 1, limit.high_ms, [&](const Entry& entry, std::uint16_t&) {
        if (entry.erased()) return true;
        std::int64_t horizon = std::max({last_web_ + rules_.pipeline.visits.gap_ms,
                                         last_absorbed_ + kJoinsMs, last_delivery_ + kMachineMs});
        for (const Session& session : sessions_) {
          horizon = std::max(horizon, session.last_ms + kLongestSessionMs);
        }
        if (entry.time_ms > horizon && paging_.empty()) return false;
        passed_.push_back(entry);
        if (LinksOn(entry) || entry.time_ms == at->high_ms) {
          for (const Entry& inside : passed_) Note(inside, false);
          passed_.clear();
          at->high_ms = entry.time_ms;
        } else if (entry.kind == Kind::kPageView && !entry.machine()) {
          std::erase(paging_, DeviceOf(entry).hash());
        }
        return true;
      });
}

Status StretchLoader::Widen(Journey& journey, const Bounds& limit, Bounds* at) {
  LEADFLOW_RETURN_IF_ERROR(WidenFront(journey, limit, at));
  return WidenBack(journey, limit, at);
}

Status StretchLoader::Load(Journey& journey, const Bounds& bounds, std::uint64_t kinds,
                           std::uint64_t without, Stretch* stretch) {
  stretch->Clear();
  return journey.ForEachOf(kinds, bounds.low_ms, bounds.high_ms,
                           [&](const Entry& entry, std::uint16_t& note) {
                             if (entry.erased() || entry.key == without) return true;
                             stretch->items.emplace_back();
                             ReadItem(rules_, entry, &note, arena_, &stretch->items.back());
                             return true;
                           });
}

Result<std::size_t> TouchList::From(std::int64_t time_ms) {
  while (!done_ && (list_.empty() || list_.back().time_ms > time_ms)) {
    LEADFLOW_RETURN_IF_ERROR(More());
  }
  const auto at =
      std::lower_bound(list_.begin(), list_.end(), time_ms,
                       [](const Touch& touch, std::int64_t time) { return touch.time_ms > time; });
  return static_cast<std::size_t>(at - list_.begin());
}

Result<const Touch*> TouchList::At(std::size_t index) {
  while (index >= list_.size() && !done_) LEADFLOW_RETURN_IF_ERROR(More());
  return index < list_.size() ? &list_[index] : static_cast<const Touch*>(nullptr);
}

Status JourneyTouches::More() {
  LEADFLOW_RETURN_IF_ERROR(view_.linked ? MoreLinked() : MorePlain());
  batch_ = std::min(2 * batch_, kBatch);
  return {};
}

Status JourneyTouches::MorePlain() {
  std::size_t read = 0;
  bool stopped = false;
  LEADFLOW_RETURN_IF_ERROR(journey_.ForEachOfBackward(
      rules_.touch_kinds, view_.floor_ms, next_ms_, [&](const Entry& entry, std::uint16_t& note) {
        if (read >= batch_ && entry.time_ms != next_ms_) {
          next_ms_ = entry.time_ms;
          stopped = true;
          return false;
        }
        next_ms_ = entry.time_ms;
        if (entry.erased() || entry.machine() || entry.key == view_.without) return true;
        Item item;
        ReadItem(rules_, entry, &note, arena_, &item);
        list_.push_back({item.own, entry.time_ms, entry.key, false});
        ++read;
        return true;
      }));
  done_ = !stopped;
  return {};
}

Status JourneyTouches::MoreLinked() {
  Bounds limit{view_.floor_ms, INT64_MAX};
  if (next_ms_ < view_.floor_ms) {
    done_ = true;
    return {};
  }
  if (view_.has_hole && next_ms_ <= view_.hole.high_ms && next_ms_ >= view_.hole.low_ms) {
    list_.insert(list_.end(), view_.inside->rbegin(), view_.inside->rend());
    begun_ = true;
    if (view_.hole.low_ms <= view_.floor_ms) {
      done_ = true;
    } else {
      next_ms_ = view_.hole.low_ms - 1;
    }
    return {};
  }
  if (view_.has_hole) {
    if (next_ms_ > view_.hole.high_ms) {
      limit.low_ms = std::max(limit.low_ms, view_.hole.high_ms + 1);
    } else {
      limit.high_ms = view_.hole.low_ms - 1;
    }
  }
  if (begun_) limit.high_ms = next_ms_;
  // A batch of entries, then as far as they link.
  Bounds at{next_ms_, next_ms_};
  std::size_t read = 0;
  bool any = false;
  LEADFLOW_RETURN_IF_ERROR(journey_.ForEachOfBackward(kLinkedKinds | rules_.touch_kinds,
                                                      limit.low_ms, next_ms_,
                                                      [&](const Entry& entry, std::uint16_t&) {
                                                        any = true;
                                                        if (++read > batch_) return false;
                                                        at.low_ms = entry.time_ms;
                                                        return true;
                                                      }));
  if (!any) at.low_ms = limit.low_ms;
  LEADFLOW_RETURN_IF_ERROR(loader_.Widen(journey_, limit, &at));
  LEADFLOW_RETURN_IF_ERROR(
      loader_.Load(journey_, at, kLinkedKinds | rules_.touch_kinds, view_.without, &stretch_));
  CutStretch(rules_, &stretch_);
  list_.insert(list_.end(), stretch_.touches.rbegin(), stretch_.touches.rend());
  begun_ = true;
  if (at.low_ms <= view_.floor_ms) {
    done_ = true;
  } else {
    next_ms_ = at.low_ms - 1;
  }
  return {};
}

Status ForEachTouchFrom(const DerivationRules& rules, Journey& journey, const Bounds& limit,
                        std::int64_t from_ms, bool linked, std::uint64_t without,
                        Visitor<bool(const Touch&)> visit) {
  StretchLoader loader(rules);
  EvalArena arena;
  if (!linked) {
    return journey.ForEachOf(rules.touch_kinds, from_ms, limit.high_ms,
                             [&](const Entry& entry, std::uint16_t& note) {
                               if (entry.erased() || entry.machine() || entry.key == without) {
                                 return true;
                               }
                               Item item;
                               ReadItem(rules, entry, &note, arena, &item);
                               return visit({item.own, entry.time_ms, entry.key, false});
                             });
  }
  Stretch stretch;
  const std::uint64_t kinds = kLinkedKinds | rules.touch_kinds;
  while (from_ms <= limit.high_ms) {
    std::size_t read = 0;
    Bounds at{from_ms, from_ms};
    LEADFLOW_RETURN_IF_ERROR(
        journey.ForEachOf(kinds, from_ms, limit.high_ms, [&](const Entry& entry, std::uint16_t&) {
          at.high_ms = entry.time_ms;
          return ++read < kBatch;
        }));
    if (read == 0) return {};
    LEADFLOW_RETURN_IF_ERROR(loader.Widen(journey, limit, &at));
    LEADFLOW_RETURN_IF_ERROR(loader.Load(journey, at, kinds, without, &stretch));
    CutStretch(rules, &stretch);
    for (const Touch& touch : stretch.touches) {
      if (touch.time_ms >= from_ms && !visit(touch)) return {};
    }
    if (at.high_ms == INT64_MAX) return {};
    from_ms = at.high_ms + 1;
  }
  return {};
}

Status JourneyTouches::FindFirst(const Bounds& bounds) {
  if (first_.has_value() || bounds.low_ms > bounds.high_ms) return {};
  const std::int64_t oldest = journey_.oldest_ms();
  return ForEachTouchFrom(rules_, journey_, bounds, std::max(bounds.low_ms, oldest), view_.linked,
                          view_.without, [&](const Touch& touch) {
                            first_ = touch;
                            return false;
                          });
}

Result<const Touch*> JourneyTouches::First() {
  if (!first_known_) {
    first_known_ = true;
    if (!view_.has_hole) {
      LEADFLOW_RETURN_IF_ERROR(FindFirst({view_.floor_ms, INT64_MAX}));
    } else {
      LEADFLOW_RETURN_IF_ERROR(FindFirst({view_.floor_ms, view_.hole.low_ms - 1}));
      if (!first_.has_value() && !view_.inside->empty()) first_ = view_.inside->front();
      LEADFLOW_RETURN_IF_ERROR(FindFirst({view_.hole.high_ms + 1, INT64_MAX}));
    }
  }
  return first_.has_value() ? &*first_ : static_cast<const Touch*>(nullptr);
}

}  // namespace leadflow
