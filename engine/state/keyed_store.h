// KeyedStore: the bytes one task remembers, by key; sorted. Writes are staged: Get and Scan see
// them at once, the disk does not, until the task's transaction has committed and Apply is called.
//
// A store names the changelog offset that its disk state equals (`applied offset`), written in the
// same batch as the data. It never holds uncommitted bytes, so after a crash it is completed by
// reading the changelog from there, never wiped. Single-threaded, but ScanCommitted.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace leadflow {

class KeyedStore {
 public:
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;  // false = stop

  virtual ~KeyedStore() = default;

  // The value at `key`, staged or committed; nullopt if there is none.
  virtual Result<std::optional<std::string>> Get(std::string_view key) = 0;

  // The values at `keys`, in their order, by one sorted look-up.
  virtual Status MultiGet(std::span<const std::string_view> keys,
                          std::vector<std::optional<std::string>>* values) = 0;

  // Stages a write; deleting an absent key is fine.
  virtual void Put(std::string_view key, std::string_view value) = 0;
  virtual void Delete(std::string_view key) = 0;

  // Keys with `prefix`, ascending, staged ones included.
  virtual Status Scan(std::string_view prefix, const Visit& visit) = 0;

  // The same over what was committed when the call began. May be called from any thread.
  virtual Status ScanCommitted(std::string_view prefix, const Visit& visit) const = 0;

  // What is staged, last value per key (nullopt = delete): the changelog of a commit. The order is
  // a function of the calls before.
  virtual void VisitStaged(
      const std::function<void(std::string_view key, std::optional<std::string_view> value)>& visit)
      const = 0;
  virtual std::size_t staged_bytes() const = 0;

  // What is staged is on its way: Apply is about it alone, and VisitStaged about what comes now;
  // Get and Scan see both. REQUIRES: Apply or DropStaged since the last time
  virtual void Seal() = 0;

  // Writes what was sealed, or all that is staged if nothing was, as one batch, together with
  // `changelog_offset` (the next to read).
  virtual Status Apply(std::int64_t changelog_offset) = 0;
  // Forgets what is staged, sealed or not: the transaction was aborted.
  virtual void DropStaged() = 0;

  // Writes a batch read from the changelog; nullopt = delete.
  struct Change {
    std::string_view key;
    std::optional<std::string_view> value;
  };
  virtual Status Restore(std::span<const Change> changes, std::int64_t changelog_offset) = 0;

  // The changelog offset that the bytes on disk equal, and the one that is safe against a crash
  // (flushed). -1: nothing yet.
  virtual std::int64_t applied_offset() const = 0;
  virtual std::int64_t durable_offset() const = 0;
  virtual Status Flush() = 0;
  // Begins the same and does not wait: durable_offset rises some time later, seen by a later call,
  // perhaps not as far as applied_offset if a flush is under way already.
  virtual Status BeginFlush() { return Flush(); }
};

}  // namespace leadflow
