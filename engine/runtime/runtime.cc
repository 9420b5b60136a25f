#include "engine/runtime/runtime.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <thread>

#include "engine/runtime/dead_letter.h"

namespace leadflow {
namespace {

// How long a thread with nothing to do waits before it looks again.
constexpr std::chrono::milliseconds kIdle{1};
constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::milliseconds kCopyPause{5};
constexpr std::chrono::milliseconds kTroublePause{1000};

// How often others are asked how far they are, and how long a store stays open that nobody holds.
constexpr std::int64_t kLookAroundNs = 500'000'000;
constexpr std::int64_t kIdleStoreNs = std::int64_t{60} * 1'000'000'000;

// Waits on a condition that nobody signals: a pause that needs no clock of its own.
void Pause(std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, time);
}

// Whether all that was sent between the stages is handled, by anybody. What is handled is asked
// before what was sent: equal, nothing was under way in between. REQUIRES: all sources have said
// that they are at their end; positions count what of the log is no record.
Result<bool> AllHandled(const Plan& plan, Log& log) {
  std::vector<TopicPartition> inputs;
  for (const std::string& topic : {plan.events_topic(), plan.facts_topic()}) {
    for (std::uint32_t p = 0; p < plan.partitions; ++p) inputs.push_back({topic, p});
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::vector<std::int64_t> handled,
                            log.CommittedOffsets(plan.app, inputs, Log::OffsetsAs::kLast));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t written, log.WrittenOffset(inputs[i]));
    if (std::max<std::int64_t>(handled[i], 0) < written) return false;
  }
  return true;
}

}  // namespace

Runtime::Runtime(const Plan& plan, Log& log, StoreFactory& stores, Clock& clock,
                 RuntimeOptions options)
    : plan_(plan),
      log_(log),
      stores_(stores),
      clock_(clock),
      options_(std::move(options)),
      watchdog_(options_.threads) {}

Runtime::~Runtime() = default;

void Runtime::Fail(const Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_.ok()) failure_ = status;
  }
  abandon_.store(true);
}

// All join before the first one asks for its share.
Status Runtime::MakeWorkers() {
  const WorkerOptions options{.thread = options_.thread,
                              .member = options_.member,
                              .patient = shared(),
                              .on_trouble = options_.on_trouble};
  for (std::uint32_t i = 0; i < options_.threads; ++i) {
    workers_.push_back(
        std::make_unique<Worker>(plan_, log_, *exchange_, clock_, stores_, options, i));
    LEADFLOW_RETURN_IF_ERROR(workers_.back()->Join());
  }
  return {};
}

void Runtime::ThreadMain(std::uint32_t index) {
  Worker& worker = *workers_[index];
  // Asked at every step, and while stores are completed.
  const auto stop = [this, index] {
    watchdog_.Beat(index);
    return abandon_.load() || stop_.load() || done_.load();
  };
  Status status;
  while (status.ok() && !stop()) {
    const Result<bool> worked = worker.Step(stop);
    if (!worked.ok()) {
      status = worked.status();
    } else if (!*worked) {
      Pause(kIdle);
    }
  }
  watchdog_.Done(index);
  bool counted = false;
  const auto committed = [&] {
    counted = true;
    running_.fetch_sub(1);
  };
  if (status.ok() && !abandon_.load()) status = worker.Close(committed);
  if (!status.ok()) Fail(status);
  if (!counted) running_.fetch_sub(1);
}

void Runtime::KeepCopies(const std::stop_token& end) {
  Standby standby(plan_, log_, stores_, clock_, exchange_->activity());
  while (!end.stop_requested()) {
    const Result<bool> worked = standby.Step();
    std::chrono::milliseconds pause{0};
    if (!worked.ok()) {
      if (!worked.status().retryable()) return Fail(worked.status());
      if (options_.on_trouble) options_.on_trouble(worked.status());
      pause = kTroublePause;
    } else {
      if (standby.caught_up()) copied_.store(true);
      if (!*worked) pause = kCopyPause;
    }
    for (; pause.count() > 0 && !end.stop_requested(); pause -= kCopyPause) Pause(kCopyPause);
  }
}

void Runtime::Watch(const std::stop_token& end) {
  constexpr int kLooks = 20;
  const std::chrono::milliseconds between(options_.hang_ms / kLooks);
  std::mutex mutex;
  std::condition_variable_any ended;
  std::unique_lock lock(mutex);
  while (!ended.wait_for(lock, end, between, [] { return false; }) && !end.stop_requested()) {
    if (const auto thread = watchdog_.Look(kLooks)) return options_.on_hang(*thread);
  }
}

Status Runtime::CopyFirst(const std::function<Status(const Progress&)>& tick) {
  const std::int64_t begin_ns = clock_.MonotonicNanos();
  while (!copied_.load() && !stop_.load() && !abandon_.load()) {
    LEADFLOW_RETURN_IF_ERROR(tick(Now(false)));
    Pause(kTick / 10);
  }
  exchange_->activity().Restored(exchange_->activity().standby_records.load(),
                                 clock_.MonotonicNanos() - begin_ns);
  return Failure();
}

