#include "tests/simulation/simulation.h"

#include <algorithm>
#include <memory>
#include <random>

#include "engine/base/clock.h"
#include "engine/log/embedded_log.h"
#include "engine/log/memory_file_system.h"
#include "engine/runtime/standby.h"
#include "engine/runtime/store_pool.h"
#include "engine/runtime/worker.h"
#include "engine/state/memory_store.h"
#include "tests/unit/log/shared_log.h"
#include "tests/unit/runtime/troubled_logs.h"

namespace leadflow::simulation {
namespace {

constexpr std::uint64_t kMovesUntil = 20'000;  // Step from which on partitions stay where they are.
constexpr std::uint64_t kStepsMax = 100'000;   // Of one life: more means that it never ends.

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
  static const std::vector<std::string> steps = {"prepared", "filled",  "on its way", "committed",
                                                 "applying", "applied", "flushing",   "flushed"};
  return steps;
}

// Remembers what is open, for the disk writes when it wants to.
class Stores final : public StoreFactory {
 public:
  Result<std::unique_ptr<KeyedStore>> Open(std::string_view name) override {
    LEADFLOW_ASSIGN_OR_RETURN(std::unique_ptr<KeyedStore> store, disk_.Open(name));
    open_.push_back(store.get());
    return store;
  }
  Status Remove(std::string_view name) override { return disk_.Remove(name); }

  const std::vector<KeyedStore*>& open() const { return open_; }
  // Of the next life none is.
  void Forget() { open_.clear(); }
  MemoryStoreFactory& disk() { return disk_; }

 private:
  MemoryStoreFactory disk_;
  std::vector<KeyedStore*> open_;
};

class Machine {
 public:
  using Check = std::function<std::string(const Outcome&)>;

  Machine(const Plan& plan, Check check, std::uint64_t seed, Mutation mutation)
      : plan_(plan),
        check_(std::move(check)),
        dice_(seed * 2 + 1),
        mutation_(mutation),
        copies_(dice_.OneIn(2)),
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
  Status OnTheWay(const LogWriter::Meanwhile& meanwhile);
  bool Expected(const Status& status) const;
  void Die();
  std::unique_ptr<Worker> NewWorker(std::uint32_t index);
  Status StepOf(std::size_t index);
  Status MovePartitions();
  std::string CheckOutcome();

  const Plan& plan_;
  const Check check_;
  Dice dice_;
  const Mutation mutation_;
  const bool copies_;  // Whether stores that nobody holds are kept up to date.

