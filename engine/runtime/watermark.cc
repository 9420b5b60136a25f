#include "engine/runtime/watermark.h"

#include <algorithm>

namespace leadflow {

bool WatermarkTable::Set(std::size_t sender, std::size_t source, SourceMark mark) {
  SourceMark& known = marks_[sender * sources_ + source];
  mark.watermark_ms = std::max(mark.watermark_ms, known.watermark_ms);
  if (mark == known) return false;
  known = mark;
  return true;
}

SourceMark WatermarkTable::Combined(std::size_t source) const {
  SourceMark result{.watermark_ms = std::numeric_limits<std::int64_t>::max(), .active = false};
  for (std::size_t sender = 0; sender < senders(); ++sender) {
    const SourceMark& heard = mark(sender, source);
    result.watermark_ms = std::min(result.watermark_ms, heard.watermark_ms);
    result.active = result.active || heard.active;
  }
  return result;
}

void WatermarkTable::Recompute() {
  std::int64_t lowest_active = std::numeric_limits<std::int64_t>::max();
  std::int64_t highest = kNoWatermark;
  bool any_active = false;
  for (std::size_t source = 0; source < sources_; ++source) {
    const SourceMark combined = Combined(source);
    highest = std::max(highest, combined.watermark_ms);
    if (!combined.active) continue;
    any_active = true;
    lowest_active = std::min(lowest_active, combined.watermark_ms);
  }
  watermark_ms_ = std::max(watermark_ms_, any_active ? lowest_active : highest);
}

void WatermarkTable::Restore(std::int64_t watermark_ms) {
  watermark_ms_ = std::max(watermark_ms_, watermark_ms);
}

}  // namespace leadflow
