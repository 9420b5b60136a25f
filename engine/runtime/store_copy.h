// StoreCopy: how far one store is with its changelog, and how records of that are put into it.
// Used by one thread.
//
// A store that was empty holds kRestoringKey, with the time when that began, until it is complete:
// its meta record may come last.
#pragma once

#include <cstdint>
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

// False: what was deleted since may have left the changelogs without a trace, so the store is not
// completed from them but made anew.
bool CanBeCompleted(KeyedStore& store, const Log& log, Clock& clock);

// "changelog.events, partition 3"
std::string NameOf(const TopicPartition& partition);

class StoreCopy {
 public:
  // A store and its changelog, of which `written` is one past the last record. `key_prefix`: only
  // keys that begin so are the store's, without it. kFailedPrecondition: the changelog cannot
  // complete this store.
  static Result<StoreCopy> Of(Log& log, const TopicPartition& changelog, std::int64_t written,
                              std::string key_prefix, KeyedStore& store);

  // Puts records of the changelog, some of which it may have already, into the store, which is the
  // one of Of. Returns how many it took. kFailedPrecondition: they are of another changelog of the
  // same name.
  Result<std::int64_t> Take(KeyedStore& store, std::span<const LogRecord> records, Clock& clock);

  // The store is complete: it is as new as its meta record says.
  Status Finish(KeyedStore& store);
  bool finished() const { return !stamped_; }

  std::int64_t from() const { return from_; }  // Of Of: what the store has is before.

 private:
  StoreCopy() = default;

  std::string key_prefix_;
  std::int64_t from_ = 0;
  std::int64_t begun_ms_ = 0;                // Of the changelog it is of; 0: no meta was seen.
  bool stamped_ = false;                     // It has kRestoringKey.
  std::vector<KeyedStore::Change> changes_;  // Scratch, kept for its memory.
};

}  // namespace leadflow
