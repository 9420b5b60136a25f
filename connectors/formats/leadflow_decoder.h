// The decoder of canonical events (`format: leadflow`): one JSON object per event, strict. On the
// path of every event, so it goes once through the bytes, straight into the Event.
#pragma once

#include <memory>

#include "engine/base/civil_time.h"
#include "operators/ingest/event_decoder.h"

namespace leadflow {

// `zone`: cuts times given for dates (`day`, `period`).
std::unique_ptr<EventDecoder> MakeLeadflowDecoder(const TimeZone& zone);

}  // namespace leadflow
