// Restorer: completes stores from their changelogs, some of them at a time. Used by one thread.
//
// A store that was empty holds kRestoringKey, with the time when that began, until it is complete:
// its meta record may come last.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/log/log.h"
#include "engine/state/keyed_store.h"

namespace leadflow {

inline constexpr std::string_view kRestoringKey{"\0restoring", 10};

// Wall clock, in ms, as of which nothing that was deleted can be missing in a store: its last
// commit, or the beginning of a restore that was broken off. nullopt: it is empty.
Result<std::optional<std::int64_t>> CurrentAsOf(KeyedStore& store);

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
    std::string key_prefix;
    KeyedStore* store = nullptr;
    std::int64_t from = 0;
    std::int64_t begun_ms = 0;  // Of the changelog it is of; 0: it has no meta yet.
    bool stamped = false;       // It has kRestoringKey.
  };
  struct Changelog {
    std::int64_t end = -1;
    std::vector<Target> targets;
  };

  static std::int64_t FirstOf(const Changelog& changelog);
  Result<std::int64_t> Read(LogReader& reader, std::vector<TopicPartition>* open);
  Status Take(const TopicPartition& from, std::span<const LogRecord> records);
  Status TakeFor(Target& target, std::span<const LogRecord> records);
  Status Finish();

  Log& log_;
  Clock& clock_;
  std::map<TopicPartition, Changelog> changelogs_;
  std::vector<KeyedStore::Change> changes_;
  std::int64_t records_ = 0;
  std::int64_t left_ = 0;
};

}  // namespace leadflow
