#include "operators/facts/fact_builder.h"

#include <array>

#include "engine/base/hash.h"
#include "operators/facts/credit_split.h"
#include "operators/facts/exchange.h"
#include "operators/facts/leaf.h"
#include "operators/facts/trust_facts.h"
#include "operators/facts/window_memo.h"

namespace leadflow {
namespace {

constexpr std::int64_t kConversion = 1'000'000;  // micro-conversions
constexpr std::size_t kSubjects = 16;

const TouchDimensions& Credited(const Occurrence& occurrence, Credit credit) {
  switch (credit) {
    case Credit::kOwn: return occurrence.own;
    case Credit::kFirst: return occurrence.first;
    case Credit::kLast: return occurrence.last;
    case Credit::kLastNonDirect: return occurrence.last_non_direct;
    case Credit::kDefault: break;
  }
  return occurrence.by_default;
}

std::int64_t RateTime(const Occurrence& occurrence) {
  return occurrence.rate_time_ms == Occurrence::kRateAtTime ? occurrence.time_ms
                                                            : occurrence.rate_time_ms;
}

// The occurrence's fields with what only the occurrence knows laid over them.
class OccurrenceFields final : public FieldSource {
 public:
  OccurrenceFields(const Occurrence& occurrence, const TouchDimensions& touch)
      : occurrence_(occurrence), touch_(touch) {}

  Value Field(int slot) const override {
    const bool visit = occurrence_.of == Subject::Of::kVisit;
    switch (slot) {
      case kSlotOwnChannel: return Text(touch_.channel);
      case kSlotLandingPage: return Text(touch_.landing_page);
      case kSlotPageViews:
        if (visit) return Value::Int(occurrence_.page_views);
        break;
      case kSlotDwell:
        if (visit) return Value::Duration(occurrence_.dwell_ms);
        break;
      case kSlotEngaged:
        if (visit) return Value::Duration(occurrence_.engaged_ms);
        break;
      case kSlotBounce:
        if (visit) return Value::Bool(occurrence_.bounce);
        break;
      case kSlotTouches:
        if (!visit) return Value::Int(occurrence_.touches);
        break;
      default: break;
    }
    return occurrence_.fields == nullptr ? Value::Null() : occurrence_.fields->Field(slot);
  }

 private:
  static Value Text(std::string_view text) {
    return text.empty() ? Value::Null() : Value::String(text);
  }

  const Occurrence& occurrence_;
  const TouchDimensions& touch_;
};

// A number of an occurrence, and what it was before if a booked refund changes it.
struct Number {
  bool present = false;
  std::int64_t value = 0;
  std::int64_t before = 0;    // booked refunds of an amount
  bool moves = false;         // `before` means something
  std::string_view currency;  // of the row it belongs to; money only
};

}  // namespace

struct FactBuilder::Impl {
  explicit Impl(const Pipeline& all);

  void Add(const Occurrence& occurrence, int sign);
  void AddLeaf(const Leaf& leaf, const Occurrence& occurrence, int sign);
  void AddDistinct(const Leaf& leaf, const RowTexts& texts, std::int64_t by);
  void AddNumber(const Leaf& leaf, const RowTexts& texts, int sign, std::int64_t by);
  void AddAttributed(const Leaf& leaf, RowTexts texts, int sign, std::int64_t by);
  void AddParts(const Leaf& leaf, const RowTexts& texts, int model, std::int64_t total,
                std::int64_t sign);
  void AddMeasured(const Leaf& leaf, const RowTexts& texts, int sign, std::int64_t by);
  void CountHole(const Occurrence& occurrence, int sign);

  Number ReadNumber(const Leaf& leaf, const Occurrence& occurrence);
  bool ReadMoney(const Leaf& leaf, const Occurrence& occurrence, std::int64_t minor,
                 std::string_view currency, Number* number);
  bool Applies(const Leaf& leaf, const Occurrence& occurrence, const TouchDimensions& touch);

