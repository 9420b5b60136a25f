// Runtime: a job in one process: a log, the stores in its state directory, and N workers that
// execute their shares of a plan, until the end of all inputs or until told to stop. Other
// processes may do the same job on the same log.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/log/log.h"
#include "engine/metrics/exposition.h"
#include "engine/runtime/exchange.h"
#include "engine/runtime/plan.h"
#include "engine/runtime/standby.h"
#include "engine/runtime/store_pool.h"
#include "engine/runtime/watchdog.h"
#include "engine/runtime/worker.h"
#include "engine/state/store_factory.h"

namespace leadflow {

struct RuntimeOptions {
  std::uint32_t threads = 1;
  ThreadOptions thread;
  // The name of this process among those that share the log, the same after a restart; empty: there
  // are no others.
  std::string member;
  // Whether to keep copies of what others hold; and to make them before asking for a share, as a
  // process should that begins with nothing while others go on.
  bool standby = false;
  bool copy_first = false;
  std::function<void(const Status& status)> on_trouble;  // What passed, or is waited out.
  // Called once, of a thread that has made no step for `hang_ms`: nothing will come of it, and only
  // the end of the process ends it. Empty: nobody looks.
  std::function<void(std::uint32_t thread)> on_hang;
  std::int64_t hang_ms = 600'000;
  std::string dead_letters_path;  // Where dead letters are copied to; empty: they stay in the log.
};

class Runtime {
 public:
  // All references outlive the runtime.
  Runtime(const Plan& plan, Log& log, StoreFactory& stores, Clock& clock, RuntimeOptions options);
  ~Runtime();

  // Runs until every input is at its end and all is committed (until_end), or RequestStop, or an
  // error, of which the first is returned. `tick` is called about every 100 ms by the calling
  // thread, and once at the end, after the last commit and while the stores are flushed: outputs
  // are written there. An error that it returns ends the run.
  struct Progress {
    std::int64_t messages_read = 0;
    std::int64_t bytes_read = 0;
    std::int64_t bytes_total = 0;  // 0: unknown
    std::int64_t commits = 0;
    std::int64_t commit_retries = 0;  // Attempts that the log asked to send again.
    std::int64_t watermark_ms = kNoWatermark;
    bool restoring = true;              // Or waiting for a share.
    std::int64_t restored_records = 0;  // Of changelogs.
    std::int64_t restore_left = 0;      // Offsets of changelogs still to be read before that.
    std::int64_t restore_ms = 0;        // That the longest restore of a thread took.
    std::uint32_t partitions = 0;       // That this process holds.
    bool last = false;
  };
  Status Run(const std::function<Status(const Progress&)>& tick);

  // Finishes what is begun, commits and ends Run with OK. Safe in a signal handler.
  void RequestStop() { stop_.store(true); }

  // Name and label -> value, as of the last commits. Any thread.
  Exchange::CounterValues counters() const { return published().counters; }
  // The same and more; empty before Run. Any thread.
  Exchange::Published published() const;

  // Shows what the runtime is doing. Any thread.
  void Expose(Exposition* out) const;

  // The committed stores of the kpis stage by partition; null: another process has it, or it is not
  // open yet. They stay open while `use` runs. From `tick` only.
  Status WithFacts(const std::function<Status(const std::vector<const KeyedStore*>&)>& use) const;

 private:
  bool shared() const { return !options_.member.empty(); }
  Status MakeWorkers();
  void KeepCopies(const std::stop_token& end);
  void Watch(const std::stop_token& end);
  Status CopyFirst(const std::function<Status(const Progress&)>& tick);
  void ThreadMain(std::uint32_t index);
  Status Supervise(const std::function<Status(const Progress&)>& tick);
  Status LookAround();
  Progress Now(bool last) const;
  void Fail(const Status& status);
  Status Failure() const;

  const Plan& plan_;
  Log& log_;
  StorePool stores_;
  Clock& clock_;
  const RuntimeOptions options_;
  std::unique_ptr<Exchange> exchange_;
  std::atomic<const Exchange*> shown_{nullptr};  // The same, for other threads.
  std::vector<std::unique_ptr<Worker>> workers_;
  Watchdog watchdog_;
  std::int64_t looked_around_ns_ = 0;
  std::atomic<bool> stop_{false};          // Asked to stop.
  std::atomic<bool> done_{false};          // Nothing is left to do, here and elsewhere.
  std::atomic<bool> copied_{false};        // The copies are caught up.
  std::atomic<bool> abandon_{false};       // A thread failed: the others end without a commit.
  std::atomic<std::uint32_t> running_{0};  // Threads with work that is not committed.
  mutable std::mutex mutex_;
  Status failure_;  // The first one; guarded by mutex_.
};

}  // namespace leadflow