  VirtualClock clock_{1'700'000'000'000};
  MemoryFileSystem files_;
  Stores stores_;
  Life life_;
  std::unique_ptr<EmbeddedLog> log_;
  std::unique_ptr<Log> near_log_;    // The same, with what others do to it.
  std::unique_ptr<Log> shared_log_;  // The same, as the workers see it: far away.
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<StorePool> pool_;
  Activity activity_;
  std::unique_ptr<Standby> standby_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::size_t started_ = 0;  // Workers of the life that have joined.
  std::uint64_t step_ = 0;   // Of the life.
  std::size_t working_ = 0;  // The one whose turn it is.
  bool in_between_ = false;  // Another one works in the middle of its commit.
  Status inner_error_;       // Of that one.
  Status trouble_;           // What a worker would wait out, and is the end here.
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
  life.options.openers = 1;
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
  if (!stores_.open().empty() && dice_.OneIn(3)) {
    const Status flushed = dice_.Of(stores_.open())->Flush();
    static_cast<void>(flushed.ok());
  }
  if (!point.starts_with("flush") && exchange_->AllQuiet()) failure_ = "quiet in a commit";
  if (started_ > 1 && !in_between_ && dice_.OneIn(3)) {
    in_between_ = true;
    const std::size_t other = (working_ + 1 + dice_.Below(started_ - 1)) % started_;
    inner_error_ = StepOf(other);
    if (!inner_error_.ok()) return true;
    if (dice_.OneIn(20) && step_ < kMovesUntil) log_->Expel(plan_.app, std::to_string(working_));
    in_between_ = false;
  }
  if (life_.death != Death::kCommitStep || point != life_.commit_step) return false;
  if (life_.countdown-- > 0) return false;
  life_.died = true;
  return true;
}

// The log takes its time for a commit; the thread may go on meanwhile. The process may die before
// it knows what became of it, or the log does not answer and is asked again.
Status Machine::OnTheWay(const LogWriter::Meanwhile& meanwhile) {
  for (std::uint64_t i = dice_.Below(6); meanwhile && i > 0; --i) meanwhile();
  if (AtCommitStep("on its way")) return {ErrorCode::kCancelled, "crash: on its way"};
  if (dice_.OneIn(10)) return Status::Unavailable("no answer yet");
  return {};
}

// What is not about shares of partitions is not waited out here: the life ends with it.
std::unique_ptr<Worker> Machine::NewWorker(std::uint32_t index) {
  const auto on_trouble = [this](const Status& status) {
    const bool of_shares = status.code() == ErrorCode::kFailedPrecondition ||
                           status.message().find("still in use") != std::string_view::npos;
    if (!of_shares && trouble_.ok()) trouble_ = status;
  };
  const WorkerOptions options{
      .thread = life_.options, .member = {}, .patient = true, .on_trouble = on_trouble};
  return std::make_unique<Worker>(plan_, *shared_log_, *exchange_, clock_, *pool_, options, index);
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
  near_log_ = copies_ ? std::unique_ptr<Log>(std::make_unique<SharedLog>(*log_))
                      : std::make_unique<ForwardingLog>(*log_);
  shared_log_ = std::make_unique<toy::FarLog>(
      *near_log_, 0, [this](const LogWriter::Meanwhile& meanwhile) { return OnTheWay(meanwhile); });
  pool_ = std::make_unique<StorePool>(stores_);
  if (copies_) {
    standby_ = std::make_unique<Standby>(plan_, *shared_log_, *pool_, clock_, activity_);
  }
  for (std::uint32_t i = 0; i < life_.threads; ++i) workers_.push_back(NewWorker(i));
  return {};
}

Status Machine::StepOf(std::size_t index) {
  const Status status = workers_[index]->Step([] { return false; }).status();
  return status.ok() ? trouble_ : status;
}

// One is silent for too long, or is killed and comes back.
Status Machine::MovePartitions() {
  const std::size_t index = dice_.Below(started_);
  if (dice_.OneIn(2)) {
    log_->Expel(plan_.app, std::to_string(index));
    return {};
  }
  exchange_->SetBusy(static_cast<std::uint32_t>(index));
  exchange_->Withdraw(static_cast<std::uint32_t>(index));
  workers_[index] = nullptr;
  workers_[index] = NewWorker(static_cast<std::uint32_t>(index));
  return workers_[index]->Join();
}

// Workers join one after the other, while the first ones already work.
Status Machine::Work() {
  const bool moves = dice_.OneIn(2);
  for (step_ = 0; started_ < workers_.size() || !exchange_->AllQuiet(); ++step_, ++report_.steps) {
    if (step_ > kStepsMax) return {ErrorCode::kInternal, "it never ends"};
    if (step_ > life_.countdown && (life_.death == Death::kKill || life_.death == Death::kStop)) {
      life_.died = true;
      if (life_.death == Death::kStop) break;
      return {ErrorCode::kCancelled, "killed"};
    }
    if (dice_.OneIn(4))
      clock_.Advance(static_cast<std::int64_t>(dice_.Below(life_.clock_jump_ms + 1)));
    if (started_ == 0 || (started_ < workers_.size() && dice_.OneIn(10))) {
      LEADFLOW_RETURN_IF_ERROR(workers_[started_]->Join());
      ++started_;
      continue;
    }
    if (moves && step_ < kMovesUntil && dice_.OneIn(100)) {
      LEADFLOW_RETURN_IF_ERROR(MovePartitions());
    }
    if (standby_ != nullptr && dice_.OneIn(5)) {
      LEADFLOW_RETURN_IF_ERROR(standby_->Step().status());
    }
    working_ = dice_.Below(started_);
    if (dice_.OneIn(50)) workers_[working_]->RequestCommit();
    LEADFLOW_RETURN_IF_ERROR(StepOf(working_));
  }
  in_between_ = true;  // Workers that were closed do nothing more.
  for (std::size_t i = 0; i < started_; ++i) LEADFLOW_RETURN_IF_ERROR(workers_[i]->Close({}));
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
  stores_.disk().Crash();
  stores_.Forget();
  workers_.clear();
  standby_.reset();
  pool_.reset();
  exchange_.reset();
  shared_log_.reset();
  near_log_.reset();
  log_.reset();
  if (machine_dies) files_.Restart();
  files_.SetCapacity(UINT64_MAX);
  files_.FailSyncAfter(UINT64_MAX);
  files_.CrashAfterBytes(UINT64_MAX);
  files_.CrashAfterChanges(UINT64_MAX);
  started_ = 0;
  in_between_ = false;
  inner_error_ = trouble_ = Status();
  clock_.Advance(static_cast<std::int64_t>(dice_.Below(10'000)));
}

std::string Machine::CheckOutcome() {
  Outcome outcome{.log = *log_, .events = {}, .facts = {}, .counters = {}, .watermark_ms = 0};
  outcome.counters = exchange_->Sum().counters;
  outcome.watermark_ms = INT64_MAX;
  for (std::uint32_t i = 0; i < life_.threads; ++i) {
    if (exchange_->progress(i).partitions.load() == 0) continue;
    outcome.watermark_ms =
        std::min(outcome.watermark_ms, exchange_->progress(i).watermark_ms.load());
  }
  workers_.clear();
  standby_.reset();
  pool_.reset();
  stores_.Forget();
  std::vector<std::unique_ptr<KeyedStore>> held;
  for (auto* list : {&outcome.events, &outcome.facts}) {
    const std::string prefix = list == &outcome.events ? "events-" : "facts-";
    for (std::uint32_t p = 0; p < plan_.partitions; ++p) {
      auto store = stores_.disk().Open(prefix + std::to_string(p));
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
  life_.options.openers = 1;
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
