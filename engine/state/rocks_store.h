// RocksStore: a KeyedStore in one RocksDB directory, and the memory that the stores of a process
// share.
//
// One column family, no write-ahead log, no memtables: data and the changelog offset it equals are
// one file that RocksDB takes over, so after a kill the disk holds a prefix of the batches, and the
// changelog brings the rest. All stores of a factory share one block cache (indexes and filters
// inside).
//
// Errors: kCorruption names the directory and says to remove it; kInternal "no space left on
// device"; after a failed background write every later write fails: close the store, open it again,
// restore.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/metrics/exposition.h"
#include "engine/state/keyed_store.h"
#include "engine/state/store_factory.h"

namespace leadflow {

struct StateOptions {
  std::string directory;                                  // Of all stores; each is a folder in it.
  std::uint64_t memory_bytes = std::uint64_t{256} << 20;  // Of all stores together.
  // Of each store beside that: committed writes gather in memory, twice as much at most.
  std::uint64_t gather_bytes = std::uint64_t{32} << 20;
  int background_jobs = 2;  // Flushes and compactions; at most 7.
  // Scans of prefixes this long or longer skip files by a filter: a kind and a 16-byte id. Part of
  // the files' format only for those filters, so it may change.
  std::size_t filter_prefix_bytes = 17;
};

class RocksStoreFactory final : public StoreFactory {
 public:
  explicit RocksStoreFactory(StateOptions options);
  ~RocksStoreFactory() override;

  // Stores may outlive the factory.
  Result<std::unique_ptr<KeyedStore>> Open(std::string_view name) override;
  Status Remove(std::string_view name) override;

  // What the shared cache holds now.
  std::uint64_t memory_bytes() const;

  // Shows memory and disk of all open stores. Any thread.
  void Expose(Exposition* out) const;

 private:
  struct Shared;

  const StateOptions options_;
  const std::unique_ptr<Shared> shared_;
};

}  // namespace leadflow
