#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include <unistd.h>

#include "app/commands/commands.h"
#include "app/job.h"
#include "app/pipeline_file.h"
#include "app/progress_line.h"
#include "app/run_records.h"
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

void PrintTrouble(const Status& status) {
  std::fprintf(stderr, "trying again: %s\n", std::string(status.message()).c_str());
}

// Null: what happens is told to people, as text.
std::unique_ptr<Logger> MakeLogger(const RunOptions& options) {
  const bool service = !options.until_end && isatty(STDERR_FILENO) == 0;
  const bool json = options.log_format.empty() ? service : options.log_format == "json";
  if (!json) return nullptr;
  return std::make_unique<Logger>(Clock::System(), [](std::string_view line) {
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::fflush(stderr);
  });
}

// What people are told about dead letters; empty: there are none. `copy_to`, if not empty: where
// they are kept, because their own folder is about to go.
Result<std::string> KeepDeadLetters(const JobResult& result, const Pipeline& pipeline,
                                    const std::string& copy_to) {
  const auto rejected = result.counters.lower_bound({"dead_letters", ""});
  if (rejected == result.counters.end() || rejected->first.first != "dead_letters") {
    return std::string();
  }
  const std::string what = "dead letters, with their bytes and reasons: ";
  if (pipeline.engine.log == EngineOptions::Log::kKafka) {
    return what + "topic " + pipeline.name + ".dead_letters";
  }
  const std::string path = StateLayout(pipeline.engine.state_dir).dead_letters;
  if (copy_to.empty()) return what + path;
  std::error_code error;
  std::filesystem::copy_file(path, copy_to, std::filesystem::copy_options::overwrite_existing,
                             error);
  if (!error) return what + copy_to;
  return Status(ErrorCode::kInternal,
                "cannot keep the dead letters: " + copy_to + ": " + error.message());
}

int RunPipeline(const std::string& file, const RunOptions& options, const std::string& copy_to) {
  const std::unique_ptr<Logger> log = MakeLogger(options);
  const LoadedPipeline loaded =
      LoadPipelineFile(file, {.use_environment = true, .set = options.set});
  if (const std::string problems = loaded.diagnostics->Text(); log == nullptr) {
    std::fprintf(stderr, "%s", problems.c_str());
  } else if (!problems.empty()) {
    log->Log(loaded.pipeline ? Logger::Level::kWarning : Logger::Level::kError,
             "the pipeline file has mistakes", {{"problems", problems}});
  }
  if (!loaded.pipeline) return kBadConfig;
  if (loaded.pipeline->sources.empty()) {
    const std::string problem =
        file + ": there is nothing to read; add `sources:`, as `leadflow init` does";
    if (log != nullptr) {
      log->Log(Logger::Level::kError, problem);
    } else {
      std::fprintf(stderr, "%s\n", problem.c_str());
    }
    return kBadConfig;
  }
  std::signal(SIGINT, AskToStop);
  std::signal(SIGTERM, AskToStop);
  ProgressLine line(Clock::System(), options.quiet || log != nullptr);
  RunRecords records(Clock::System(), log.get(), options.quiet);
  const auto show = [&](const Runtime::Progress& progress) {
    line.Show(progress);
    records.Show(progress, stop_asked.load());
  };
  const auto trouble = [&](const Status& status) {
    log == nullptr ? PrintTrouble(status) : records.Trouble(status);
  };
  // At once: what is left of the process would wait for the thread.
  const auto hung = [&](const Status& status) {
    log == nullptr ? static_cast<void>(Failed(status)) : records.Failed(status);
    std::_Exit(kFailed);
  };
  const auto result = RunJob(*loaded.pipeline,
                             {.until_end = options.until_end,
                              .progress = show,
                              .trouble = trouble,
                              .hung = hung,
                              .log = log.get()},
                             stop_asked);
  line.Clear();
  if (!result.ok()) {
    if (log == nullptr) return Failed(result.status());
    records.Failed(result.status());
    return kFailed;
  }
  const Result<std::string> dead_letters = KeepDeadLetters(*result, *loaded.pipeline, copy_to);
  if (log != nullptr) {
    if (!dead_letters.ok()) {
      log->Log(Logger::Level::kWarning, dead_letters.status().message());
    }
    records.Stopped(*result);
    return kDone;
  }
  if (!options.quiet) std::fprintf(stderr, "%s", Summary(*result).c_str());
  if (!dead_letters.ok()) {
    std::fprintf(stderr, "%s\n", std::string(dead_letters.status().message()).c_str());
  } else if (!dead_letters->empty()) {
    std::fprintf(stderr, "%s\n", dead_letters->c_str());
  }
  return kDone;
}

int RunEvents(RunOptions options) {
  const auto folder = TemporaryFolder::Make();
  if (!folder.ok()) return Failed(folder.status());
  const auto file = WritePipelineFor(options.file, folder->path());
  if (!file.ok()) return Failed(file.status());
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
