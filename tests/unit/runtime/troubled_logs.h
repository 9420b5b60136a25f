// Logs as a thread may meet them: far away, short of memory, with what the dead have left open.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "tests/unit/log/forwarding_log.h"

namespace leadflow::toy {

constexpr std::int64_t kDayMs = 86'400'000;

// A log whose commits take time and fail `failures` times, as one that lies behind a network does.
// `wait` is that time: its error is the commit's.
class FarLog final : public ForwardingLog {
 public:
  using Wait = std::function<Status(const LogWriter::Meanwhile& meanwhile)>;
  FarLog(Log& near, int failures, Wait wait = nullptr)
      : ForwardingLog(near), failures_(failures), wait_(std::move(wait)) {}
  Result<std::unique_ptr<LogWriter>> NewWriter(std::string_view id,
                                               const Membership* member) override {
    LEADFLOW_ASSIGN_OR_RETURN(auto writer, ForwardingLog::NewWriter(id, member));
    return std::unique_ptr<LogWriter>(std::make_unique<Writer>(std::move(writer), this));
  }

 private:
  class Writer final : public LogWriter {
   public:
    Writer(std::unique_ptr<LogWriter> near, FarLog* log) : near_(std::move(near)), log_(*log) {}
    Status Begin() override { return near_->Begin(); }
    Status Append(const TopicPartition& partition, std::string_view key,
                  std::optional<std::string_view> value, std::string_view headers) override {
      return near_->Append(partition, key, value, headers);
    }
    Status SendOffset(std::string_view group, const TopicPartition& input,
                      std::int64_t offset) override {
      return near_->SendOffset(group, input, offset);
    }
    using LogWriter::Commit;
    Status Commit(const Meanwhile& meanwhile) override {
      if (log_.wait_) LEADFLOW_RETURN_IF_ERROR(log_.wait_(meanwhile));
      if (log_.failures_ > 0 && log_.failures_-- > 0) return Status::Unavailable("no answer");
      return near_->Commit();
    }
    void Abort() override { near_->Abort(); }
    std::int64_t LastOffset(const TopicPartition& partition) const override {
      return near_->LastOffset(partition);
    }

   private:
    std::unique_ptr<LogWriter> near_;
    FarLog& log_;
  };

  int failures_;
  Wait wait_;
};

// The time of a FarLog in which all is done that there is.
inline Status AllMeanwhile(const LogWriter::Meanwhile& meanwhile) {
  while (meanwhile && meanwhile()) {
  }
  return {};
}

// A log whose changelogs show deletes for a week.
class WeekLog final : public ForwardingLog {
 public:
  using ForwardingLog::ForwardingLog;
  std::int64_t tombstones_ms() const override { return 7 * kDayMs; }
};

// Where a dead member has left a transaction open: it is held for dead after some seconds only, and
// before somebody ends it the offsets of the group are not known.
class PendingLog final : public ForwardingLog {
 public:
  PendingLog(Log& log, VirtualClock& clock) : ForwardingLog(log), clock_(clock) {}
  void FenceAbsent(std::string_view, const Membership*, std::span<const TopicPartition>) override {
    ended_ = clock_.MonotonicNanos() - begin_ns_ >= kSessionNs;
  }
  Result<std::vector<std::int64_t>> CommittedOffsets(std::string_view group,
                                                     std::span<const TopicPartition> inputs,
                                                     OffsetsAs which) override {
    if (ended_) return ForwardingLog::CommittedOffsets(group, inputs, which);
    clock_.Advance(1'000);
    return Status::Unavailable("a transaction is under way");
  }

 private:
  static constexpr std::int64_t kSessionNs = std::int64_t{10} * 1'000'000'000;
  VirtualClock& clock_;
  const std::int64_t begin_ns_ = clock_.MonotonicNanos();
  bool ended_ = false;
};

}  // namespace leadflow::toy
