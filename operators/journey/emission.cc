#include "operators/journey/emission.h"

#include <algorithm>

namespace leadflow {
namespace {

constexpr std::string_view kUnattributed = "Unattributed";

bool Saturating(std::int64_t a, std::int64_t b, std::int64_t* out) {
  return !__builtin_sub_overflow(a, b, out);
}

std::int64_t Before(std::int64_t time_ms, std::int64_t lookback_ms) {
  std::int64_t from = 0;
  return Saturating(time_ms, lookback_ms, &from) ? from : INT64_MIN;
}

// The fields of a record in force; its amount is what is left of it.
class RecordFields final : public FieldSource {
 public:
  RecordFields(const Record& record, const Entry& entry, const Pipeline& pipeline)
      : record_(record), fields_(entry, pipeline.names, pipeline.source_names) {}
  Value Field(int slot) const override {
    if (slot != static_cast<int>(leadflow::Field::kAmount)) return fields_.Field(slot);
    return FieldValue(leadflow::Field::kAmount, {}, record_.net_minor, record_.currency);
  }

 private:
  const Record& record_;
  EntryFields fields_;
};

bool IsStatus(const Record& record, std::string_view status) {
  return FieldsView(record.fields).Text(Field::kStatus) == status;
}

std::int64_t TimeOf(const Happening& happening, const Milestones& marks) {
  switch (happening.what) {
    case Happening::What::kRecord: return happening.record->time_ms;
    case Happening::What::kStage: return marks.stages[happening.index].at.time_ms;
    case Happening::What::kGoal: return marks.goals[happening.index].at.time_ms;
    case Happening::What::kCreation: break;
  }
  return marks.creation->at.time_ms;
}

bool StandsFor(GoalSpec::On on, const Record& record) {
  if (!record.counts) return false;
  if (on == GoalSpec::On::kOrder) return record.kind == Kind::kOrder;
  return record.kind == Kind::kDealChange && IsStatus(record, "won");
}

}  // namespace

bool RecordBefore(const Record& a, const Record& b) {
  if (a.time_ms != b.time_ms) return a.time_ms < b.time_ms;
  if (a.source != b.source) return a.source < b.source;
  if (a.event_id != b.event_id) return a.event_id < b.event_id;
  return a.id < b.id;
}

struct Emission::Scene {
  Item item;
  std::optional<EntryFields> entry_fields;
  std::optional<RecordFields> record_fields;
  const FieldSource* fields = nullptr;