// What no worker can know: how far other processes are, and whether they have anything left to do.
Status Runtime::LookAround() {
  const std::int64_t now_ns = clock_.MonotonicNanos();
  if (shared() && now_ns - looked_around_ns_ < kLookAroundNs) return {};
  looked_around_ns_ = now_ns;
  if (shared()) {
    LEADFLOW_RETURN_IF_ERROR(exchange_->AskForHandled(plan_, log_));
    if (!options_.standby) LEADFLOW_RETURN_IF_ERROR(stores_.CloseIdle(now_ns - kIdleStoreNs));
  }
  if (!options_.thread.until_end || !exchange_->AllQuiet()) return {};
  LEADFLOW_ASSIGN_OR_RETURN(const bool all_handled, AllHandled(plan_, log_));
  if (all_handled) done_.store(true);
  return {};
}

Status Runtime::Supervise(const std::function<Status(const Progress&)>& tick) {
  Status around = LookAround();
  if (!around.ok() && shared() && around.retryable()) {
    if (options_.on_trouble) options_.on_trouble(around);
    around = Status();
  }
  LEADFLOW_RETURN_IF_ERROR(around);
  return tick(Now(false));
}

Status Runtime::Run(const std::function<Status(const Progress&)>& tick) {
  LEADFLOW_ASSIGN_OR_RETURN(exchange_, Exchange::Create(plan_, log_, options_.threads));
  shown_.store(exchange_.get());
  DeadLetterExport letters(log_, plan_.dead_letters_topic(), options_.dead_letters_path);
  const bool exporting = !options_.dead_letters_path.empty();
  if (exporting) LEADFLOW_RETURN_IF_ERROR(letters.Open());
  std::jthread copier;
  if (options_.standby) {
    copier = std::jthread([this](const std::stop_token& end) { KeepCopies(end); });
    if (options_.copy_first) LEADFLOW_RETURN_IF_ERROR(CopyFirst(tick));
  }
  LEADFLOW_RETURN_IF_ERROR(MakeWorkers());
  running_.store(options_.threads);
  std::jthread watcher;
  if (options_.on_hang) watcher = std::jthread([this](const std::stop_token& end) { Watch(end); });
  std::vector<std::thread> workers;
  for (std::uint32_t i = 0; i < options_.threads; ++i) {
    workers.emplace_back([this, i] { ThreadMain(i); });
  }
  while (running_.load() > 0) {
    if (!abandon_.load()) {
      Status status = Supervise(tick);
      if (status.ok() && exporting) status = letters.Pump();
      if (!status.ok()) Fail(status);
    }
    for (int i = 0; i < 10 && running_.load() > 0; ++i) {
      Pause(kTick / 10);
      if (options_.thread.until_end && exchange_->AllQuiet() && !shared()) break;
    }
  }
  // Everything is committed; what is left to do elsewhere changes no result.
  Status status = Failure();
  if (status.ok() && exporting) status = letters.Pump();
  if (status.ok()) status = tick(Now(true));
  for (std::thread& worker : workers) worker.join();
  workers_.clear();
  copier = {};
  LEADFLOW_RETURN_IF_ERROR(status);
  LEADFLOW_RETURN_IF_ERROR(stores_.CloseIdle(std::numeric_limits<std::int64_t>::max()));
  return Failure();
}

Status Runtime::Failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

Runtime::Progress Runtime::Now(bool last) const {
  Progress sum;
  sum.restoring = false;
  sum.last = last;
  sum.commit_retries = exchange_->activity().commit_retries.load();
  sum.restored_records = exchange_->activity().restored_records.load();
  sum.restore_ms = exchange_->activity().restore_ns.load() / 1'000'000;
  if (options_.copy_first && !copied_.load()) {
    sum.restored_records += exchange_->activity().standby_records.load();
    sum.restore_left = exchange_->activity().standby_left.load();
  }
  bool first = true;
  for (std::uint32_t i = 0; i < options_.threads; ++i) {
    const Exchange::ThreadProgress& one = exchange_->progress(i);
    sum.messages_read += one.messages_read.load();
    sum.bytes_read += one.bytes_read.load();
    sum.bytes_total += one.bytes_total.load();
    sum.commits += one.commits.load();
    sum.restoring = sum.restoring || !one.restored.load();
    sum.restore_left += one.restore_left.load();
    sum.partitions += one.partitions.load();
    if (one.partitions.load() == 0) continue;
    const std::int64_t mark = one.watermark_ms.load();
    sum.watermark_ms = first ? mark : std::min(sum.watermark_ms, mark);
    first = false;
  }
  return sum;
}

Exchange::Published Runtime::published() const {
  const Exchange* exchange = shown_.load();
  return exchange == nullptr ? Exchange::Published() : exchange->Sum();
}

Status Runtime::WithFacts(
    const std::function<Status(const std::vector<const KeyedStore*>&)>& use) const {
  std::vector<const KeyedStore*> stores(plan_.partitions);
  // Each worker's stores stay open as long as its visit runs; so the visits lie in each other.
  const std::function<Status(std::size_t)> visit = [&](std::size_t i) -> Status {
    if (i == workers_.size()) return use(stores);
    Status status;
    workers_[i]->WithStores(Stage::kFacts, [&](const auto& of_worker) {
      for (const auto& [partition, store] : of_worker) stores[partition] = store;
      status = visit(i + 1);
    });
    return status;
  };
  return visit(0);
}

}  // namespace leadflow
