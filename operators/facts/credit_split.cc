#include "operators/facts/credit_split.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/base/money.h"

namespace leadflow {
namespace {

constexpr Dimension kTouchDimensions[] = {Dimension::kChannel,     Dimension::kCampaign,
                                          Dimension::kSource,      Dimension::kMedium,
                                          Dimension::kLandingPage, Dimension::kFair};

bool InMask(unsigned mask, Dimension dimension) {
  return (mask >> static_cast<unsigned>(dimension) & 1) != 0;
}

bool Same(const TouchDimensions& a, const TouchDimensions& b, unsigned mask) {
  for (const Dimension dimension : kTouchDimensions) {
    if (InMask(mask, dimension) && TouchText(a, dimension) != TouchText(b, dimension)) return false;
  }
  return true;
}

// Cheap, only to spread: length and both ends of each text.
std::uint64_t Spread(const TouchDimensions& touch, unsigned mask) {
  std::uint64_t hash = 0;
  for (const Dimension dimension : kTouchDimensions) {
    if (!InMask(mask, dimension)) continue;
    const std::string_view text = TouchText(touch, dimension);
    std::uint64_t head = 0, tail = 0;
    const std::size_t size = std::min<std::size_t>(text.size(), 8);
    if (size > 0) {
      std::memcpy(&head, text.data(), size);
      std::memcpy(&tail, text.data() + text.size() - size, size);
    }
    hash = (hash ^ head ^ std::rotl(tail, 32) ^ text.size()) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace

CreditSplit::CreditSplit(std::span<const ModelSpec> models, std::vector<unsigned> masks) {
  models_.reserve(models.size());
  for (const ModelSpec& spec : models) models_.emplace_back(spec);
  for (const unsigned mask : masks) masks_.push_back({mask, 0, {}, {}});
}

void CreditSplit::Begin(const Conversion& conversion, std::int64_t time_ms) {
  conversion_ = &conversion;
  time_ms_ = time_ms;
  ++number_;
}

const CreditSplit::PerMask& CreditSplit::Combine(int combination) {
  PerMask& known = masks_[static_cast<std::size_t>(combination)];
  if (known.of == number_) return known;
  known.of = number_;
  known.first.clear();
  const std::size_t size = conversion_->touches.size();
  known.combination.resize(size);
  const std::size_t buckets = std::bit_ceil(2 * size);
  buckets_.assign(buckets, -1);
  for (std::size_t i = 0; i < size; ++i) {
    const TouchDimensions& touch = conversion_->touches[i].dimensions;
    std::size_t bucket = Spread(touch, known.mask) & (buckets - 1);
    while (buckets_[bucket] >= 0) {
      const int first = known.first[static_cast<std::size_t>(buckets_[bucket])];
      const CreditedTouch& other = conversion_->touches[static_cast<std::size_t>(first)];
      if (Same(other.dimensions, touch, known.mask)) break;
      bucket = (bucket + 1) & (buckets - 1);
    }
    if (buckets_[bucket] < 0) {
      buckets_[bucket] = static_cast<std::int32_t>(known.first.size());
      known.first.push_back(static_cast<int>(i));
    }
    known.combination[i] = buckets_[bucket];
  }
  return known;
}

std::span<const std::int64_t> CreditSplit::Shares(PerModel* model, std::int64_t total) {
  for (const auto& shares : model->shares) {
    if (shares.of == number_ && shares.total == total) return shares.values;
  }
  if (model->weighted != number_) {
    model->weighted = number_;
    model->model.Weights(*conversion_, time_ms_, &model->weights);
  }
  auto& shares = model->shares[model->next];
  model->next ^= 1;
  shares.of = number_;
  shares.total = total;
  shares.values.resize(model->weights.size());
  SplitByWeights(total, model->weights, shares.values);
  return shares.values;
}

std::span<const CreditSplit::Part> CreditSplit::Split(int index, int combination,
                                                      std::int64_t total) {
  parts_.clear();
  if (total == 0) return parts_;
  PerModel& model = models_[static_cast<std::size_t>(index)];
  const int single = model.model.Single(*conversion_);
  if (single >= 0) {
    parts_.push_back({single, total});
    return parts_;
  }
  const PerMask& combined = Combine(combination);
  if (model.model.participation()) {
    for (const int touch : combined.first) parts_.push_back({touch, total});
    return parts_;
  }
  const std::span<const std::int64_t> shares = Shares(&model, total);
  sums_.assign(combined.first.size(), 0);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    sums_[static_cast<std::size_t>(combined.combination[i])] += shares[i];
  }
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    if (sums_[i] != 0) parts_.push_back({combined.first[i], sums_[i]});
  }
  return parts_;
}

}  // namespace leadflow
