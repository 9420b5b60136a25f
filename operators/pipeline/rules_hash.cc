#include "operators/pipeline/rules_hash.h"

#include <algorithm>

#include "engine/base/hash.h"
#include "engine/base/wire.h"

namespace leadflow {
namespace {

// Raised when the same rules begin to mean other numbers.
constexpr std::uint64_t kSemantics = 1;

// Writes values one behind the other; lists with their length, so that no two pipelines have one
// text.
class Canonical {
 public:
  explicit Canonical(std::string* out) : writer_(out) {}
  void Number(std::int64_t value) { writer_.Signed(value); }
  void Text(std::string_view text) { writer_.Bytes(text); }
  void Condition(const ExpressionPtr& expression) {
    Text(expression == nullptr ? std::string_view() : expression->text());
  }
  void Rules(const std::vector<NamedRule>& rules) {
    Size(rules);
    for (const NamedRule& rule : rules) {
      Text(rule.name);
      Condition(rule.when);
    }
  }
  template <class Container>
  void Size(const Container& container) {
    Number(static_cast<std::int64_t>(container.size()));
  }

 private:
  WireWriter writer_;
};

void Add(const Subject& subject, Canonical* out) {
  out->Number(static_cast<int>(subject.of));
  out->Number(static_cast<int>(subject.kind));
  out->Number(subject.stage);
  out->Number(subject.goal);
  out->Text(subject.trust);
}

void Add(const Measure& measure, Canonical* out) {
  out->Number(static_cast<int>(measure.type));
  Add(measure.subject, out);
  out->Text(measure.field);
  out->Number(measure.at_least);
  out->Size(measure.quantile_columns);
  for (const std::string& column : measure.quantile_columns) out->Text(column);
  out->Number(measure.duration);
  out->Number(measure.time_in);
  Add(measure.from, out);
  Add(measure.to, out);
  out->Condition(measure.where);
  out->Number(measure.machine);
  out->Number(static_cast<int>(measure.credit));
  out->Number(static_cast<int>(measure.ledger));
  out->Size(measure.models);
  for (const int model : measure.models) out->Number(model);
  out->Number(measure.along);
  out->Size(measure.operands);
  for (const Measure& operand : measure.operands) Add(operand, out);
}

void AddKpis(const Pipeline& pipeline, Canonical* out) {
  out->Size(pipeline.kpis);
  for (const KpiSpec& kpi : pipeline.kpis) {
    out->Text(kpi.name);
    Add(kpi.measure, out);
    out->Size(kpi.by);
    for (const DimensionSpec& dimension : kpi.by) out->Text(dimension.name);
    out->Number(static_cast<int>(kpi.window));
    out->Number(kpi.unit_ms);
    out->Number(kpi.keep_ms);
    out->Number(kpi.max_cells);
  }
}

void AddIdentity(const IdentityOptions& identity, Canonical* out) {
  out->Size(identity.unique);
  for (const IdentifierType type : identity.unique) out->Number(static_cast<int>(type));
  out->Number(identity.max_identifiers);
  out->Number(identity.max_shared);
  out->Number(identity.erase_keeps_counts);
  out->Size(identity.account);
  for (const auto from : identity.account) out->Number(static_cast<int>(from));
}

void AddJourney(const Pipeline& pipeline, Canonical* out) {
  out->Rules(pipeline.channels);
  out->Rules(pipeline.personas);
  out->Size(pipeline.stages);
  for (const StageSpec& stage : pipeline.stages) {
    out->Text(stage.name);
    out->Number(stage.on_lead_creation);
    out->Condition(stage.on);
    out->Condition(stage.when);
    out->Number(stage.reenter);
    out->Number(stage.falls_back);
  }
  out->Number(pipeline.score_half_life_ms);
  out->Size(pipeline.scoring);
  for (const ScoringRule& rule : pipeline.scoring) {
    out->Number(rule.points);
    out->Condition(rule.when);
    out->Number(rule.cap_points);
    out->Number(rule.cap_per_ms);
  }
}

void AddAttribution(const Pipeline& pipeline, Canonical* out) {
  out->Size(pipeline.goals);
  for (const GoalSpec& goal : pipeline.goals) {
    out->Text(goal.name);
    out->Number(static_cast<int>(goal.on));
    out->Number(goal.stage);
    out->Condition(goal.when);
    out->Number(goal.lookback_ms);
    out->Number(goal.cycle);
  }
  const AttributionOptions& attribution = pipeline.attribution;
  out->Number(attribution.max_touches);
  out->Number(static_cast<std::int64_t>(attribution.touch_kinds));
  out->Number(attribution.opportunity_stage);
  out->Size(attribution.models);
  for (const ModelSpec& model : attribution.models) {
    out->Text(model.name);
    out->Number(static_cast<int>(model.model));
    for (const std::int64_t weight : model.position) out->Number(weight);
    out->Number(model.half_life_hours);
  }
}

}  // namespace

std::uint64_t RulesHash(const Pipeline& pipeline) {
  std::string bytes;
  Canonical out(&bytes);
  out.Number(kSemantics);
  out.Text(pipeline.zone.name());
  out.Text(pipeline.report_currency);
  out.Size(pipeline.rates.rates);
  for (const auto& [at, rate] : pipeline.rates.rates) {
    out.Text(at.first);
    out.Number(at.second);
    out.Number(rate);
  }
  out.Number(pipeline.journey_ttl_ms);
  out.Number(pipeline.anonymous_ttl_ms);
  out.Number(static_cast<std::int64_t>(pipeline.keep_fields));
  out.Number(pipeline.keep_url_query);
  out.Size(pipeline.source_names);
  for (const std::string& source : pipeline.source_names) out.Text(source);
  AddIdentity(pipeline.identity, &out);
  std::vector<std::string_view> providers(pipeline.mail_providers.begin(),
                                          pipeline.mail_providers.end());
  std::sort(providers.begin(), providers.end());
  out.Size(providers);
  for (const std::string_view provider : providers) out.Text(provider);
  out.Number(static_cast<std::int64_t>(pipeline.created_by));
  out.Number(pipeline.visits.gap_ms);
  out.Number(pipeline.visits.new_on_campaign);
  out.Number(pipeline.visits.new_at_midnight);
  out.Number(pipeline.owner_now);
  out.Number(pipeline.persona_now);
  out.Number(pipeline.account_now);
  out.Number(pipeline.country_now);
  AddJourney(pipeline, &out);
  AddAttribution(pipeline, &out);
  AddKpis(pipeline, &out);
  return Hash64(bytes);
}

}  // namespace leadflow
