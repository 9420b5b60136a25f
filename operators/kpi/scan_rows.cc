#include "operators/kpi/scan_rows.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "engine/base/hash.h"
#include "engine/base/wire.h"
#include "operators/kpi/row_state.h"

namespace leadflow {
namespace {

Status ScanKpi(const KeyedStore& store, const Pipeline& pipeline, const KpiSpec& kpi,
               std::int64_t watermark_ms, const std::function<bool(KpiRow&&)>& visit,
               bool* stopped) {
  std::string prefix(1, kRowKey);
  WireWriter(&prefix).Fixed64(Hash64(kpi.name));
  bool readable = true;
  RowState state;
  const Status status =
      store.ScanCommitted(prefix, [&](std::string_view key, std::string_view value) {
        readable = ReadRowState(value, &state);
        if (!readable) return false;
        for (KpiRow& row : RenderRows(kpi, pipeline, key.substr(1), state, watermark_ms)) {
          if (visit(std::move(row))) continue;
          *stopped = true;
          return false;
        }
        return true;
      });
  if (!status.ok()) return status;
  if (readable) return {};
  return Status::Corruption("kpi row state of " + kpi.name + ": unreadable bytes");
}

// Rows are large: numbers are put in order, and then each row moves once.
std::vector<KpiRow> Sorted(std::vector<KpiRow> rows) {
  std::vector<std::uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return RowBefore(rows[a], rows[b]); });
  std::vector<KpiRow> sorted;
  sorted.reserve(rows.size());
  for (const std::uint32_t row : order) sorted.push_back(std::move(rows[row]));
  return sorted;
}

}  // namespace

Status ScanRows(const KeyedStore& store, const Pipeline& pipeline, std::string_view kpi,
                std::int64_t watermark_ms, const std::function<bool(KpiRow&&)>& visit) {
  bool found = false;
  bool stopped = false;
  for (const KpiSpec& spec : pipeline.kpis) {
    if (!kpi.empty() && spec.name != kpi) continue;
    found = true;
    LEADFLOW_RETURN_IF_ERROR(ScanKpi(store, pipeline, spec, watermark_ms, visit, &stopped));
    if (stopped) return {};
  }
  if (found || kpi.empty()) return {};
  return Status::NotFound("no kpi `" + std::string(kpi) + "` in this pipeline");
}

Result<std::vector<KpiRow>> CollectRows(std::span<const KeyedStore* const> partitions,
                                        const Pipeline& pipeline, std::string_view kpi,
                                        std::int64_t watermark_ms) {
  std::vector<KpiRow> rows;
  for (const KeyedStore* store : partitions) {
    LEADFLOW_RETURN_IF_ERROR(ScanRows(*store, pipeline, kpi, watermark_ms, [&](KpiRow&& row) {
      rows.push_back(std::move(row));
      return true;
    }));
  }
  return Sorted(std::move(rows));
}

}  // namespace leadflow
