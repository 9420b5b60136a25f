#include "app/top_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "app/text_table.h"

namespace leadflow::app {
namespace {

constexpr std::string_view kNone = "-";

// `\\`, `\"` and `\n` of the value of a label.
std::string Unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out.push_back(text[i]);
  }
  return out;
}

std::optional<double> NumberOf(std::string_view text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

// What stands in braces: name="value",name="value".
template <class Labels>
void ReadLabels(std::string_view text, Labels* labels) {
  while (!text.empty()) {
    const std::size_t begin = text.find("=\"");
    if (begin == std::string_view::npos) return;
    std::size_t end = begin + 2;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    end = std::min(end, text.size());
    (*labels)[std::string(text.substr(0, begin))] =
        Unescaped(text.substr(begin + 2, end - begin - 2));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (text.starts_with(',')) text.remove_prefix(1);
  }
}

std::string Whole(std::optional<double> value) {
  return value ? WithCommas(std::llround(*value)) : std::string(kNone);
}

std::string Bytes(std::optional<double> value) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  if (!value) return std::string(kNone);
  double left = *value;
  std::size_t unit = 0;
  for (; left >= 1024 && unit + 1 < std::size(kUnits); ++unit) left /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, left < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", left,
                kUnits[unit]);
  return text;
}

std::string Time(std::optional<double> seconds) {
  if (!seconds) return std::string(kNone);
  char text[32];
  if (*seconds < 1) {
    std::snprintf(text, sizeof text, "%.0f ms", *seconds * 1000);
  } else if (*seconds < 60) {
    std::snprintf(text, sizeof text, "%.1f s", *seconds);
  } else if (*seconds < 3600) {
    std::snprintf(text, sizeof text, "%.0f min", *seconds / 60);
  } else {
    std::snprintf(text, sizeof text, "%.0f h", *seconds / 3600);
  }
  return text;
}

// How much more it has become; a process that was started in between begins at 0.
double Grown(double now, double before) { return now >= before ? now - before : now; }

std::optional<double> RateOf(const TopProcess& process, std::string_view name) {
  if (process.before == nullptr || process.seconds <= 0) return std::nullopt;
  const double now = process.now->Sum(name).value_or(0);
  return Grown(now, process.before->Sum(name).value_or(0)) / process.seconds;
}

std::string StateOf(const Metrics& metrics) {
  if (metrics.Sum("leadflow_restored").value_or(0) > 0) return "serving";
  const auto left = metrics.Sum("leadflow_restore_remaining_records");
  return left && *left > 0 ? "restoring, " + Whole(left) + " left" : "starting";
}

using Row = std::vector<std::string>;

