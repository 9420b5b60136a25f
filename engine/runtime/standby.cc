#include "engine/runtime/standby.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace leadflow {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
// How often it looks which partitions have come to this process or gone from it.
constexpr std::int64_t kLookAroundNs = kSecondNs / 4;
constexpr std::int64_t kFlushNs = 60 * kSecondNs;
constexpr std::size_t kStepBytes = std::size_t{1} << 20;

// Fetched ahead by all changelogs together.
constexpr std::size_t kAheadBytes = std::size_t{64} << 20;

}  // namespace

Standby::Standby(const Plan& plan, Log& log, StorePool& stores, Clock& clock, Activity& activity)
    : log_(log),
      stores_(stores),
      clock_(clock),
      activity_(activity),
      ahead_bytes_(std::clamp<std::size_t>(kAheadBytes / (std::size_t{3} * plan.partitions),
                                           std::size_t{256} << 10, std::size_t{4} << 20)),
      flushed_ns_(clock.MonotonicNanos()) {
  for (StorePlace& place : AllPlaces(plan)) {
    changelogs_[place.changelog].copies.emplace_back(std::move(place));
  }
}

Result<bool> Standby::Step() {
  auto worked = StepOnce();
  if (worked.ok()) return worked;
  reader_ = nullptr;
  for (auto& [name, changelog] : changelogs_) changelog.followed = false;
  looked_around_ns_.reset();
  return worked;
}

Result<bool> Standby::StepOnce() {
  if (reader_ == nullptr) reader_ = log_.NewReader(ahead_bytes_);
  if (!looked_around_ns_ || clock_.MonotonicNanos() - *looked_around_ns_ >= kLookAroundNs) {
    LEADFLOW_RETURN_IF_ERROR(LookAround());
    looked_around_ns_ = clock_.MonotonicNanos();
  }
  Status failure;
  const auto polled = reader_->Poll(
      kStepBytes, [&](const TopicPartition& name, std::span<const LogRecord> records) {
        if (failure.ok()) failure = Take(name, records);
      });
  if (!polled.ok()) return polled.status();
  LEADFLOW_RETURN_IF_ERROR(failure);
  for (auto& [name, changelog] : changelogs_) {
    if (changelog.followed && reader_->Position(name) >= changelog.end) changelog.caught_up = true;
  }
  Show();
  return *polled > 0;
}

Result<bool> Standby::WithStore(const Copy& copy, const Use& use) {
  const std::string& name = copy.place.store;
  LEADFLOW_ASSIGN_OR_RETURN(
      std::unique_ptr<KeyedStore> store,
      stores_.Borrow(name, [this](KeyedStore& one) { return CanBeCompleted(one, log_, clock_); }));
  if (store == nullptr) return false;
  const Status status = use(*store);
  stores_.Return(name, std::move(store), clock_.MonotonicNanos());
  LEADFLOW_RETURN_IF_ERROR(status);
  return true;
}

Status Standby::LookAround() {
  const bool flush = clock_.MonotonicNanos() - flushed_ns_ >= kFlushNs;
  if (flush) flushed_ns_ = clock_.MonotonicNanos();
  for (auto& [name, changelog] : changelogs_) {
    if (!changelog.followed) LEADFLOW_RETURN_IF_ERROR(Follow(name, changelog));
    if (changelog.followed && reader_->AtEnd(name)) {
      LEADFLOW_RETURN_IF_ERROR(Finish(changelog));
    }
    if (changelog.followed && flush) LEADFLOW_RETURN_IF_ERROR(BeginFlush(changelog));
  }
  return {};
}

// Begins at where the stores are, if no thread has them. The log is asked once for its end, by the
// first that is free: of those that are held nobody asks.
Status Standby::Follow(const TopicPartition& name, Changelog& changelog) {
  std::int64_t from = std::numeric_limits<std::int64_t>::max();
  const auto begin = [&](Copy& copy, KeyedStore& store) -> Status {
    if (&copy == changelog.copies.data()) {
      LEADFLOW_ASSIGN_OR_RETURN(changelog.end, log_.WrittenOffset(name));
    }
    auto state = StoreCopy::Of(log_, name, changelog.end, copy.place.key_prefix, store);
    if (!state.ok()) return state.status().WithContext("copy of " + copy.place.store);
    copy.state = *std::move(state);
    copy.applied = store.applied_offset();
    from = std::min(from, copy.state->from());
    return {};
  };
  for (Copy& copy : changelog.copies) {
    LEADFLOW_ASSIGN_OR_RETURN(
        const bool free, WithStore(copy, [&](KeyedStore& store) { return begin(copy, store); }));
    changelog.held = !free;
    if (!free) return {};
  }
  LEADFLOW_RETURN_IF_ERROR(reader_->Seek(name, from));
  reader_->Resume(name);
  changelog.followed = true;
  return {};
}

Status Standby::Take(const TopicPartition& name, std::span<const LogRecord> records) {
  Changelog& changelog = changelogs_.at(name);
  for (Copy& copy : changelog.copies) {
    if (!changelog.followed) return {};
    bool as_left = true;
    LEADFLOW_ASSIGN_OR_RETURN(const bool free, WithStore(copy, [&](KeyedStore& store) -> Status {
                                as_left = store.applied_offset() == copy.applied;
                                if (!as_left) return {};
                                auto taken = copy.state->Take(store, records, clock_);
                                if (!taken.ok())
                                  return taken.status().WithContext("copy of " + copy.place.store);
                                copy.applied = store.applied_offset();
                                activity_.standby_records.fetch_add(*taken);
                                return {};
                              }));
    changelog.held = !free;
    changelog.followed = free && as_left;
  }
  if (!changelog.followed) reader_->Pause(name);
  return {};
}

Status Standby::Finish(Changelog& changelog) {
  for (Copy& copy : changelog.copies) {
    if (copy.state->finished()) continue;
    const auto free = WithStore(copy, [&](KeyedStore& store) {
      return store.applied_offset() == copy.applied ? copy.state->Finish(store) : Status();
    });
    LEADFLOW_RETURN_IF_ERROR(free.status());
  }
  return {};
}

Status Standby::BeginFlush(const Changelog& changelog) {
  for (const Copy& copy : changelog.copies) {
    const auto free = WithStore(copy, [](KeyedStore& store) { return store.BeginFlush(); });
    LEADFLOW_RETURN_IF_ERROR(free.status());
  }
  return {};
}

bool Standby::caught_up() const {
  return looked_around_ns_.has_value() &&
         std::all_of(changelogs_.begin(), changelogs_.end(),
                     [](const auto& one) { return one.second.held || one.second.caught_up; });
}

void Standby::Show() {
  std::int64_t left = 0, followed = 0;
  for (const auto& [name, changelog] : changelogs_) {
    if (!changelog.followed) continue;
    ++followed;
    left += std::max<std::int64_t>(changelog.end - reader_->Position(name), 0);
  }
  activity_.standby_changelogs.store(followed);
  activity_.standby_left.store(left);
}

}  // namespace leadflow
