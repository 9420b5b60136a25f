// Simulates jobs, one per seed, and reports those that did not end as a single pass would.
//
//   pipeline_simulation --seeds N [--first S] [--jobs J]   N seeds from S (0) on, J at a time
//   pipeline_simulation --seed S                           one seed, again and the same
//   pipeline_simulation --job clusters|b2b ...             only one of the two jobs
//   pipeline_simulation --mutation NAME ...                with a deliberate mistake
//   pipeline_simulation --catch-mutations --seeds N        every mistake must be seen within N
//   seeds
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/simulation/b2b_job.h"
#include "tests/simulation/cluster_job.h"
#include "tests/simulation/simulation.h"

namespace leadflow::simulation {
namespace {

struct Mistake {
  const char* name;
  Mutation mutation;
  bool forgetful;
};
constexpr Mistake kMistakes[] = {
    {"none", Mutation::kNone, false},
    {"offset-not-in-batch", Mutation::kOffsetNotInBatch, false},
    {"apply-before-commit", Mutation::kApplyBeforeCommit, false},
    {"drop-chained", Mutation::kDropChained, false},
    {"commit-twice", Mutation::kCommitTwice, false},
    {"keep-staged-on-abort", Mutation::kKeepStagedOnAbort, false},
    {"ahead-not-sealed", Mutation::kAheadNotSealed, false},
    {"forget-after-move", Mutation::kNone, true},
};

struct Options {
  std::uint64_t first = 0;
  std::uint64_t seeds = 100;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  const Mistake* mistake = &kMistakes[0];
  bool catch_mutations = false;
  bool clusters = true;
  bool b2b = true;
};

void Add(const Report& report, const char* job, Report* sum) {
  if (!report.failure.empty() && sum->failure.empty()) {
    sum->failure = std::string(job) + ": " + report.failure;
  }
  sum->steps += report.steps;
  for (const auto& [cause, count] : report.deaths) sum->deaths[cause] += count;
}

Report RunSeed(const Options& options, std::uint64_t seed, const Mistake& mistake) {
  Report sum;
  if (options.clusters) {
    const ClusterJob job(seed, mistake.forgetful);
    Add(Simulate(job, seed, mistake.mutation), "clusters", &sum);
  }
  if (options.b2b) {
    const B2bJob job(seed);
    Add(Simulate(job, seed, mistake.mutation), "b2b", &sum);
  }
  return sum;
}

struct Summary {
  std::map<std::uint64_t, std::string> failures;  // By seed.
  std::map<std::string, std::uint64_t> deaths;
  std::uint64_t steps = 0;
};

// `enough`: stop at the first failure.
Summary RunSeeds(const Options& options, const Mistake& mistake, bool enough) {
  Summary summary;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{options.first};
  std::atomic<bool> stop{false};
  const auto work = [&] {
    for (std::uint64_t seed = 0; !stop && (seed = next++) < options.first + options.seeds;) {
      const Report report = RunSeed(options, seed, mistake);
      const std::lock_guard lock(mutex);
      if (!report.failure.empty()) {
        summary.failures[seed] = report.failure;
        stop = stop || enough;
      }
      for (const auto& [cause, count] : report.deaths) summary.deaths[cause] += count;
      summary.steps += report.steps;
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < options.jobs; ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  return summary;
}

void Print(const Options& options, const Summary& summary) {
  std::uint64_t deaths = 0;
  std::string causes;
  for (const auto& [cause, count] : summary.deaths) {
    deaths += count;
    causes += (causes.empty() ? "" : ", ") + cause + " " + std::to_string(count);
  }
  std::printf("%llu seeds, %llu steps, %llu deaths (%s)\n",
              static_cast<unsigned long long>(options.seeds),
              static_cast<unsigned long long>(summary.steps),
              static_cast<unsigned long long>(deaths), causes.c_str());
  for (const auto& [seed, failure] : summary.failures) {
    std::printf("FAILED seed %llu: %s\n", static_cast<unsigned long long>(seed), failure.c_str());
  }
  if (summary.failures.empty()) {
    std::printf("all end as a single pass would\n");
  } else {
    std::printf(
        "%zu failed; to see one again: --seed %llu --mutation %s\n", summary.failures.size(),
        static_cast<unsigned long long>(summary.failures.begin()->first), options.mistake->name);
  }
}

// The test of the test: every job sees every mistake that it can make.
int CatchMutations(Options options) {
  int missed = 0;
  for (const Mistake& mistake : kMistakes) {
    if (&mistake == &kMistakes[0]) continue;
    for (const bool clusters : {true, false}) {
      if (mistake.forgetful && !clusters) continue;
      options.clusters = clusters;
      options.b2b = !clusters;
      const Summary summary = RunSeeds(options, mistake, true);
      if (summary.failures.empty()) {
        ++missed;
        std::printf("%s: NOT SEEN by %s in %llu seeds\n", mistake.name,
                    clusters ? "clusters" : "b2b", static_cast<unsigned long long>(options.seeds));
      } else {
        const auto& [seed, failure] = *summary.failures.begin();
        std::printf("%s: seed %llu: %s\n", mistake.name, static_cast<unsigned long long>(seed),
                    failure.c_str());
      }
    }
  }
  return missed == 0 ? 0 : 1;
}

int Usage() {
  std::fprintf(stderr,
               "usage: pipeline_simulation [--seeds N] [--first S] [--seed S] [--jobs J]\n"
               "                           [--job clusters|b2b] [--mutation NAME] "
               "[--catch-mutations]\nmutations:");
  for (const Mistake& mistake : kMistakes) std::fprintf(stderr, " %s", mistake.name);
  std::fprintf(stderr, "\n");
  return 2;
}

const Mistake* FindMistake(std::string_view name) {
  for (const Mistake& mistake : kMistakes) {
    if (name == mistake.name) return &mistake;
  }
  return nullptr;
}

std::optional<Options> Parse(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--catch-mutations") {
      options.catch_mutations = true;
      continue;
    }
    if (i + 1 == words.size()) return std::nullopt;
    const std::string& option = words[i];
    const std::string& value = words[++i];
    const std::uint64_t number = std::strtoull(value.c_str(), nullptr, 10);
    if (option == "--seeds") {
      options.seeds = number;
    } else if (option == "--first") {
      options.first = number;
    } else if (option == "--seed") {
      options.first = number;
      options.seeds = 1;
    } else if (option == "--jobs" && number > 0) {
      options.jobs = static_cast<unsigned>(number);
    } else if (option == "--job" && (value == "clusters" || value == "b2b")) {
      options.clusters = value == "clusters";
      options.b2b = !options.clusters;
    } else if (option == "--mutation") {
      options.mistake = FindMistake(value);
      if (options.mistake == nullptr) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace
}  // namespace leadflow::simulation

int main(int argc, char** argv) {
  using leadflow::simulation::Options;
  namespace simulation = leadflow::simulation;
  const std::optional<Options> options = simulation::Parse({argv + 1, argv + argc});
  if (!options) return simulation::Usage();
  if (options->catch_mutations) return simulation::CatchMutations(*options);
  const simulation::Summary summary = simulation::RunSeeds(*options, *options->mistake, false);
  simulation::Print(*options, summary);
  return summary.failures.empty() ? 0 : 1;
}
