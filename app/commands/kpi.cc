#include <cstdio>

#include "app/commands/commands.h"
#include "app/state_reader.h"
#include "operators/kpi/row_text.h"
#include "operators/kpi/scan_rows.h"
#include "operators/pipeline/problems.h"

namespace leadflow::app {

int ShowKpi(const StateOptions& options, const std::string& kpi) {
  int code = kDone;
  const std::unique_ptr<StateReader> state = StateReader::Open(options, &code);
  if (state == nullptr) return code;
  const KpiSpec* spec = state->pipeline().FindKpi(kpi);
  if (spec == nullptr) {
    std::vector<std::string_view> names;
    for (const KpiSpec& one : state->pipeline().kpis) names.push_back(one.name);
    const std::string hint = HintFor(kpi, names);
    std::fprintf(stderr, "no KPI `%s`%s%s\n", kpi.c_str(), hint.empty() ? "" : "; ", hint.c_str());
    return kFailed;
  }
  const auto rows = CollectRows(state->rows(), state->pipeline(), kpi, state->watermark_ms());
  if (!rows.ok()) return Failed(rows.status());
  std::string text;
  AppendCsvHeader(RowColumns(*spec), &text);
  for (const KpiRow& row : *rows) AppendCsvRow(RowFields(row, state->pipeline().zone), &text);
  std::printf("%s", text.c_str());
  return kDone;
}

}  // namespace leadflow::app
