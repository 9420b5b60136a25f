// Emission: makes occurrences of what a stretch of a journey holds (events, visits, mailings) and
// of what happens to a lead a few times only (creation, stages, orders, deals, conversions,
// durations). Both the batch and the incremental way emit through it; they differ in what they emit
// when.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operators/facts/occurrence.h"
#include "operators/journey/milestones.h"
#include "operators/journey/profile.h"
#include "operators/journey/stretch.h"

namespace leadflow {

// Values of the lead's dimensions.
class Dimensions {
 public:
  virtual ~Dimensions() = default;
  // The strings live as long as the object.
  virtual Result<LeadDimensions> At(std::int64_t time_ms) = 0;
};

// An order or deal, in order of time.
struct RecordPlace {
  std::int64_t time_ms = 0;
  const Record* record = nullptr;
};

// What a lead looks like, as far as occurrences need it.
struct LeadView {
  const Milestones* marks = nullptr;
  const std::vector<RecordPlace>* records = nullptr;  // ascending by (time, source, event id, id)
  TouchList* touches = nullptr;
  Dimensions* dimensions = nullptr;
};

// Order of records among each other.
bool RecordBefore(const Record& a, const Record& b);

// One thing that happens a few times only.
struct Happening {
  enum class What : std::uint8_t { kCreation, kStage, kGoal, kRecord } what = What::kCreation;
  std::size_t index = 0;           // of the mark
  const Record* record = nullptr;  // kRecord
};

// What happens to a lead between two times, ends included, and is in no fact at present: it was
// taken back because an event before it changed, and is added again once all changes are there. A
// lead with thousands of touches pays for its orders once, not at each late event.
struct Owed {
  std::int64_t from_ms = INT64_MAX;
  std::int64_t to_ms = INT64_MIN;

  bool empty() const { return from_ms > to_ms; }
  void Widen(std::int64_t first_ms, std::int64_t last_ms) {
    from_ms = std::min(from_ms, first_ms);
    to_ms = std::max(to_ms, last_ms);
  }
  bool Has(std::int64_t time_ms) const { return time_ms >= from_ms && time_ms <= to_ms; }
};

class Emission {
 public:
  // What is owed is neither added nor taken back.
  Emission(const DerivationRules& rules, Journey* journey, OccurrenceSink* sink,
           const Owed& owed = Owed())
      : rules_(rules), journey_(journey), sink_(*sink), owed_(owed) {}
  void set_owed(const Owed& owed) { owed_ = owed; }

  Status Event(const Stretch& stretch, const Item& item, const LeadView& view, int sign);
  Status VisitOf(const Stretch& stretch, const Visit& visit, const LeadView& view, int sign);
  // The leads of one mailing: its events, in order.
  Status Mailing(const std::vector<const Item*>& items, const LeadView& view, int sign);

  Status Happens(const Happening& happening, const LeadView& view, int sign);
  // Everything with from <= time <= to.
  Status HappeningsBetween(std::int64_t from_ms, std::int64_t to_ms, const LeadView& view,
                           int sign);

 private:
  struct Scene;  // the event or record behind a happening
  Status ReadScene(const Mark& mark, const LeadView& view, Scene* scene);
  void ReadScene(const Record& record, Scene* scene);
  Status Credit(std::int64_t time_ms, const LeadView& view, Occurrence* occurrence);
  Status BeginRecord(const Record& record, const Scene& scene, const LeadView& view,
                     Occurrence* occurrence);
  Status Begin(const Scene& scene, const LeadView& view, Occurrence* occurrence);
  Status Stage(const Mark& mark, std::size_t index, const LeadView& view, int sign);
  Status OrderOrDeal(const Record& record, const LeadView& view, int sign);
  Status Order(const Record& record, const Scene& scene, const LeadView& view, int sign);
  Status Booked(const Record& record, Occurrence base, int sign);
  Status Conversions(GoalSpec::On on, int stage, const Occurrence& base, const Record* record,
                     const Moment& at, const LeadView& view, int sign);
  Status OneGoal(std::size_t goal, const Occurrence& base, const Record* record, const Moment& at,
                 const LeadView& view, int sign);
  Status Gather(std::int64_t from_ms, std::int64_t to_ms, const LeadView& view);
  void Milestone(const LeadView& view, std::int64_t time_ms);
  Result<std::int64_t> CycleStart(std::size_t goal, const Moment& at, const LeadView& view);
  Status DurationsTo(const Subject& to, const Occurrence& base, std::int64_t lookback_ms,
                     std::int64_t from_ms, const LeadView& view, int sign);
  std::optional<std::int64_t> Earliest(const Subject& subject, const LeadView& view) const;
  void Send(const Occurrence& occurrence, int sign) { sink_.Add(occurrence, sign); }

  const DerivationRules& rules_;
  Journey* journey_;
  OccurrenceSink& sink_;
  Owed owed_;
  EvalArena arena_;
  std::vector<CreditedTouch> gathered_;  // oldest first
  Conversion conversion_;
};

}  // namespace leadflow
