#include "engine/runtime/restorer.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <utility>

namespace leadflow {
namespace {

constexpr std::size_t kRestoreBytes = std::size_t{4} << 20;
// A log on other machines sends up to 16 MiB of each ahead.
constexpr std::size_t kOpenMax = 8;
// Longer than any transaction may stay open: then something else is wrong.
constexpr std::int64_t kPatienceNs = std::int64_t{120} * 1'000'000'000;

}  // namespace

Status Restorer::Add(const TopicPartition& changelog, std::string key_prefix, KeyedStore* store) {
  Changelog& from = changelogs_[changelog];
  if (from.end < 0) {
    LEADFLOW_ASSIGN_OR_RETURN(from.end, log_.WrittenOffset(changelog));
  }
  LEADFLOW_ASSIGN_OR_RETURN(
      StoreCopy copy, StoreCopy::Of(log_, changelog, from.end, std::move(key_prefix), *store));
  from.targets.push_back({store, std::move(copy)});
  return {};
}

Status Restorer::Take(const TopicPartition& from, std::span<const LogRecord> records) {
  for (Target& target : changelogs_.at(from).targets) {
    const auto taken = target.copy.Take(*target.store, records, clock_);
    if (!taken.ok()) return taken.status().WithContext(NameOf(from));
    records_ += *taken;
  }
  return {};
}

Status Restorer::Finish() {
  for (auto& [name, changelog] : changelogs_) {
    for (Target& target : changelog.targets) {
      LEADFLOW_RETURN_IF_ERROR(target.copy.Finish(*target.store));
    }
  }
  return {};
}

std::int64_t Restorer::FirstOf(const Changelog& changelog) {
  std::int64_t from = std::numeric_limits<std::int64_t>::max();
  for (const Target& target : changelog.targets) from = std::min(from, target.copy.from());
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
