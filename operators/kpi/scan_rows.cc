#include "operators/kpi/scan_rows.h"

#include <algorithm>
#include <string>

#include "engine/base/hash.h"
#include "engine/base/wire.h"
#include "operators/kpi/row_state.h"

namespace leadflow {
namespace {

Status ScanKpi(const KeyedStore& store, const Pipeline& pipeline, const KpiSpec& kpi,
               std::int64_t watermark_ms, const std::function<bool(const KpiRow&)>& visit,
               bool* stopped) {
  std::string prefix(1, kRowKey);
  WireWriter(&prefix).Fixed64(Hash64(kpi.name));
  bool readable = true;
  RowState state;
  const Status status =
      store.ScanCommitted(prefix, [&](std::string_view key, std::string_view value) {
        readable = ReadRowState(value, &state);
        if (!readable) return false;
        for (const KpiRow& row : RenderRows(kpi, pipeline, key.substr(1), state, watermark_ms)) {
          if (visit(row)) continue;
          *stopped = true;
          return false;
        }
        return true;
      });
  if (!status.ok()) return status;
  if (readable) return {};
  return Status::Corruption("kpi row state of " + kpi.name + ": unreadable bytes");
}

}  // namespace

Status ScanRows(const KeyedStore& store, const Pipeline& pipeline, std::string_view kpi,
                std::int64_t watermark_ms, const std::function<bool(const KpiRow&)>& visit) {
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
    LEADFLOW_RETURN_IF_ERROR(ScanRows(*store, pipeline, kpi, watermark_ms, [&](const KpiRow& row) {
      rows.push_back(row);
      return true;
    }));
  }
  std::sort(rows.begin(), rows.end(), RowBefore);
  return rows;
}

}  // namespace leadflow
