#include "engine/runtime/runtime.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <thread>

#include "engine/runtime/dead_letter.h"
#include "engine/state/memory_store.h"

namespace leadflow {
namespace {

// How long a thread with nothing to do waits before it looks again.
constexpr std::chrono::milliseconds kIdle{1};
constexpr std::chrono::milliseconds kTick{100};

// Waits on a condition that nobody signals: a pause that needs no clock of its own.
void Pause(std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, time);
}

}  // namespace

Runtime::Runtime(const Plan& plan, Log& log, StoreFactory& stores, Clock& clock,
                 RuntimeOptions options)
    : plan_(plan), log_(log), stores_(stores), clock_(clock), options_(std::move(options)) {}

Runtime::~Runtime() = default;

// Tasks of sources keep a few bytes, which their changelog brings back: no store on disk for them.
StoreOpener Runtime::Opener() {
  return [this](const std::string& name, bool wipe) -> Result<std::unique_ptr<KeyedStore>> {
    if (name.starts_with("ingest-")) {
      return std::unique_ptr<KeyedStore>(
          std::make_unique<MemoryStore>(std::make_shared<MemoryStore::Data>()));
    }
    if (wipe) LEADFLOW_RETURN_IF_ERROR(stores_.Remove(name));
    return stores_.Open(name);
  };
}

void Runtime::Fail(const Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_.ok()) failure_ = status;
  }
  abandon_.store(true);
}

void Runtime::ThreadMain(std::uint32_t index) {
  StreamThread& thread = *threads_[index];
  Status status = thread.Start();
  started_.fetch_add(1);
  while (status.ok() && !abandon_.load() && !stop_.load()) {
    const Result<bool> worked = thread.Step();
    if (!worked.ok()) {
      status = worked.status();
      break;
    }
    if (*worked) continue;
    if (options_.thread.until_end && exchange_->AllQuiet()) break;
    Pause(kIdle);
  }
  bool counted = false;
  const auto committed = [&] {
    counted = true;
    running_.fetch_sub(1);
  };
  if (status.ok() && !abandon_.load()) status = thread.Close(committed);
  if (!status.ok()) Fail(status);
  if (!counted) running_.fetch_sub(1);
}

Status Runtime::Run(const std::function<Status(const Progress&)>& tick) {
  LEADFLOW_ASSIGN_OR_RETURN(exchange_, Exchange::Create(plan_, log_, options_.threads));
  DeadLetterExport letters(log_, plan_.dead_letters_topic(), options_.dead_letters_path);
  const bool exporting = !options_.dead_letters_path.empty();
  if (exporting) LEADFLOW_RETURN_IF_ERROR(letters.Open());
  for (std::uint32_t i = 0; i < options_.threads; ++i) {
    threads_.push_back(std::make_unique<StreamThread>(plan_, log_, *exchange_, clock_, Opener(),
                                                      options_.thread, i));
  }
  running_.store(options_.threads);
  std::vector<std::thread> workers;
  for (std::uint32_t i = 0; i < options_.threads; ++i) {
    workers.emplace_back([this, i] { ThreadMain(i); });
  }
  while (running_.load() > 0) {
    if (started_.load() == options_.threads && !abandon_.load()) {
      Status status = tick(Now(false));
      if (status.ok() && exporting) status = letters.Pump();
      if (!status.ok()) Fail(status);
    }
    for (int i = 0; i < 10 && running_.load() > 0; ++i) Pause(kTick / 10);
  }
  // Everything is committed; what is left to do elsewhere changes no result.
  Status status = Failure();
  if (status.ok() && exporting) status = letters.Pump();
  if (status.ok()) status = tick(Now(true));
  for (std::thread& worker : workers) worker.join();
  threads_.clear();
  LEADFLOW_RETURN_IF_ERROR(status);
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
  bool first = true;
  for (std::uint32_t i = 0; i < options_.threads; ++i) {
    const Exchange::ThreadProgress& one = exchange_->progress(i);
    sum.messages_read += one.messages_read.load();
    sum.bytes_read += one.bytes_read.load();
    sum.bytes_total += one.bytes_total.load();
    sum.commits += one.commits.load();
    sum.restoring = sum.restoring || !one.restored.load();
    const std::int64_t mark = one.watermark_ms.load();
    sum.watermark_ms = first ? mark : std::min(sum.watermark_ms, mark);
    first = false;
  }
  return sum;
}

Exchange::CounterValues Runtime::counters() const {
  return exchange_ == nullptr ? Exchange::CounterValues() : exchange_->SumCounters();
}

void Runtime::VisitFacts(
    const std::function<void(std::uint32_t, const KeyedStore&)>& visit) const {
  for (const auto& thread : threads_) thread->VisitStores(Stage::kFacts, visit);
}

}  // namespace leadflow
