// Standby: copies of the stores that no thread of this process holds, kept close behind what other
// processes commit, so that a partition that comes finds its state here. Used by one thread.
//
// A copy is put into the pool after each piece of work: whoever takes it need not ask. What was
// held here in between is gone on with from where it then is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/log/log.h"
#include "engine/runtime/activity.h"
#include "engine/runtime/plan.h"
#include "engine/runtime/store_copy.h"
#include "engine/runtime/store_place.h"
#include "engine/runtime/store_pool.h"

namespace leadflow {

class Standby {
 public:
  // All references outlive it.
  Standby(const Plan& plan, Log& log, StorePool& stores, Clock& clock, Activity& activity);

  // Copies some of what others have committed; false: nothing is there. After kUnavailable it may
  // be called again.
  Result<bool> Step();

  // Whether every copy has come to where its changelog ended when it was begun.
  bool caught_up() const;

 private:
  struct Copy {
    explicit Copy(StorePlace where) : place(std::move(where)) {}
    StorePlace place;
    std::optional<StoreCopy> state;
    std::int64_t applied = -1;  // Of the store, as it was left.
  };
  struct Changelog {
    std::vector<Copy> copies;
    bool followed = false;
    bool held = false;  // A thread has its stores.
    bool caught_up = false;
    std::int64_t end = 0;   // When following began.
  };
  // False: `use` was not called, for a thread has the store.
  using Use = std::function<Status(KeyedStore& store)>;
  Result<bool> WithStore(const Copy& copy, const Use& use);

  Status LookAround();
  Status Follow(const TopicPartition& name, Changelog& changelog);
  Status Take(const TopicPartition& name, std::span<const LogRecord> records);
  Status Finish(Changelog& changelog);
  Status BeginFlush(const Changelog& changelog);
  void Show();
  Result<bool> StepOnce();

  Log& log_;
  StorePool& stores_;
  Clock& clock_;
  Activity& activity_;
  const std::size_t ahead_bytes_;
  std::map<TopicPartition, Changelog> changelogs_;
  std::unique_ptr<LogReader> reader_;
  std::optional<std::int64_t> looked_around_ns_;  // Absent: not since it began anew.
  std::int64_t flushed_ns_ = 0;
};

}  // namespace leadflow
