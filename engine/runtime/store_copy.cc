#include "engine/runtime/store_copy.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/base/wire.h"
#include "engine/runtime/task_meta.h"

namespace leadflow {
namespace {

// A restore takes less.
constexpr std::int64_t kRestoreMaxMs = 24 * 3'600'000;

// 0: it cannot be read, as Task::Open will say.
std::int64_t BegunOf(const LogRecord& meta_record) {
  const Result<TaskMeta> meta = DecodeMeta(meta_record.value);
  return meta.ok() ? meta->begun_ms : 0;
}

}  // namespace

std::string NameOf(const TopicPartition& partition) {
  return partition.topic + ", partition " + std::to_string(partition.partition);
}

Result<std::optional<std::int64_t>> CurrentAsOf(KeyedStore& store) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::optional<TaskMeta> meta, MetaOf(store));
  if (meta) return std::optional<std::int64_t>(meta->committed_ms);
  LEADFLOW_ASSIGN_OR_RETURN(const auto stamp, store.Get(kRestoringKey));
  std::int64_t began_ms = 0;
  if (!stamp || !WireReader(*stamp).Signed(&began_ms)) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(began_ms);
}

bool CanBeCompleted(KeyedStore& store, const Log& log, Clock& clock) {
  const std::int64_t shown_ms = log.tombstones_ms();
  if (shown_ms == std::numeric_limits<std::int64_t>::max()) return true;
  const auto current_ms = CurrentAsOf(store);
  if (!current_ms.ok() || !*current_ms) return true;  // Task::Open complains, if there is reason.
  return clock.WallMillis() - **current_ms <= shown_ms - kRestoreMaxMs;
}

Result<StoreCopy> StoreCopy::Of(Log& log, const TopicPartition& changelog, std::int64_t written,
                                std::string key_prefix, KeyedStore& store) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t start, log.StartOffset(changelog));
  StoreCopy copy;
  copy.key_prefix_ = std::move(key_prefix);
  copy.from_ = std::max<std::int64_t>(store.applied_offset(), 0);
  if (copy.from_ > written) {
    return Status(
        ErrorCode::kFailedPrecondition,
        "the store is ahead of " + NameOf(changelog) +
            ": the log lost committed records, or was made anew; restore it from a copy, or remove "
            "`stores` of this state directory, so that they are read from the log again");
  }
  if (copy.from_ < start) {
    return Status(ErrorCode::kFailedPrecondition,
                  "the store is gone or too old, and its changelog begins only at offset " +
                      std::to_string(start) +
                      ": start with a new state_dir to compute everything anew");
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::optional<TaskMeta> meta, MetaOf(store));
  if (meta) copy.begun_ms_ = meta->begun_ms;
  LEADFLOW_ASSIGN_OR_RETURN(const auto stamp, store.Get(kRestoringKey));
  copy.stamped_ = stamp.has_value();
  return copy;
}

Result<std::int64_t> StoreCopy::Take(KeyedStore& store, std::span<const LogRecord> records,
                                     Clock& clock) {
  changes_.clear();
  const bool begins = begun_ms_ == 0 && !stamped_;
  for (const LogRecord& record : records) {
    if (record.offset < from_ || !record.key.starts_with(key_prefix_)) continue;
    const std::string_view key = record.key.substr(key_prefix_.size());
    if (key == kMetaKey) {
      const std::int64_t begun_ms = BegunOf(record);
      if (begun_ms_ != 0 && begun_ms != 0 && begun_ms != begun_ms_) {
        return Status(ErrorCode::kFailedPrecondition,
                      "the topic was made anew since this state directory was written; remove its "
                      "`stores`, so that they are read from the topics again");
      }
      begun_ms_ = begun_ms;
    }
    changes_.push_back(
        {key, record.tombstone ? std::nullopt : std::optional<std::string_view>(record.value)});
  }
  if (changes_.empty()) return 0;
  const auto count = static_cast<std::int64_t>(changes_.size());
  std::string now;
  if (begins) {
    WireWriter(&now).Signed(clock.WallMillis());
    changes_.push_back({kRestoringKey, now});
    stamped_ = true;
  }
  LEADFLOW_RETURN_IF_ERROR(store.Restore(changes_, records.back().offset + 1));
  return count;
}

Status StoreCopy::Finish(KeyedStore& store) {
  if (!stamped_) return {};
  const KeyedStore::Change remove{kRestoringKey, std::nullopt};
  LEADFLOW_RETURN_IF_ERROR(store.Restore({&remove, 1}, store.applied_offset()));
  stamped_ = false;
  return {};
}

}  // namespace leadflow
