#include "tests/simulation/b2b_job.h"

#include <array>
#include <memory>

#include "app/pipeline_file.h"
#include "engine/base/check.h"
#include "operators/identity/stored_leads.h"
#include "operators/kpi/row_feed.h"
#include "operators/kpi/row_record.h"
#include "operators/kpi/row_state.h"
#include "operators/kpi/scan_rows.h"
#include "tests/simulation/b2b_events.h"

namespace leadflow::simulation {
namespace {

constexpr const char* kPipeline = R"(
version: 1
name: b2b
time_zone: Europe/Berlin
currency: {report: EUR}
engine: {state_dir: unused}
lateness: {allowed: 3650d}
sources:
  web: {file: {path: web.jsonl}, format: leadflow, disorder: 30d}
  crm: {file: {path: crm.jsonl}, format: leadflow, disorder: 30d}
identity:
  unique: [crm_contact_id]
stages:
  - {name: visitor, phase: reach, on: 'kind == "page_view"'}
  - {name: lead, phase: interaction, on: lead_creation}
  - {name: sql, phase: interaction, on: 'kind == "stage_change" && stage == "SQL"'}
  - {name: customer, phase: transaction, on: 'kind == "order"'}
goals:
  order: {on: order}
  deal_won: {on: deal.won, lookback: 120d}
attribution:
  models: [first_touch, last_touch, linear, u_shape, w_shape, {time_decay: {half_life: 7d}}]
kpis:
  visits: {count: visit, by: [channel, campaign], window: 1d}
  visitors: {distinct: lead, of: visit, by: [channel], window: 1mo}
  bounce_rate: {ratio: [{count: visit, where: bounce}, {count: visit}], by: [channel], window: 1mo}
  open_rate: {ratio: [{distinct: lead, of: email_open}, {distinct: lead, of: email_sent}], by: [campaign], window: total}
  new_leads: {count: lead_creation, by: [channel, campaign], window: 1mo}
  sqls: {count: stage.sql, by: [channel], window: 1mo}
  days_to_order: {quantile: [0.5], of: {time: {from: first_touch, to: order}}, by: [], window: total, unit: d}
  cost: {sum: cost.amount, by: [channel, campaign], window: 1mo}
  win_rate: {ratio: [{count: deal.won}, {count: deal.lost}], by: [], window: 1q}
  revenue: {attributed: order, value: amount, by: [model, channel, campaign], window: 1mo}
  booked: {attributed: order, value: amount, by: [model, channel], window: 1mo, ledger: booked}
  won: {attributed: deal_won, value: amount, by: [model, channel], window: 1mo}
  share: {share_of: revenue, along: channel, by: [model, channel], window: 1mo}
kafka: {brokers: "unused:9092"}
outputs:
  - kafka: {topic: "{name}.kpi.{kpi}", emit: {every: 150ms}}
)";

constexpr std::size_t kPipelines = 4;

// The pipeline with 1 to 4 partitions.
const Pipeline& PipelineOf(std::size_t partitions) {
  static const auto loaded = [] {
    std::array<app::LoadedPipeline, kPipelines> all;
    for (std::size_t i = 0; i < kPipelines; ++i) {
      app::PipelineFileOptions options;
      options.use_environment = false;
      options.set = {{"engine.partitions", std::to_string(i + 1)}};
      all[i] = app::LoadPipelineText("simulation", kPipeline, ".", options);
      if (!all[i].pipeline) std::fprintf(stderr, "%s", all[i].diagnostics->Text().c_str());
      LEADFLOW_CHECK(all[i].pipeline != nullptr);
    }
    return all;
  }();
  return *loaded[partitions - 1].pipeline;
}

// An ingest operator with a mistake: some messages it cannot handle. All stages are rewound when it
// meets one.
class MistakenIngest final : public Operator {
 public:
  explicit MistakenIngest(std::unique_ptr<Operator> inner) : inner_(std::move(inner)) {}
  Status Open(OperatorContext& context) override { return inner_->Open(context); }
  Status Process(std::span<const MessageView> batch) override {
    for (const MessageView& message : batch) {
      if (Hash64(message.value) % 40 == 0) return {ErrorCode::kInternal, "cannot handle it"};
    }
    return inner_->Process(batch);
  }
  Status Prepare() override { return inner_->Prepare(); }
  void Sealed() override { inner_->Sealed(); }
  void Committed() override { inner_->Committed(); }
  void Aborted() override { inner_->Aborted(); }

 private:
  const std::unique_ptr<Operator> inner_;
};

Plan PlanOf(const Pipeline& pipeline, const std::vector<app::SourceMessages>& inputs,
            std::size_t cache_bytes) {
  auto plan = app::MakePlan(pipeline, {.key = {1, 2, 3},
                                       .cluster_bytes = cache_bytes,
                                       .group_bytes = cache_bytes,
                                       .inputs = &inputs});
  LEADFLOW_CHECK(plan.ok());
  for (SourcePlan& source : plan->sources) {
    source.ingest = [make = source.ingest](std::uint32_t partition) {
      return std::make_unique<MistakenIngest>(make(partition));
    };
  }
  return *std::move(plan);
}

class SumSink final : public FactSink {
 public:
  explicit SumSink(std::map<std::string, std::int64_t>* sums) : sums_(*sums) {}
  void Add(std::string_view group, std::string_view component, std::int64_t delta) override {
    sums_[std::string(group) + std::string(component)] += delta;
  }

