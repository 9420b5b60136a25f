// Exchange: what the threads of one process share beside the log. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/log/log.h"
#include "engine/runtime/activity.h"
#include "engine/runtime/backlog.h"
#include "engine/runtime/counters.h"
#include "engine/runtime/plan.h"
#include "engine/runtime/task.h"

namespace leadflow {

class Exchange {
 public:
  struct Private {};  // Use Create.
  Exchange(Private, std::uint32_t partitions, std::uint32_t threads)
      : partitions_(partitions), threads_(threads), backlog_(std::size_t{2} * partitions) {}

  // Creates the topics.
  static Result<std::unique_ptr<Exchange>> Create(const Plan& plan, Log& log,
                                                  std::uint32_t threads);

  // ---- Quiescence. Every commit begins a new epoch. A thread is quiet at an epoch if it looked
  // into the log after that epoch began, found nothing, and has nothing to do or to commit itself.
  // All threads quiet at the current epoch: nothing is under way anywhere. A thread that `owes`
  // would be, but for what waits for its time; all threads idle: nothing else can come.
  std::int64_t epoch() const { return epoch_.load(); }
  void NextEpoch() { epoch_.fetch_add(1); }
  void SetQuiet(std::uint32_t thread, std::int64_t epoch, bool owes = false) {
    threads_[thread].idle.store(epoch);
    threads_[thread].quiet.store(owes ? -1 : epoch);
  }
  void SetBusy(std::uint32_t thread) { SetQuiet(thread, -1); }
  bool AllQuiet() const { return AllAt(&PerThread::quiet); }
  bool AllIdle() const { return AllAt(&PerThread::idle); }

  // ---- Flow control: blocks that these threads sent to a partition, until somebody has handled
  // them. See Backlog.
  void Sent(Stage stage, std::uint32_t partition, std::int64_t end, std::int64_t bytes) {
    backlog_.Sent(Index(stage, partition), end, bytes);
  }
  void Handled(Stage stage, std::uint32_t partition, std::int64_t offset) {
    backlog_.Handled(Index(stage, partition), offset);
  }
  std::int64_t MaxBacklog() const { return backlog_.Max(); }
  std::int64_t TotalBacklog() const { return backlog_.Total(); }
  // Asks the log how far others are with what they were sent.
  Status AskForHandled(const Plan& plan, Log& log);

  // Of an output topic of the plan.
  std::uint32_t output_partitions(std::size_t topic) const { return output_partitions_[topic]; }

  // ---- For people, as of the last commits.
  struct ThreadProgress {
    std::atomic<std::int64_t> messages_read{0};
    std::atomic<std::int64_t> bytes_read{0};
    std::atomic<std::int64_t> bytes_total{0};  // 0: unknown.
    std::atomic<std::int64_t> commits{0};
    std::atomic<std::int64_t> watermark_ms{kNoWatermark};  // The lowest of its facts tasks.
    std::atomic<bool> restored{false};
    std::atomic<std::uint32_t> partitions{0};   // That it holds.
    std::atomic<std::int64_t> restore_left{0};  // Offsets of changelogs still to be read.
    std::atomic<std::int64_t> clean_ns{0};      // Monotonic: when last nothing was uncommitted.
  };
  ThreadProgress& progress(std::uint32_t thread) { return threads_[thread].progress; }
  const ThreadProgress& progress(std::uint32_t thread) const { return threads_[thread].progress; }
  std::uint32_t threads() const { return static_cast<std::uint32_t>(threads_.size()); }

  Activity& activity() { return activity_; }
  const Activity& activity() const { return activity_; }

  using CounterValues = std::map<Counters::Key, std::int64_t>;
  struct SourceBytes {
    std::int64_t read = 0;
    std::int64_t total = 0;                    // 0: unknown.
    std::optional<std::int64_t> records_left;  // Of topics.
  };
  // What a thread shows with each commit.
  struct Published {
    CounterValues counters;  // As of the state of the partitions it holds.
    CounterValues counted;   // By this process, whoever holds the partitions now.
    std::map<std::string, SourceBytes> sources;
  };
  void Publish(std::uint32_t thread, Published published);
  // It holds nothing any more.
  void Withdraw(std::uint32_t thread);
  // Of all threads.
  Published Sum() const;

 private:
  struct PerThread {
    std::atomic<std::int64_t> quiet{-1};
    std::atomic<std::int64_t> idle{-1};
    ThreadProgress progress;
    Published published;    // Guarded by mutex_.
    CounterValues counted;  // Of what it held before; guarded by mutex_.
  };

  bool AllAt(std::atomic<std::int64_t> PerThread::*reached) const;
  std::size_t Index(Stage stage, std::uint32_t partition) const {
    return (stage == Stage::kEvents ? 0 : partitions_) + partition;
  }

  const std::size_t partitions_;
  std::atomic<std::int64_t> epoch_{0};
  std::vector<PerThread> threads_;
  Backlog backlog_;
  std::vector<std::uint32_t> output_partitions_;
  Activity activity_;
  mutable std::mutex mutex_;
};

}  // namespace leadflow
