#include "tests/simulation/simulation.h"

#include <algorithm>
#include <memory>
#include <random>

#include "engine/base/clock.h"
#include "engine/log/embedded_log.h"
#include "engine/log/memory_file_system.h"
#include "engine/state/memory_store.h"

namespace leadflow::simulation {
namespace {

constexpr std::uint64_t kStepsMax = 100'000;  // Of one life: more means that it never ends.

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint64_t Below(std::uint64_t n) { return random_() % n; }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }
  template <class T>
  const T& Of(const std::vector<T>& list) {
    return list[Below(list.size())];
  }

 private:
  std::mt19937_64 random_;
};

// How a life of the process ends.
enum class Death : std::uint8_t {
  kNone,
  kCommitStep,
  kBytes,
  kChanges,
  kSync,
  kDiskFull,
  kKill,
  kStop
};

const std::vector<std::string>& CommitSteps() {
  static const std::vector<std::string> steps = {"prepared", "filled",   "committed", "applying",
                                                 "applied",  "flushing", "flushed"};
  return steps;
}

class Machine {
 public:
  using Check = std::function<std::string(const Outcome&)>;

  Machine(const Plan& plan, Check check, std::uint64_t seed, Mutation mutation)
      : plan_(plan),
        check_(std::move(check)),
        dice_(seed * 2 + 1),
        mutation_(mutation),
        files_(seed) {}

  Report Run();
  std::string RunUndisturbed();

 private:
  struct Life {
    Death death = Death::kNone;
    std::string commit_step;
    std::uint64_t countdown = 0;  // Of commit steps or of steps.
    std::uint64_t clock_jump_ms = 1;
    std::uint32_t threads = 1;
    ThreadOptions options;
    std::uint64_t segment_bytes = 0;
    std::uint64_t cleaning_bytes = 0;
    bool died = false;  // What was planned has happened.
  };

  Life PlanLife(bool quiet);
  void PlanDeath(Life* life);
  void Arm(const Life& life);
  // Lives until the job is done (true), or its death (false), or an error that has no reason.
  Result<bool> Live();
  Status Begin();
  Status Work();
  bool AtCommitStep(std::string_view point);
  bool Expected(const Status& status) const;
  void Die();
  Result<std::unique_ptr<KeyedStore>> OpenStore(const std::string& name, bool wipe);
  ThreadShare ShareOf(std::uint32_t index) const;
  std::string CheckOutcome();

  const Plan& plan_;
  const Check check_;
  Dice dice_;
  const Mutation mutation_;

  VirtualClock clock_{1'700'000'000'000};
  MemoryFileSystem files_;
  MemoryStoreFactory stores_;
  Life life_;
  std::unique_ptr<EmbeddedLog> log_;
  std::unique_ptr<Exchange> exchange_;
  std::vector<std::unique_ptr<StreamThread>> threads_;
  std::vector<KeyedStore*> open_stores_;  // Of the life.
  std::size_t started_ = 0;               // Threads of the life.
  std::size_t working_ = 0;               // The thread whose turn it is.
  bool in_between_ = false;               // Another one works in the middle of its commit.
  Status inner_error_;                    // Of that one.
  std::string failure_;
  Report report_;
};

void Machine::PlanDeath(Life* life) {
  switch (dice_.Below(8)) {
    case 0: life->death = Death::kBytes; break;
    case 1: life->death = Death::kChanges; break;
    case 2: life->death = Death::kSync; break;
    case 3: life->death = Death::kDiskFull; break;
    case 4: life->death = dice_.OneIn(2) ? Death::kKill : Death::kStop; break;
    default: life->death = Death::kCommitStep; break;
  }
  life->commit_step = dice_.Of(CommitSteps());
  life->countdown = life->death == Death::kCommitStep ? dice_.Below(8) : dice_.Below(400);
}