  Scene() = default;
  Scene(const Scene&) = delete;
};

Status Emission::Event(const Stretch& stretch, const Item& item, const LeadView& view, int sign) {
  if ((KindBit(item.entry.kind) & rules_.event_kinds) == 0) return {};
  const EntryFields fields(item.entry, rules_.pipeline.names, rules_.pipeline.source_names);
  Occurrence occurrence;
  occurrence.of = Subject::Of::kEvent;
  occurrence.kind = item.entry.kind;
  occurrence.time_ms = item.entry.time_ms;
  occurrence.machine = item.machine;
  occurrence.count_only = rules_.mail_distinct && item.entry.kind != Kind::kEmailSent &&
                          item.entry.kind != Kind::kLetterSent &&
                          (KindBit(item.entry.kind) & (kMailKinds | kLetterKinds)) != 0;
  occurrence.own = item.own;
  occurrence.by_default = EventDimensions(stretch, item);
  occurrence.fields = &fields;
  occurrence.names = &rules_.pipeline.names;
  LEADFLOW_ASSIGN_OR_RETURN(occurrence.lead, view.dimensions->At(occurrence.time_ms));
  if (rules_.local_credit) {
    LEADFLOW_RETURN_IF_ERROR(Credit(occurrence.time_ms, view, &occurrence));
  }
  Send(occurrence, sign);
  return {};
}

Status Emission::VisitOf(const Stretch& stretch, const Visit& visit, const LeadView& view,
                         int sign) {
  if (!rules_.wants_visit) return {};
  const auto item = [&](int index) -> const Item& {
    return stretch.items[static_cast<std::size_t>(index)];
  };
  const EntryFields fields(item(visit.deciding).entry, rules_.pipeline.names,
                           rules_.pipeline.source_names);
  Occurrence occurrence;
  occurrence.of = Subject::Of::kVisit;
  occurrence.time_ms = item(visit.first).entry.time_ms;
  occurrence.own = occurrence.by_default = VisitDimensions(stretch, visit);
  occurrence.fields = &fields;
  occurrence.names = &rules_.pipeline.names;
  occurrence.dwell_ms = item(visit.last).entry.time_ms - occurrence.time_ms;
  occurrence.engaged_ms = visit.engaged_ms;
  occurrence.page_views = visit.page_views;
  occurrence.bounce = visit.bounce();
  LEADFLOW_ASSIGN_OR_RETURN(occurrence.lead, view.dimensions->At(occurrence.time_ms));
  if (rules_.local_credit) {
    LEADFLOW_RETURN_IF_ERROR(Credit(occurrence.time_ms, view, &occurrence));
  }
  Send(occurrence, sign);
  return {};
}

// First, last and last touch that is not direct, at or before a moment.
Status Emission::Credit(std::int64_t time_ms, const LeadView& view, Occurrence* occurrence) {
  TouchDimensions none;
  none.channel = kUnattributed;
  occurrence->first = occurrence->last = occurrence->last_non_direct = none;
  LEADFLOW_ASSIGN_OR_RETURN(const std::size_t newest, view.touches->From(time_ms));
  LEADFLOW_ASSIGN_OR_RETURN(const Touch* touch, view.touches->At(newest));
  if (touch == nullptr) return {};
  occurrence->last = occurrence->last_non_direct = touch->dimensions;
  bool direct = touch->direct();
  for (std::size_t i = newest; direct; ++i) {
    LEADFLOW_ASSIGN_OR_RETURN(touch, view.touches->At(i));
    if (touch == nullptr) break;
    direct = touch->direct();
    if (!direct) occurrence->last_non_direct = touch->dimensions;
  }
  if (!rules_.first_credit) return {};
  LEADFLOW_ASSIGN_OR_RETURN(touch, view.touches->First());
  if (touch != nullptr) occurrence->first = touch->dimensions;
  return {};
}

Status Emission::ReadScene(const Mark& mark, const LeadView& view, Scene* scene) {
  if (!mark.record.empty()) {
    auto place =
        std::lower_bound(view.records->begin(), view.records->end(), mark.at.time_ms,
                         [](const RecordPlace& a, std::int64_t time) { return a.time_ms < time; });
    for (; place != view.records->end() && place->time_ms == mark.at.time_ms; ++place) {
      if (place->record->id != mark.record) continue;
      ReadScene(*place->record, scene);
      return {};
    }
    return Status::Corruption("journey: a stage was entered by a record that is not there");
  }
  auto found = journey_->Find(mark.at.key, mark.at.time_ms);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return Status::Corruption("journey: the event of a milestone is gone");
  ReadItem(rules_, **found, nullptr, arena_, &scene->item);
  scene->fields = &scene->entry_fields.emplace(scene->item.entry, rules_.pipeline.names,
                                               rules_.pipeline.source_names);
  return {};
}

void Emission::ReadScene(const Record& record, Scene* scene) {
  ReadItem(rules_, EntryOf(record), nullptr, arena_, &scene->item);
  scene->fields = &scene->record_fields.emplace(record, scene->item.entry, rules_.pipeline);
}

Status Emission::Begin(const Scene& scene, const LeadView& view, Occurrence* occurrence) {
  occurrence->time_ms = scene.item.entry.time_ms;
  occurrence->own = scene.item.own;
  occurrence->fields = scene.fields;
  occurrence->names = &rules_.pipeline.names;
  LEADFLOW_ASSIGN_OR_RETURN(occurrence->lead, view.dimensions->At(occurrence->time_ms));
  LEADFLOW_RETURN_IF_ERROR(Credit(occurrence->time_ms, view, occurrence));
  occurrence->by_default =
      scene.item.own.campaign.empty() ? occurrence->last_non_direct : scene.item.own;
  return {};
}

Status Emission::Happens(const Happening& happening, const LeadView& view, int sign) {
  if (!owed_.empty() && owed_.Has(TimeOf(happening, *view.marks))) return {};
  switch (happening.what) {
    case Happening::What::kRecord: return OrderOrDeal(*happening.record, view, sign);
    case Happening::What::kStage:
      return Stage(view.marks->stages[happening.index], happening.index, view, sign);
    case Happening::What::kGoal: {
      const Mark& mark = view.marks->goals[happening.index];
      const auto goal = static_cast<std::size_t>(mark.number);
      if (!rules_.wants_goal[goal] && rules_.durations.empty()) return {};
      Scene scene;
      LEADFLOW_RETURN_IF_ERROR(ReadScene(mark, view, &scene));
      Occurrence base;
      LEADFLOW_RETURN_IF_ERROR(Begin(scene, view, &base));
      return OneGoal(goal, base, nullptr, mark.at, view, sign);
    }
    case Happening::What::kCreation: {
      if (!rules_.wants_creation && rules_.durations.empty()) return {};
      Scene scene;
      LEADFLOW_RETURN_IF_ERROR(ReadScene(*view.marks->creation, view, &scene));
      Occurrence occurrence;
      LEADFLOW_RETURN_IF_ERROR(Begin(scene, view, &occurrence));
      occurrence.of = Subject::Of::kLeadCreation;
      if (rules_.wants_creation) Send(occurrence, sign);
      Subject subject;
      subject.of = Subject::Of::kLeadCreation;
      return DurationsTo(subject, occurrence, rules_.pipeline.attribution.lookback_ms, INT64_MIN,
                         view, sign);
    }
  }
  return {};
}

Status Emission::HappeningsBetween(std::int64_t from_ms, std::int64_t to_ms, const LeadView& view,
                                   int sign) {
  if (from_ms > to_ms) return {};
  const auto inside = [&](std::int64_t time) { return time >= from_ms && time <= to_ms; };
  if (view.marks->creation.has_value() && inside(view.marks->creation->at.time_ms)) {
    LEADFLOW_RETURN_IF_ERROR(Happens({Happening::What::kCreation, 0, nullptr}, view, sign));
  }
  for (std::size_t i = view.marks->stages.size(); i-- > 0;) {
    const std::int64_t time = view.marks->stages[i].at.time_ms;
    if (time < from_ms) break;
    if (!inside(time)) continue;
    LEADFLOW_RETURN_IF_ERROR(Happens({Happening::What::kStage, i, nullptr}, view, sign));
  }
  for (std::size_t i = view.marks->goals.size(); i-- > 0;) {
    const std::int64_t time = view.marks->goals[i].at.time_ms;
    if (time < from_ms) break;
    if (!inside(time)) continue;
    LEADFLOW_RETURN_IF_ERROR(Happens({Happening::What::kGoal, i, nullptr}, view, sign));
  }
  const std::vector<RecordPlace>& records = *view.records;
  for (std::size_t i = records.size(); i-- > 0;) {
    if (records[i].time_ms < from_ms) break;
    if (!inside(records[i].time_ms)) continue;
    LEADFLOW_RETURN_IF_ERROR(Happens({Happening::What::kRecord, 0, records[i].record}, view, sign));
  }
  return {};
}

Status Emission::Stage(const Mark& mark, std::size_t index, const LeadView& view, int sign) {
  const bool wanted = rules_.wants_stage[static_cast<std::size_t>(mark.number)];
  bool goal = false;
  for (const GoalSpec& spec : rules_.pipeline.goals) {
    goal |= spec.on == GoalSpec::On::kStage && spec.stage == mark.number;
  }
  if (!wanted && !goal && rules_.durations.empty()) return {};
  Scene scene;
  LEADFLOW_RETURN_IF_ERROR(ReadScene(mark, view, &scene));
  Occurrence occurrence;
  LEADFLOW_RETURN_IF_ERROR(Begin(scene, view, &occurrence));
  occurrence.stage = mark.number;
  occurrence.of = Subject::Of::kStageEntry;
  if (wanted) Send(occurrence, sign);
  if (mark.first) {
    occurrence.of = Subject::Of::kStageFirst;
    if (wanted) Send(occurrence, sign);
    Subject subject;
    subject.of = Subject::Of::kStageFirst;
    subject.stage = mark.number;
    LEADFLOW_RETURN_IF_ERROR(DurationsTo(
        subject, occurrence, rules_.pipeline.attribution.lookback_ms, INT64_MIN, view, sign));
    LEADFLOW_RETURN_IF_ERROR(
        Conversions(GoalSpec::On::kStage, mark.number, occurrence, nullptr, mark.at, view, sign));
  }
  if (mark.implied) return {};
  // The stage that is left here.
  const Mark* left = nullptr;
  for (std::size_t i = index; i-- > 0 && left == nullptr;) {
    if (!view.marks->stages[i].implied) left = &view.marks->stages[i];
  }
  if (left == nullptr) return {};
  for (std::size_t d = 0; d < rules_.durations.size(); ++d) {
    if (!rules_.durations[d].time_in || rules_.durations[d].from.stage != left->number) continue;
    occurrence.duration = static_cast<int>(d);
    occurrence.duration_ms = mark.at.time_ms - left->at.time_ms;
    Send(occurrence, sign);
  }
  return {};
}

Status Emission::OrderOrDeal(const Record& record, const LeadView& view, int sign) {
  Scene scene;
  if (record.kind == Kind::kOrder) {
    if (!record.counts && !rules_.booked) return {};
    ReadScene(record, &scene);
    return Order(record, scene, view, sign);
  }
  if (!record.counts) return {};
  const bool won = IsStatus(record, "won");
  if (!won && !IsStatus(record, "lost")) return {};
  ReadScene(record, &scene);
  Occurrence occurrence;
  LEADFLOW_RETURN_IF_ERROR(BeginRecord(record, scene, view, &occurrence));
  occurrence.of = won ? Subject::Of::kDealWon : Subject::Of::kDealLost;
  if (won ? rules_.wants_deal_won : rules_.wants_deal_lost) Send(occurrence, sign);
  Subject subject;
  subject.of = occurrence.of;
  LEADFLOW_RETURN_IF_ERROR(DurationsTo(subject, occurrence, rules_.pipeline.attribution.lookback_ms,
                                       INT64_MIN, view, sign));
  if (!won) return {};
  return Conversions(GoalSpec::On::kDealWon, -1, occurrence, &record, Moment::Of(record), view,
                     sign);
}

Status Emission::BeginRecord(const Record& record, const Scene& scene, const LeadView& view,
                             Occurrence* occurrence) {
  LEADFLOW_RETURN_IF_ERROR(Begin(scene, view, occurrence));
  occurrence->amount = record.net_minor;
  occurrence->currency = record.currency;
  occurrence->has_amount = !record.currency.empty();
  if (!rules_.touch_count) return {};
  LEADFLOW_RETURN_IF_ERROR(Gather(Before(record.time_ms, rules_.pipeline.attribution.lookback_ms),
                                  record.time_ms, view));
  occurrence->touches = static_cast<std::int64_t>(gathered_.size());
  return {};
}

Status Emission::Order(const Record& record, const Scene& scene, const LeadView& view, int sign) {
  Occurrence occurrence;
  LEADFLOW_RETURN_IF_ERROR(BeginRecord(record, scene, view, &occurrence));
  occurrence.of = Subject::Of::kOrder;
  if (rules_.wants_order) {
    if (!rules_.booked || record.refunds.empty()) {
      if (record.counts) Send(occurrence, sign);
    } else {
      if (record.counts) {
        occurrence.booked = false;
        Send(occurrence, sign);
        occurrence.booked = true;
      }
      LEADFLOW_RETURN_IF_ERROR(Booked(record, occurrence, sign));
    }
  }
  if (record.counts) {
    Subject subject;
    subject.of = Subject::Of::kOrder;
    LEADFLOW_RETURN_IF_ERROR(DurationsTo(
        subject, occurrence, rules_.pipeline.attribution.lookback_ms, INT64_MIN, view, sign));
  }
  return Conversions(GoalSpec::On::kOrder, -1, occurrence, &record, Moment::Of(record), view, sign);
}

// The booked side of an order with refunds: what it was worth when it came, and what each refund
// took when it came.
Status Emission::Booked(const Record& record, Occurrence base, int sign) {
  base.restated = false;
  base.booked = true;
  base.amount = record.gross_minor;
  Send(base, sign);
  std::int64_t left = record.gross_minor;
  base.booked_refund = true;
  base.rate_time_ms = record.time_ms;
  for (const Record::Refund& refund : record.refunds) {
    base.time_ms = std::max(refund.time_ms, record.time_ms);
    base.amount = -refund.minor;
    base.booked_before = left;
    base.counts = refund.removes;
    left -= refund.minor;
    Send(base, sign);
  }
  return {};
}

Status Emission::Conversions(GoalSpec::On on, int stage, const Occurrence& base,
                             const Record* record, const Moment& at, const LeadView& view,
                             int sign) {
  for (std::size_t g = 0; g < rules_.pipeline.goals.size(); ++g) {
    const GoalSpec& goal = rules_.pipeline.goals[g];
    if (goal.on != on || (on == GoalSpec::On::kStage && goal.stage != stage)) continue;
    if (!rules_.wants_goal[g] && rules_.durations.empty()) continue;
    LEADFLOW_RETURN_IF_ERROR(OneGoal(g, base, record, at, view, sign));
  }
  return {};
}

Status Emission::OneGoal(std::size_t goal, const Occurrence& base, const Record* record,
                         const Moment& at, const LeadView& view, int sign) {
  const GoalSpec& spec = rules_.pipeline.goals[goal];
  std::int64_t from = Before(at.time_ms, spec.lookback_ms);
  if (spec.cycle) {
    LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t start, CycleStart(goal, at, view));
    from = std::max(from, start);
  }
  LEADFLOW_RETURN_IF_ERROR(Gather(from, at.time_ms, view));
  Milestone(view, at.time_ms);
  Occurrence occurrence = base;
  occurrence.of = Subject::Of::kGoal;
  occurrence.goal = static_cast<int>(goal);
  occurrence.stage = -1;
  occurrence.conversion = &conversion_;
  const bool counts = record == nullptr || record->counts;
  if (rules_.wants_goal[goal]) {
    if (record == nullptr || !rules_.booked || record->refunds.empty()) {
      if (counts) Send(occurrence, sign);
    } else {
      if (counts) {
        occurrence.booked = false;
        Send(occurrence, sign);
        occurrence.booked = true;
      }
      LEADFLOW_RETURN_IF_ERROR(Booked(*record, occurrence, sign));
    }
  }
  if (!counts) return {};
  Subject subject;
  subject.of = Subject::Of::kGoal;
  subject.goal = static_cast<int>(goal);
  return DurationsTo(subject, base, spec.lookback_ms, from, view, sign);
}

