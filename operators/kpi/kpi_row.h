// KpiRow: one row as users see it, made from the components of a group. Pure functions: nothing
// here reads a store or a clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operators/kpi/row_state.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

struct KpiRow {
  const KpiSpec* kpi = nullptr;
  std::int64_t window_start_ms = 0;
  std::int64_t window_end_ms = 0;       // INT64_MAX: `total` has no end
  std::vector<std::string> dimensions;  // in the order of `by`
  // Exact decimal text; nullopt: no value (a division by 0, a median of nothing).
  std::optional<std::string> value;
  std::vector<std::optional<std::string>> quantiles;  // in the order of quantile_columns
  std::optional<std::string> numerator, denominator;  // ratios, means, shares
  std::string currency;                               // money; else empty
  bool settled = false;
  std::uint64_t revision = 0;
  std::string_view cause;  // "late", or empty: no settled row has changed
  std::int64_t updated_at_ms = 0;
};

// The rows of one group (several if shares run along a dimension; none if the bytes are no group of
// this KPI). `group`: without the 'R' of its key. `watermark_ms` decides `settled`.
std::vector<KpiRow> RenderRows(const KpiSpec& kpi, const Pipeline& pipeline, std::string_view group,
                               const RowState& state, std::int64_t watermark_ms);

// The order of rows in files: window, dimensions, currency.
bool RowBefore(const KpiRow& a, const KpiRow& b);

// One column of a row as outputs write it. The name is borrowed from the KPI.
struct RowField {
  enum class Type : std::uint8_t { kText, kNumber, kBool };
  std::string_view name;
  Type type = Type::kText;
  std::optional<std::string> text;  // nullopt: null
};

// Names of the columns of all rows of a KPI, in order: kpi, window, window_start, window_end, the
// dimensions, value, quantiles, numerator and denominator (ratios, means), currency (money), unit,
// settled, revision, cause, updated_at. Borrowed from the KPI.
std::vector<std::string_view> RowColumns(const KpiSpec& kpi);
// The same with what stands in them.
std::vector<RowField> RowFields(const KpiRow& row, const TimeZone& zone);

}  // namespace leadflow
