#include <cstdio>

#include "app/commands/commands.h"
#include "app/pipeline_file.h"
#include "app/row_schemas.h"
#include "app/text_table.h"

namespace leadflow::app {

int Validate(const std::string& file, bool use_environment, DiagnosticFormat format) {
  const LoadedPipeline loaded =
      LoadPipelineFile(file, {.use_environment = use_environment, .set = {}});
  Diagnostics& diagnostics = *loaded.diagnostics;
  if (loaded.pipeline) CheckRowSchemas(*loaded.pipeline, use_environment, &diagnostics);
  switch (format) {
    case DiagnosticFormat::kJson: std::printf("%s\n", diagnostics.Json().c_str()); break;
    case DiagnosticFormat::kGithub: std::printf("%s", diagnostics.Github().c_str()); break;
    case DiagnosticFormat::kText:
      std::fprintf(stderr, "%s", diagnostics.Text().c_str());
      if (diagnostics.ok()) {
        const auto counted = [](std::size_t number, const char* noun) {
          return Counted(static_cast<std::int64_t>(number), noun);
        };
        std::printf("%s: good: %s, %s, %s\n", file.c_str(),
                    counted(loaded.pipeline->sources.size(), "source").c_str(),
                    counted(loaded.pipeline->kpis.size(), "KPI").c_str(),
                    counted(loaded.pipeline->tests.size(), "test").c_str());
      }
      break;
  }
  return diagnostics.ok() ? kDone : kBadConfig;
}

}  // namespace leadflow::app