// The first column to the left, the others to the right, each as wide as its widest cell.
std::string Lines(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line = Left(row[0], widths[0]);
    for (std::size_t i = 1; i < row.size(); ++i) line += "  " + Right(row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

Row RowOf(const TopProcess& process) {
  const Metrics& now = *process.now;
  const auto commit = [&](double share) {
    return Time(now.Quantile("leadflow_commit_seconds", share, process.before));
  };
  return {process.name,
          StateOf(now),
          Whole(now.Sum("leadflow_partitions")),
          Whole(RateOf(process, "leadflow_messages_read_total")),
          Time(now.Sum("leadflow_watermark_delay_seconds")),
          commit(0.5),
          commit(0.99),
          Time(now.Sum("leadflow_commit_age_seconds")),
          Whole(now.Sum("leadflow_dead_letters_total").value_or(0)),
          Bytes(now.Sum("process_resident_memory_bytes")) + " of " +
              Bytes(now.Sum("leadflow_memory_budget_bytes")),
          Bytes(now.Sum("leadflow_state_files_bytes"))};
}

struct SourceSum {
  double read = 0;
  double grown = 0;
  double seconds = 0;
  std::optional<double> lag;
  std::optional<double> records;  // Of topics, instead.
};

std::vector<Row> SourceRows(const std::vector<TopProcess>& processes) {
  std::map<std::string, SourceSum> sums;
  for (const TopProcess& process : processes) {
    if (process.now == nullptr) continue;
    const auto before = process.before == nullptr
                            ? std::map<std::string, double>()
                            : process.before->By("leadflow_messages_read_total", "source");
    for (const auto& [source, read] : process.now->By("leadflow_messages_read_total", "source")) {
      SourceSum& sum = sums[source];
      sum.read += read;
      if (process.before == nullptr) continue;
      const auto old = before.find(source);
      sum.grown += Grown(read, old == before.end() ? 0 : old->second);
      sum.seconds = std::max(sum.seconds, process.seconds);
    }
    for (const auto& [source, lag] : process.now->By("leadflow_source_lag_bytes", "source")) {
      sums[source].lag = sums[source].lag.value_or(0) + lag;
    }
    for (const auto& [source, lag] : process.now->By("leadflow_source_lag_records", "source")) {
      sums[source].records = sums[source].records.value_or(0) + lag;
    }
  }
  std::vector<Row> rows;
  for (const auto& [source, sum] : sums) {
    rows.push_back({source, Whole(sum.read),
                    sum.seconds > 0 ? Whole(sum.grown / sum.seconds) : std::string(kNone),
                    sum.records ? Whole(*sum.records) + " records" : Bytes(sum.lag)});
  }
  return rows;
}

}  // namespace

Metrics::Metrics(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t space = line.rfind(' ');
    if (line.starts_with('#') || space == std::string_view::npos) continue;
    const std::optional<double> value = NumberOf(line.substr(space + 1));
    if (!value) continue;
    const std::string_view head = line.substr(0, space);
    const std::size_t brace = head.find('{');
    Sample& sample = samples_[std::string(head.substr(0, brace))].emplace_back();
    sample.value = *value;
    if (brace != std::string_view::npos && head.ends_with('}')) {
      ReadLabels(head.substr(brace + 1, head.size() - brace - 2), &sample.labels);
    }
  }
}

std::optional<double> Metrics::Sum(std::string_view name) const {
  const auto found = samples_.find(name);
  if (found == samples_.end()) return std::nullopt;
  double sum = 0;
  for (const Sample& sample : found->second) sum += sample.value;
  return sum;
}

std::map<std::string, double> Metrics::By(std::string_view name, std::string_view label) const {
  std::map<std::string, double> sums;
  const auto found = samples_.find(name);
  if (found == samples_.end()) return sums;
  for (const Sample& sample : found->second) {
    const auto value = sample.labels.find(label);
    if (value != sample.labels.end()) sums[value->second] += sample.value;
  }
  return sums;
}

std::optional<double> Metrics::Quantile(std::string_view name, double share,
                                        const Metrics* before) const {
  const std::string buckets = std::string(name) + "_bucket";
  const auto old = before == nullptr ? std::map<std::string, double>() : before->By(buckets, "le");
  std::map<double, double> below;
  for (const auto& [limit, count] : By(buckets, "le")) {
    const auto was = old.find(limit);
    below[NumberOf(limit).value_or(0)] = Grown(count, was == old.end() ? 0 : was->second);
  }
  if (below.empty() || below.rbegin()->second <= 0) {
    return before == nullptr ? std::nullopt : Quantile(name, share, nullptr);
  }
  const double wanted = below.rbegin()->second * share;
  double last = 0;
  for (const auto& [limit, count] : below) {
    if (std::isfinite(limit)) last = limit;
    if (count >= wanted) break;
  }
  return last;
}

std::string TopTable(const std::vector<TopProcess>& processes) {
  std::vector<Row> rows = {{"PROCESS", "STATE", "PARTITIONS", "EVENTS/S", "BEHIND", "COMMIT P50",
                            "P99", "AGE", "DEAD LETTERS", "MEMORY", "DISK"}};
  std::string away;
  for (const TopProcess& process : processes) {
    if (process.now != nullptr) {
      rows.push_back(RowOf(process));
    } else {
      away += process.trouble + "\n";
    }
  }
  std::string out = rows.size() > 1 ? Lines(rows) : std::string();
  std::vector<Row> sources = SourceRows(processes);
  if (!sources.empty()) {
    sources.insert(sources.begin(), {"SOURCE", "EVENTS", "EVENTS/S", "LAG"});
    out += "\n" + Lines(sources);
  }
  return out + away;
}

}  // namespace leadflow::app
