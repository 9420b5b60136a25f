#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>

#include "app/commands/commands.h"
#include "app/job.h"
#include "app/pipeline_file.h"
#include "app/progress_line.h"
#include "app/zero_config.h"

namespace leadflow::app {
namespace {

std::atomic<bool> stop_asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set by a signal handler");

// A second signal ends the process at once: the state stands a kill.
extern "C" void AskToStop(int signal) {
  if (stop_asked.exchange(true)) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

void PrintError(const Status& status) {
  std::fprintf(stderr, "error: %s\n", std::string(status.message()).c_str());
}

void PrintTrouble(const Status& status) {
  std::fprintf(stderr, "trying again: %s\n", std::string(status.message()).c_str());
}

// `copy_to`, if not empty: where they are kept, because their own folder is about to go.
void ReportDeadLetters(const JobResult& result, std::string path, const std::string& copy_to) {
  const auto rejected = result.counters.lower_bound({"dead_letters", ""});
  if (rejected == result.counters.end() || rejected->first.first != "dead_letters") return;
  std::error_code error;
  if (!copy_to.empty()) {
    std::filesystem::copy_file(path, copy_to, std::filesystem::copy_options::overwrite_existing,
                               error);
    path = copy_to;
  }
  if (error) {
    std::fprintf(stderr, "cannot keep the dead letters: %s: %s\n", path.c_str(),
                 error.message().c_str());
  } else {
    std::fprintf(stderr, "dead letters, with their bytes and reasons: %s\n", path.c_str());
  }
}

int RunPipeline(const std::string& file, const RunOptions& options, const std::string& copy_to) {
  const LoadedPipeline loaded =
      LoadPipelineFile(file, {.use_environment = true, .set = options.set});
  std::fprintf(stderr, "%s", loaded.diagnostics->Text().c_str());
  if (!loaded.pipeline) return kBadConfig;
  if (loaded.pipeline->sources.empty()) {
    std::fprintf(stderr, "%s: there is nothing to read; add `sources:`, as `leadflow init` does\n",
                 file.c_str());
    return kBadConfig;
  }
  std::signal(SIGINT, AskToStop);
  std::signal(SIGTERM, AskToStop);
  ProgressLine line(Clock::System(), options.quiet);
  const auto result = RunJob(*loaded.pipeline,
                             {.until_end = options.until_end,
                              .progress = [&](const Runtime::Progress& p) { line.Show(p); },
                              .trouble = PrintTrouble},
                             stop_asked);
  line.Clear();
  if (!result.ok()) {
    PrintError(result.status());
    return kFailed;
  }
  if (!options.quiet) std::fprintf(stderr, "%s", Summary(*result).c_str());
  ReportDeadLetters(*result, StateLayout(loaded.pipeline->engine.state_dir).dead_letters, copy_to);
  return kDone;
}

int RunEvents(RunOptions options) {
  const auto folder = TemporaryFolder::Make();
  if (!folder.ok()) {
    PrintError(folder.status());
    return kFailed;
  }
  const auto file = WritePipelineFor(options.file, folder->path());
  if (!file.ok()) {
    PrintError(file.status());
    return kFailed;
  }
  options.until_end = true;
  if (const int code = RunPipeline(*file, options, "out/dead_letters.jsonl"); code != kDone)
    return code;
  return options.quiet ? kDone : Report({.file = *file, .state_dir = "", .set = options.set}, "");
}

}  // namespace

int Run(const RunOptions& options) {
  return IsPipelineName(options.file) ? RunPipeline(options.file, options, "") : RunEvents(options);
}

}  // namespace leadflow::app
