#include "operators/journey/lead_function.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/money.h"
#include "operators/journey/lead_apply.h"

namespace leadflow {
namespace {

class NoDimensions final : public Dimensions {
 public:
  Result<LeadDimensions> At(std::int64_t) override { return LeadDimensions(); }
};

// One day of a cost row.
class CostFields final : public FieldSource {
 public:
  explicit CostFields(const FieldSource& row) : row_(row) {}
  Value Field(int slot) const override {
    if (slot == static_cast<int>(leadflow::Field::kClicks)) return Of(clicks);
    if (slot == static_cast<int>(leadflow::Field::kImpressions)) return Of(impressions);
    Value value = row_.Field(slot);
    if (slot == static_cast<int>(leadflow::Field::kAmount) && value.type == ValueType::kMoney) {
      value.integer = amount;
    }
    if (slot == kSlotTime) return Value::Time(time_ms);
    return value;
  }
  std::int64_t amount = 0, time_ms = 0;
  std::optional<std::int64_t> clicks, impressions;

 private:
  static Value Of(const std::optional<std::int64_t>& number) {
    return number.has_value() ? Value::Int(*number) : Value::Null();
  }
  const FieldSource& row_;
};

constexpr std::int64_t kMostDays = 3660;  // of a cost row; a longer period counts at its first day

}  // namespace

struct LeadFunction::Impl {
  explicit Impl(const Pipeline& all)
      : pipeline(all), facts(all), rules(all, facts, false), apply(rules, &facts) {}

  void AddCost(const Item& item, Occurrence occurrence, const EntryFields& row, int sign);

  const Pipeline& pipeline;
  FactBuilder facts;
  DerivationRules rules;
  LeadApply apply;
};

LeadFunction::LeadFunction(const Pipeline& pipeline) : impl_(std::make_unique<Impl>(pipeline)) {}
LeadFunction::~LeadFunction() = default;

Status LeadFunction::Batch(Journey& journey, const HomeFilter& in, int sign, FactSink& sink) const {
  NegatedFacts negated(&sink);
  SeenMap seen;
  impl_->facts.Begin(sign < 0 ? static_cast<FactSink*>(&negated) : &sink, &seen);
  return LeadBatch(impl_->rules, &impl_->facts, [&] { seen.Clear(); }).Run(journey, in, nullptr);
}

Result<bool> LeadFunction::ApplyEntry(Journey& journey, const Entry& entry, FactSink& sink) {
  return impl_->apply.PutEntry(journey, entry, sink);
}

Status LeadFunction::ApplyRecord(Journey& journey, const Record& record, FactSink& sink) {
  return impl_->apply.PutRecord(journey, record, sink);
}

Status LeadFunction::TakeBackRecord(Journey& journey, const std::string& id, FactSink& sink) {
  return impl_->apply.TakeBackRecord(journey, id, sink);
}

Status LeadFunction::Settle(Journey& journey, FactSink& sink) {
  return impl_->apply.Settle(journey, sink);
}

Status LeadFunction::Rebuild(Journey& journey) { return impl_->apply.Rebuild(journey); }

std::uint64_t LeadFunction::slow() const { return impl_->apply.slow(); }

Result<std::vector<LeadFunction::Line>> LeadFunction::Explain(Journey& journey,
                                                              const HomeFilter& in) const {
  return ExplainJourney(impl_->pipeline, impl_->facts, journey, in);
}

void LeadFunction::Unowned(const Record& record, int sign, FactSink& sink) const {
  NegatedFacts negated(&sink);
  SeenMap seen;
  impl_->facts.Begin(sign < 0 ? static_cast<FactSink*>(&negated) : &sink, &seen);
  const Milestones none;
  const std::vector<RecordPlace> records = {{record.time_ms, &record}};
  LoadedTouches touches({});
  NoDimensions dimensions;
  Emission emission(impl_->rules, nullptr, &impl_->facts);
  const Status status = emission.Happens({Happening::What::kRecord, 0, &record},
                                         {&none, &records, &touches, &dimensions}, +1);
  LEADFLOW_CHECK(status.ok());  // nothing is read
}

void LeadFunction::Impl::AddCost(const Item& item, Occurrence occurrence, const EntryFields& row,
                                 int sign) {
  const FieldsView view = item.entry.Fields();
  std::int64_t first = pipeline.zone.LocalDay(item.entry.time_ms), days = 1;
  if (view.Has(Field::kPeriodStart)) {
    first = view.Number(Field::kPeriodStart);
    const std::int64_t last = view.Number(Field::kPeriodEnd, first);
    if (last > first && last - first < kMostDays) days = last - first + 1;
  }
  const std::vector<std::int64_t> weights(static_cast<std::size_t>(days), 1);
  const auto spread = [&](Field field) {
    std::vector<std::int64_t> shares(weights.size(), 0);
    SplitByWeights(view.Number(field), weights, shares);
    return shares;
  };
  const std::vector<std::int64_t> amounts = spread(Field::kAmount), clicks = spread(Field::kClicks),
                                  impressions = spread(Field::kImpressions);
  CostFields fields(row);
  occurrence.fields = &fields;
  occurrence.currency = view.Text(Field::kCurrency);
  occurrence.has_amount = view.Has(Field::kAmount) && !occurrence.currency.empty();
  for (std::size_t day = 0; day < weights.size(); ++day) {
    const bool whole = days == 1 && !view.Has(Field::kPeriodStart);
    occurrence.time_ms =
        whole ? item.entry.time_ms : pipeline.zone.DayStart(first + static_cast<std::int64_t>(day));
    fields.time_ms = occurrence.time_ms;
    fields.amount = occurrence.amount = amounts[day];
    if (view.Has(Field::kClicks)) fields.clicks = clicks[day];
    if (view.Has(Field::kImpressions)) fields.impressions = impressions[day];
    // The row is one, on its first day.
    occurrence.count = day == 0 ? 1 : 0;
    facts.Add(occurrence, sign);
  }
}

void LeadFunction::Standalone(const Entry& entry, int sign, FactSink& sink) const {
  if (entry.erased() || (impl_->rules.event_kinds & KindBit(entry.kind)) == 0) return;
  SeenMap seen;
  impl_->facts.Begin(&sink, &seen);
  Item item;
  EvalArena arena;
  ReadItem(impl_->rules, entry, nullptr, arena, &item);
  if (const std::string_view channel = entry.Fields().Text(Field::kChannel); !channel.empty()) {
    item.own.channel = channel;
  }
  const EntryFields fields(entry, impl_->pipeline.names, impl_->pipeline.source_names);
  Occurrence occurrence;
  occurrence.of = Subject::Of::kEvent;
  occurrence.kind = entry.kind;
  occurrence.time_ms = entry.time_ms;
  occurrence.machine = entry.machine();
  occurrence.own = occurrence.by_default = item.own;
  occurrence.first = occurrence.last = occurrence.last_non_direct = item.own;
  occurrence.fields = &fields;
  occurrence.names = &impl_->pipeline.names;
  if (entry.kind == Kind::kCost) {
    impl_->AddCost(item, occurrence, fields, sign);
    return;
  }
  if (entry.Fields().Has(Field::kCount)) {
    occurrence.count = entry.Fields().Number(Field::kCount);
    occurrence.anonymous_count = true;
  }
  impl_->facts.Add(occurrence, sign);
}

}  // namespace leadflow
