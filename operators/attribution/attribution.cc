#include "operators/attribution/attribution.h"

#include <algorithm>
#include <span>

#include "engine/base/check.h"

namespace leadflow {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

// `first` and `last` against one for each touch between them, scaled so that all stay integers.
void ByPosition(std::int64_t first, std::int64_t middle, std::int64_t last,
                std::vector<std::int64_t>* weights) {
  const auto between = static_cast<std::int64_t>(weights->size()) - 2;
  if (between < 0) {
    weights->front() = 1;
    return;
  }
  if (between == 0) {
    weights->front() = first;
    weights->back() = last;
    return;
  }
  std::fill(weights->begin(), weights->end(), middle);
  weights->front() = first * between;
  weights->back() = last * between;
}

// Each milestone that is there gets the same part of `milestones` (those that are missing leave
// theirs to the others, and all of a model are equal), the other touches share `rest`.
void ByMilestones(std::span<const int> touches, std::int64_t milestones, std::int64_t rest,
                  std::vector<std::int64_t>* weights) {
  const auto size = static_cast<std::int64_t>(weights->size());
  std::int64_t present = 0;
  std::int64_t others = size;
  for (std::size_t i = 0; i < touches.size(); ++i) {
    if (touches[i] < 0) continue;
    ++present;
    const auto earlier = touches.first(i);
    if (std::find(earlier.begin(), earlier.end(), touches[i]) == earlier.end()) --others;
  }
  if (present == 0) return;
  if (rest == 0) others = 0;
  // Of (milestones + rest) each milestone gets milestones / present and each other rest / others;
  // both times present x others. Without others the milestones share the rest too.
  const std::int64_t milestone = others == 0 ? 1 : milestones * others;
  std::fill(weights->begin(), weights->end(), others == 0 ? 0 : rest * present);
  for (const int touch : touches) {
    if (touch >= 0) (*weights)[static_cast<std::size_t>(touch)] = 0;
  }
  for (const int touch : touches) {
    if (touch >= 0) (*weights)[static_cast<std::size_t>(touch)] += milestone;
  }
}

void ByDecay(const ModelSpec& spec, const DecayTable* table, const Conversion& conversion,
             std::int64_t conversion_time_ms, std::vector<std::int64_t>* weights) {
  for (std::size_t i = 0; i < weights->size(); ++i) {
    const std::int64_t hours = (conversion_time_ms - conversion.touches[i].time_ms) / kHourMs;
    (*weights)[i] =
        table != nullptr ? table->Weight(hours) : DecayWeight(spec.half_life_hours, hours);
  }
}

int SingleTouch(Model model, const Conversion& conversion) {
  const int last = static_cast<int>(conversion.touches.size()) - 1;
  switch (model) {
    case Model::kFirstTouch: return 0;
    case Model::kLastTouch: return last;
    case Model::kLastNonDirect:
      for (int i = last; i >= 0; --i) {
        if (!conversion.touches[static_cast<std::size_t>(i)].direct) return i;
      }
      return last;
    default: return -1;
  }
}

void Fill(const ModelSpec& spec, const DecayTable* table, const Conversion& conversion,
          std::int64_t conversion_time_ms, std::vector<std::int64_t>* weights) {
  LEADFLOW_CHECK(!conversion.touches.empty());
  weights->assign(conversion.touches.size(), 0);
  switch (spec.model) {
    case Model::kFirstTouch:
    case Model::kLastTouch:
    case Model::kLastNonDirect:
      (*weights)[static_cast<std::size_t>(SingleTouch(spec.model, conversion))] = 1;
      return;
    case Model::kLinear:
    case Model::kParticipation: std::fill(weights->begin(), weights->end(), 1); return;
    // 40/20/40. Two touches: halves, as without a middle.
    case Model::kUShape: ByPosition(2, 1, 2, weights); return;
    // 20/20/60, 60/20/20. Two touches: 25/75, 75/25.
    case Model::kJShape: ByPosition(1, 1, 3, weights); return;
    case Model::kInverseJ: ByPosition(3, 1, 1, weights); return;
    case Model::kPosition:
      ByPosition(spec.position[0], spec.position[1], spec.position[2], weights);
      break;
    case Model::kTimeDecay: ByDecay(spec, table, conversion, conversion_time_ms, weights); return;
    case Model::kWShape: {
      const int opportunity =
          conversion.opportunity_reached ? conversion.opportunity : conversion.conversion;
      const int touches[] = {conversion.first, conversion.creation, opportunity};
      ByMilestones(touches, 900, 100, weights);
      break;
    }
    case Model::kFullPath: {
      const int touches[] = {conversion.first, conversion.creation, conversion.opportunity,
                             conversion.conversion};
      ByMilestones(touches, 900, 100, weights);
      break;
    }
    case Model::kFirstAndCreation: {
      const int touches[] = {conversion.first, conversion.creation};
      ByMilestones(touches, 100, 0, weights);
      break;
    }
  }
  const bool nothing =
      std::all_of(weights->begin(), weights->end(), [](std::int64_t w) { return w == 0; });
  if (nothing) std::fill(weights->begin(), weights->end(), 1);
}

}  // namespace

AttributionModel::AttributionModel(const ModelSpec& spec) : spec_(spec) {
  if (spec.model == Model::kTimeDecay) {
    decay_ = std::make_shared<const DecayTable>(spec.half_life_hours);
  }
}

int AttributionModel::Single(const Conversion& conversion) const {
  return SingleTouch(spec_.model, conversion);
}

void AttributionModel::Weights(const Conversion& conversion, std::int64_t conversion_time_ms,
                               std::vector<std::int64_t>* weights) const {
  Fill(spec_, decay_.get(), conversion, conversion_time_ms, weights);
}

void Weights(const ModelSpec& spec, const Conversion& conversion, std::int64_t conversion_time_ms,
             std::vector<std::int64_t>* weights) {
  Fill(spec, nullptr, conversion, conversion_time_ms, weights);
}

}  // namespace leadflow
