#include <algorithm>
#include <cstdio>
#include <map>
#include <string>

#include "app/commands/commands.h"
#include "app/state_reader.h"
#include "operators/identity/stored_leads.h"
#include "operators/kpi/row_state.h"
#include "operators/kpi/scan_rows.h"

namespace leadflow::app {
namespace {

using Sums = std::map<std::string, std::int64_t>;  // group, component -> sum

class SumSink final : public FactSink {
 public:
  void Add(std::string_view group, std::string_view component, std::int64_t delta) override {
    key_.assign(group);
    key_ += component;
    sums[key_] += delta;
  }
  Sums sums;

 private:
  std::string key_;
};

Status ReadRows(const std::vector<const KeyedStore*>& partitions, Sums* sums) {
  Status failure;
  for (const KeyedStore* store : partitions) {
    const Status scanned =
        store->ScanCommitted("R", [&](std::string_view key, std::string_view value) {
          RowState state;
          if (!ReadRowState(value, &state)) {
            failure = Status::Corruption("a stored row means nothing to this release");
            return false;
          }
          for (const auto& [component, sum] : state.components) {
            (*sums)[std::string(key.substr(1)) + std::string(component)] += sum;
          }
          return true;
        });
    LEADFLOW_RETURN_IF_ERROR(scanned);
  }
  return failure;
}

std::string KpiOf(const Pipeline& pipeline, std::string_view key) {
  for (const KpiSpec& kpi : pipeline.kpis) {
    std::uint64_t name = 0;
    if (WireReader(key).Fixed64(&name) && name == Hash64(kpi.name)) return kpi.name;
  }
  return "a KPI that the pipeline does not have";
}

// Prints the first differences; returns how many there are.
int Compare(const Pipeline& pipeline, const Sums& stored, const Sums& computed) {
  int differences = 0;
  std::map<std::string, int> by_kpi;
  const auto note = [&](const std::string& key, std::int64_t have, std::int64_t want) {
    if (have == want) return;
    ++by_kpi[KpiOf(pipeline, key)];
    if (++differences <= 10) {
      std::printf("  %s: stored %lld, computed anew %lld\n", KpiOf(pipeline, key).c_str(),
                  static_cast<long long>(have), static_cast<long long>(want));
    }
  };
  for (const auto& [key, sum] : stored) {
    const auto other = computed.find(key);
    note(key, sum, other == computed.end() ? 0 : other->second);
  }
  for (const auto& [key, sum] : computed) {
    if (stored.find(key) == stored.end()) note(key, 0, sum);
  }
  for (const auto& [kpi, count] : by_kpi) std::printf("  %s: %d differ\n", kpi.c_str(), count);
  return differences;
}

}  // namespace

int Verify(const StateOptions& options) {
  int code = kDone;
  const std::unique_ptr<StateReader> state = StateReader::Open(options, &code);
  if (state == nullptr) return code;
  SumSink computed;
  std::int64_t entities = 0;
  StoredLeads leads(state->pipeline(), state->journeys());
  Sums stored;
  Status status = leads.Contributions(computed, &entities);
  if (status.ok()) status = ReadRows(state->rows(), &stored);
  if (!status.ok()) return Failed(status);
  const int differences = Compare(state->pipeline(), stored, computed.sums);
  std::printf("%lld entities, %zu stored sums: %s\n", static_cast<long long>(entities),
              stored.size(),
              differences == 0 ? "all equal what the journeys say"
                               : (std::to_string(differences) + " differ").c_str());
  return differences == 0 ? kDone : kFailed;
}

}  // namespace leadflow::app
