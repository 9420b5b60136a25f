// What a decoder makes of messages, as text that tests compare.
#pragma once

#include <string>
#include <vector>

#include "engine/base/civil_time.h"
#include "operators/event/kind.h"
#include "operators/ingest/event_decoder.h"

namespace leadflow {

// "page_view id=p1 time=2026-03-01T10:00:00Z email=a@b.c utm.source=google labels.x=y"
inline std::string Show(const Event& event) {
  std::string text(KindName(event.kind));
  const auto add = [&](std::string_view name, std::string_view value) {
    text += " " + std::string(name) + "=" + std::string(value);
  };
  if (!event.id.empty()) add("id", event.id);
  add("time", TimeZone::Utc().Format(event.time_ms));
  for (const PlainIdentifier& identifier : event.identifiers) {
    std::string name(IdentifierTypeName(identifier.type));
    if (!identifier.space.empty()) name += "@" + std::string(identifier.space);
    add(name, identifier.value);
  }
  for (int number = 1; number < kFieldCount; ++number) {
    const auto field = static_cast<Field>(number);
    if (!event.Has(field)) continue;
    add(FieldName(field), TypeOfField(field) == FieldType::kString
                              ? std::string(event.Text(field))
                              : std::to_string(event.Number(field)));
  }
  for (const NamedText& label : event.labels) add("labels." + std::string(label.name), label.value);
  for (const NamedText& trait : event.profile) {
    add("profile." + std::string(trait.name), trait.value);
  }
  return text;
}

struct Decoded {
  std::vector<std::string> events;
  std::vector<std::string> refused;
  int skipped = 0;
};

inline Decoded DecodeAll(EventDecoder& decoder, const std::vector<std::string>& messages) {
  Decoded decoded;
  for (const std::string& message : messages) {
    decoder.Decode(
        message, [&](Event& event) { decoded.events.push_back(Show(event)); },
        [&](std::string_view reason, std::string_view) { decoded.refused.emplace_back(reason); },
        [&](std::string_view) { ++decoded.skipped; });
  }
  return decoded;
}

}  // namespace leadflow
