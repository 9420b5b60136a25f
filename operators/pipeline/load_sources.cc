// sources: where events come from, and the mappings from their messages to events.
#include <algorithm>
#include <utility>

#include "operators/pipeline/loader.h"

namespace leadflow {
namespace {

constexpr std::size_t kMaxSources = 250;  // the rank is a byte
constexpr std::size_t kMaxPaths = 500;
constexpr std::string_view kFormats[] = {"json", "csv", "tsv", "form", "leadflow"};

bool IsPlainFormat(std::string_view format) {
  return format == "json" || format == "csv" || format == "tsv" || format == "form";
}

// `$`, then keys and indexes, then [*].
bool IsSplit(std::string_view split) {
  return split.size() >= 4 && split.starts_with("$") && split.ends_with("[*]") &&
         split.find("[*]") == split.size() - 3;
}

// What an expression may give for a target: null: anything.
std::optional<ValueType> TypeOfTarget(std::string_view target) {
  if (target == "time" || target == "id") return std::nullopt;
  const auto field = FieldFromName(target);
  if (!field) return std::nullopt;
  switch (TypeOfField(*field)) {
    case FieldType::kMoney: return ValueType::kMoney;
    case FieldType::kBool: return ValueType::kBool;
    default: return std::nullopt;
  }
}

bool IsTarget(std::string_view target) {
  if (target == "id" || target == "time") return true;
  for (const std::string_view prefix : {"labels.", "profile."}) {
    if (target.starts_with(prefix)) return target.size() > prefix.size();
  }
  const std::size_t at = target.find('@');
  if (IdentifierTypeFromName(target.substr(0, at))) {
    return at == std::string_view::npos || IsPlainName(target.substr(at + 1));
  }
  if (target == "machine" || target == "email_domain") return target == "machine";
  return FieldFromName(target).has_value();
}

std::vector<std::string_view> TargetNames() {
  std::vector<std::string_view> names = {"id", "time", "labels.", "profile."};
  for (const Field field : AllFields()) names.push_back(FieldName(field));
  for (int i = 1; i < kIdentifierTypes; ++i) {
    names.push_back(IdentifierTypeName(static_cast<IdentifierType>(i)));
  }
  return names;
}

}  // namespace

void Loader::LoadSources(const YamlNode& node) {
  for (const YamlNode::Member& member : node.members) {
    if (pipeline_->sources.size() >= kMaxSources) {
      problems_.Error("range", member.key_at,
                      "more than " + std::to_string(kMaxSources) + " sources");
      return;
    }
    LoadSource(member);
  }
}

void Loader::LoadSource(const YamlNode::Member& member) {
  SourceSpec source;
  source.name = member.key;
  source.rank = static_cast<std::uint8_t>(pipeline_->sources.size());
  source.at = member.key_at;
  if (!IsPlainName(member.key)) {
    problems_.Error("name", member.key_at, "`" + member.key + "` is no name of a source",
                    "a letter, then letters, digits, - and _");
  }
  const SectionReader reader(member.value, kSourceSection, "sources." + member.key, &problems_);
  if (reader.ok()) {
    LoadInput(reader, &source);
    if (const YamlNode* zone = reader.Get("time_zone"); zone != nullptr && !IsUnresolved(*zone)) {
      source.zone_name = zone->scalar;
      source.zone = TimeZone::Load(zone->scalar);
      if (!source.zone) {
        problems_.Error("time-zone", zone->at, "no time zone `" + zone->scalar + "`",
                        "an IANA name, as Europe/Berlin");
      }
    }
    source.disorder_ms = reader.DurationMs("disorder", source.disorder_ms, 0, 30 * kDayMs);
    source.bad_events_fail = reader.Text("bad_events", "keep") == "fail";
    LoadFormat(reader, &source);
    MessageScope scope(&source.paths_read);
    if (const YamlNode* events = reader.Get("events")) {
      for (const YamlNode& item : events->items) LoadMapping(item, &source, scope);
    }
    if (source.paths_read.size() > kMaxPaths) {
      problems_.Error(
          "range", member.key_at,
          "`" + member.key + "` reads more than " + std::to_string(kMaxPaths) + " paths");
    }
  }
  pipeline_->source_names.push_back(source.name);
  pipeline_->sources.push_back(std::move(source));
}

void Loader::LoadFormat(const SectionReader& reader, SourceSpec* source) {
  source->format = reader.Text("format", "json");
  const YamlNode* format = reader.Get("format");
  const Position at = format == nullptr ? source->at : format->at;
  if (source->format == "protobuf") {
    problems_.NotInRelease(at, "format: protobuf", "use JSON: `format: leadflow`");
    return;
  }
  if (format != nullptr && IsUnresolved(*format)) return;
  const bool plain = IsPlainFormat(source->format);
  if (!plain && source->format != "leadflow" && !options_.presets.empty() &&
      std::find(options_.presets.begin(), options_.presets.end(), source->format) ==
          options_.presets.end()) {
    std::vector<std::string_view> known(std::begin(kFormats), std::end(kFormats));
    known.insert(known.end(), options_.presets.begin(), options_.presets.end());
    problems_.Unknown("unknown-format", at, "format", source->format, known);
    return;
  }
  if (reader.Given("kafka") && (source->format == "csv" || source->format == "tsv")) {
    problems_.Error("value", at,
                    "`format: " + source->format +
                        "` needs a header line, which records of a topic do not have",
                    "send JSON objects with the columns as keys, and write `format: json`");
    return;
  }
  if (plain && !reader.Given("events")) {
    problems_.Error("missing", at, "`" + reader.what() + "` needs `events`",
                    "`format: " + source->format + "` does not say which events its messages are");
  }
  if (source->format == "leadflow" && reader.Given("events")) {
    problems_.Error("value", at, "`format: leadflow` takes no `events`",
                    "its messages are events already; use `format: json` to map them");
  }
}

void Loader::LoadInput(const SectionReader& reader, SourceSpec* source) {
  constexpr std::pair<std::string_view,
                      void (Loader::*)(const YamlNode&, const std::string&, SourceSpec*)>
      kInputs[] = {{"file", &Loader::LoadFiles},
                   {"kafka", &Loader::LoadTopics},
                   {"http", &Loader::LoadWebhook},
                   {"inbox", &Loader::LoadInbox}};
  std::string first;
  for (const auto& [name, load] : kInputs) {
    const YamlNode* const input = reader.Get(name);
    if (reader.Given(name) && first.empty()) {
      first = name;
    } else if (input != nullptr) {
      problems_.Error("value", input->at,
                      "`" + first + "` and `" + std::string(name) + "` in one source",
                      "make them two sources");
    }
    if (input != nullptr) (this->*load)(*input, reader.what(), source);
  }
  if (!first.empty()) return;
  problems_.Error("missing", source->at,
                  "`" + reader.what() + "` needs `file`, `kafka`, `http` or `inbox`",
                  "as in file: {path: events.jsonl}");
}

void Loader::LoadFiles(const YamlNode& node, const std::string& what, SourceSpec* source) {
  const SectionReader input(node, kSourceFileSection, what + ".file", &problems_);
  source->follow = input.Bool("follow", false);
  for (const YamlNode* path : input.Texts("path")) {
    if (path->scalar.empty()) {
      problems_.Error("value", path->at, "an empty path");
    } else if (path->scalar == "-") {
      source->input = SourceSpec::Input::kStdin;
    } else {
      source->paths.push_back(Resolve(FillName(path->scalar)));
    }
  }
  if (source->input == SourceSpec::Input::kStdin && !source->paths.empty()) {
    problems_.Error("value", node.at, "standard input and files in one source",
                    "make them two sources");
  }
}

void Loader::LoadInbox(const YamlNode& node, const std::string& what, SourceSpec* source) {
  source->input = SourceSpec::Input::kInbox;
  const SectionReader reader(node, kSourceInboxSection, what + ".inbox", &problems_);
  source->keep_ms = reader.DurationMs("keep", 0, kHourMs, 100 * kYearMs);
  for (const YamlNode* path : reader.Texts("path")) {
    if (path->scalar.empty() || path->scalar == "-") {
      problems_.Error("value", path->at, "`" + path->scalar + "` is no file",
                      "leave it out, and tell `leadflow load`");
    } else {
      source->paths.push_back(Resolve(FillName(path->scalar)));
    }
  }
}

void Loader::LoadTopics(const YamlNode& node, const std::string& what, SourceSpec* source) {
  source->input = SourceSpec::Input::kKafka;
  NeedsKafka(node.at, "`" + what + ".kafka`");
  const SectionReader reader(node, kSourceKafkaSection, what + ".kafka", &problems_);
  for (const YamlNode* topic : reader.Texts("topics")) {
    if (IsUnresolved(*topic)) continue;
    const std::string name = FillName(topic->scalar);
    if (!IsTopicName(name)) {
      problems_.Error("name", topic->at, "`" + name + "` is no name of a topic",
                      "letters, digits, `.`, `_` and `-`, at most 249");
    } else if (IsOwnTopic(name, pipeline_->name)) {
      problems_.Error("name", topic->at, "`" + name + "` is a topic of the engine's own",
                      "give the pipeline another `name`");
    } else if (IsRead(std::span(source, 1), name) || IsRead(pipeline_->sources, name)) {
      problems_.Error("value", topic->at, "`" + name + "` is read twice",
                      "one source with several `events` makes many events of a message");
    } else {
      source->topics.push_back(name);
    }
  }
  LoadStart(reader, source);
}

void Loader::LoadStart(const SectionReader& reader, SourceSpec* source) {
  const YamlNode* start = reader.Get("start");
  if (start == nullptr || IsUnresolved(*start) || start->scalar == "earliest") return;
  if (start->scalar == "latest") {
    source->start = SourceSpec::Start::kLatest;
  } else if (const auto time_ms = ParseRfc3339(start->scalar)) {
    source->start = SourceSpec::Start::kTime;
    source->start_ms = *time_ms;
  } else {
    problems_.Error("value", start->at, "`start` cannot be `" + start->scalar + "`",
                    "earliest, latest, or a time as 2026-01-01T00:00:00Z");
  }
}

void Loader::LoadMapping(const YamlNode& node, SourceSpec* source, MessageScope& scope) {
  const SectionReader reader(node, kEventMappingSection, "events", &problems_);
  if (!reader.ok()) return;
  EventMapping mapping;
  if (const YamlNode* kind = reader.Get("kind")) {
    if (const auto found = KindFromName(kind->scalar)) {
      mapping.kind = *found;
    } else {
      std::vector<std::string_view> kinds;
      for (const Kind known : AllKinds()) kinds.push_back(KindName(known));
      problems_.Unknown("unknown-kind", kind->at, "kind", kind->scalar, kinds);
    }
  }
  if (const YamlNode* split = reader.Get("split")) {
    mapping.split = split->scalar;
    if (!IsSplit(split->scalar)) {
      problems_.Error("value", split->at, "`" + split->scalar + "` is no path of a list",
                      "as in $.items[*]");
    }
  }
  if (const YamlNode* when = reader.Get("when")) {
    mapping.when = expressions_->Compile(*when, scope, ValueType::kBool, source->zone_name);
  }
  bool has_id = false, has_time = false;
  if (const YamlNode* map = reader.Get("map")) {
    for (const YamlNode::Member& member : map->members) {
      has_id = has_id || member.key == "id";
      has_time = has_time || member.key == "time";
      LoadAssignment(member, source, scope, &mapping);
    }
    const bool own_id = mapping.kind == Kind::kCost || mapping.kind == Kind::kRate ||
                        mapping.kind == Kind::kFollowerCount;
    const bool own_time = mapping.kind == Kind::kCost || mapping.kind == Kind::kRate;
    for (const auto& [name, given] : {std::pair<std::string_view, bool>{"id", has_id || own_id},
                                      {"time", has_time || own_time}}) {
      if (!given) {
        problems_.Error("missing", map->at, "`map` needs `" + std::string(name) + "`",
                        name == "id" ? "unique within the source; hash(...) makes one"
                                     : "when it happened; parse_time(...) reads one");
      }
    }
  }
  source->events.push_back(std::move(mapping));
}

void Loader::LoadAssignment(const YamlNode::Member& member, SourceSpec* source, MessageScope& scope,
                            EventMapping* mapping) {
  if (!IsTarget(member.key)) {
    const bool derived = member.key == "email_domain";
    problems_.Error("unknown-field", member.key_at,
                    "no field `" + member.key + "` in " +
                        (mapping->kind == Kind::kNone ? std::string("events")
                                                      : std::string(KindName(mapping->kind))),
                    member.key == "kind" ? "`kind` is a literal beside `map`"
                    : derived            ? "it is derived from `email`"
                                         : HintFor(member.key, TargetNames()));
  }
  const auto expression =
      expressions_->Compile(member.value, scope, ValueType::kAny, source->zone_name);
  if (expression == nullptr) return;
  const auto wanted = TypeOfTarget(member.key);
  const ValueType type = expression->type();
  if (wanted && type != *wanted && type != ValueType::kAny && type != ValueType::kNull) {
    problems_.Error("type", member.value.at,
                    "`" + member.key + "` must be " + std::string(ValueTypeName(*wanted)) +
                        ", not " + std::string(ValueTypeName(type)),
                    *wanted == ValueType::kMoney ? "money(number or text, currency)" : "");
  }
  mapping->map.push_back({member.key, expression});
}

}  // namespace leadflow
