#include "connectors/formats/make_decoder.h"

#include <algorithm>

#include "connectors/formats/formats.h"
#include "connectors/formats/leadflow_decoder.h"
#include "connectors/formats/record_decoder.h"
#include "engine/base/check.h"
#include "engine/config/diagnostics.h"

namespace leadflow {
namespace {

Status UnknownFormat(std::string_view format) {
  std::vector<std::string_view> names;
  for (const FormatInfo& known : AllFormats()) names.push_back(known.name);
  const std::string_view nearest = Nearest(format, names);
  return Status::InvalidArgument("no format `" + std::string(format) + "`" +
                                 (nearest.empty()
                                      ? "; see `leadflow formats`"
                                      : "; did you mean `" + std::string(nearest) + "`?"));
}

// The mapping that a source uses: its own over the syntax of its format, or that of its preset.
Result<MappingSet> MappingOf(const SourceSpec& source) {
  const auto own = SyntaxFromName(source.format);
  if (!own && PresetText(source.format) == std::nullopt) return UnknownFormat(source.format);
  MappingSet mapping;
  if (own) {
    if (source.events.empty()) {
      return Status::InvalidArgument("format `" + source.format +
                                     "` needs `events:`: what the messages mean");
    }
    mapping.syntax = *own;
  } else {
    LEADFLOW_ASSIGN_OR_RETURN(mapping, LoadPreset(source.format));
    if (source.events.empty()) return mapping;
  }
  // Own `events:` replace those of a preset and keep its syntax, columns and envelope.
  mapping.events = source.events;
  mapping.paths_read = source.paths_read;
  return mapping;
}

// Whether its mappings ask what kind of change a row went through.
bool ReadsDeletes(const SourceSpec& source) {
  return std::any_of(source.paths_read.begin(), source.paths_read.end(), [](const auto& path) {
    return !path.empty() && (path[0].key == "op" || path[0].key == "before");
  });
}

}  // namespace

Status CheckSource(const SourceSpec& source) {
  if (source.format == "leadflow") {
    return source.events.empty()
               ? Status()
               : Status::InvalidArgument("format `leadflow` is canonical and takes no `events:`");
  }
  LEADFLOW_ASSIGN_OR_RETURN(const MappingSet mapping, MappingOf(source));
  return CheckMapping(mapping);
}

std::unique_ptr<EventDecoder> MakeDecoder(const SourceSpec& source, const Pipeline& pipeline) {
  const TimeZone& zone = source.zone ? *source.zone : pipeline.zone;
  std::unique_ptr<EventDecoder> decoder;
  RecordOptions records;
  if (source.format == "leadflow") {
    decoder = MakeLeadflowDecoder(zone);
  } else {
    const auto mapping = MappingOf(source);
    LEADFLOW_CHECK(mapping.ok());
    auto mapped = MakeMappedDecoder(*mapping, zone);
    LEADFLOW_CHECK(mapped.ok());
    decoder = *std::move(mapped);
    records.envelopes = mapping->syntax == Syntax::kJson && !source.events.empty();
    records.deletes = records.envelopes && ReadsDeletes(source);
  }
  if (source.input != SourceSpec::Input::kKafka && !source.webhook) return decoder;
  return MakeRecordDecoder(std::move(decoder), records);
}

}  // namespace leadflow
