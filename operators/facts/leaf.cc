#include "operators/facts/leaf.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/hash.h"
#include "operators/facts/measure_unit.h"

namespace leadflow {
namespace {

int SlotOf(Dimension dimension, const std::string& label, const NameTable& names) {
  switch (dimension) {
    case Dimension::kProductLine: return static_cast<int>(Field::kProductLine);
    case Dimension::kDiscountCode: return static_cast<int>(Field::kDiscountCode);
    case Dimension::kOffer: return static_cast<int>(Field::kOffer);
    case Dimension::kName: return static_cast<int>(Field::kName);
    case Dimension::kForm: return static_cast<int>(Field::kForm);
    case Dimension::kAsset: return static_cast<int>(Field::kAsset);
    case Dimension::kLink: return static_cast<int>(Field::kLink);
    case Dimension::kNetwork: return static_cast<int>(Field::kNetwork);
    case Dimension::kVariant: return static_cast<int>(Field::kVariant);
    case Dimension::kKind: return kSlotKind;
    case Dimension::kLabel:
      for (int i = 0; i < names.size(); ++i) {
        if (!names.is_trait(i) && names.name(i) == label) return kSlotNamed + i;
      }
      return 0;
    default: return 0;
  }
}

// What one KPI hands down to all of its leaves.
struct KpiContext {
  const Pipeline& pipeline;
  const KpiSpec& kpi;
  int along = -1;
  std::vector<int> models;  // what a leaf without models of its own is repeated for
};

// All models that any attributed leaf has rows for.
void CollectModels(const Measure& measure, std::size_t all, std::vector<bool>* used) {
  const bool attributed =
      measure.type == Measure::Type::kAttributed || measure.type == Measure::Type::kAttributedValue;
  if (attributed) {
    for (std::size_t i = 0; i < all; ++i) {
      if (measure.models.empty()) (*used)[i] = true;
    }
    for (const int model : measure.models) (*used)[static_cast<std::size_t>(model)] = true;
  }
  for (const Measure& operand : measure.operands) CollectModels(operand, all, used);
}

void SetNumber(Leaf* leaf) {
  const Measure& measure = *leaf->measure;
  const MeasureUnit unit = NumberUnitOf(measure);
  leaf->money = unit == MeasureUnit::kMoney;
  leaf->cut_to_unit = unit == MeasureUnit::kDuration && measure.type == Measure::Type::kQuantile;
  if (measure.type == Measure::Type::kAttributedValue) {
    leaf->number = NumberSource::kAmount;
    leaf->number_slot = static_cast<int>(Field::kAmount);
    return;
  }
  if (measure.duration || measure.type == Measure::Type::kMeanTime) {
    leaf->number = NumberSource::kDuration;
    return;
  }
  if (measure.field.empty()) return;
  constexpr std::pair<std::string_view, NumberSource> kOwnNumbers[] = {
      {"dwell_time", NumberSource::kDwell},
      {"engaged_time", NumberSource::kEngaged},
      {"page_views", NumberSource::kPageViews},
      {"touches", NumberSource::kTouches},
  };
  for (const auto& [name, number] : kOwnNumbers) {
    if (measure.field == name) {
      leaf->number = number;
      return;
    }
  }
  const std::optional<Field> field = FieldFromName(measure.field);
  LEADFLOW_CHECK(field.has_value());  // the loader refuses other names
  leaf->number = *field == Field::kAmount ? NumberSource::kAmount : NumberSource::kField;
  leaf->number_slot = static_cast<int>(*field);
}

void SetDimensions(const KpiContext& context, Leaf* leaf, LeafSet* set) {
  const KpiSpec& kpi = context.kpi;
  for (std::size_t i = 0; i < kpi.by.size(); ++i) {
    const DimensionSpec& spec = kpi.by[i];
    const DimensionSource source{spec.dimension,
                                 SlotOf(spec.dimension, spec.label, context.pipeline.names)};
    if (static_cast<int>(i) == context.along) {
      leaf->has_along = true;
      leaf->along = source;
    } else {
      leaf->by.push_back(source);
    }
    if (spec.dimension == Dimension::kModel) leaf->model_dimension = true;
    if (IsTouchDimension(spec.dimension)) {
      leaf->touch_mask |= 1u << static_cast<unsigned>(spec.dimension);
    }
    const Pipeline& pipeline = context.pipeline;
    set->uses_now |= (spec.dimension == Dimension::kPersona && pipeline.persona_now) ||
                     (spec.dimension == Dimension::kAccount && pipeline.account_now) ||
                     (spec.dimension == Dimension::kOwner && pipeline.owner_now) ||
                     (spec.dimension == Dimension::kCountry && pipeline.country_now);
  }
  const auto known = std::find(set->masks.begin(), set->masks.end(), leaf->touch_mask);
  leaf->combination = static_cast<int>(known - set->masks.begin());
  if (known == set->masks.end()) set->masks.push_back(leaf->touch_mask);
}

void SetDuration(Leaf* leaf, LeafSet* set) {
  if (leaf->number != NumberSource::kDuration) return;
  const Measure& measure = *leaf->measure;
  for (std::size_t i = 0; i < set->durations.size(); ++i) {
    const DurationSpec& spec = set->durations[i];
    if (spec.from == measure.from && spec.to == measure.to && spec.time_in == measure.time_in) {
      leaf->duration = static_cast<int>(i);
      return;
    }
  }
  leaf->duration = static_cast<int>(set->durations.size());
  set->durations.push_back({measure.from, measure.to, measure.time_in});
}

void AddLeaf(const KpiContext& context, const Measure& measure, bool inside_ratio, LeafSet* set) {
  Leaf leaf;
  leaf.kpi = &context.kpi;
  leaf.measure = &measure;
  leaf.name_hash = Hash64(context.kpi.name);
  SetDimensions(context, &leaf, set);
  SetNumber(&leaf);
  SetDuration(&leaf, set);
  leaf.money_rows = context.kpi.money;
  leaf.needs_rate =
      leaf.money && (!leaf.money_rows || inside_ratio || measure.type == Measure::Type::kMean);
  leaf.models = measure.models.empty() ? context.models : measure.models;
  // Without the dimension there is one row for all models, so only one can fill it.
  if (!leaf.model_dimension && leaf.models.size() > 1) {
    leaf.models.erase(leaf.models.begin() + 1, leaf.models.end());
  }
  if (measure.type == Measure::Type::kDistinctAccounts) {
    set->uses_now |= context.pipeline.account_now;
  }
  set->leaves.push_back(std::move(leaf));
}

void Walk(const KpiContext& context, const Measure& measure, bool inside_ratio, LeafSet* set) {
  if (measure.IsLeaf()) {
    AddLeaf(context, measure, inside_ratio, set);
    return;
  }
  const bool ratio = inside_ratio || measure.type != Measure::Type::kMinus;
  for (const Measure& operand : measure.operands) Walk(context, operand, ratio, set);
}

}  // namespace

LeafSet CompileLeaves(const Pipeline& pipeline) {
  LeafSet set;
  const std::size_t all = pipeline.attribution.models.size();
  for (const KpiSpec& kpi : pipeline.kpis) {
    KpiContext context{pipeline, kpi, AlongOf(kpi.measure), {}};
    std::vector<bool> used(all, false);
    CollectModels(kpi.measure, all, &used);
    const bool any = std::find(used.begin(), used.end(), true) != used.end();
    for (std::size_t i = 0; i < all; ++i) {
      if (used[i] || !any) context.models.push_back(static_cast<int>(i));
    }
    Walk(context, kpi.measure, false, &set);
  }
  return set;
}

std::string_view TouchText(const TouchDimensions& touch, Dimension dimension) {
  switch (dimension) {
    case Dimension::kChannel: return touch.channel;
    case Dimension::kCampaign: return touch.campaign;
    case Dimension::kSource: return touch.source;
    case Dimension::kMedium: return touch.medium;
    case Dimension::kLandingPage: return touch.landing_page;
    default: return touch.fair;
  }
}

std::string_view DimensionText(const DimensionSource& source, const RowTexts& texts) {
  std::string_view text;
  const Dimension dimension = source.dimension;
  if (dimension == Dimension::kModel) {
    text = texts.model;
  } else if (IsTouchDimension(dimension)) {
    if (texts.touch != nullptr) text = TouchText(*texts.touch, dimension);
  } else if (dimension == Dimension::kTrustSource) {
    text = texts.trust_source;
  } else if (dimension == Dimension::kTrustReason) {
    text = texts.trust_reason;
  } else if (texts.occurrence != nullptr) {
    const Occurrence& occurrence = *texts.occurrence;
    switch (dimension) {
      case Dimension::kPersona: text = occurrence.lead.persona; break;
      case Dimension::kAccount: text = occurrence.lead.account; break;
      case Dimension::kOwner: text = occurrence.lead.owner; break;
      case Dimension::kCountry: text = occurrence.lead.country; break;
      default: {
        if (source.slot == 0 || occurrence.fields == nullptr) break;
        const Value value = occurrence.fields->Field(source.slot);
        if (value.type == ValueType::kString) text = value.string();
      }
    }
  }
  return text.empty() ? kNoText : text;
}

void BeginRow(const Leaf& leaf, std::int64_t window_start_ms, const RowTexts& texts,
              std::string_view currency, RowKey* key) {
  key->Begin(leaf.name_hash, window_start_ms);
  for (const DimensionSource& source : leaf.by) key->Text(DimensionText(source, texts));
  if (leaf.money_rows) key->Text(currency);
  key->EndGroup();
}

void BeginComponent(const Leaf& leaf, ComponentKind kind, const RowTexts& texts, RowKey* key) {
  key->Component(static_cast<std::uint64_t>(leaf.measure->slot), kind);
  if (leaf.has_along) key->Text(DimensionText(leaf.along, texts));
}

}  // namespace leadflow
