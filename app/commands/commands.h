// The commands of the binary, one function each. Each returns the process's exit code: 0 done,
// 1 failed, 78 the config is wrong. What a command prints for people goes to standard error, what
// another program may read to standard output.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/status.h"

namespace leadflow::app {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kBadConfig = 78;

struct LoadedPipeline;

// Say on standard error what is wrong, and return the exit code.
int Failed(const Status& status);
int BadConfig(const LoadedPipeline& loaded);

using Settings = std::vector<std::pair<std::string, std::string>>;  // path, value

struct RunOptions {
  std::string file;  // a pipeline, or events (zero-config); "-": events on standard input
  bool until_end = false;
  bool quiet = false;
  std::string log_format;  // text, json; empty: json for a service whose log goes to no terminal
  Settings set;
};
int Run(const RunOptions& options);

enum class DiagnosticFormat { kText, kJson, kGithub };
// Asks the schema registry of the pipeline, too, unless `use_environment` is false.
int Validate(const std::string& file, bool use_environment, DiagnosticFormat format);

int Test(const std::string& file);

enum class GraphFormat { kText, kDot, kMermaid };
int Graph(const std::string& file, GraphFormat format);

// What the pipeline needs of its Kafka cluster: topics with their settings, rights.
enum class TopicsFormat { kText, kShell, kStrimzi };
int Topics(const std::string& file, TopicsFormat format);

// Removes what the pipeline has computed: its stores and its log, with Kafka its topics and its
// group.
struct ResetOptions {
  std::string file;
  bool yes = false;      // Without: only shows what would go.
  bool outputs = false;  // With Kafka: topics of rows, too.
  Settings set;
};
int Reset(const ResetOptions& options);

// Sends files to a source of the inbox.
struct LoadFilesOptions {
  std::string file;
  std::string source;
  std::vector<std::string> paths;  // Empty: those that the source names. "-": standard input.
  bool quiet = false;
  Settings set;
};
int LoadFiles(const LoadFilesOptions& options);

// A table of running processes, from their metrics, again every second.
struct TopOptions {
  std::string file;               // Empty: no pipeline tells where they are.
  std::vector<std::string> urls;  // "http://127.0.0.1:8080"
  std::string token_file;         // Its first token is sent; empty: that of the pipeline.
  bool once = false;
};
int Top(const TopOptions& options);

int Schema();
int Formats();
int Sample(const std::string& format);
int Init(const std::string& preset, bool catalogue);

struct StateOptions {
  std::string file;       // the pipeline that wrote the state; tells the rules
  std::string state_dir;  // empty: the pipeline's
  Settings set;           // as in the run that wrote it
};
// `all`: also what other lines tell already, as the pages of a visit.
int ShowJourney(const StateOptions& options, const std::string& lead, bool all);
int ShowKpi(const StateOptions& options, const std::string& kpi);
int Verify(const StateOptions& options);

// The whole state as files in a new directory, and a fresh pipeline that goes on from them.
struct SavepointOptions {
  StateOptions state;
  std::string directory;
  bool sources_anew = false;  // Restore: sources are read from their start.
};
int CreateSavepoint(const SavepointOptions& options);
int RestoreSavepoint(const SavepointOptions& options);

// A short report of a finished run, as text bars: reach, interaction, transaction, revenue by
// channel under several models, one lead's journey.
int Report(const StateOptions& options, const std::string& lead);

}  // namespace leadflow::app
