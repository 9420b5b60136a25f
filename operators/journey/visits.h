// Visits: cuts the web events of one lead into visits (SEMANTICS 3), finds what belongs to them
// (SEMANTICS 8) and which opens and clicks a machine did (SEMANTICS 1), and lists the touches.
//
// Works on any stretch of a journey that no visit reaches out of: the whole of it, or a Stretch.
#pragma once

#include <cstdint>
#include <vector>

#include "operators/journey/item.h"

namespace leadflow {

struct Visit {
  int first = -1, last = -1;  // indexes of items
  int deciding = -1;          // the first with an origin, else the first
  std::int64_t page_views = 0;
  std::int64_t others = 0;  // actions, forms, downloads, orders
  std::int64_t engaged_ms = 0;

  bool bounce() const { return page_views == 1 && others == 0; }
};

struct Touch {
  TouchDimensions dimensions;
  std::int64_t time_ms = 0;
  std::uint64_t key = 0;  // of the entry, or of the visit's first event
  bool visit = false;
  bool direct() const { return dimensions.channel == "Direct"; }
  bool operator==(const Touch&) const = default;
};

struct Stretch {
  std::vector<Item> items;  // in order
  std::vector<Visit> visits;
  std::vector<Touch> touches;  // in order

  void Clear() {
    items.clear();
    visits.clear();
    touches.clear();
  }
};

// Fills all but `items`.
void CutStretch(const DerivationRules& rules, Stretch* stretch);

// The dimensions of an event by the rule of SEMANTICS 6: its visit's, or its own.
TouchDimensions EventDimensions(const Stretch& stretch, const Item& item);
// Those of a visit; the fair is the deciding event's.
const TouchDimensions& VisitDimensions(const Stretch& stretch, const Visit& visit);

}  // namespace leadflow
