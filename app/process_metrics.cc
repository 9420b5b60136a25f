#include "app/process_metrics.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>

#include <sys/resource.h>
#include <unistd.h>

#include "operators/event/event.h"

namespace leadflow::app {
namespace {

constexpr auto kCounter = Exposition::Type::kCounter;
constexpr auto kGauge = Exposition::Type::kGauge;
constexpr std::size_t kReasonMax = 80;

struct CounterFamily {
  std::string_view counter;  // as operators name it
  std::string_view metric;
  std::string_view label;  // empty: none
  std::string_view help;
};

constexpr CounterFamily kFamilies[] = {
    {"messages_read", "leadflow_messages_read_total", "source", "Messages read."},
    {"events", "leadflow_events_total", "source", "Events accepted."},
    {"machine", "leadflow_machine_events_total", "source",
     "Events of proxies, scanners and bots, also counted as events."},
    {"late", "leadflow_late_events_total", "source", "Late events that were used."},
    {"skipped", "leadflow_skipped_messages_total", "source",
     "Messages of which no mapping wanted to make an event."},
    {"ignored", "leadflow_ignored_identifiers_total", "source",
     "Identifiers that `identity.ignore` has left out."},
    {"excluded", "leadflow_excluded_events_total", "rule", "Events that an exclusion dropped."},
    {"refused", "leadflow_refused_events_total", "reason", "Late and expired events refused."},
    {"duplicates", "leadflow_duplicates_total", "", "Deliveries that were there already."},
    {"refused_links", "leadflow_refused_links_total", "reason",
     "Links between identifiers that a rule refused."},
    {"shared_identifiers", "leadflow_shared_identifiers_total", "type",
     "Identifiers that too many claimed: they link nobody any more."},
    {"moves", "leadflow_moves_total", "",
     "Clusters that moved to the owner of another identifier."},
    {"overflow", "leadflow_overflow_rows_total", "kpi",
     "Rows that were summed in (other), beyond max_cells."},
    {"expired_rows", "leadflow_expired_rows_total", "kpi", "Changes of rows that are gone."},
    {"facts_of_no_kpi", "leadflow_unknown_facts_total", "", "Facts that belong to no KPI."},
};
constexpr std::string_view kDeadLetters = "dead_letters";

// What a reason may name: nothing that somebody could write into a message to be shown here.
bool IsFieldName(std::string_view word) {
  return word == "id" || word == "kind" || word == "time" || FieldFromName(word).has_value();
}

std::int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

std::int64_t OpenFiles() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  return error ? 0 : std::distance(begin(files), std::filesystem::directory_iterator());
}

std::int64_t ProcessorNanos() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto nanos = [](const timeval& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + std::int64_t{time.tv_usec} * 1000;
  };
  return nanos(used.ru_utime) + nanos(used.ru_stime);
}

void ExposeDeadLetters(const Exchange::CounterValues& counters, Exposition* out) {
  std::map<std::pair<std::string, std::string>, std::int64_t> sums;
  for (auto it = counters.lower_bound({std::string(kDeadLetters), ""});
       it != counters.end() && it->first.first == kDeadLetters; ++it) {
    const std::string& label = it->first.second;  // "source: reason"
    const std::size_t colon = label.find(": ");
    const std::string source = colon == std::string::npos ? "" : label.substr(0, colon);
    const std::string reason = colon == std::string::npos ? label : label.substr(colon + 2);
    sums[{source, PlainReason(reason)}] += it->second;
  }
  out->Family("leadflow_dead_letters_total", kCounter,
              "Messages that could not be used; kept with their bytes.");
  for (const auto& [key, value] : sums) {
    out->Sample({{"source", key.first}, {"reason", key.second}}, value);
  }
}

}  // namespace

void ExposeProcess(Exposition* out) {
  out->Family("leadflow_build_info", kGauge, "1, with the version of the program.");
  out->Sample({{"version", LEADFLOW_VERSION}}, 1);
  out->Family("process_resident_memory_bytes", kGauge, "Memory of the process, resident.");
  out->Sample({}, ResidentBytes());
  out->Family("process_cpu_seconds_total", kCounter, "Processor time of the process.");
  out->Seconds({}, ProcessorNanos());
  out->Family("process_open_fds", kGauge, "Open files and connections of the process.");
  out->Sample({}, OpenFiles());
}

void ExposeCounters(const Exchange::CounterValues& counters, Exposition* out) {
  for (const CounterFamily& family : kFamilies) {
    out->Family(family.metric, kCounter, family.help);
    if (family.label.empty()) {
      const auto found = counters.find({std::string(family.counter), ""});
      out->Sample({}, found == counters.end() ? 0 : found->second);
      continue;
    }
    for (auto it = counters.lower_bound({std::string(family.counter), ""});
         it != counters.end() && it->first.first == family.counter; ++it) {
      out->Sample({{family.label, it->first.second}}, it->second);
    }
  }
  ExposeDeadLetters(counters, out);
}

std::string PlainReason(std::string_view reason) {
  std::string out;
  while (!reason.empty() && out.size() < kReasonMax) {
    const char c = reason.front();
    if (c != '`' && c != '"') {
      out += c;
      reason.remove_prefix(1);
      continue;
    }
    // What is quoted may hold quotes itself: it ends at the last one.
    std::size_t end = reason.find('`', 1);
    const std::string_view inside = reason.substr(1, std::min(end, reason.size()) - 1);
    const bool name = c == '`' && end != std::string_view::npos && IsFieldName(inside);
    if (!name) end = reason.rfind(c);
    out += c;
    out += name ? inside : "...";
    out += c;
    reason.remove_prefix(end == 0 ? reason.size() : end + 1);
  }
  return out;
}

}  // namespace leadflow::app
