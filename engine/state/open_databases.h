// OpenDatabases: the RocksDB databases of a process that are open, for whoever shows them while
// stores come and go. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>

#include "engine/metrics/exposition.h"

namespace rocksdb {
class DB;
}

namespace leadflow {

class OpenDatabases {
 public:
  void Add(rocksdb::DB* db);
  // Waits while they are looked at: the database may be closed once it returns.
  void Remove(rocksdb::DB* db);

  // Shows memory and files of all of them together.
  void Expose(Exposition* out) const;

 private:
  std::int64_t Sum(const std::string& property) const;  // REQUIRES: mutex_ is held

  mutable std::mutex mutex_;
  std::set<rocksdb::DB*> open_;
};

}  // namespace leadflow
