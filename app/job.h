// Job: a pipeline put together: its plan for the engine, its state directory, and the run of both.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/logger.h"
#include "engine/base/status.h"
#include "engine/log/log.h"
#include "engine/runtime/plan.h"
#include "engine/runtime/runtime.h"
#include "engine/state/keyed_store.h"
#include "operators/kpi/row_feed.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow::app {

// The messages of one source, for `leadflow test`; null: what the pipeline names.
struct SourceMessages {
  std::string source;
  std::vector<std::string> messages;
};

struct PlanOptions {
  KeyedHash::Key key{};
  std::size_t cluster_bytes = std::size_t{64} << 20;    // Decoded clusters, per partition.
  std::size_t group_bytes = std::size_t{64} << 20;      // Groups of rows, per partition.
  const std::vector<SourceMessages>* inputs = nullptr;  // Instead of files; outlives the plan.
  std::int64_t topic_bytes = std::int64_t{32} << 20;    // Fetched ahead, of topics of sources.
  bool until_end = false;                               // Topics end where they end now.
  Log* inbox = nullptr;           // Where the inbox lies, with its topics; outlives the plan.
  SchemaIdsByTopic schemas = {};  // Of rows; without, nobody can read them.
};

// The plan of a pipeline. The pipeline outlives it. Fails if a source's files or topics do not
// exist.
Result<Plan> MakePlan(const Pipeline& pipeline, const PlanOptions& options);

// The state directory: where the log, the inbox beside it, the stores, the key and the dead letters
// lie.
struct StateLayout {
  explicit StateLayout(std::string directory);
  std::string directory, log, inbox, stores, key_file, dead_letters;
  std::string restoring;  // The log while a savepoint is restored: no state yet.
};

// The log that a pipeline names, on its cluster or in its state directory.
Result<std::unique_ptr<Log>> OpenLog(const Pipeline& pipeline, const StateLayout& layout);

struct JobOptions {
  bool until_end = false;
  // Called about ten times a second, and at the end.
  std::function<void(const Runtime::Progress&)> progress;
  // What passed by itself, or is waited out. Any thread.
  std::function<void(const Status&)> trouble;
  // A thread hangs and nothing but a new process helps: ends this one. On Kafka only.
  std::function<void(const Status&)> hung;
  Logger* log = nullptr;  // Null: nothing is logged.
};

struct JobResult {
  Exchange::CounterValues counters;
  Runtime::Progress progress;
};

// Runs a pipeline on its state directory and writes its outputs. `stop` turning true ends it in
// order. On Kafka it waits until brokers answer, and says so as trouble; with `until_end` it gives
// up.
Result<JobResult> RunJob(const Pipeline& pipeline, const JobOptions& options,
                         const std::atomic<bool>& stop);

}  // namespace leadflow::app
