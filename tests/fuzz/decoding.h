// What decoder targets do with a message: decode it, and take every event through ingest's own
// steps.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "connectors/formats/json_cursor.h"
#include "operators/event/entry.h"
#include "operators/ingest/event_checks.h"
#include "operators/ingest/event_decoder.h"
#include "operators/ingest/normalize.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

inline void CheckEvent(const Event& event) {
  if (event.kind == Kind::kNone || !event.has_time) std::abort();
  if (event.id.empty() && event.kind != Kind::kCost) std::abort();
  if (event.identifiers.size() > Event::kMaxIdentifiers) std::abort();
  if (event.labels.size() > Event::kMaxLabels) std::abort();
  for (int number = 1; number < kFieldCount; ++number) {
    const auto field = static_cast<Field>(number);
    if (TypeOfField(field) == FieldType::kString && !IsUtf8(event.Text(field))) std::abort();
  }
}

// Every message must be told about: as an event, as bad, or as skipped.
inline void UseMessage(EventDecoder& decoder, std::string_view message) {
  static const Pipeline pipeline;
  static const Normalizer normalizer(pipeline);
  int calls = 0;
  decoder.Decode(
      message,
      [&](Event& event) {
        ++calls;
        CheckEvent(event);
        if (!EventChecks::CheckFields(event).empty()) return;
        normalizer.Normalize(event);
        EventChecks::CheckIdentifiers(event, false);
        std::string bytes;
        AppendFields(event, ~std::uint64_t{0}, &bytes);
        std::size_t seen = 0;
        FieldsView(bytes).ForEach([&](int, std::string_view name, std::string_view text,
                                      std::int64_t) { seen += name.size() + text.size() + 1; });
        if (seen == 0 && !bytes.empty()) std::abort();
      },
      [&](std::string_view reason, std::string_view) {
        ++calls;
        if (reason.empty()) std::abort();
      },
      [&](std::string_view) { ++calls; });
  if (calls == 0) std::abort();
}

// The messages of `text`: its lines.
template <class Handle>
void ForEachLine(std::string_view text, Handle handle) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    handle(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace leadflow
