#include "operators/journey/lead_state.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/hash.h"

namespace leadflow {
namespace {

constexpr std::uint8_t kVersion = 2;

bool PlaceBefore(const RecordPlace& a, const RecordPlace& b) {
  return RecordBefore(*a.record, *b.record);
}

}  // namespace

std::uint64_t MailingOf(const Item& item) {
  return Hash64(item.own.campaign) ^ ((KindBit(item.entry.kind) & kLetterKinds) != 0 ? 1 : 0);
}

void LeadState::NoteKind(const Item& item) {
  kinds |= KindBit(item.entry.kind);
  if (item.web) kinds |= 1;
}

void LeadState::NoteMailing(const Item& item) {
  if (!rules->mail_distinct || (KindBit(item.entry.kind) & (kMailKinds | kLetterKinds)) == 0) {
    return;
  }
  const std::int64_t time = item.entry.time_ms;
  const auto [at, added] = mailings.emplace(MailingOf(item), std::pair(time, time));
  if (added) return;
  at->second.first = std::min(at->second.first, time);
  at->second.second = std::max(at->second.second, time);
}

void LeadState::PlaceRecords(const Journey& journey) {
  records.clear();
  for (const auto& [id, record] : journey.records()) {
    (void)id;
    if (journeys > 1 && record.time_ms < floor_ms) continue;
    records.push_back({record.time_ms, &record});
  }
  std::sort(records.begin(), records.end(), PlaceBefore);
}

void LeadState::Place(const Record* record) {
  const RecordPlace place{record->time_ms, record};
  records.insert(std::upper_bound(records.begin(), records.end(), place, PlaceBefore), place);
}

void LeadState::Displace(const Record* record) {
  const RecordPlace place{record->time_ms, record};
  const auto at = std::lower_bound(records.begin(), records.end(), place, PlaceBefore);
  if (at != records.end() && at->record == record) records.erase(at);
}

std::int64_t LeadState::NewestHappening(const Milestones& marks) const {
  std::int64_t newest = records.empty() ? INT64_MIN : records.back().time_ms;
  if (marks.creation.has_value()) newest = std::max(newest, marks.creation->at.time_ms);
  if (!marks.stages.empty()) newest = std::max(newest, marks.stages.back().at.time_ms);
  if (!marks.goals.empty()) newest = std::max(newest, marks.goals.back().at.time_ms);
  return newest;
}

std::size_t LeadState::memory_bytes() const {
  constexpr std::size_t kText = 48;  // of an id behind its string
  constexpr std::size_t kMapNode = 80;
  const std::size_t marks = fold.marks.stages.size() + fold.marks.goals.size();
  return sizeof(LeadState) + 3 * kText + marks * (sizeof(Mark) + kText) +
         (seen.size() + mailings.size()) * kMapNode + records.capacity() * sizeof(RecordPlace);
}

void LeadState::Encode(std::string* out) const {
  LEADFLOW_CHECK(owed.empty());
  WireWriter writer(out);
  writer.Byte(kVersion);
  writer.Varint(journeys);
  writer.Signed(floor_ms);
  writer.Varint(kinds);
  fold.Append(out);
  profile.Append(out);
  writer.Varint(mailings.size());
  for (const auto& [mailing, span] : mailings) {
    writer.Fixed64(mailing);
    writer.Signed(span.first);
    writer.Signed(span.second - span.first);
  }
  seen.Append(out);
}

bool LeadState::Read(std::string_view bytes) {
  WireReader reader(bytes);
  std::uint8_t version = 0;
  std::uint64_t count = 0, spans = 0;
  if (!reader.Byte(&version) || version != kVersion || !reader.Varint(&count) ||
      !reader.Signed(&floor_ms) || !reader.Varint(&kinds) || !fold.Read(&reader) ||
      !profile.Read(*rules, &reader) || !reader.Varint(&spans)) {
    return false;
  }
  journeys = static_cast<std::uint32_t>(count);
  for (std::uint64_t i = 0; i < spans; ++i) {
    std::uint64_t mailing = 0;
    std::int64_t first = 0, length = 0;
    if (!reader.Fixed64(&mailing) || !reader.Signed(&first) || !reader.Signed(&length)) {
      return false;
    }
    mailings.emplace_hint(mailings.end(), mailing, std::pair(first, first + length));
  }
  std::string_view rest = reader.Rest();
  return seen.Read(&rest) && rest.empty();
}

Result<LeadDimensions> StateDimensions::At(std::int64_t time_ms) {
  const LeadDimensions now = state_.profile.dimensions();
  if (!rules_.UsesEventDimensions()) return now;
  LeadDimensions at = now;
  const Profile& profile = state_.profile;
  if (rules_.owner && !rules_.pipeline.owner_now && profile.owner().time_ms > time_ms) {
    LEADFLOW_ASSIGN_OR_RETURN(at.owner, Text(Field::kOwner, time_ms));
  }
  if (rules_.country && !rules_.pipeline.country_now && profile.country().time_ms > time_ms) {
    LEADFLOW_ASSIGN_OR_RETURN(at.country, Text(Field::kCountry, time_ms));
  }
  if (rules_.account && !rules_.pipeline.account_now && profile.account().time_ms > time_ms) {
    LEADFLOW_ASSIGN_OR_RETURN(at.account, Account(time_ms));
  }
  if (rules_.persona && !rules_.pipeline.persona_now && profile.persona_ms() > time_ms) {
    LEADFLOW_ASSIGN_OR_RETURN(at.persona, Persona(time_ms));
  }
  return Choose(rules_.pipeline, at, now);
}

Result<std::string_view> StateDimensions::Persona(std::int64_t time_ms) {
  const NameTable& names = rules_.pipeline.names;
  std::vector<Profile::Newest> traits(static_cast<std::size_t>(names.size()));
  LEADFLOW_RETURN_IF_ERROR(
      journey_.ForEachBackward(state_.floor_ms, time_ms, [&](const Entry& entry) {
        if (entry.machine() || entry.erased()) return true;
        bool missing = false;
        for (int i = 0; i < names.size(); ++i) {
          std::string& text = traits[static_cast<std::size_t>(i)].text;
          if (names.is_trait(i) && text.empty()) text = entry.Fields().Trait(names.name(i));
          missing |= names.is_trait(i) && text.empty();
        }
        return missing;
      }));
  return Profile::PersonaOf(rules_, traits);
}

Result<std::string_view> StateDimensions::Text(Field field, std::int64_t time_ms) {
  std::string_view text;
  LEADFLOW_RETURN_IF_ERROR(
      journey_.ForEachBackward(state_.floor_ms, time_ms, [&](const Entry& entry) {
        if (!entry.machine() && !entry.erased()) text = entry.Fields().Text(field);
        return text.empty();
      }));
  return text;
}

Result<std::string_view> StateDimensions::Account(std::int64_t time_ms) {
  std::string text;
  LEADFLOW_RETURN_IF_ERROR(
      journey_.ForEachBackward(state_.floor_ms, time_ms, [&](const Entry& entry) {
        if (!entry.machine() && !entry.erased()) text = AccountOf(rules_.pipeline, entry);
        return text.empty();
      }));
  kept_.push_back(std::move(text));
  return std::string_view(kept_.back());
}

}  // namespace leadflow