// Fills gathered_ with the newest max_touches touches of a window, oldest first.
Status Emission::Gather(std::int64_t from_ms, std::int64_t to_ms, const LeadView& view) {
  gathered_.clear();
  const auto most = static_cast<std::size_t>(std::max(rules_.pipeline.attribution.max_touches, 1));
  LEADFLOW_ASSIGN_OR_RETURN(std::size_t i, view.touches->From(to_ms));
  for (; gathered_.size() < most; ++i) {
    LEADFLOW_ASSIGN_OR_RETURN(const Touch* touch, view.touches->At(i));
    if (touch == nullptr || touch->time_ms < from_ms) break;
    gathered_.push_back({touch->dimensions, touch->time_ms, touch->direct()});
  }
  std::reverse(gathered_.begin(), gathered_.end());
  return {};
}

void Emission::Milestone(const LeadView& view, std::int64_t time_ms) {
  conversion_ = Conversion();
  conversion_.touches = gathered_;
  const auto touch_of = [&](std::int64_t milestone_ms) {
    if (milestone_ms > time_ms) return -1;
    const auto after = std::upper_bound(
        gathered_.begin(), gathered_.end(), milestone_ms,
        [](std::int64_t time, const CreditedTouch& touch) { return time < touch.time_ms; });
    return static_cast<int>(after - gathered_.begin()) - 1;
  };
  if (!gathered_.empty()) conversion_.first = 0;
  conversion_.conversion = static_cast<int>(gathered_.size()) - 1;
  if (view.marks->creation.has_value()) {
    conversion_.creation = touch_of(view.marks->creation->at.time_ms);
  }
  if (rules_.pipeline.attribution.opportunity_stage < 0) return;
  const Mark* const mark = view.marks->First(rules_.pipeline.attribution.opportunity_stage);
  if (mark == nullptr || mark->at.time_ms > time_ms) return;
  conversion_.opportunity_reached = true;
  conversion_.opportunity = touch_of(mark->at.time_ms);
}

