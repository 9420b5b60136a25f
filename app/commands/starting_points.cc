#include <cstdio>
#include <string>

#include "app/commands/commands.h"
#include "app/pipeline_file.h"
#include "connectors/formats/formats.h"
#include "operators/pipeline/schema.h"

namespace leadflow::app {
namespace {

// The rest of a first pipeline, after its source.
constexpr const char* kFirstPipeline = R"(
goals:
  order: {on: order, lookback: 365d}

attribution:
  models: [first_touch, last_touch, linear, u_shape, w_shape, {time_decay: {half_life: 7d}}]

# Leave `kpis` out to get the whole catalogue: leadflow init --catalogue
kpis:
  visits:        {count: visit, by: [channel, campaign], window: 1d}
  new_leads:     {count: lead_creation, by: [channel, campaign], window: 1mo}
  visit_to_lead: {ratio: [{count: lead_creation}, {count: visit}], by: [channel], window: 1mo}
  orders:        {attributed: order, by: [model, channel, campaign], window: 1mo}
  revenue:       {attributed: order, value: amount, by: [model, channel, campaign], window: 1mo}
  days_to_order: {quantile: [0.5, 0.9], of: {time: {from: first_touch, to: order}}, by: [], window: 1q, unit: d}

outputs:
  - file: {path: "out/{kpi}.csv"}
)";

constexpr const char* kOwnMapping = R"(    time_zone: Europe/Berlin
    events:
      - kind: form_submit
        map:
          id: hash($.email, $.submitted)
          time: parse_time($.submitted)
          email: $.email
          form: $.form
)";

bool NeedsMapping(const std::string& format) {
  return format == "json" || format == "csv" || format == "tsv" || format == "form";
}

int Unknown(const std::string& format) {
  std::string names;
  for (const FormatInfo& info : AllFormats()) {
    names += names.empty() ? "" : ", ";
    names += info.name;
  }
  std::fprintf(stderr, "no format `%s`; there are: %s\n", format.c_str(), names.c_str());
  return kFailed;
}

}  // namespace

int Schema() {
  std::printf("%s\n", PipelineJsonSchema().c_str());
  return kDone;
}

int Formats() {
  for (const FormatInfo& info : AllFormats()) {
    std::printf("%-12s %s\n", std::string(info.name).c_str(), info.description.c_str());
  }
  return kDone;
}

int Sample(const std::string& format) {
  const FormatInfo* info = FindFormat(format);
  if (info == nullptr) return Unknown(format);
  std::printf("%s", info->sample.c_str());
  if (!info->sample.empty() && info->sample.back() != '\n') std::printf("\n");
  return kDone;
}

int Init(const std::string& preset, bool catalogue) {
  if (catalogue) {
    std::printf("%s", BuiltinFile("catalogue.yaml").value_or("").c_str());
    return kDone;
  }
  const std::string format = preset.empty() ? "leadflow" : preset;
  if (FindFormat(format) == nullptr) return Unknown(format);
  std::printf(
      "version: 1\nname: first\ntime_zone: Europe/Berlin\ncurrency: {report: EUR}\n\nsources:\n");
  if (NeedsMapping(format)) {
    std::printf("  events:\n    file: {path: events.%s}\n    format: %s\n%s",
                format == "json" ? "jsonl" : format.c_str(), format.c_str(), kOwnMapping);
  } else {
    std::printf("  events: {file: {path: events.%s}, format: %s}\n",
                format == "snowplow" ? "tsv" : "jsonl", format.c_str());
  }
  std::printf("%s", kFirstPipeline);
  return kDone;
}

}  // namespace leadflow::app