  void Emit(const Leaf& leaf, ComponentKind kind, const RowTexts& texts, std::int64_t delta) {
    if (delta == 0) return;
    BeginComponent(leaf, kind, texts, &key);
    sink->Add(key.group(), key.component(), delta);
  }

  const Pipeline& pipeline;
  LeafSet set;
  std::array<std::vector<int>, kKindCount> by_kind;    // kEvent
  std::array<std::vector<int>, kSubjects> by_subject;  // the others
  std::vector<std::vector<int>> by_stage_first, by_stage_entry, by_goal, by_duration;
  WindowMemo windows;
  Exchange exchange;
  CreditSplit credit;
  TrustFacts trust;
  bool counts_holes = false;

  FactSink* sink = nullptr;
  SeenMap* seen = nullptr;
  RowKey key;
  EvalArena arena;
  bool split_begun = false;  // for the occurrence being added
  std::string own_currency;  // keeps the code of a field's money alive
};

FactBuilder::Impl::Impl(const Pipeline& all)
    : pipeline(all),
      set(CompileLeaves(all)),
      by_stage_first(all.stages.size()),
      by_stage_entry(all.stages.size()),
      by_goal(all.goals.size()),
      by_duration(set.durations.size()),
      windows(all.zone),
      exchange(all),
      credit(all.attribution.models, set.masks),
      trust(all),
      counts_holes(trust.Wants("no_rate")) {
  for (std::size_t i = 0; i < set.leaves.size(); ++i) {
    const Leaf& leaf = set.leaves[i];
    const Subject& subject = leaf.measure->subject;
    std::vector<int>* list = &by_subject[static_cast<std::size_t>(subject.of)];
    if (leaf.duration >= 0) {
      list = &by_duration[static_cast<std::size_t>(leaf.duration)];
    } else if (subject.of == Subject::Of::kEvent) {
      list = &by_kind[static_cast<std::size_t>(subject.kind)];
    } else if (subject.of == Subject::Of::kStageFirst) {
      list = &by_stage_first[static_cast<std::size_t>(subject.stage)];
    } else if (subject.of == Subject::Of::kStageEntry) {
      list = &by_stage_entry[static_cast<std::size_t>(subject.stage)];
    } else if (subject.of == Subject::Of::kGoal) {
      list = &by_goal[static_cast<std::size_t>(subject.goal)];
    } else if (subject.of == Subject::Of::kTrust) {
      continue;  // TrustFacts
    }
    list->push_back(static_cast<int>(i));
  }
}

void FactBuilder::Impl::Add(const Occurrence& occurrence, int sign) {
  const std::vector<int>* list = &by_subject[static_cast<std::size_t>(occurrence.of)];
  if (occurrence.duration >= 0) {
    list = &by_duration[static_cast<std::size_t>(occurrence.duration)];
  } else if (occurrence.of == Subject::Of::kEvent) {
    list = &by_kind[static_cast<std::size_t>(occurrence.kind)];
  } else if (occurrence.of == Subject::Of::kStageFirst) {
    list = &by_stage_first[static_cast<std::size_t>(occurrence.stage)];
  } else if (occurrence.of == Subject::Of::kStageEntry) {
    list = &by_stage_entry[static_cast<std::size_t>(occurrence.stage)];
  } else if (occurrence.of == Subject::Of::kGoal) {
    list = &by_goal[static_cast<std::size_t>(occurrence.goal)];
  }
  split_begun = false;
  for (const int leaf : *list) {
    AddLeaf(set.leaves[static_cast<std::size_t>(leaf)], occurrence, sign);
  }
  if (counts_holes) CountHole(occurrence, sign);
}

// An amount without a rate, once per order, deal and cost row.
void FactBuilder::Impl::CountHole(const Occurrence& occurrence, int sign) {
  if (occurrence.of == Subject::Of::kGoal || occurrence.duration >= 0 || !occurrence.restated) {
    return;
  }
  std::int64_t minor = occurrence.amount;
  std::string_view currency = occurrence.currency;
  if (!occurrence.has_amount) {
    if (occurrence.of != Subject::Of::kEvent || occurrence.fields == nullptr) return;
    const Value value = occurrence.fields->Field(static_cast<int>(Field::kAmount));
    if (value.type != ValueType::kMoney) return;
    minor = value.integer;
    own_currency.assign(value.currency.data(), value.currency.size());
    currency = own_currency;
  }
  if (currency.empty() || exchange.Convert(minor, currency, RateTime(occurrence))) return;
  std::string_view source;
  if (occurrence.fields != nullptr) {
    const Value value = occurrence.fields->Field(kSlotSource);
    if (value.type == ValueType::kString) source = value.string();
  }
  trust.Count("no_rate", source, currency, occurrence.time_ms, sign, *sink);
}

bool FactBuilder::Impl::Applies(const Leaf& leaf, const Occurrence& occurrence,
                                const TouchDimensions& touch) {
  const Measure& measure = *leaf.measure;
  if (occurrence.machine && !measure.machine) return false;
  if (measure.ledger == Ledger::kBooked ? !occurrence.booked : !occurrence.restated) return false;
  if (leaf.IsDistinct() ? occurrence.count_only : occurrence.distinct_only) return false;
  if (measure.where == nullptr) return true;
  const OccurrenceFields fields(occurrence, touch);
  const bool matches = measure.where->Matches(fields, arena);
  arena.Reset();
  return matches;
}

void FactBuilder::Impl::AddLeaf(const Leaf& leaf, const Occurrence& occurrence, int sign) {
  const TouchDimensions& touch = Credited(occurrence, leaf.measure->credit);
  if (!Applies(leaf, occurrence, touch)) return;
  // What it counts for: a booked refund that removes the order takes one away, another moves the
  // value alone.
  std::int64_t by = 0;
  if (occurrence.counts) by = occurrence.booked_refund ? -1 : 1;
  RowTexts texts;
  texts.occurrence = &occurrence;
  texts.touch = &touch;
  if (leaf.IsAttributed()) {
    AddAttributed(leaf, texts, sign, by);
    return;
  }
  if (!leaf.model_dimension) {
    AddMeasured(leaf, texts, sign, by);
    return;
  }
  for (const int model : leaf.models) {
    texts.model = pipeline.attribution.models[static_cast<std::size_t>(model)].name;
    AddMeasured(leaf, texts, sign, by);
  }
}

void FactBuilder::Impl::AddMeasured(const Leaf& leaf, const RowTexts& texts, int sign,
                                    std::int64_t by) {
  const Occurrence& occurrence = *texts.occurrence;
  if (leaf.number != NumberSource::kNone) {
    AddNumber(leaf, texts, sign, by);
    return;
  }
  if (by == 0) return;
  BeginRow(leaf, windows.Start(occurrence.time_ms, leaf.kpi->window), texts, exchange.report(),
           &key);
  if (leaf.IsDistinct()) {
    AddDistinct(leaf, texts, sign * by);
  } else {
    Emit(leaf, ComponentKind::kSum, texts, sign * by * occurrence.count);
  }
}

void FactBuilder::Impl::AddDistinct(const Leaf& leaf, const RowTexts& texts, std::int64_t by) {
  const Occurrence& occurrence = *texts.occurrence;
  if (occurrence.anonymous_count) {
    Emit(leaf, ComponentKind::kSum, texts, by * occurrence.count);
    return;
  }
  if (leaf.measure->type == Measure::Type::kDistinctAccounts) {
    if (occurrence.lead.account.empty()) return;
    BeginComponent(leaf, ComponentKind::kAccount, texts, &key);
    key.Raw(occurrence.lead.account);
    sink->Add(key.group(), key.component(), by);
    return;
  }
  BeginComponent(leaf, ComponentKind::kSum, texts, &key);
  const std::int64_t count = seen->Add(Hash64(key.all()), by);
  const std::int64_t least = leaf.measure->at_least;
  const int counted_now = count >= least ? 1 : 0;
  const int counted_before = count - by >= least ? 1 : 0;
  if (counted_now != counted_before) {
    sink->Add(key.group(), key.component(), counted_now - counted_before);
  }
}

// The row's currency and the value in it: the report currency if there is a rate, else its own.
// False: it does not count here.
bool FactBuilder::Impl::ReadMoney(const Leaf& leaf, const Occurrence& occurrence,
                                  std::int64_t minor, std::string_view currency, Number* number) {
  const std::int64_t day = RateTime(occurrence);
  const bool moves = occurrence.booked_refund && leaf.number == NumberSource::kAmount;
  std::int64_t now = minor;
  if (moves) now += occurrence.booked_before;
  number->moves = moves;
  number->currency = exchange.report();
  const std::optional<std::int64_t> converted = exchange.Convert(now, currency, day);
  const std::optional<std::int64_t> before =
      moves ? exchange.Convert(occurrence.booked_before, currency, day) : 0;
  if (converted.has_value() && before.has_value()) {
    number->value = *converted;
    number->before = *before;
    return true;
  }
  if (leaf.needs_rate) return false;
  number->currency = currency;
  number->value = now;
  number->before = moves ? occurrence.booked_before : 0;
  return true;
}

Number FactBuilder::Impl::ReadNumber(const Leaf& leaf, const Occurrence& occurrence) {
  Number number;
  number.currency = exchange.report();
  number.present = true;
  switch (leaf.number) {
    case NumberSource::kDwell: number.value = occurrence.dwell_ms; break;
    case NumberSource::kEngaged: number.value = occurrence.engaged_ms; break;
    case NumberSource::kPageViews: number.value = occurrence.page_views; break;
    case NumberSource::kTouches: number.value = occurrence.touches; break;
    case NumberSource::kDuration:
      number.value = occurrence.duration_ms;
      number.present = occurrence.duration_ms >= 0;
      break;
    case NumberSource::kAmount:
      if (occurrence.has_amount) {
        number.present =
            !occurrence.currency.empty() &&
            ReadMoney(leaf, occurrence, occurrence.amount, occurrence.currency, &number);
        return number;
      }
      [[fallthrough]];
    case NumberSource::kField: {
      const Value value =
          occurrence.fields == nullptr ? Value::Null() : occurrence.fields->Field(leaf.number_slot);
      if (value.type == ValueType::kMoney) {
        own_currency.assign(value.currency.data(), value.currency.size());
        number.present = ReadMoney(leaf, occurrence, value.integer, own_currency, &number);
        return number;
      }
      number.value = value.integer;
      number.present = value.type == ValueType::kInt || value.type == ValueType::kBool ||
                       value.type == ValueType::kDuration;
      break;
    }
    case NumberSource::kNone: number.present = false; break;
  }
  if (leaf.cut_to_unit) number.value /= leaf.kpi->unit_ms;
  return number;
}

void FactBuilder::Impl::AddNumber(const Leaf& leaf, const RowTexts& texts, int sign,
                                  std::int64_t by) {
  const Occurrence& occurrence = *texts.occurrence;
  const Number number = ReadNumber(leaf, occurrence);
  if (!number.present) return;
  BeginRow(leaf, windows.Start(occurrence.time_ms, leaf.kpi->window), texts, number.currency, &key);
  if (leaf.measure->type == Measure::Type::kQuantile) {
    const auto bucket = [&](std::int64_t value, std::int64_t delta) {
      BeginComponent(leaf, ComponentKind::kBucket, texts, &key);
      key.Bucket(QuantileBucket(value));
      sink->Add(key.group(), key.component(), delta);
    };
    if (number.moves) {
      bucket(number.before, -sign);
      if (by == 0) bucket(number.value, sign);
    } else if (by != 0) {
      bucket(number.value, sign * by);
    }
    return;
  }
  const std::int64_t change = number.moves ? number.value - number.before : by * number.value;
  Emit(leaf, ComponentKind::kSum, texts, sign * change);
  if (leaf.measure->type != Measure::Type::kSum) {
    Emit(leaf, ComponentKind::kCount, texts, sign * by);
  }
}

void FactBuilder::Impl::AddAttributed(const Leaf& leaf, RowTexts texts, int sign, std::int64_t by) {
  const Occurrence& occurrence = *texts.occurrence;
  std::int64_t now = kConversion * by;
  std::int64_t before = 0;
  std::string_view currency = exchange.report();
  if (leaf.measure->type == Measure::Type::kAttributedValue) {
    const Number number = ReadNumber(leaf, occurrence);
    if (!number.present) return;
    now = number.moves ? number.value : number.value * by;
    before = number.before;
    currency = number.currency;
  }
  if (occurrence.conversion != nullptr && !occurrence.conversion->touches.empty() && !split_begun) {
    credit.Begin(*occurrence.conversion, occurrence.time_ms);
    split_begun = true;
  }
  own_currency.assign(currency);
  for (const int model : leaf.models) {
    texts.model = pipeline.attribution.models[static_cast<std::size_t>(model)].name;
    AddParts(leaf, texts, model, now, sign);
    if (before != 0) AddParts(leaf, texts, model, before, -sign);
  }
}

void FactBuilder::Impl::AddParts(const Leaf& leaf, const RowTexts& texts, int model,
                                 std::int64_t total, std::int64_t sign) {
  if (total == 0) return;
  const Occurrence& occurrence = *texts.occurrence;
  const std::int64_t window = windows.Start(occurrence.time_ms, leaf.kpi->window);
  RowTexts row = texts;
  if (!split_begun) {
    TouchDimensions none;
    none.channel = kUnattributed;
    row.touch = &none;
    BeginRow(leaf, window, row, own_currency, &key);
    Emit(leaf, ComponentKind::kSum, row, sign * total);
    return;
  }
  for (const CreditSplit::Part& part : credit.Split(model, leaf.combination, total)) {
    const auto touch = static_cast<std::size_t>(part.touch);
    row.touch = &occurrence.conversion->touches[touch].dimensions;
    BeginRow(leaf, window, row, own_currency, &key);
    Emit(leaf, ComponentKind::kSum, row, sign * part.share);
  }
}

FactBuilder::FactBuilder(const Pipeline& pipeline) : impl_(std::make_unique<Impl>(pipeline)) {}
FactBuilder::~FactBuilder() = default;

void FactBuilder::Begin(FactSink* sink, SeenMap* seen) {
  impl_->sink = sink;
  impl_->seen = seen;
}

void FactBuilder::Add(const Occurrence& occurrence, int sign) { impl_->Add(occurrence, sign); }

bool FactBuilder::Wants(Subject::Of of, Kind kind) const {
  const Impl& impl = *impl_;
  const auto any = [](const std::vector<std::vector<int>>& lists) {
    for (const std::vector<int>& list : lists) {
      if (!list.empty()) return true;
    }
    return false;
  };
  switch (of) {
    case Subject::Of::kEvent:
      return !impl.by_kind[static_cast<std::size_t>(kind)].empty() ||
             (impl.counts_holes && kind == Kind::kCost);
    case Subject::Of::kStageFirst: return any(impl.by_stage_first);
    case Subject::Of::kStageEntry: return any(impl.by_stage_entry);
    case Subject::Of::kGoal: return any(impl.by_goal);
    case Subject::Of::kOrder:
    case Subject::Of::kDealWon:
      if (impl.counts_holes) return true;
      [[fallthrough]];
    default: return !impl.by_subject[static_cast<std::size_t>(of)].empty();
  }
}

bool FactBuilder::WantsStage(int stage) const {
  const auto index = static_cast<std::size_t>(stage);
  return !impl_->by_stage_first[index].empty() || !impl_->by_stage_entry[index].empty();
}

bool FactBuilder::WantsGoal(int goal) const {
  return !impl_->by_goal[static_cast<std::size_t>(goal)].empty();
}

bool FactBuilder::UsesNowDimensions() const { return impl_->set.uses_now; }

const std::vector<DurationSpec>& FactBuilder::durations() const { return impl_->set.durations; }

}  // namespace leadflow
