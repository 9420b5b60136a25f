// What a running job shows in the text of a scrape. Only atomics and what threads publish with
// their commits: it never waits for one.
#include <algorithm>

#include "engine/runtime/runtime.h"

namespace leadflow {
namespace {

constexpr auto kCounter = Exposition::Type::kCounter;
constexpr auto kGauge = Exposition::Type::kGauge;

void ExposeActivity(const Activity& activity, Exposition* out) {
  out->Family("leadflow_commit_seconds", Exposition::Type::kHistogram,
              "Time from the begin of a commit until all of it is durable.");
  out->Histogram({}, activity.commit_time);
  out->Family("leadflow_commit_retries_total", kCounter,
              "Attempts of commits that the log asked to send again.");
  out->Sample({}, activity.commit_retries.load());
  out->Family("leadflow_rewinds_total", kCounter,
              "How often a thread dropped what was not committed and went back.");
  constexpr std::string_view kCauses[] = {"message", "transaction", "membership"};
  for (std::size_t i = 0; i < activity.rewinds.size(); ++i) {
    out->Sample({{"cause", kCauses[i]}}, activity.rewinds[i].load());
  }
  out->Family("leadflow_rebalances_total", kCounter,
              "How often partitions were taken from a thread, to be shared anew.");
  out->Sample({}, activity.rebalances.load());
  out->Family("leadflow_restore_records_total", kCounter, "Records restored from changelogs.");
  out->Sample({}, activity.restored_records.load());
  out->Family("leadflow_standby_changelogs", kGauge,
              "Partitions of changelogs that copies of others' state follow.");
  out->Sample({}, activity.standby_changelogs.load());
  out->Family("leadflow_standby_remaining_records", kGauge,
              "Offsets of changelogs until those copies have caught up.");
  out->Sample({}, activity.standby_left.load());
  out->Family("leadflow_standby_records_total", kCounter, "Records put into those copies.");
  out->Sample({}, activity.standby_records.load());
}

void ExposeSources(const Exchange::Published& published, Exposition* out) {
  out->Family("leadflow_source_read_bytes", kGauge, "Bytes of a source that are read.");
  for (const auto& [source, bytes] : published.sources) {
    out->Sample({{"source", source}}, bytes.read);
  }
  out->Family("leadflow_source_lag_bytes", kGauge,
              "Bytes of a source that are there and not yet read; only where the size is known.");
  for (const auto& [source, bytes] : published.sources) {
    if (bytes.total > 0) {
      out->Sample({{"source", source}}, std::max<std::int64_t>(bytes.total - bytes.read, 0));
    }
  }
  out->Family(
      "leadflow_source_lag_records", kGauge,
      "Records of a source's topics that are there and not yet read, as of the last commit.");
  for (const auto& [source, bytes] : published.sources) {
    if (bytes.records_left) out->Sample({{"source", source}}, *bytes.records_left);
  }
}

}  // namespace

void Runtime::Expose(Exposition* out) const {
  const Exchange* exchange = shown_.load();
  if (exchange == nullptr) return;
  const Progress now = Now(false);
  out->Family("leadflow_restored", kGauge, "1 once the state is complete and events are handled.");
  out->Sample({}, now.restoring ? 0 : 1);
  out->Family("leadflow_partitions", kGauge, "Partitions that this process holds.");
  out->Sample({}, now.partitions);
  ExposeActivity(exchange->activity(), out);
  ExposeSources(exchange->Sum(), out);
  std::int64_t clean_ns = clock_.MonotonicNanos();
  const std::int64_t now_ns = clean_ns;
  for (std::uint32_t i = 0; i < exchange->threads(); ++i) {
    clean_ns = std::min(clean_ns, exchange->progress(i).clean_ns.load());
  }
  out->Family("leadflow_restore_remaining_records", kGauge,
              "Offsets of changelogs that are still to be read before events are handled.");
  out->Sample({}, now.restore_left);
  out->Family("leadflow_commit_age_seconds", kGauge,
              "Time since the slowest thread had nothing that was not committed.");
  if (!now.restoring) out->Seconds({}, now_ns - clean_ns);
  out->Family("leadflow_backlog_bytes", kGauge,
              "Blocks that one thread has sent to another and that are not yet handled.");
  out->Sample({}, exchange->TotalBacklog());
  out->Family("leadflow_watermark_delay_seconds", kGauge,
              "How far the event time up to which everything is expected to have arrived is behind "
              "the clock.");
  if (now.watermark_ms == kNoWatermark) return;
  constexpr std::int64_t kLongestMs = 9'000'000'000'000;
  const std::int64_t delay_ms = clock_.WallMillis() - now.watermark_ms;
  out->Seconds({}, std::clamp(delay_ms, -kLongestMs, kLongestMs) * 1'000'000);
}

}  // namespace leadflow
