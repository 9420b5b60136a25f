// Restorer: completes stores from their changelogs, some of them at a time. Used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/log/log.h"
#include "engine/runtime/store_copy.h"
#include "engine/state/keyed_store.h"

namespace leadflow {

class Restorer {
 public:
  // Both outlive it.
  Restorer(Log& log, Clock& clock) : log_(log), clock_(clock) {}

  // REQUIRES: nobody can commit to the changelog any more what was begun before. `key_prefix`: only
  // keys that begin so are the store's, without it. kFailedPrecondition: the changelog cannot
  // complete this store.
  Status Add(const TopicPartition& changelog, std::string key_prefix, KeyedStore* store);

  // Until all stores are complete, or `go_on` (may be null) says no: kCancelled.
  // kFailedPrecondition: a store is of another changelog of the same name.
  Status Run(const std::function<bool()>& go_on);

  std::int64_t records() const { return records_; }  // That the stores took.
  std::int64_t left() const { return left_; }        // Offsets that Run has still to read.

 private:
  struct Target {
    KeyedStore* store = nullptr;
    StoreCopy copy;
  };
  struct Changelog {
    std::int64_t end = -1;
    std::vector<Target> targets;
  };

  static std::int64_t FirstOf(const Changelog& changelog);
  Result<std::int64_t> Read(LogReader& reader, std::vector<TopicPartition>* open);
  Status Take(const TopicPartition& from, std::span<const LogRecord> records);
  Status Finish();

  Log& log_;
  Clock& clock_;
  std::map<TopicPartition, Changelog> changelogs_;
  std::int64_t records_ = 0;
  std::int64_t left_ = 0;
};

}  // namespace leadflow
