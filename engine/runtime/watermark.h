// WatermarkTable: what one task knows of the progress of event time: a mark per source partition and
// sender (the task it was heard from). A source partition is as far as the slowest sender says.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace leadflow {

inline constexpr std::int64_t kNoWatermark = std::numeric_limits<std::int64_t>::min();

struct SourceMark {
  std::int64_t watermark_ms = kNoWatermark;
  // False: at its end, or nothing there at the moment. It leaves the minimum.
  bool active = true;
  bool operator==(const SourceMark&) const = default;
};

class WatermarkTable {
 public:
  WatermarkTable(std::size_t sources, std::size_t senders)
      : sources_(sources), marks_(sources * senders) {}

  std::size_t sources() const { return sources_; }
  std::size_t senders() const { return sources_ == 0 ? 0 : marks_.size() / sources_; }

  const SourceMark& mark(std::size_t sender, std::size_t source) const {
    return marks_[sender * sources_ + source];
  }

  // Takes over a mark; its watermark never goes back. Returns true if something changed.
  bool Set(std::size_t sender, std::size_t source, SourceMark mark);

  // A source over all senders: the smallest watermark, active if any sender says so.
  SourceMark Combined(std::size_t source) const;

  // The smallest of all active sources; if none is active, the highest reached, so that the order in
  // which inputs end changes nothing. As of the last Recompute; never goes back.
  std::int64_t watermark_ms() const { return watermark_ms_; }
  void Recompute();
  // A watermark that was reached before a restart.
  void Restore(std::int64_t watermark_ms);

 private:
  std::size_t sources_;
  std::vector<SourceMark> marks_;
  std::int64_t watermark_ms_ = kNoWatermark;
};

}  // namespace leadflow
