#include "operators/kpi/kpi_row.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "engine/base/money.h"
#include "engine/base/wire.h"
#include "operators/facts/fact.h"
#include "operators/facts/measure_unit.h"
#include "operators/kpi/figure.h"

namespace leadflow {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr int kShareDigits = 6;

bool HasParts(const Measure& measure) {
  switch (measure.type) {
    case Measure::Type::kRatio:
    case Measure::Type::kMean:
    case Measure::Type::kMeanTime:
    case Measure::Type::kShareOf: return true;
    default: return false;
  }
}

// The components of a group, by what its shares run along (one entry, empty, if they do not).
using Along = std::map<std::string, std::vector<SlotSums>, std::less<>>;

bool ReadComponents(const KpiSpec& kpi, const RowState& state, bool with_along, Along* sums) {
  if (!with_along) sums->try_emplace(std::string());
  for (const auto& [bytes, value] : state.components) {
    Component component;
    if (!ReadComponent(bytes, with_along, &component)) return false;
    if (component.slot >= static_cast<std::uint64_t>(kpi.slots)) continue;
    std::vector<SlotSums>& slots = (*sums)[std::string(component.along)];
    slots.resize(static_cast<std::size_t>(kpi.slots));
    SlotSums& slot = slots[static_cast<std::size_t>(component.slot)];
    switch (component.kind) {
      case ComponentKind::kSum: slot.sum = value; break;
      case ComponentKind::kCount: slot.count = value; break;
      case ComponentKind::kBucket: slot.buckets.emplace_back(component.bucket, value); break;
      case ComponentKind::kAccount: slot.accounts.push_back(value); break;
    }
  }
  for (auto& [along, slots] : *sums) {
    for (SlotSums& slot : slots) std::sort(slot.buckets.begin(), slot.buckets.end());
  }
  return true;
}

// What a share is a part of: its operand, added up along the dimension.
Figure Total(const KpiSpec& kpi, const Along& sums, int exponent) {
  Figure total;
  total.present = true;
  for (const auto& [along, slots] : sums) {
    total = Plus(total, FigureReader(kpi, slots, exponent).Of(kpi.measure));
  }
  return total;
}

void SetFigures(const KpiSpec& kpi, const FigureReader& figures, const Figure& total, KpiRow* row) {
  const Measure& measure = kpi.measure;
  if (measure.type == Measure::Type::kQuantile) {
    for (const double quantile : measure.quantiles) {
      row->quantiles.push_back(figures.Quantile(measure, quantile).Text());
    }
  }
  if (measure.type == Measure::Type::kShareOf) {
    const Figure part = figures.Of(measure);
    row->value = Divide(part, total, kShareDigits).Text();
    row->numerator = part.Text();
    row->denominator = total.Text();
    return;
  }
  row->value = figures.Of(measure).Text();
  if (!HasParts(measure)) return;
  const auto [above, below] = figures.Parts(measure);
  row->numerator = above.Text();
  row->denominator = below.Text();
}

}  // namespace

std::vector<KpiRow> RenderRows(const KpiSpec& kpi, const Pipeline& pipeline, std::string_view group,
                               const RowState& state, std::int64_t watermark_ms) {
  std::uint64_t hash = 0;
  KpiRow row;
  row.kpi = &kpi;
  if (!ReadGroupHead(&group, &hash, &row.window_start_ms)) return {};
  const int along = AlongOf(kpi.measure);
  WireReader reader(group);
  for (std::size_t i = 0; i < kpi.by.size(); ++i) {
    std::string_view text;
    if (static_cast<int>(i) != along && !reader.Bytes(&text)) return {};
    row.dimensions.emplace_back(text);
  }
  int exponent = pipeline.report_exponent;
  if (kpi.money) {
    std::string_view currency;
    if (!reader.Bytes(&currency)) return {};
    row.currency = currency;
    exponent = CurrencyExponent(currency).value_or(exponent);
  }
  if (!reader.AtEnd()) return {};

  row.window_end_ms = pipeline.zone.WindowEnd(row.window_start_ms, kpi.window);
  row.settled = row.window_end_ms < kNever - pipeline.lateness_ms &&
                watermark_ms >= row.window_end_ms + pipeline.lateness_ms;
  row.revision = state.revision;
  row.cause = (state.flags & RowState::kChangedLate) != 0 ? "late" : "";
  row.updated_at_ms = state.changed_ms;

  Along sums;
  if (!ReadComponents(kpi, state, along >= 0, &sums)) return {};
  const Figure total = along >= 0 ? Total(kpi, sums, exponent) : Figure();
  std::vector<KpiRow> rows;
  for (const auto& [value, slots] : sums) {
    rows.push_back(row);
    if (along >= 0) rows.back().dimensions[static_cast<std::size_t>(along)] = value;
    SetFigures(kpi, FigureReader(kpi, slots, exponent), total, &rows.back());
  }
  return rows;
}

bool RowBefore(const KpiRow& a, const KpiRow& b) {
  return std::tie(a.window_start_ms, a.dimensions, a.currency) <
         std::tie(b.window_start_ms, b.dimensions, b.currency);
}

std::vector<std::string_view> RowColumns(const KpiSpec& kpi) {
  std::vector<std::string_view> columns = {"kpi", "window", "window_start", "window_end"};
  for (const DimensionSpec& dimension : kpi.by) columns.emplace_back(dimension.name);
  columns.emplace_back("value");
  if (kpi.measure.type == Measure::Type::kQuantile) {
    const auto& names = kpi.measure.quantile_columns;
    columns.insert(columns.end(), names.begin(), names.end());
  }
  if (HasParts(kpi.measure)) columns.insert(columns.end(), {"numerator", "denominator"});
  if (kpi.money) columns.emplace_back("currency");
  columns.insert(columns.end(), {"unit", "settled", "revision", "cause", "updated_at"});
  return columns;
}

std::vector<RowField> RowFields(const KpiRow& row, const TimeZone& zone) {
  const KpiSpec& kpi = *row.kpi;
  const std::vector<std::string_view> columns = RowColumns(kpi);
  std::vector<RowField> fields;
  fields.reserve(columns.size());
  const auto add = [&](std::optional<std::string> text, RowField::Type type) {
    fields.push_back({"", type, std::move(text)});
  };
  const auto text = [&](std::optional<std::string> t) { add(std::move(t), RowField::Type::kText); };
  const auto number = [&](std::optional<std::string> t) {
    add(std::move(t), RowField::Type::kNumber);
  };
  text(kpi.name);
  text(std::string(WindowUnitName(kpi.window)));
  text(zone.Format(row.window_start_ms));
  text(row.window_end_ms == kNever ? std::nullopt : std::optional(zone.Format(row.window_end_ms)));
  for (const std::string& dimension : row.dimensions) text(dimension);
  number(row.value);
  for (const std::optional<std::string>& quantile : row.quantiles) number(quantile);
  if (HasParts(kpi.measure)) {
    number(row.numerator);
    number(row.denominator);
  }
  if (kpi.money) text(row.currency);
  text(kpi.unit);
  add(row.settled ? "true" : "false", RowField::Type::kBool);
  number(std::to_string(row.revision));
  text(std::string(row.cause));
  text(zone.Format(row.updated_at_ms));
  for (std::size_t i = 0; i < fields.size(); ++i) fields[i].name = columns[i];
  return fields;
}

}  // namespace leadflow
