// TopTable: what running processes of a pipeline do, as text, from what they show at /metrics.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leadflow::app {

// One answer of /metrics.
class Metrics {
 public:
  explicit Metrics(std::string_view text);

  // The sum of the samples of a name; nullopt: it has none.
  std::optional<double> Sum(std::string_view name) const;
  // The samples of a name by the value of one of its labels, summed over the others.
  std::map<std::string, double> By(std::string_view name, std::string_view label) const;
  // An upper bound of what `share` of the observations of a histogram of seconds stays below, among
  // those that are in here and not in `before`; nullopt: there are none.
  std::optional<double> Quantile(std::string_view name, double share, const Metrics* before) const;

 private:
  struct Sample {
    std::map<std::string, std::string, std::less<>> labels;
    double value = 0;
  };
  std::map<std::string, std::vector<Sample>, std::less<>> samples_;
};

// A process at two moments. `now` null: it does not answer, `trouble` says why.
struct TopProcess {
  std::string name;
  const Metrics* before = nullptr;  // Null: it was not asked before.
  const Metrics* now = nullptr;
  double seconds = 0;  // Between the two.
  std::string trouble;
};

// The table: a line for each process, then one for each source, summed over the processes.
std::string TopTable(const std::vector<TopProcess>& processes);

}  // namespace leadflow::app
