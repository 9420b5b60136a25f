// CompleteStores: the engine's own start and end, without inputs, for those who look into the state
// of a pipeline that does not run.
#pragma once

#include <cstdint>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/log/log.h"
#include "engine/runtime/plan.h"
#include "engine/state/store_factory.h"

namespace leadflow {

// Completes the stores of all partitions from their changelogs, makes them durable and lets them
// go. Returns the watermark. The plan is one without sources.
Result<std::int64_t> CompleteStores(const Plan& plan, Log& log, StoreFactory& stores, Clock& clock);

}  // namespace leadflow
