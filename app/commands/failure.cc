// How a command ends that cannot do what it was asked.
#include <cstdio>
#include <string>

#include "app/commands/commands.h"
#include "app/pipeline_file.h"

namespace leadflow::app {

int Failed(const Status& status) {
  std::fprintf(stderr, "error: %s\n", std::string(status.message()).c_str());
  return kFailed;
}

int BadConfig(const LoadedPipeline& loaded) {
  std::fprintf(stderr, "%s", loaded.diagnostics->Text().c_str());
  return kBadConfig;
}

}  // namespace leadflow::app
