// LeadFunction::Explain: what happened in a journey, as lines for people.
#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "engine/base/money.h"
#include "operators/attribution/attribution.h"
#include "operators/journey/lead_batch.h"
#include "operators/journey/lead_function.h"

namespace leadflow {
namespace {

std::string Share(std::int64_t share, std::int64_t total) {
  return FormatRatio(static_cast<__int128>(share) * 100, total, 1);
}

class Lines final : public OccurrenceSink {
 public:
  Lines(const Pipeline& pipeline, std::vector<LeadFunction::Line>* out)
      : pipeline_(pipeline), out_(*out) {}

  void Add(const Occurrence& occurrence, int) override {
    if (occurrence.distinct_only || occurrence.duration >= 0 || !occurrence.restated) return;
    LeadFunction::Line line;
    line.time_ms = occurrence.time_ms;
    line.channel = occurrence.by_default.channel;
    line.campaign = occurrence.by_default.campaign;
    if (!Describe(occurrence, &line)) return;
    out_.push_back(std::move(line));
  }

 private:
  bool Describe(const Occurrence& occurrence, LeadFunction::Line* line) {
    switch (occurrence.of) {
      case Subject::Of::kEvent:
        line->what = KindName(occurrence.kind);
        if (occurrence.kind == Kind::kOrder) line->what += " event";  // the order itself follows
        if (occurrence.machine) line->detail = "by a machine";
        return occurrence.kind != Kind::kPagePing;
      case Subject::Of::kVisit:
        line->what = "visit";
        line->detail = std::to_string(occurrence.page_views) +
                       (occurrence.page_views == 1 ? " page, " : " pages, ") +
                       std::to_string(occurrence.dwell_ms / 1000) + " s";
        return true;
      case Subject::Of::kLeadCreation: line->what = "lead"; return true;
      case Subject::Of::kStageEntry:
        line->what = "stage " + pipeline_.stages[static_cast<std::size_t>(occurrence.stage)].name;
        return true;
      case Subject::Of::kOrder: line->what = "order"; break;
      case Subject::Of::kDealWon: line->what = "deal won"; break;
      case Subject::Of::kDealLost: line->what = "deal lost"; break;
      case Subject::Of::kGoal:
        line->what = "goal " + pipeline_.goals[static_cast<std::size_t>(occurrence.goal)].name;
        line->detail = Credits(occurrence, &line->credits);
        return true;
      default: return false;
    }
    if (!occurrence.currency.empty()) {
      line->detail =
          FormatMinor(occurrence.amount, CurrencyExponent(occurrence.currency).value_or(2)) + " " +
          std::string(occurrence.currency);
    }
    return true;
  }

  // Per model the channels and what they get; per touch what each model gives.
  std::string Credits(const Occurrence& occurrence, std::vector<LeadFunction::Credit>* credits) {
    if (occurrence.conversion == nullptr || occurrence.conversion->touches.empty()) {
      return "unattributed";
    }
    for (const CreditedTouch& touch : occurrence.conversion->touches) {
      credits->push_back({touch.time_ms,
                          std::string(touch.dimensions.channel),
                          std::string(touch.dimensions.campaign),
                          {}});
    }
    std::string text;
    std::vector<std::int64_t> weights;
    for (const ModelSpec& model : pipeline_.attribution.models) {
      Weights(model, *occurrence.conversion, occurrence.time_ms, &weights);
      std::int64_t total = 0;
      std::map<std::string_view, std::int64_t> channels;
      for (std::size_t i = 0; i < weights.size(); ++i) {
        total += weights[i];
        channels[occurrence.conversion->touches[i].dimensions.channel] += weights[i];
      }
      for (std::size_t i = 0; i < weights.size(); ++i) {
        (*credits)[i].shares.push_back(total <= 0 ? "-" : Share(weights[i], total));
      }
      if (total <= 0) continue;
      if (!text.empty()) text += "; ";
      text += model.name + ":";
      for (const auto& [channel, weight] : channels) {
        if (weight == 0) continue;
        text += " " + std::string(channel) + " " + Share(weight, total) + " %";
      }
    }
    return text;
  }

  const Pipeline& pipeline_;
  std::vector<LeadFunction::Line>& out_;
};

}  // namespace

Result<std::vector<LeadFunction::Line>> ExplainJourney(const Pipeline& pipeline,
                                                       const FactBuilder& facts, Journey& journey,
                                                       const HomeFilter& in) {
  const DerivationRules everything(pipeline, facts, true);
  std::vector<LeadFunction::Line> lines;
  Lines sink(pipeline, &lines);
  LEADFLOW_RETURN_IF_ERROR(LeadBatch(everything, &sink, [] {}).Run(journey, in, nullptr));
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto& a, const auto& b) { return a.time_ms < b.time_ms; });
  return lines;
}

}  // namespace leadflow
