// From a source of the pipeline to the decoder of its messages.
#pragma once

#include <memory>

#include "engine/base/status.h"
#include "operators/ingest/event_decoder.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

// Everything about `format:`, `events:`, `split:` and the targets of `map:` that makes no decoder,
// with the name of what is wrong.
Status CheckSource(const SourceSpec& source);

// A decoder for one thread. Borrows nothing of `source`; `pipeline` gives its time zone only.
// REQUIRES: CheckSource(source).ok()
std::unique_ptr<EventDecoder> MakeDecoder(const SourceSpec& source, const Pipeline& pipeline);

}  // namespace leadflow
