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

}  // namespace

ProgressLine::ProgressLine(Clock& clock, bool quiet)
    : clock_(clock),
      on_(!quiet && isatty(STDERR_FILENO) != 0),
      started_ns_(clock.MonotonicNanos()) {
  rate_from_ns_ = started_ns_;
}

ProgressLine::~ProgressLine() { Clear(); }

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
      progress.restoring ? "restoring the state" : WithCommas(progress.messages_read) + " events";
  if (!progress.restoring && rate_ > 0) line += ", " + WithCommas(rate_) + "/s";
  const std::int64_t total = progress.bytes_total, read = std::min(progress.bytes_read, total);
  if (total > 0 && read > 0) {
    line += ", " + std::to_string(read * 100 / total) + " % read";
    const std::int64_t spent = (now - started_ns_) / kSecond;
    if (read < total && spent > 0) {
      line += ", about " +
              Duration(static_cast<std::int64_t>(static_cast<double>(spent) *
                                                 static_cast<double>(total - read) /
                                                 static_cast<double>(read)) +
                       1) +
              " left";
    }
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
