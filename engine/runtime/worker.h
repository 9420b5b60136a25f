// Worker: a member of the pipeline's group, and the stream thread of what it holds. Each time the
// group shares anew, the thread commits and ends, and another one begins with what is then held. If
// what is held is lost, or the log is away, the thread is dropped, and one begins anew from the
// last commit.
//
//     Join -> Step* -> Close
//
// Used by one thread, but for WithStores.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/log/log.h"
#include "engine/runtime/exchange.h"
#include "engine/runtime/plan.h"
#include "engine/runtime/store_pool.h"
#include "engine/runtime/stream_thread.h"

namespace leadflow {

struct WorkerOptions {
  ThreadOptions thread;
  // The name of the process in the group; empty: the log has one process only.
  std::string member;
  // Whether to begin anew after what may pass: a log that is away, a fence. Else it is an error.
  bool patient = false;
  // Told each time.
  std::function<void(const Status& status)> on_trouble;
};

class Worker {
 public:
  // All references outlive the worker. `index`: of its place in the exchange.
  Worker(const Plan& plan, Log& log, Exchange& exchange, Clock& clock, StorePool& stores,
         WorkerOptions options, std::uint32_t index);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  Status Join();

  // Does one piece of work; false: there was nothing to do, wait a moment. `stop` is asked while
  // stores are restored: yes ends that.
  Result<bool> Step(const std::function<bool()>& stop);

  // As StreamThread::Close.
  Status Close(const std::function<void()>& committed);

  // The next Step commits.
  void RequestCommit();

  // The committed stores of a stage by partition, which stay open while `use` runs.
  using StoresByPartition = std::vector<std::pair<std::uint32_t, const KeyedStore*>>;
  void WithStores(Stage stage, const std::function<void(const StoresByPartition&)>& use) const;

 private:
  std::string Name() const;
  Result<std::unique_ptr<KeyedStore>> OpenStore(const std::string& name,
                                                const StoreFactory::Keep& keep);
  Result<bool> Begin(const std::function<bool()>& stop);
  Status End(Membership::State state);
  void Drop();
  Result<bool> Endure(const Status& status, const StreamThread* thread);
  Result<bool> Rejoin(const Status& status);
  void Release(StreamThread* thread);

  const Plan& plan_;
  Log& log_;
  Exchange& exchange_;
  Clock& clock_;
  StorePool& stores_;
  const WorkerOptions options_;
  const std::uint32_t index_;

  std::unique_ptr<Membership> membership_;
  mutable std::mutex mutex_;              // Held while thread_ is changed or others look at it.
  std::unique_ptr<StreamThread> thread_;  // Null: it does not run.
  std::int64_t wait_until_ns_ = 0;        // Before the next one may begin.
  std::int64_t last_rejoin_ns_ = 0;
  int rejoins_ = 0;  // One soon after the other.
};

}  // namespace leadflow
