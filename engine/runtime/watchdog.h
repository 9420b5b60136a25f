// Watchdog: finds a thread that does not come back, as one does that calls a client library or the
// disk and gets no answer for ever. Who is watched beats at every step; who looks counts how often
// it has looked in vain. It measures no time: a process that was stopped as a whole, or slept with
// its machine, has not hung.
//
// Beat and Done are thread-safe; one thread looks.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

namespace leadflow {

class Watchdog {
 public:
  explicit Watchdog(std::uint32_t threads) : threads_(threads) {}

  void Beat(std::uint32_t thread) {
    threads_[thread].beats.fetch_add(1, std::memory_order_relaxed);
  }
  // It is not watched any more.
  void Done(std::uint32_t thread) { threads_[thread].done.store(true); }

  // A thread that has not beaten since the look before the last `patience` ones.
  std::optional<std::uint32_t> Look(int patience) {
    for (std::uint32_t i = 0; i < threads_.size(); ++i) {
      Watched& one = threads_[i];
      const std::uint64_t beats = one.beats.load(std::memory_order_relaxed);
      const bool silent = !one.done.load() && beats == one.seen;
      one.looks = silent ? one.looks + 1 : 0;
      one.seen = beats;
      if (one.looks >= patience) return i;
    }
    return std::nullopt;
  }

 private:
  struct Watched {
    std::atomic<std::uint64_t> beats{1};
    std::atomic<bool> done{false};
    std::uint64_t seen = 0;
    int looks = 0;  // In vain, one after the other.
  };
  std::vector<Watched> threads_;
};

}  // namespace leadflow
