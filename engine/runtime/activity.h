// Activity: what the threads of a process have done since it began, for those who watch it. Touched
// at most once a commit or a poll, never per message; read by any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "engine/metrics/histogram.h"

namespace leadflow {

// Why threads went back to their last commit.
enum class RewindCause : std::uint8_t {
  kMessage,      // An operator failed at a message: its neighbours come again one by one.
  kTransaction,  // The log refused the transaction.
  kMembership,   // Partitions were taken away, or another process has fenced this one.
};

struct Activity {
  DurationHistogram commit_time;  // Of commits that had something, from their first attempt.
  std::atomic<std::int64_t> commit_retries{0};
  std::array<std::atomic<std::int64_t>, 3> rewinds{};  // By RewindCause.
  std::atomic<std::int64_t> rebalances{0};             // How often partitions were taken away.
  std::atomic<std::int64_t> restored_records{0};       // Of changelogs.
  std::atomic<std::int64_t> restore_ns{0};             // What the longest restore of a thread took.
  std::atomic<std::int64_t> standby_records{0};        // Of changelogs, put into copies.
  std::atomic<std::int64_t> standby_changelogs{0};     // That are followed.
  std::atomic<std::int64_t> standby_left{0};           // Offsets until copies are caught up.

  void Restored(std::int64_t records, std::int64_t took_ns) {
    restored_records.fetch_add(records);
    std::int64_t longest = restore_ns.load();
    while (longest < took_ns && !restore_ns.compare_exchange_weak(longest, took_ns)) {
    }
  }
  void Rewound(RewindCause cause) { rewinds[static_cast<std::size_t>(cause)].fetch_add(1); }
};

}  // namespace leadflow