// Options of one life: another number of threads, other sizes and intervals.
Machine::Life Machine::PlanLife(bool quiet) {
  Life life;
  if (!quiet) PlanDeath(&life);
  life.threads = 1 + static_cast<std::uint32_t>(dice_.Below(std::min(plan_.partitions, 3u)));
  life.clock_jump_ms = dice_.Of<std::uint64_t>({1, 20, 300});
  life.segment_bytes = dice_.Of<std::uint64_t>({2'000, 20'000, 1 << 20});
  life.cleaning_bytes = dice_.OneIn(2) ? 0 : 50'000;
  life.options.commit_bytes = dice_.Of<std::int64_t>({200, 2'000, 1 << 20});
  life.options.slice_bytes = dice_.Of<std::size_t>({1, 500, 1 << 18});
  life.options.backlog_bytes = dice_.Of<std::int64_t>({500, 1 << 20});
  life.options.flush_interval_ms = dice_.Of<std::int64_t>({0, 1'000, 60'000});
  life.options.flush_bytes = dice_.Of<std::int64_t>({1'000, 1 << 20});
  life.options.until_end = true;
  life.options.mutation = mutation_;
  life.options.crash = [this](std::string_view point) { return AtCommitStep(point); };
  return life;
}

void Machine::Arm(const Life& life) {
  switch (life.death) {
    case Death::kBytes: files_.CrashAfterBytes(dice_.Below(dice_.OneIn(3) ? 500 : 20'000)); break;
    case Death::kChanges: files_.CrashAfterChanges(dice_.Below(dice_.OneIn(3) ? 10 : 80)); break;
    case Death::kSync: files_.FailSyncAfter(dice_.Below(20)); break;
    case Death::kDiskFull: files_.SetCapacity(files_.total_bytes() + dice_.Below(10'000)); break;
    default: break;
  }
}

// Called between the steps of a commit. RocksDB writes to disk when it wants to: so do the stores
// here. Another thread may do something in the middle of the commit.
bool Machine::AtCommitStep(std::string_view point) {
  if (!open_stores_.empty() && dice_.OneIn(3)) {
    const Status flushed = dice_.Of(open_stores_)->Flush();
    static_cast<void>(flushed.ok());
  }
  if (!point.starts_with("flush") && exchange_->AllQuiet()) failure_ = "quiet in a commit";
  if (started_ > 1 && !in_between_ && dice_.OneIn(3)) {
    in_between_ = true;
    const std::size_t other = (working_ + 1 + dice_.Below(started_ - 1)) % started_;
    inner_error_ = threads_[other]->Step().status();
    if (!inner_error_.ok()) return true;
    in_between_ = false;
  }
  if (life_.death != Death::kCommitStep || point != life_.commit_step) return false;
  if (life_.countdown-- > 0) return false;
  life_.died = true;
  return true;
}

// Sources have no store on disk: their changelog brings their positions back.
Result<std::unique_ptr<KeyedStore>> Machine::OpenStore(const std::string& name, bool wipe) {
  if (name.starts_with("ingest-")) {
    return std::unique_ptr<KeyedStore>(
        std::make_unique<MemoryStore>(std::make_shared<MemoryStore::Data>()));
  }
  if (wipe) LEADFLOW_RETURN_IF_ERROR(stores_.Remove(name));
  LEADFLOW_ASSIGN_OR_RETURN(std::unique_ptr<KeyedStore> store, stores_.Open(name));
  open_stores_.push_back(store.get());
  return store;
}

// Every so-manieth partition.
ThreadShare Machine::ShareOf(std::uint32_t index) const {
  ThreadShare share{.partitions = {}, .writer_id = plan_.app + "-" + std::to_string(index)};
  for (std::uint32_t p = index; p < plan_.partitions; p += life_.threads) {
    share.partitions.push_back(p);
  }
  return share;
}

Status Machine::Begin() {
  Arm(life_);
  LEADFLOW_ASSIGN_OR_RETURN(log_, EmbeddedLog::Open({.directory = "log",
                                                     .file_system = &files_,
                                                     .clock = &clock_,
                                                     .segment_bytes = life_.segment_bytes,
                                                     .cache_bytes = 4'000,
                                                     .cleaning_bytes = life_.cleaning_bytes}));
  LEADFLOW_ASSIGN_OR_RETURN(exchange_, Exchange::Create(plan_, *log_, life_.threads));
  for (std::uint32_t i = 0; i < life_.threads; ++i) {
    threads_.push_back(std::make_unique<StreamThread>(
        plan_, *log_, *exchange_, clock_,
        [this](const std::string& name, bool wipe) { return OpenStore(name, wipe); }, life_.options,
        i, ShareOf(i)));
  }
  return {};
}

// Threads begin one after the other, while the first ones already work.
Status Machine::Work() {
  for (std::uint64_t step = 0; started_ < threads_.size() || !exchange_->AllQuiet();
       ++step, ++report_.steps) {
    if (step > kStepsMax) return {ErrorCode::kInternal, "it never ends"};
    if (step > life_.countdown && (life_.death == Death::kKill || life_.death == Death::kStop)) {
      life_.died = true;
      if (life_.death == Death::kStop) break;
      return {ErrorCode::kCancelled, "killed"};
    }
    if (dice_.OneIn(4))
      clock_.Advance(static_cast<std::int64_t>(dice_.Below(life_.clock_jump_ms + 1)));
    if (started_ == 0 || (started_ < threads_.size() && dice_.OneIn(10))) {
      LEADFLOW_RETURN_IF_ERROR(threads_[started_]->Start());
      ++started_;
      continue;
    }
    working_ = dice_.Below(started_);
    if (dice_.OneIn(50)) threads_[working_]->RequestCommit();
    LEADFLOW_RETURN_IF_ERROR(threads_[working_]->Step().status());
  }
  in_between_ = true;  // Threads that were closed do nothing more.
  for (std::size_t i = 0; i < started_; ++i) LEADFLOW_RETURN_IF_ERROR(threads_[i]->Close());
  return life_.died ? Status(ErrorCode::kCancelled, "stopped") : Status();
}

bool Machine::Expected(const Status& status) const {
  if (life_.died || files_.crashed()) return true;
  if (life_.death == Death::kSync) {
    return status.message().find("simulated failure") != std::string_view::npos;
  }
  return life_.death == Death::kDiskFull &&
         status.message().find(kNoSpace) != std::string_view::npos;
}

Result<bool> Machine::Live() {
  Status status = Begin();
  if (status.ok()) status = Work();
  if (!inner_error_.ok()) status = inner_error_;
  if (!failure_.empty()) return Status(ErrorCode::kInternal, failure_);
  if (status.ok()) return true;
  if (life_.death == Death::kNone || !Expected(status)) return status;
  static const char* const kNames[] = {"",     "",          "bytes", "changes",
                                       "sync", "disk full", "kill",  "stop"};
  ++report_.deaths[life_.death == Death::kCommitStep ? life_.commit_step
                                                     : kNames[static_cast<int>(life_.death)]];
  return false;
}

// The process dies. If the machine dies with it, or the disk is at fault, what was not synced is
// lost.
void Machine::Die() {
  const bool machine_dies = files_.crashed() || dice_.OneIn(2);
  if (machine_dies) files_.Crash();
  stores_.Crash();
  open_stores_.clear();
  threads_.clear();
  exchange_.reset();
  log_.reset();
  if (machine_dies) files_.Restart();
  files_.SetCapacity(UINT64_MAX);
  files_.FailSyncAfter(UINT64_MAX);
  files_.CrashAfterBytes(UINT64_MAX);
  files_.CrashAfterChanges(UINT64_MAX);
  started_ = 0;
  in_between_ = false;
  inner_error_ = Status();
  clock_.Advance(static_cast<std::int64_t>(dice_.Below(10'000)));
}

std::string Machine::CheckOutcome() {
  Outcome outcome{.log = *log_, .events = {}, .facts = {}, .counters = {}, .watermark_ms = 0};
  outcome.counters = {};
  for (const auto& thread : threads_) {
    for (const auto& [key, value] : thread->counters()) outcome.counters[key] += value;
  }
  outcome.watermark_ms = INT64_MAX;
  for (std::uint32_t i = 0; i < life_.threads; ++i) {
    outcome.watermark_ms =
        std::min(outcome.watermark_ms, exchange_->progress(i).watermark_ms.load());
  }
  threads_.clear();
  open_stores_.clear();
  std::vector<std::unique_ptr<KeyedStore>> held;
  for (auto* list : {&outcome.events, &outcome.facts}) {
    const std::string prefix = list == &outcome.events ? "events-" : "facts-";
    for (std::uint32_t p = 0; p < plan_.partitions; ++p) {
      auto store = stores_.Open(prefix + std::to_string(p));
      if (!store.ok()) return store.status().ToString();
      held.push_back(*std::move(store));
      list->push_back(held.back().get());
    }
  }
  return check_(outcome);
}

Report Machine::Run() {
  const std::uint64_t deaths = dice_.Below(12);
  for (std::uint64_t i = 0; i <= deaths; ++i) {
    life_ = PlanLife(i == deaths);
    const Result<bool> done = Live();
    if (!done.ok()) {
      report_.failure = done.status().ToString();
      return report_;
    }
    Die();
  }
  // The job is done, and lost what it had not made durable. A last life finds it complete.
  life_ = PlanLife(true);
  const Result<bool> done = Live();
  report_.failure = done.ok() ? CheckOutcome() : done.status().ToString();
  return report_;
}

std::string Machine::RunUndisturbed() {
  life_.clock_jump_ms = 50;
  life_.segment_bytes = 1 << 20;
  life_.cleaning_bytes = 1 << 20;
  life_.options.until_end = true;
  const Result<bool> done = Live();
  return done.ok() ? CheckOutcome() : done.status().ToString();
}

}  // namespace

Status ReadAll(Log& log, const TopicPartition& from,
               const std::function<void(const LogRecord&)>& visit) {
  const auto reader = log.NewReader();
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t start, log.StartOffset(from));
  LEADFLOW_RETURN_IF_ERROR(reader->Seek(from, start));
  for (;;) {
    const auto polled =
        reader->Poll(1 << 20, [&](const TopicPartition&, std::span<const LogRecord> records) {
          for (const LogRecord& record : records) visit(record);
        });
    if (!polled.ok()) return polled.status();
    if (*polled == 0) return {};
  }
}

Report Simulate(const Job& job, std::uint64_t seed, Mutation mutation) {
  const auto check = [&job](const Outcome& outcome) { return job.Check(outcome); };
  return Machine(job.plan(), check, seed, mutation).Run();
}

std::string RunUndisturbed(const Plan& plan,
                           const std::function<std::string(const Outcome&)>& check) {
  return Machine(plan, check, 0, Mutation::kNone).RunUndisturbed();
}

}  // namespace leadflow::simulation
