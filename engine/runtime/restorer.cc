#include "engine/runtime/restorer.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <utility>

#include "engine/base/wire.h"
#include "engine/runtime/task_meta.h"

namespace leadflow {
namespace {

constexpr std::size_t kRestoreBytes = std::size_t{4} << 20;
// A log on other machines sends up to 16 MiB of each ahead.
constexpr std::size_t kOpenMax = 8;
// Longer than any transaction may stay open: then something else is wrong.
constexpr std::int64_t kPatienceNs = std::int64_t{120} * 1'000'000'000;

std::string NameOf(const TopicPartition& partition) {
  return partition.topic + ", partition " + std::to_string(partition.partition);
}

bool IsOfAnother(const LogRecord& meta_record, std::int64_t begun_ms) {
  const Result<TaskMeta> meta = DecodeMeta(meta_record.value);
  return meta.ok() && meta->begun_ms != begun_ms;
}

}  // namespace

Result<std::optional<std::int64_t>> CurrentAsOf(KeyedStore& store) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::optional<TaskMeta> meta, MetaOf(store));
  if (meta) return std::optional<std::int64_t>(meta->committed_ms);
  LEADFLOW_ASSIGN_OR_RETURN(const auto stamp, store.Get(kRestoringKey));
  std::int64_t began_ms = 0;
  if (!stamp || !WireReader(*stamp).Signed(&began_ms)) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(began_ms);
}

Status Restorer::Add(const TopicPartition& changelog, std::string key_prefix, KeyedStore* store) {
  Changelog& from = changelogs_[changelog];
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t start, log_.StartOffset(changelog));
  if (from.end < 0) {
    LEADFLOW_ASSIGN_OR_RETURN(from.end, log_.WrittenOffset(changelog));
  }
  const std::int64_t applied = std::max<std::int64_t>(store->applied_offset(), 0);
  if (applied > from.end) {
    return {
        ErrorCode::kFailedPrecondition,
        "the store is ahead of " + NameOf(changelog) +
            ": the log lost committed records, or was made anew; restore it from a copy, or remove "
            "`stores` of this state directory, so that they are read from the log again"};
  }
  if (applied < start) {
    return {ErrorCode::kFailedPrecondition,
            "the store is gone or too old, and its changelog begins only at offset " +
                std::to_string(start) + ": start with a new state_dir to compute everything anew"};
  }
  Target target{.key_prefix = std::move(key_prefix), .store = store, .from = applied};
  LEADFLOW_ASSIGN_OR_RETURN(const std::optional<TaskMeta> meta, MetaOf(*store));
  if (meta) target.begun_ms = meta->begun_ms;
  LEADFLOW_ASSIGN_OR_RETURN(const auto stamp, store->Get(kRestoringKey));
  target.stamped = stamp.has_value();
  from.targets.push_back(std::move(target));
  return {};
}

Status Restorer::Take(const TopicPartition& from, std::span<const LogRecord> records) {
  for (Target& target : changelogs_.at(from).targets) {
    LEADFLOW_RETURN_IF_ERROR(TakeFor(target, records).WithContext(NameOf(from)));
  }
  return {};
}

Status Restorer::TakeFor(Target& target, std::span<const LogRecord> records) {
  changes_.clear();
  for (const LogRecord& record : records) {
    if (record.offset < target.from || !record.key.starts_with(target.key_prefix)) continue;
    const std::string_view key = record.key.substr(target.key_prefix.size());
    if (target.begun_ms != 0 && key == kMetaKey && IsOfAnother(record, target.begun_ms)) {
      return {ErrorCode::kFailedPrecondition,
              "the topic was made anew since this state directory was written; remove its "
              "`stores`, so that they are read from the topics again"};
    }
    changes_.push_back(
        {key, record.tombstone ? std::nullopt : std::optional<std::string_view>(record.value)});
  }
  if (changes_.empty()) return {};
  records_ += static_cast<std::int64_t>(changes_.size());
  std::string now;
  if (target.begun_ms == 0 && !target.stamped) {
    WireWriter(&now).Signed(clock_.WallMillis());
    changes_.push_back({kRestoringKey, now});
    target.stamped = true;
  }
  return target.store->Restore(changes_, records.back().offset + 1);
}

Status Restorer::Finish() {
  const KeyedStore::Change remove{kRestoringKey, std::nullopt};
  for (auto& [name, changelog] : changelogs_) {
    for (Target& target : changelog.targets) {
      if (!target.stamped) continue;
      LEADFLOW_RETURN_IF_ERROR(target.store->Restore({&remove, 1}, target.store->applied_offset()));
      target.stamped = false;
    }
  }
  return {};
}

std::int64_t Restorer::FirstOf(const Changelog& changelog) {
  std::int64_t from = std::numeric_limits<std::int64_t>::max();
  for (const Target& target : changelog.targets) from = std::min(from, target.from);
  return from;
}

Status Restorer::Run(const std::function<bool()>& go_on) {
  const std::unique_ptr<LogReader> reader = log_.NewReader();
  std::deque<TopicPartition> waiting;
  std::vector<TopicPartition> open;
  left_ = 0;
  for (const auto& [name, changelog] : changelogs_) {
    const std::int64_t count = changelog.end - FirstOf(changelog);
    if (count <= 0) continue;
    waiting.push_back(name);
    left_ += count;
  }
  std::int64_t last_progress_ns = clock_.MonotonicNanos();
  while (!waiting.empty() || !open.empty()) {
    if (go_on && !go_on()) return {ErrorCode::kCancelled, "stopped while stores were restored"};
    while (open.size() < kOpenMax && !waiting.empty()) {
      open.push_back(waiting.front());
      waiting.pop_front();
      LEADFLOW_RETURN_IF_ERROR(reader->Seek(open.back(), FirstOf(changelogs_.at(open.back()))));
    }
    LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t read, Read(*reader, &open));
    if (read > 0) last_progress_ns = clock_.MonotonicNanos();
    left_ -= read;
    if (clock_.MonotonicNanos() - last_progress_ns > kPatienceNs) {
      return Status::Unavailable(NameOf(open[0]) +
                                 ": a transaction is neither committed nor aborted for minutes");
    }
  }
  return Finish();
}

// How many offsets it came further. Those that are at their end leave `open`.
Result<std::int64_t> Restorer::Read(LogReader& reader, std::vector<TopicPartition>* open) {
  const auto position = [&](const TopicPartition& name) {
    return std::min(reader.Position(name), changelogs_.at(name).end);
  };
  std::int64_t read = 0;
  for (const TopicPartition& name : *open) read -= position(name);
  Status failure;
  const auto polled = reader.Poll(
      kRestoreBytes, [&](const TopicPartition& from, std::span<const LogRecord> records) {
        if (failure.ok()) failure = Take(from, records);
      });
  if (!polled.ok()) return polled.status();
  LEADFLOW_RETURN_IF_ERROR(failure);
  for (const TopicPartition& name : *open) read += position(name);
  // Beyond the committed records lies what is not decided yet; the log says when it is.
  std::erase_if(*open, [&](const TopicPartition& name) {
    if (reader.Position(name) < changelogs_.at(name).end) return false;
    reader.Pause(name);
    return true;
  });
  return read;
}

}  // namespace leadflow