// The first moment behind the previous standing conversion of a goal.
Result<std::int64_t> Emission::CycleStart(std::size_t goal, const Moment& at,
                                          const LeadView& view) {
  const GoalSpec& spec = rules_.pipeline.goals[goal];
  std::int64_t newest = INT64_MIN;
  if (spec.on == GoalSpec::On::kEvent) {
    for (const Mark& mark : view.marks->goals) {
      if (mark.number == static_cast<int>(goal) && mark.at < at) {
        newest = std::max(newest, mark.at.time_ms + 1);
      }
    }
  } else if (spec.on != GoalSpec::On::kStage) {
    for (const RecordPlace& place : *view.records) {
      if (place.time_ms > at.time_ms) break;
      if (StandsFor(spec.on, *place.record) && Moment::Of(*place.record) < at) {
        newest = std::max(newest, place.time_ms + 1);
      }
    }
  }
  return newest;
}

std::optional<std::int64_t> Emission::Earliest(const Subject& subject, const LeadView& view) const {
  const auto record = [&](GoalSpec::On on) -> std::optional<std::int64_t> {
    for (const RecordPlace& place : *view.records) {
      if (StandsFor(on, *place.record)) return place.time_ms;
    }
    return std::nullopt;
  };
  const auto stage = [&](int number) -> std::optional<std::int64_t> {
    const Mark* const mark = view.marks->First(number);
    if (mark == nullptr) return std::nullopt;
    return mark->at.time_ms;
  };
  switch (subject.of) {
    case Subject::Of::kLeadCreation:
      if (!view.marks->creation.has_value()) return std::nullopt;
      return view.marks->creation->at.time_ms;
    case Subject::Of::kStageFirst:
    case Subject::Of::kStageEntry: return stage(subject.stage);
    case Subject::Of::kOrder: return record(GoalSpec::On::kOrder);
    case Subject::Of::kDealWon: return record(GoalSpec::On::kDealWon);
    case Subject::Of::kGoal: {
      const GoalSpec& goal = rules_.pipeline.goals[static_cast<std::size_t>(subject.goal)];
      if (goal.on == GoalSpec::On::kStage) return stage(goal.stage);
      if (goal.on != GoalSpec::On::kEvent) return record(goal.on);
      for (const Mark& mark : view.marks->goals) {
        if (mark.number == subject.goal) return mark.at.time_ms;
      }
      return std::nullopt;
    }
    default: return std::nullopt;
  }
}

