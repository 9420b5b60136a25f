#include "operators/facts/measure_unit.h"

#include <optional>

#include "operators/event/kind.h"

namespace leadflow {

MeasureUnit NumberUnitOf(const Measure& measure) {
  if (measure.type == Measure::Type::kAttributed) return MeasureUnit::kMicro;
  if (measure.type == Measure::Type::kAttributedValue) return MeasureUnit::kMoney;
  if (measure.duration || measure.type == Measure::Type::kMeanTime) return MeasureUnit::kDuration;
  if (measure.field.empty()) return MeasureUnit::kPlain;
  if (measure.field == "dwell_time" || measure.field == "engaged_time") {
    return MeasureUnit::kDuration;
  }
  const std::optional<Field> field = FieldFromName(measure.field);
  const bool money = field.has_value() && TypeOfField(*field) == FieldType::kMoney;
  return money ? MeasureUnit::kMoney : MeasureUnit::kPlain;
}

int AlongOf(const Measure& measure) {
  if (measure.type == Measure::Type::kShareOf) return measure.along;
  for (const Measure& operand : measure.operands) {
    const int along = AlongOf(operand);
    if (along >= 0) return along;
  }
  return -1;
}

}  // namespace leadflow