 private:
  std::map<std::string, std::int64_t>& sums_;
};

// The KPI that a row group belongs to.
std::string NameOf(const Pipeline& pipeline, std::string_view group) {
  for (const KpiSpec& kpi : pipeline.kpis) {
    std::uint64_t name = 0;
    if (WireReader(group).Fixed64(&name) && name == Hash64(kpi.name)) return kpi.name;
  }
  return "a KPI that there is not";
}

// Sums of 0 are as good as none.
std::string Difference(const Pipeline& pipeline, const std::map<std::string, std::int64_t>& have,
                       const std::map<std::string, std::int64_t>& want, const char* of) {
  std::map<std::string, std::int64_t> difference = have;
  for (const auto& [key, sum] : want) difference[key] -= sum;
  std::map<std::string, int> by_kpi;
  for (const auto& [key, delta] : difference) {
    if (delta != 0) ++by_kpi[NameOf(pipeline, key)];
  }
  std::string out;
  for (const auto& [kpi, count] : by_kpi) {
    out += (out.empty() ? "" : ", ") + std::to_string(count) + " of `" + kpi + "`";
  }
  return out.empty() ? out : "sums differ from " + std::string(of) + ": " + out;
}

}  // namespace

B2bJob::B2bJob(std::uint64_t seed) : pipeline_(PipelineOf(1 + seed % kPipelines)) {
  B2bEvents events = MakeB2bEvents(seed);
  inputs_ = {{"web", std::move(events.web)}, {"crm", std::move(events.crm)}};
  // Now and then next to nothing stays in memory between two commits.
  plan_ = PlanOf(pipeline_, inputs_, seed % 3 == 0 ? 1'000 : 1 << 20);
  const Plan undisturbed = PlanOf(PipelineOf(1), inputs_, 1 << 20);
  const std::string failure = RunUndisturbed(undisturbed, [this](const Outcome& outcome) {
    counters_ = outcome.counters;
    const Status read = ReadRows(outcome.facts, &sums_);
    return read.ok() ? std::string() : read.ToString();
  });
  if (!failure.empty()) std::fprintf(stderr, "%s\n", failure.c_str());
  LEADFLOW_CHECK(failure.empty());
}

Status B2bJob::ReadRows(const std::vector<KeyedStore*>& facts, Sums* sums) {
  Status damaged;
  for (const KeyedStore* store : facts) {
    LEADFLOW_RETURN_IF_ERROR(
        store->ScanCommitted("R", [&](std::string_view key, std::string_view value) {
          RowState state;
          if (!ReadRowState(value, &state)) damaged = Status::Corruption("a row means nothing");
          for (const auto& [component, sum] : state.components) {
            (*sums)[std::string(key.substr(1)) + std::string(component)] += sum;
          }
          return damaged.ok();
        }));
  }
  return damaged;
}

// What a subscriber has read of each topic in the end, beside the rows of the stores.
Status B2bJob::CheckTopics(const Outcome& outcome, std::string* found) const {
  const std::vector<const KeyedStore*> facts(outcome.facts.begin(), outcome.facts.end());
  for (const RowFeed& feed : RowFeedsOf(pipeline_)) {
    std::map<std::string, std::string> want, have;
    LEADFLOW_ASSIGN_OR_RETURN(const std::vector<KpiRow> rows,
                              CollectRows(facts, pipeline_, feed.kpi->name, outcome.watermark_ms));
    for (const KpiRow& row : rows) {
      want[RowKey(feed, row, pipeline_)] = RowValue(feed, nullptr, &row, pipeline_, 0).value_or("");
    }
    LEADFLOW_ASSIGN_OR_RETURN(const std::uint32_t partitions, outcome.log.Partitions(feed.topic));
    for (std::uint32_t p = 0; p < partitions; ++p) {
      LEADFLOW_RETURN_IF_ERROR(ReadAll(outcome.log, {feed.topic, p}, [&](const LogRecord& record) {
        if (record.tombstone) {
          have.erase(std::string(record.key));
        } else {
          have[std::string(record.key)] = record.value;
        }
        if (KafkaPartitionOf(record.key, partitions) != p) *found = feed.topic + ": misplaced";
      }));
    }
    for (const auto& [key, value] : want) {
      if (have[key] == value) continue;
      *found = feed.topic + " says " + have[key] + " where the state says " + value;
    }
    if (have.size() != want.size()) *found = feed.topic + " has rows that the state has not";
  }
  return {};
}

std::string B2bJob::Check(const Outcome& outcome) const {
  std::string found_in_topics;
  if (const Status read = CheckTopics(outcome, &found_in_topics); !read.ok()) {
    return read.ToString();
  }
  if (!found_in_topics.empty()) return found_in_topics;
  Sums rows;
  if (const Status read = ReadRows(outcome.facts, &rows); !read.ok()) return read.ToString();
  if (std::string found = Difference(pipeline_, rows, sums_, "an undisturbed run");
      !found.empty()) {
    return found;
  }
  Sums journeys;
  SumSink sink(&journeys);
  const Status read = StoredLeads(pipeline_, outcome.events).Contributions(sink, nullptr);
  if (!read.ok()) return read.ToString();
  if (std::string found = Difference(pipeline_, rows, journeys, "what f says"); !found.empty()) {
    return found;
  }
  for (const auto& [key, value] : counters_) {
    if (key.first == "moves") continue;  // How often clusters move depends on what comes first.
    const auto found = outcome.counters.find(key);
    const std::int64_t other = found == outcome.counters.end() ? 0 : found->second;
    if (other != value) {
      return "counter " + key.first + " (" + key.second + ") is " + std::to_string(other) +
             ", not " + std::to_string(value);
    }
  }
  return {};
}

}  // namespace leadflow::simulation
