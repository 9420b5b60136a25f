#include "app/run_records.h"

#include <algorithm>

namespace leadflow::app {
namespace {

// All labels of one counter together.
std::int64_t SumOf(const Exchange::CounterValues& counters, const std::string& name) {
  std::int64_t sum = 0;
  for (auto it = counters.lower_bound({name, ""}); it != counters.end() && it->first.first == name;
       ++it) {
    sum += it->second;
  }
  return sum;
}

}  // namespace

RunRecords::RunRecords(Clock& clock, Logger* log, bool quiet)
    : clock_(clock), log_(log), quiet_(quiet), started_ms_(NowMs()), shown_ms_(started_ms_) {}

void RunRecords::Info(std::string_view message, std::initializer_list<Logger::Field> fields) {
  if (log_ != nullptr && !quiet_) log_->Log(Logger::Level::kInfo, message, fields);
}

void RunRecords::Show(const Runtime::Progress& progress, bool stopping) {
  const std::int64_t now = NowMs();
  if (!restored_ && !progress.restoring) {
    restored_ = true;
    Info("restored", {{"records", progress.restored_records},
                      {"restore_ms", progress.restore_ms},
                      {"took_ms", now - started_ms_}});
  }
  if (stopping && !stopping_) {
    stopping_ = true;
    Info("stopping", {});
  }
  // A commit that does not go through is worth a line, not one per attempt.
  if (progress.commit_retries > retries_ && log_ != nullptr &&
      (retries_ == 0 || now - retries_shown_ms_ >= kEveryMs)) {
    log_->Log(Logger::Level::kWarning, "the log did not take a commit at once; it is sent again",
              {{"retries", progress.commit_retries - retries_}});
    retries_ = progress.commit_retries;
    retries_shown_ms_ = now;
  }
  if (now - shown_ms_ < kEveryMs) return;
  const std::int64_t per_second =
      (progress.messages_read - shown_messages_) * 1000 / (now - shown_ms_);
  shown_ms_ = now;
  shown_messages_ = progress.messages_read;
  if (progress.restoring) {
    return Info("restoring", {{"seconds", (now - started_ms_) / 1000},
                              {"records", progress.restored_records},
                              {"records_left", progress.restore_left}});
  }
  Info("progress", {{"messages", progress.messages_read},
                    {"messages_per_second", per_second},
                    {"commits", progress.commits},
                    {"bytes_read", progress.bytes_read},
                    {"bytes_total", progress.bytes_total}});
}

void RunRecords::Trouble(const Status& status) {
  if (log_ == nullptr) return;
  log_->Log(Logger::Level::kWarning, "trying again",
            {{"code", ErrorCodeName(status.code())}, {"error", status.message()}});
}

void RunRecords::Stopped(const JobResult& result) {
  Info("stopped", {{"messages", result.progress.messages_read},
                   {"commits", result.progress.commits},
                   {"dead_letters_of_state", SumOf(result.counters, "dead_letters")},
                   {"took_ms", NowMs() - started_ms_}});
}

void RunRecords::Failed(const Status& error) {
  if (log_ == nullptr) return;
  log_->Log(Logger::Level::kError, "failed",
            {{"code", ErrorCodeName(error.code())}, {"error", error.message()}});
}

}  // namespace leadflow::app