// Pairs whose later end is `base`. `from_ms`: where the window of the conversion begins, if it is
// one; INT64_MIN: by the lookback.
Status Emission::DurationsTo(const Subject& to, const Occurrence& base, std::int64_t lookback_ms,
                             std::int64_t from_ms, const LeadView& view, int sign) {
  for (std::size_t d = 0; d < rules_.durations.size(); ++d) {
    const DurationSpec& spec = rules_.durations[d];
    if (spec.time_in || spec.to.of != to.of || spec.to.stage != to.stage ||
        spec.to.goal != to.goal) {
      continue;
    }
    std::optional<std::int64_t> from;
    if (spec.from.of == Subject::Of::kFirstTouch) {
      LEADFLOW_RETURN_IF_ERROR(
          Gather(std::max(from_ms, Before(base.time_ms, lookback_ms)), base.time_ms, view));
      if (!gathered_.empty()) from = gathered_.front().time_ms;
    } else {
      from = Earliest(spec.from, view);
    }
    if (!from.has_value() || *from > base.time_ms) continue;
    Occurrence occurrence = base;
    occurrence.conversion = nullptr;
    occurrence.restated = occurrence.booked = true;
    occurrence.booked_refund = false;
    occurrence.counts = true;
    occurrence.duration = static_cast<int>(d);
    occurrence.duration_ms = base.time_ms - *from;
    Send(occurrence, sign);
  }
  return {};
}

}  // namespace leadflow
