#include "operators/pipeline/scopes.h"

#include <algorithm>

#include "operators/pipeline/channel_rules.h"

namespace leadflow {
namespace {

struct Special {
  std::string_view name;
  int slot;
  ValueType type;
  bool EventScopeOptions::*needs;  // null: always there
};

constexpr Special kSpecials[] = {
    {"kind", kSlotKind, ValueType::kString, nullptr},
    {"id", kSlotId, ValueType::kString, nullptr},
    {"time", kSlotTime, ValueType::kTime, nullptr},
    {"source", kSlotSource, ValueType::kString, nullptr},
    {"score", kSlotScore, ValueType::kInt, &EventScopeOptions::score},
    {"bounce", kSlotBounce, ValueType::kBool, &EventScopeOptions::visit},
    {"page_views", kSlotPageViews, ValueType::kInt, &EventScopeOptions::visit},
    {"dwell_time", kSlotDwell, ValueType::kDuration, &EventScopeOptions::visit},
    {"engaged_time", kSlotEngaged, ValueType::kDuration, &EventScopeOptions::visit},
    {"landing_page", kSlotLandingPage, ValueType::kString, &EventScopeOptions::visit},
    {"touches", kSlotTouches, ValueType::kInt, &EventScopeOptions::touches},
    {"channel", kSlotOwnChannel, ValueType::kString, &EventScopeOptions::own_channel},
    {"referrer.host", kSlotReferrerHost, ValueType::kString, &EventScopeOptions::sites},
    {"referrer.site", kSlotReferrerSite, ValueType::kString, &EventScopeOptions::sites},
    {"source.site", kSlotSourceSite, ValueType::kString, &EventScopeOptions::sites},
};

bool IsNamed(std::string_view dotted, std::string_view prefix) {
  return dotted.size() > prefix.size() && dotted.starts_with(prefix);
}

bool SamePath(const std::vector<PathStep>& a, const std::vector<PathStep>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const PathStep& x, const PathStep& y) { return x.key == y.key && x.index == y.index; });
}

}  // namespace

std::optional<Scope::Slot> MessageScope::Name(std::string_view) { return std::nullopt; }

std::optional<Scope::Slot> MessageScope::Path(const std::vector<PathStep>& path) {
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (SamePath(paths_[i], path)) return Slot{static_cast<int>(i), ValueType::kAny};
  }
  paths_.push_back(path);
  return Slot{static_cast<int>(paths_.size() - 1), ValueType::kAny};
}

std::vector<std::string_view> MessageScope::names() const { return {}; }

EventScope::EventScope(const EventScopeOptions& options, NameTable* names)
    : options_(options), names_(*names) {}

std::optional<Scope::Slot> EventScope::Name(std::string_view dotted) {
  if (IsNamed(dotted, "profile.") || (IsNamed(dotted, "labels.") && !options_.traits_only)) {
    return Slot{kSlotNamed + names_.Intern(dotted), ValueType::kString};
  }
  if (options_.traits_only) return std::nullopt;
  for (const Special& special : kSpecials) {
    if (special.name == dotted && (special.needs == nullptr || options_.*special.needs)) {
      return Slot{special.slot, special.type};
    }
  }
  if (const auto type = IdentifierTypeFromName(dotted); type && options_.identifiers) {
    return Slot{kSlotIdentifier + static_cast<int>(*type), ValueType::kString};
  }
  const auto field = FieldFromName(dotted);
  if (!field || (options_.keep & FieldBit(*field)) == 0) return std::nullopt;
  return Slot{static_cast<int>(*field), ValueTypeOf(TypeOfField(*field))};
}

std::optional<Scope::Slot> EventScope::Path(const std::vector<PathStep>&) { return std::nullopt; }

std::vector<std::string_view> EventScope::names() const {
  std::vector<std::string_view> out;
  if (options_.traits_only) return out;
  for (const Special& special : kSpecials) {
    if (special.needs == nullptr || options_.*special.needs) out.push_back(special.name);
  }
  for (const Field field : AllFields()) {
    if ((options_.keep & FieldBit(field)) != 0) out.push_back(FieldName(field));
  }
  if (options_.identifiers) {
    for (int i = 1; i < kIdentifierTypes; ++i) {
      out.push_back(IdentifierTypeName(static_cast<IdentifierType>(i)));
    }
  }
  return out;
}

std::string EventScope::WhyNot(std::string_view dotted) const {
  if (options_.traits_only) return "personas read traits: profile.job_title";
  if (!options_.identifiers && IdentifierTypeFromName(dotted)) {
    return "identifiers are hashed after ingest; use `exclude` or a label";
  }
  if (const auto field = FieldFromName(dotted); field && (options_.keep & FieldBit(*field)) == 0) {
    return "journeys do not store it; name it in `journey.keep`";
  }
  for (const Special& special : kSpecials) {
    if (special.name != dotted) continue;
    if (special.needs == &EventScopeOptions::score) return "the score is known in `while:` only";
    if (special.needs == &EventScopeOptions::visit) return "only visits have it";
    if (special.needs == &EventScopeOptions::touches) return "only orders and deals have it";
    if (special.needs == &EventScopeOptions::sites) return "only `channels` have it";
  }
  return "";
}

}  // namespace leadflow
