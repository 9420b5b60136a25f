#include "engine/state/open_databases.h"

#include <map>

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>

namespace leadflow {

void OpenDatabases::Add(rocksdb::DB* db) {
  const std::lock_guard lock(mutex_);
  open_.insert(db);
}

void OpenDatabases::Remove(rocksdb::DB* db) {
  const std::lock_guard lock(mutex_);
  open_.erase(db);
}

std::int64_t OpenDatabases::Sum(const std::string& property) const {
  std::uint64_t sum = 0;
  for (rocksdb::DB* db : open_) {
    std::uint64_t value = 0;
    if (db->GetIntProperty(property, &value)) sum += value;
  }
  return static_cast<std::int64_t>(sum);
}

void OpenDatabases::Expose(Exposition* out) const {
  using Properties = rocksdb::DB::Properties;
  const auto gauge = [out](std::string_view name, std::string_view help, std::int64_t value) {
    out->Family(name, Exposition::Type::kGauge, help);
    out->Sample({}, value);
  };
  const std::lock_guard lock(mutex_);
  gauge("leadflow_state_stores", "State stores that are open.",
        static_cast<std::int64_t>(open_.size()));
  gauge("leadflow_state_compaction_pending_bytes", "What compaction has still to rewrite.",
        Sum(Properties::kEstimatePendingCompactionBytes));
  gauge("leadflow_state_keys", "Keys in all stores, estimated.", Sum(Properties::kEstimateNumKeys));
  gauge("leadflow_state_background_errors", "Writes in the background that failed.",
        Sum(Properties::kBackgroundErrors));
  std::map<int, std::int64_t> levels;
  for (rocksdb::DB* db : open_) {
    rocksdb::ColumnFamilyMetaData meta;
    db->GetColumnFamilyMetaData(&meta);
    for (const rocksdb::LevelMetaData& level : meta.levels) {
      levels[level.level] += static_cast<std::int64_t>(level.size);
    }
  }
  out->Family("leadflow_state_files_bytes", Exposition::Type::kGauge,
              "Files of all stores, by level of the tree.");
  for (const auto& [level, bytes] : levels) {
    if (bytes > 0) out->Sample({{"level", std::to_string(level)}}, bytes);
  }
}

}  // namespace leadflow
