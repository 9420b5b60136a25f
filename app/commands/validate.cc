#include <cstdio>

#include "app/commands/commands.h"
#include "app/pipeline_file.h"

namespace leadflow::app {

int Validate(const std::string& file, bool use_environment, DiagnosticFormat format) {
  const LoadedPipeline loaded = LoadPipelineFile(file, {.use_environment = use_environment, .set = {}});
  const Diagnostics& diagnostics = *loaded.diagnostics;
  switch (format) {
    case DiagnosticFormat::kJson: std::printf("%s\n", diagnostics.Json().c_str()); break;
    case DiagnosticFormat::kGithub: std::printf("%s", diagnostics.Github().c_str()); break;
    case DiagnosticFormat::kText:
      std::fprintf(stderr, "%s", diagnostics.Text().c_str());
      if (loaded.pipeline) {
        std::printf("%s: good: %zu sources, %zu KPIs, %zu tests\n", file.c_str(),
                    loaded.pipeline->sources.size(), loaded.pipeline->kpis.size(),
                    loaded.pipeline->tests.size());
      }
      break;
  }
  return loaded.pipeline ? kDone : kBadConfig;
}

}  // namespace leadflow::app
