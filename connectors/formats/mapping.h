// A mapping: from values of a message to events. Written by users (`events:` of a source) or
// shipped as a preset; both are the same thing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/civil_time.h"
#include "engine/base/status.h"
#include "operators/ingest/event_decoder.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

enum class Syntax : unsigned char { kJson, kCsv, kTsv, kForm };
std::optional<Syntax> SyntaxFromName(std::string_view name);  // "json", "csv", "tsv", "form"

// The step that leads out of a `split:`: `$["^"].id` is the `id` of the message around the element.
inline constexpr std::string_view kAround = "^";

struct MappingSet {
  Syntax syntax = Syntax::kJson;
  // Places where events are wrapped (`$.batch[*]`, `$.order`), tried in order: the first that is
  // there counts. None there: the message itself.
  std::vector<std::string> unwrap;
  // CSV and TSV without header: names of the columns.
  std::vector<std::string> columns;
  std::vector<EventMapping> events;
  std::vector<std::vector<PathStep>> paths_read;  // by slot
};

// Unknown targets, splits that are none, missing id or time: all that MakeMappedDecoder refuses.
Status CheckMapping(const MappingSet& mapping);

// `zone`: cuts times given for dates. The mapping is copied.
Result<std::unique_ptr<EventDecoder>> MakeMappedDecoder(const MappingSet& mapping,
                                                        const TimeZone& zone);

}  // namespace leadflow
