// Fact: a signed change of one integer of one row group. What the journeys stage sends to the kpis
// stage, and the only thing that crosses that border.
//
//   group      kpi, window, the dimensions that the row runs not along, currency of money rows
//   component  which integer of the group: a slot of the measure, a bucket of a histogram, ...
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace leadflow {

// Where facts go. Adds up; the order of calls means nothing.
class FactSink {
 public:
  virtual ~FactSink() = default;
  // The bytes are borrowed for the call.
  virtual void Add(std::string_view group, std::string_view component, std::int64_t delta) = 0;
};

}  // namespace leadflow
