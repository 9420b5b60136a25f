#include "app/progress_line.h"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

#include "app/text_table.h"

namespace leadflow::app {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::string Duration(std::int64_t seconds) {
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3600) + " h " + std::to_string(seconds / 60 % 60) + " min";
}

// Of `left`, if `done` took so many seconds.
std::string TimeLeft(std::int64_t seconds, std::int64_t done, std::int64_t left) {
  const double estimate =
      static_cast<double>(seconds) * static_cast<double>(left) / static_cast<double>(done);
  return ", about " + Duration(static_cast<std::int64_t>(estimate) + 1) + " left";
}

}  // namespace

ProgressLine::ProgressLine(Clock& clock, bool quiet)
    : clock_(clock),
      on_(!quiet && isatty(STDERR_FILENO) != 0),
      started_ns_(clock.MonotonicNanos()) {
  rate_from_ns_ = started_ns_;
}

ProgressLine::~ProgressLine() { Clear(); }

// For what is left, at the rate that it was read so far.
std::string ProgressLine::Restoring(const Runtime::Progress& progress) {
  std::string line = "restoring the state";
  if (progress.restore_left == 0) return line;
  restore_most_ = std::max(restore_most_, progress.restore_left);
  line += ", " + WithCommas(progress.restore_left) + " records left";
  const std::int64_t read = restore_most_ - progress.restore_left;
  const std::int64_t spent = (clock_.MonotonicNanos() - started_ns_) / kSecond;
  if (read > 0 && spent > 0) line += TimeLeft(spent, read, progress.restore_left);
  return line;
}

void ProgressLine::Show(const Runtime::Progress& progress) {
  const std::int64_t now = clock_.MonotonicNanos();
  if (!on_ || now - shown_ns_ < kSecond / 4) return;
  shown_ns_ = now;
  if (now - rate_from_ns_ >= kSecond) {
    rate_ = (progress.messages_read - rate_from_messages_) * kSecond / (now - rate_from_ns_);
    rate_from_ns_ = now;
    rate_from_messages_ = progress.messages_read;
  }
  std::string line =
      progress.restoring ? Restoring(progress) : WithCommas(progress.messages_read) + " events";
  if (!progress.restoring && rate_ > 0) line += ", " + WithCommas(rate_) + "/s";
  const std::int64_t total = progress.bytes_total, read = std::min(progress.bytes_read, total);
  if (total > 0 && read > 0) {
    line += ", " + std::to_string(read * 100 / total) + " % read";
    const std::int64_t spent = (now - started_ns_) / kSecond;
    if (read < total && spent > 0) line += TimeLeft(spent, read, total - read);
  }
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
  std::fflush(stderr);
}

void ProgressLine::Clear() {
  if (on_ && shown_ns_ != 0) std::fprintf(stderr, "\r\033[K");
  shown_ns_ = 0;
}

std::string Summary(const JobResult& result) {
  std::string out = Counted(result.progress.messages_read, "message") + " read in this run, " +
                    Counted(result.progress.commits, "commit") + "; since the state began:\n";
  std::size_t widest = 24;
  for (const auto& [key, value] : result.counters) widest = std::max(widest, key.second.size());
  for (const auto& [key, value] : result.counters) {
    const auto& [name, label] = key;
    if (name == "moves") continue;  // says something to developers only
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    out += "  " + Left(words, 16) + " " + Left(label, std::min<std::size_t>(widest, 64)) + " " +
           Right(WithCommas(value), 14) + "\n";
  }
  return out;
}

}  // namespace leadflow::app
