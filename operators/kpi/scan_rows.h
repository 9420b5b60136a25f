// ScanRows: rows read back from what the kpis stage has committed. For outputs, `leadflow kpi`,
// tests.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/state/keyed_store.h"
#include "operators/kpi/kpi_row.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

// Rows of one partition in the order of their keys; `kpi` empty: of all KPIs of the pipeline, one
// after the other. `visit` returns false to stop. May be called from any thread. kNotFound: the
// pipeline has no such KPI; kCorruption: bytes that are no row.
Status ScanRows(const KeyedStore& store, const Pipeline& pipeline, std::string_view kpi,
                std::int64_t watermark_ms, const std::function<bool(KpiRow&&)>& visit);

// All rows of one KPI, of all partitions, in the order of RowBefore.
Result<std::vector<KpiRow>> CollectRows(std::span<const KeyedStore* const> partitions,
                                        const Pipeline& pipeline, std::string_view kpi,
                                        std::int64_t watermark_ms);

}  // namespace leadflow
