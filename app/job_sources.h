// The sources of a pipeline as the plan wants them: readers of files, of topics, of the inbox, or
// of messages in memory, joined with the decoders that read their header lines.
#pragma once

#include <vector>

#include "app/job.h"

namespace leadflow::app {

Result<std::vector<SourcePlan>> MakeSources(const Pipeline& pipeline, const PlanOptions& options);

}  // namespace leadflow::app
