// Simulation: a whole job, on a disk in memory and a virtual clock, that dies again and again:
// between any two steps of a commit, at any byte or call to the disk, by a failing sync, a full
// disk or a kill. Its threads take turns as a seed says, so that the same seed gives the same run.
// In the end the job compares what it stored with a plain single pass over its input.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/log/log.h"
#include "engine/runtime/exchange.h"
#include "engine/runtime/plan.h"
#include "engine/runtime/stream_thread.h"
#include "engine/state/keyed_store.h"

namespace leadflow::simulation {

// What a job left behind, after a restart with nothing left to do.
struct Outcome {
  Log& log;
  std::vector<KeyedStore*> events;  // By partition.
  std::vector<KeyedStore*> facts;
  Exchange::CounterValues counters;
  std::int64_t watermark_ms = 0;  // The lowest of the facts stage.
};

class Job {
 public:
  virtual ~Job() = default;
  // The same over all lives of the job. Lives as long as the job.
  virtual const Plan& plan() const = 0;
  // What is wrong; empty: nothing.
  virtual std::string Check(const Outcome& outcome) const = 0;
};

struct Report {
  std::string failure;  // Empty: none.
  std::uint64_t steps = 0;
  std::map<std::string, std::uint64_t>
      deaths;  // By cause; those between steps of a commit by name.
};

// Every record that a partition holds.
Status ReadAll(Log& log, const TopicPartition& from,
               const std::function<void(const LogRecord&)>& visit);

Report Simulate(const Job& job, std::uint64_t seed, Mutation mutation);

// One thread, nothing fails. Returns what `check` does, or the error that nobody expects.
std::string RunUndisturbed(const Plan& plan,
                           const std::function<std::string(const Outcome&)>& check);

}  // namespace leadflow::simulation
