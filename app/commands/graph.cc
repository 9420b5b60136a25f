#include <cstdio>

#include "app/commands/commands.h"
#include "app/job.h"
#include "app/pipeline_file.h"

namespace leadflow::app {

int Graph(const std::string& file, GraphFormat format) {
  const LoadedPipeline loaded = LoadPipelineFile(file, {});
  if (!loaded.pipeline) return BadConfig(loaded);
  const std::vector<SourceMessages> nothing;
  Result<Plan> plan = MakePlan(*loaded.pipeline, {.inputs = &nothing});
  if (!plan.ok()) return Failed(plan.status());
  // Neither the files nor the cluster need be there to look at the plan.
  for (std::size_t i = 0; i < plan->sources.size(); ++i) {
    for (const auto* inputs :
         {&loaded.pipeline->sources[i].paths, &loaded.pipeline->sources[i].topics}) {
      for (const std::string& input : *inputs)
        plan->sources[i].partitions.push_back({input, nullptr});
    }
  }
  const Plan::Format shown = format == GraphFormat::kDot       ? Plan::Format::kDot
                             : format == GraphFormat::kMermaid ? Plan::Format::kMermaid
                                                               : Plan::Format::kText;
  std::printf("%s", plan->Print(shown).c_str());
  return kDone;
}

}  // namespace leadflow::app
