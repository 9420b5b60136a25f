#include "operators/journey/item.h"

namespace leadflow {

bool IsBefore(const Moment& position, const Entry& entry) {
  if (position.time_ms != entry.time_ms) return position.time_ms < entry.time_ms;
  if (position.source != entry.source) return position.source < entry.source;
  if (const auto order = position.id.view() <=> entry.id; order != 0) return order < 0;
  return position.key < entry.key;
}

Identifier DeviceOf(const Entry& entry) {
  if (entry.home != Identifier() && entry.home.type() == IdentifierType::kAnonymousId) {
    return entry.home;
  }
  for (int i = 0; i < entry.links; ++i) {
    const Identifier other = entry.Other(i);
    if (other.type() == IdentifierType::kAnonymousId) return other;
  }
  return {};
}

bool HasContactable(const Entry& entry) {
  if (entry.home != Identifier() && IsContactable(entry.home.type())) return true;
  for (int i = 0; i < entry.links; ++i) {
    if (IsContactable(entry.Other(i).type())) return true;
  }
  return false;
}

Entry EntryOf(const Record& record) {
  Entry entry;
  entry.key = ~std::uint64_t{0};
  entry.time_ms = record.time_ms;
  entry.kind = record.kind;
  entry.source = record.source;
  entry.home = record.home;
  entry.id = record.event_id;
  entry.fields = record.fields;
  return entry;
}

void ReadItem(const DerivationRules& rules, const Entry& entry, std::uint16_t* note,
              EvalArena& arena, Item* item) {
  *item = Item();
  item->entry = entry;
  item->machine = entry.machine();
  std::string_view campaign, utm_campaign, url, path;
  bool click_id = false;
  entry.Fields().ForEach([&](int tag, std::string_view, std::string_view text, std::int64_t) {
    switch (tag) {
      case static_cast<int>(Field::kUtmSource): item->own.source = text; break;
      case static_cast<int>(Field::kUtmMedium): item->own.medium = text; break;
      case static_cast<int>(Field::kUtmCampaign): utm_campaign = text; break;
      case static_cast<int>(Field::kGclid):
      case static_cast<int>(Field::kFbclid):
      case static_cast<int>(Field::kLiFatId):
      case static_cast<int>(Field::kMsclkid): click_id = true; break;
      case static_cast<int>(Field::kPageUrl): url = text; break;
      case static_cast<int>(Field::kPagePath): path = text; break;
      case static_cast<int>(Field::kSessionId): item->session = text; break;
      case static_cast<int>(Field::kCampaign): campaign = text; break;
      case static_cast<int>(Field::kMessageId): item->message = text; break;
      case static_cast<int>(Field::kVariant): item->variant = text; break;
      case static_cast<int>(Field::kFair): item->own.fair = text; break;
      default: break;
    }
  });
  item->own.campaign = campaign.empty() ? utm_campaign : campaign;
  item->own.landing_page = path.empty() ? url : path;
  item->has_origin = !item->own.campaign.empty() || !item->own.medium.empty() || click_id;
  const std::uint64_t bit = KindBit(entry.kind);
  item->web =
      (bit & kWebKinds) != 0 ||
      ((bit & kMaybeWebKinds) != 0 && (!item->session.empty() || DeviceOf(entry) != Identifier()));
  if (note != nullptr && *note != 0) {
    item->own.channel = rules.channels[*note - std::size_t{1}];
    return;
  }
  const EntryFields fields(entry, rules.pipeline.names, rules.pipeline.source_names);
  item->own.channel = rules.channel_rules.Channel(entry.kind, fields, arena);
  arena.Reset();
  if (note == nullptr) return;
  for (std::size_t i = 0; i < rules.channels.size() && i < 0xfffe; ++i) {
    if (rules.channels[i].data() == item->own.channel.data()) {
      *note = static_cast<std::uint16_t>(i + 1);
      break;
    }
  }
}

}  // namespace leadflow
