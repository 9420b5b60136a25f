#include "operators/journey/profile.h"

#include <algorithm>
#include <cctype>

namespace leadflow {
namespace {

class TraitFields final : public FieldSource {
 public:
  explicit TraitFields(const std::vector<Profile::Newest>& traits) : traits_(traits) {}
  Value Field(int slot) const override {
    const int index = slot - kSlotNamed;
    if (index < 0 || index >= static_cast<int>(traits_.size())) return Value::Null();
    const std::string& text = traits_[static_cast<std::size_t>(index)].text;
    return text.empty() ? Value::Null() : Value::String(text);
  }

 private:
  const std::vector<Profile::Newest>& traits_;
};

// Trimmed, lower case, runs of spaces as one.
std::string Normalized(std::string_view company) {
  std::string out;
  for (const char c : company) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && std::isspace(byte) != 0) {
      if (!out.empty() && out.back() != ' ') out.push_back(' ');
    } else {
      out.push_back(byte < 0x80 ? static_cast<char>(std::tolower(byte)) : c);
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool Set(Profile::Newest* newest, std::int64_t time_ms, std::string_view text) {
  newest->time_ms = time_ms;
  if (newest->text == text) return false;
  newest->text = text;
  return true;
}

void AppendNewest(const Profile::Newest& newest, WireWriter* writer) {
  writer->Bytes(newest.text);
  if (!newest.text.empty()) writer->Signed(newest.time_ms);
}
bool ReadNewest(WireReader* reader, Profile::Newest* newest) {
  std::string_view text;
  if (!reader->Bytes(&text)) return false;
  newest->text = text;
  return text.empty() || reader->Signed(&newest->time_ms);
}

}  // namespace

std::string AccountOf(const Pipeline& pipeline, const Entry& entry) {
  const FieldsView fields = entry.Fields();
  for (const IdentityOptions::AccountFrom from : pipeline.identity.account) {
    std::string text;
    switch (from) {
      case IdentityOptions::AccountFrom::kAccountId: text = fields.Text(Field::kAccountId); break;
      case IdentityOptions::AccountFrom::kEmailDomain:
        text = fields.Text(Field::kEmailDomain);
        break;
      case IdentityOptions::AccountFrom::kCompany:
        text = Normalized(fields.Text(Field::kCompany));
        break;
    }
    if (!text.empty()) return text;
  }
  return {};
}

bool Profile::Carries(const DerivationRules& rules, const Entry& entry,
                      std::int64_t* newest_ms) const {
  if (entry.machine() || entry.erased()) return false;
  bool carries = false;
  *newest_ms = INT64_MAX;
  const auto note = [&](const Newest& newest) {
    carries = true;
    *newest_ms = std::min(*newest_ms, newest.time_ms);
  };
  const FieldsView fields = entry.Fields();
  if (rules.owner && fields.Has(Field::kOwner)) note(owner_);
  if (rules.country && fields.Has(Field::kCountry)) note(country_);
  if (rules.account && !AccountOf(rules.pipeline, entry).empty()) note(account_);
  if (rules.persona) {
    const NameTable& names = rules.pipeline.names;
    for (int i = 0; i < names.size(); ++i) {
      if (!names.is_trait(i) || fields.Trait(names.name(i)).empty()) continue;
      note(static_cast<std::size_t>(i) < traits_.size() ? traits_[static_cast<std::size_t>(i)]
                                                        : Newest());
    }
  }
  return carries;
}

bool Profile::Take(const DerivationRules& rules, const Entry& entry) {
  if (entry.machine() || entry.erased()) return false;
  bool changed = false;
  const FieldsView fields = entry.Fields();
  if (rules.owner) {
    const std::string_view text = fields.Text(Field::kOwner);
    if (!text.empty()) changed |= Set(&owner_, entry.time_ms, text);
  }
  if (rules.country) {
    const std::string_view text = fields.Text(Field::kCountry);
    if (!text.empty()) changed |= Set(&country_, entry.time_ms, text);
  }
  if (rules.account) {
    const std::string text = AccountOf(rules.pipeline, entry);
    if (!text.empty()) changed |= Set(&account_, entry.time_ms, text);
  }
  if (!rules.persona) return changed;
  const NameTable& names = rules.pipeline.names;
  bool traits = false;
  for (int i = 0; i < names.size(); ++i) {
    if (!names.is_trait(i)) continue;
    const std::string_view text = fields.Trait(names.name(i));
    if (text.empty()) continue;
    traits_.resize(static_cast<std::size_t>(names.size()));
    traits |= Set(&traits_[static_cast<std::size_t>(i)], entry.time_ms, text);
  }
  if (!traits) return changed;
  const std::string_view before = persona_;
  persona_ = PersonaOf(rules, traits_);
  return changed || persona_ != before;
}

std::string_view Profile::PersonaOf(const DerivationRules& rules,
                                    const std::vector<Newest>& traits) {
  bool any = false;
  for (const Newest& trait : traits) any |= !trait.text.empty();
  if (!any) return {};
  EvalArena arena;
  const TraitFields fields(traits);
  for (const NamedRule& rule : rules.pipeline.personas) {
    if (rule.when == nullptr || rule.when->Matches(fields, arena)) return rule.name;
  }
  return {};
}

std::int64_t Profile::persona_ms() const {
  std::int64_t newest = kNoTime;
  for (const Newest& trait : traits_) newest = std::max(newest, trait.time_ms);
  return newest;
}

void Profile::Append(std::string* out) const {
  WireWriter writer(out);
  AppendNewest(owner_, &writer);
  AppendNewest(account_, &writer);
  AppendNewest(country_, &writer);
  writer.Varint(traits_.size());
  for (const Newest& trait : traits_) AppendNewest(trait, &writer);
}

bool Profile::Read(const DerivationRules& rules, WireReader* reader) {
  std::uint64_t traits = 0;
  if (!ReadNewest(reader, &owner_) || !ReadNewest(reader, &account_) ||
      !ReadNewest(reader, &country_) || !reader->Varint(&traits) ||
      traits > static_cast<std::uint64_t>(rules.pipeline.names.size())) {
    return false;
  }
  traits_.resize(static_cast<std::size_t>(traits));
  for (Newest& trait : traits_) {
    if (!ReadNewest(reader, &trait)) return false;
  }
  persona_ = PersonaOf(rules, traits_);
  return true;
}

LeadDimensions ProfileTimeline::At(std::int64_t time_ms) const {
  const auto after =
      std::upper_bound(steps_.begin(), steps_.end(), time_ms,
                       [](std::int64_t time, const Step& step) { return time < step.time_ms; });
  return after == steps_.begin() ? LeadDimensions() : std::prev(after)->profile.dimensions();
}

LeadDimensions ProfileTimeline::Now() const {
  return steps_.empty() ? LeadDimensions() : steps_.back().profile.dimensions();
}

LeadDimensions Choose(const Pipeline& pipeline, const LeadDimensions& at,
                      const LeadDimensions& now) {
  return {pipeline.persona_now ? now.persona : at.persona,
          pipeline.account_now ? now.account : at.account,
          pipeline.owner_now ? now.owner : at.owner,
          pipeline.country_now ? now.country : at.country};
}

}  // namespace leadflow
