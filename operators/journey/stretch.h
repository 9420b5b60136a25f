// Stretches of a journey: the entries around a moment up to where no visit, click, ping or delivery
// links across. And the touches of a journey, newest first, read only as far back as they are asked
// for.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "operators/journey/visits.h"

namespace leadflow {

struct Bounds {
  std::int64_t low_ms = INT64_MIN, high_ms = INT64_MAX;  // both included
};

class StretchLoader {
 public:
  explicit StretchLoader(const DerivationRules& rules) : rules_(rules) {}

  // The entry whose coming is looked at (key): nothing links across without it either.
  void set_arrived(std::uint64_t key) { arrived_ = key; }
  // Widens [at->low_ms, at->high_ms] within `limit` until nothing links across its ends.
  Status Widen(Journey& journey, const Bounds& limit, Bounds* at);
  // Fills items with the entries of some kinds in the bounds, but `without` (key; 0: none), and
  // not erased ones. The strings of items live as long as the journey's.
  Status Load(Journey& journey, const Bounds& bounds, std::uint64_t kinds, std::uint64_t without,
              Stretch* stretch);

 private:
  struct Session {
    std::uint64_t name;
    std::int64_t first_ms, last_ms;
  };
  void Forget();
  Status WidenFront(Journey& journey, const Bounds& limit, Bounds* at);
  Status WidenBack(Journey& journey, const Bounds& limit, Bounds* at);
  void Note(const Entry& entry, bool backward);
  bool LinksBack(const Entry& entry) const;
  bool LinksOn(const Entry& entry) const;
  std::uint64_t SessionOf(const Entry& entry) const;
  bool IsWeb(const Entry& entry) const;

  const DerivationRules& rules_;
  EvalArena arena_;
  std::uint64_t arrived_ = 0;
  std::vector<Entry> passed_;  // not inside yet
  // What is inside, as far as it matters to the outside.
  std::vector<Session> sessions_;
  std::int64_t first_web_ = 0, last_web_ = 0, first_reaction_ = 0, last_delivery_ = 0;
  std::int64_t last_absorbed_ = 0;
  std::vector<std::uint64_t> waiting_;  // devices with a ping and no page view yet (backward)
  std::vector<std::uint64_t> paging_;   // devices whose newest page view is inside (forward)
};

// The touches of one journey of a lead, newest first, up to a moment.
class TouchList {
 public:
  virtual ~TouchList() = default;
  // Index of the newest touch with time <= time_ms.
  Result<std::size_t> From(std::int64_t time_ms);
  // nullptr: there are no more.
  Result<const Touch*> At(std::size_t index);
  // The oldest of all; nullptr: there is none. Valid as long as the list.
  virtual Result<const Touch*> First() = 0;

 protected:
  // Appends older ones to list_ or sets done_.
  virtual Status More() = 0;
  std::vector<Touch> list_;
  bool done_ = false;
};

class LoadedTouches final : public TouchList {
 public:
  // Takes the touches of a whole journey.
  explicit LoadedTouches(const std::vector<Touch>& touches) {
    list_.assign(touches.rbegin(), touches.rend());
    done_ = true;
  }
  Result<const Touch*> First() override {
    return list_.empty() ? static_cast<const Touch*>(nullptr) : &list_.back();
  }

 private:
  Status More() override { return {}; }
};

// Reads them from the journey. Entries of `hole` are not read: `inside` is their touches.
class JourneyTouches final : public TouchList {
 public:
  struct View {
    std::int64_t floor_ms = INT64_MIN;  // where the journey of the lead begins
    bool linked = false;                // there may be visits or deliveries
    std::uint64_t without = 0;          // key of an entry that is not there
    bool has_hole = false;
    Bounds hole;
    const std::vector<Touch>* inside = nullptr;
  };
  JourneyTouches(const DerivationRules& rules, Journey& journey, const View& view,
                 std::int64_t newest_ms)
      : rules_(rules), journey_(journey), view_(view), loader_(rules), next_ms_(newest_ms) {}
  Result<const Touch*> First() override;

 private:
  Status More() override;
  Status FindFirst(const Bounds& bounds);
  Status MorePlain();
  Status MoreLinked();

  const DerivationRules& rules_;
  Journey& journey_;
  View view_;
  StretchLoader loader_;
  std::int64_t next_ms_;  // the newest moment that is not read yet
  bool begun_ = false;
  std::size_t batch_ = 4;  // grows: most questions end at the newest few
  Stretch stretch_;
  EvalArena arena_;
  bool first_known_ = false;
  std::optional<Touch> first_;
};

// The touches of stretches from a moment on, oldest first: calls back until it returns false.
// REQUIRES: the journey has all entries that count
Status ForEachTouchFrom(const DerivationRules& rules, Journey& journey, const Bounds& limit,
                        std::int64_t from_ms, bool linked, std::uint64_t without,
                        Visitor<bool(const Touch&)> visit);

}  // namespace leadflow
