// Any bytes as a fact message, as a component, and as a stored row: read or refused, never a crash.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "operators/facts/fact.h"
#include "operators/facts/fact_builder.h"
#include "operators/kpi/kpi_row.h"

namespace leadflow {
namespace {

Pipeline MakePipeline() {
  Pipeline pipeline;
  for (const auto type : {Measure::Type::kMean, Measure::Type::kQuantile,
                          Measure::Type::kDistinctAccounts, Measure::Type::kShareOf}) {
    KpiSpec kpi;
    kpi.name = "k";
    kpi.measure.type = type;
    kpi.measure.quantiles = {0.5, 0.9};
    kpi.measure.quantile_columns = {"p50", "p90"};
    if (type == Measure::Type::kShareOf) {
      kpi.measure.along = 0;
      kpi.measure.operands.resize(1);
    }
    kpi.by.resize(2);
    pipeline.kpis.push_back(kpi);
  }
  return pipeline;
}

void Read(std::string_view bytes) {
  static const Pipeline pipeline = MakePipeline();
  std::string_view rest = bytes;
  Fact fact;
  Component component;
  while (ReadFact(&rest, &fact)) {
    for (const bool along : {false, true}) ReadComponent(fact.component, along, &component);
  }
  rest = bytes;
  SeenMap seen;
  static_cast<void>(seen.Read(&rest));
  const std::size_t half = bytes.size() / 2;
  RowState state;
  if (!ReadRowState(bytes.substr(half), &state)) return;
  for (const KpiSpec& kpi : pipeline.kpis) {
    for (const KpiRow& row : RenderRows(kpi, pipeline, bytes.substr(0, half), state, 0)) {
      RowFields(row, pipeline.zone);
    }
  }
}

}  // namespace
}  // namespace leadflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leadflow::Read({reinterpret_cast<const char*>(data), size});
  return 0;
}
