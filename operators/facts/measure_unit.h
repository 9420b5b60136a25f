// What the number of a measure is measured in: decides how it is summed, and how it is shown.
#pragma once

#include <cstdint>

#include "operators/pipeline/kpi_spec.h"

namespace leadflow {

enum class MeasureUnit : std::uint8_t {
  kPlain,     // counts and plain numbers
  kMicro,     // attributed conversions, 1,000,000 = one
  kMoney,     // minor units of the row's currency
  kDuration,  // milliseconds; in quantiles whole units of the KPI
};

// REQUIRES: measure.IsLeaf()
MeasureUnit NumberUnitOf(const Measure& measure);

// The dimension (index into KpiSpec::by) that the shares of a KPI run along; -1: it has none.
int AlongOf(const Measure& measure);

}  // namespace leadflow
