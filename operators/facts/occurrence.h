// Occurrence: something countable that a journey contains: an event, a visit, a lead creation, a
// stage entry, an order, a conversion, a duration. A journey's derivation emits signed occurrences;
// facts turn them into components of KPI rows. The border between journeys and measures.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "engine/config/expression.h"
#include "operators/attribution/conversion.h"
#include "operators/event/entry.h"
#include "operators/pipeline/kpi_spec.h"

namespace leadflow {

struct LeadDimensions {
  std::string_view persona;
  std::string_view account;
  std::string_view owner;
  std::string_view country;
};

struct Occurrence {
  Subject::Of of = Subject::Of::kEvent;
  Kind kind = Kind::kNone;    // kEvent
  int stage = -1, goal = -1;  // kStage*, kGoal
  std::int64_t time_ms = 0;   // chooses the window
  bool machine = false;
  std::int64_t count = 1;        // an event's `count`
  bool anonymous_count = false;  // `count` instead of a lead: distinct adds it as it is

  // Mail kinds under `distinct` (SEMANTICS 4): see mail_only.
  // true: this occurrence exists for `distinct` alone (an implied send, an open implied by a click,
  // a delivery that stands for the mailing); `count` and `sum` skip it.
  bool distinct_only = false;
  // true: the plain event, which `distinct` skips because a distinct_only one stands for it.
  bool count_only = false;

  TouchDimensions own;         // by `credit: own`
  TouchDimensions by_default;  // by the rule of SEMANTICS 6 for this kind of occurrence
  TouchDimensions first, last, last_non_direct;  // credit: ...; channel `Unattributed` if none
  LeadDimensions lead;

  // Fields of the event, the record in force, or the visit (deciding event); never null.
  const FieldSource* fields = nullptr;
  const NameTable* names = nullptr;

  // Numbers by name, of visits and orders. Money in minor units of `currency`.
  std::int64_t amount = 0;
  std::string_view currency;  // empty: no money here
  bool has_amount = false;
  std::int64_t dwell_ms = 0, engaged_ms = 0, page_views = 0, touches = 0;
  bool bounce = false;  // visits

  // kGoal only.
  const Conversion* conversion = nullptr;

  // Durations: set if this occurrence is a pair (from, to) of the measure with this number in
  // FactBuilder::durations(); then `duration_ms` counts in the window of time_ms.
  int duration = -1;
  std::int64_t duration_ms = 0;

  // booked ledger: a part of a conversion's value that moved at time_ms (a refund). Measures with
  // `ledger: restated` see only occurrences with `restated`, booked ones only those with `booked`.
  bool restated = true, booked = true;
  // booked refunds: `amount` is the signed change of the value (net after - net before, below 0 for
  // a refund), `booked_before` the net value before it, and shares move by split(after) -
  // split(before). With `counts` the count falls by one (it removed the order); without it only the
  // value moves.
  bool booked_refund = false;
  std::int64_t booked_before = 0;
  bool counts = true;
  // The moment whose local day chooses the rate of `amount` (a booked refund: the order's time).
  // kRateAtTime: time_ms.
  static constexpr std::int64_t kRateAtTime = std::numeric_limits<std::int64_t>::min();
  std::int64_t rate_time_ms = kRateAtTime;
};

class OccurrenceSink {
 public:
  virtual ~OccurrenceSink() = default;
  // sign: +1 or -1. Everything borrowed for the call.
  virtual void Add(const Occurrence& occurrence, int sign) = 0;
};

}  // namespace leadflow
