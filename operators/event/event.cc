#include "operators/event/event.h"

namespace leadflow {

void Event::Clear() {
  id = {};
  time_ms = 0;
  has_time = false;
  kind = Kind::kNone;
  identifiers.clear();
  labels.clear();
  profile.clear();
  present_ = 0;
  arena_.Reset();
}

}  // namespace leadflow
