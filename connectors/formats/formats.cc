#include "connectors/formats/formats.h"

#include <algorithm>

#include "connectors/formats/json_cursor.h"
#include "engine/config/diagnostics.h"
#include "engine/config/yaml.h"

namespace leadflow {

std::optional<std::string_view> PresetFile(std::string_view file_name);  // presets/, embedded

namespace {

constexpr std::string_view kPresets[] = {"segment", "snowplow",    "sendgrid",
                                         "shopify", "woocommerce", "hubspot"};

constexpr char kLeadflowSample[] =
    R"({"id":"e-1","kind":"page_view","time":"2026-03-01T10:00:00Z","anonymous_id":"c-1","utm":{"source":"google","medium":"cpc","campaign":"spring"},"page":{"url":"https://www.example.com/prices"}}
{"id":"e-2","kind":"form_submit","time":"2026-03-01T10:05:00Z","anonymous_id":"c-1","email":"ann@example.com","form":"demo","company":"Works"}
{"id":"e-3","kind":"order","time":"2026-04-01T09:00:00+02:00","email":"ann@example.com","order_id":"o-1","amount":{"minor":100000,"currency":"EUR"}}
)";
constexpr char kJsonSample[] =
    R"({"type":"card","badge_id":"7","scanned_at":"2026-03-03 10:00","email":"ann@example.com","fair_name":"Hannover"}
)";
constexpr char kCsvSample[] =
    "type,badge_id,scanned_at,email,fair_name\ncard,7,2026-03-03 10:00,ann@example.com,Hannover\n";
constexpr char kTsvSample[] =
    "type\tbadge_id\tscanned_at\temail\ncard\t7\t2026-03-03 10:00\tann@example.com\n";
constexpr char kFormSample[] =
    "form=demo&email=ann%40example.com&submitted=2026-03-01+10%3A00&company=Works\n";

std::string FileName(std::string_view preset) { return std::string(preset) + ".yaml"; }

// Numbers the paths of a preset while its expressions are compiled.
class PresetScope final : public Scope {
 public:
  explicit PresetScope(std::vector<std::vector<PathStep>>* paths) : paths_(*paths) {}

  std::optional<Slot> Name(std::string_view) override { return std::nullopt; }
  std::optional<Slot> Path(const std::vector<PathStep>& path) override {
    const auto same = [&](const std::vector<PathStep>& other) {
      return std::equal(path.begin(), path.end(), other.begin(), other.end(),
                        [](const PathStep& a, const PathStep& b) {
                          return a.key == b.key && a.index == b.index;
                        });
    };
    const auto found = std::find_if(paths_.begin(), paths_.end(), same);
    const auto slot = static_cast<int>(found - paths_.begin());
    if (found == paths_.end()) paths_.push_back(path);
    return Slot{slot, ValueType::kAny};
  }
  std::vector<std::string_view> names() const override { return {}; }

 private:
  std::vector<std::vector<PathStep>>& paths_;
};

std::vector<std::string> Texts(const YamlNode* node) {
  std::vector<std::string> texts;
  if (node != nullptr) {
    for (const YamlNode& item : node->items) texts.push_back(item.scalar);
  }
  return texts;
}

std::string TextOf(const YamlNode& node, std::string_view key) {
  const YamlNode* const value = node.Find(key);
  return value == nullptr ? std::string() : value->scalar;
}

EventMapping ReadMapping(const YamlNode& node, Scope& scope, Diagnostics* problems) {
  EventMapping mapping;
  const std::string kind = TextOf(node, "kind");
  if (const auto known = KindFromName(kind)) {
    mapping.kind = *known;
  } else {
    problems->Error("kind", node.at, "no kind `" + kind + "`");
  }
  mapping.split = TextOf(node, "split");
  if (const YamlNode* const when = node.Find("when")) {
    mapping.when = Expression::Compile(when->scalar, when->ContentAt(), scope, ValueType::kBool,
                                       "UTC", problems);
  }
  if (const YamlNode* const map = node.Find("map")) {
    for (const YamlNode::Member& member : map->members) {
      mapping.map.push_back(
          {member.key, Expression::Compile(member.value.scalar, member.value.ContentAt(), scope,
                                           ValueType::kAny, "UTC", problems)});
    }
  }
  return mapping;
}

std::vector<FormatInfo> MakeFormats() {
  std::vector<FormatInfo> formats = {
      {"leadflow", "canonical events, one JSON object a line", kLeadflowSample},
      {"json", "JSON lines, or one list, with a mapping of your own (`events:`)", kJsonSample},
      {"csv", "CSV with a header, with a mapping of your own", kCsvSample},
      {"tsv", "tab-separated values with a header, with a mapping of your own", kTsvSample},
      {"form", "form-encoded posts, one a line, with a mapping of your own", kFormSample},
  };
  for (const std::string_view preset : kPresets) {
    Diagnostics problems(FileName(preset), std::string(PresetText(preset).value_or("")));
    FormatInfo info{preset, "", "", true};
    if (const auto yaml = ParseYaml(PresetText(preset).value_or(""), {}, &problems)) {
      info.description = TextOf(*yaml, "description");
      info.sample = TextOf(*yaml, "sample");
    }
    formats.push_back(std::move(info));
  }
  return formats;
}

}  // namespace

const std::vector<FormatInfo>& AllFormats() {
  static const std::vector<FormatInfo> formats = MakeFormats();
  return formats;
}

const FormatInfo* FindFormat(std::string_view name) {
  for (const FormatInfo& format : AllFormats()) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

namespace {

// True if the first line of `head` is no whole JSON value: then values span lines.
bool SpansLines(std::string_view head) {
  const std::size_t line = head.find('\n');
  if (line == std::string_view::npos) return false;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < line; ++i) {
    const char c = head[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return depth > 0;
}

}  // namespace

FileLayout LayoutOf(std::string_view format, std::string_view head) {
  if (format == "csv") return {Layout::kTable, true};
  if (format == "tsv") return {Layout::kLines, true};
  if (format == "form") return {Layout::kLines, false};
  if (format == "snowplow") {
    if (head.substr(0, 16) == "app_id,platform,") return {Layout::kTable, true};
    if (head.substr(0, 16) == "app_id\tplatform\t") return {Layout::kLines, true};
  }
  const std::size_t begin = head.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  const bool list = head[begin] == '[';
  const bool value = head[begin] == '{' && SpansLines(head.substr(begin));
  return {list || value ? Layout::kJson : Layout::kLines, false};
}

std::optional<std::string_view> PresetText(std::string_view name) {
  return PresetFile(FileName(name));
}

Result<MappingSet> LoadPreset(std::string_view name) {
  const auto text = PresetText(name);
  if (!text) return Status::NotFound("no format `" + std::string(name) + "`");
  return ParseMapping(FileName(name), *text);
}

Result<MappingSet> ParseMapping(std::string_view file, std::string_view text) {
  Diagnostics problems{std::string(file), std::string(text)};
  const auto yaml = ParseYaml(text, {}, &problems);
  MappingSet mapping;
  if (yaml) {
    const YamlNode* const syntax = yaml->Find("syntax");
    if (const auto known = SyntaxFromName(syntax == nullptr ? "json" : syntax->scalar)) {
      mapping.syntax = *known;
    } else {
      problems.Error("syntax", syntax->at, "no syntax `" + syntax->scalar + "`");
    }
    mapping.unwrap = Texts(yaml->Find("unwrap"));
    mapping.columns = Texts(yaml->Find("columns"));
    PresetScope scope(&mapping.paths_read);
    if (const YamlNode* const events = yaml->Find("events")) {
      for (const YamlNode& item : events->items) {
        mapping.events.push_back(ReadMapping(item, scope, &problems));
      }
    }
  }
  if (!problems.ok()) return Status::InvalidArgument(problems.Text());
  return mapping;
}

namespace {

// What the keys of an object say about where it comes from.
struct Mark {
  std::string_view format;
  std::string_view all[3];
};
constexpr Mark kMarks[] = {
    {"leadflow", {"id", "kind", "time"}},
    {"segment", {"type", "messageId", ""}},
    {"segment", {"batch", "", ""}},
    {"sendgrid", {"event", "sg_event_id", "email"}},
    {"snowplow", {"event", "event_id", "collector_tstamp"}},
    {"snowplow", {"event", "event_id", "derived_tstamp"}},
    {"hubspot", {"subscriptionType", "objectId", "occurredAt"}},
    {"shopify", {"total_price", "created_at", "currency"}},
    {"shopify", {"orders", "", ""}},
    {"shopify", {"order", "", ""}},
    {"woocommerce", {"total", "date_created_gmt", "currency"}},
};

std::optional<std::string> FormatOfKeys(const std::vector<std::string>& keys) {
  const auto has = [&](std::string_view key) {
    return key.empty() || std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  for (const Mark& mark : kMarks) {
    if (std::all_of(std::begin(mark.all), std::end(mark.all), has)) return std::string(mark.format);
  }
  return std::nullopt;
}

// Keys of the first object, as far as the bytes go.
std::vector<std::string> FirstKeys(std::string_view head) {
  JsonCursor json(head);
  std::vector<std::string> keys;
  EvalArena arena;
  if (json.Peek() == JsonCursor::Type::kArray && (!json.BeginArray() || !json.NextElement())) {
    return keys;
  }
  if (json.Peek() != JsonCursor::Type::kObject || !json.BeginObject()) return keys;
  JsonText key;
  while (keys.size() < 1000 && json.NextMember(&key)) {
    keys.emplace_back(key.Decode(arena));
    if (!json.Skip()) break;
  }
  return keys;
}

}  // namespace

Result<std::string> GuessFormat(std::string_view head) {
  constexpr std::size_t kLook = 64 * 1024;
  head = head.substr(0, kLook);
  if (head.substr(0, 3) == "\xEF\xBB\xBF") head.remove_prefix(3);
  const std::size_t begin = head.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return Status::InvalidArgument("it is empty");
  if (head[begin] == '{' || head[begin] == '[') {
    const std::vector<std::string> keys = FirstKeys(head.substr(begin));
    if (auto format = FormatOfKeys(keys)) return *std::move(format);
    std::string shown;
    for (std::size_t i = 0; i < std::min<std::size_t>(keys.size(), 6); ++i) {
      shown += (i == 0 ? "`" : ", `") + keys[i] + "`";
    }
    return Status::InvalidArgument("JSON with the keys " + (shown.empty() ? "(none)" : shown) +
                                   " is of no known format; write a pipeline with `events:`");
  }
  const std::string_view line = head.substr(0, head.find('\n'));
  const bool snowplow = std::count(line.begin(), line.end(), '\t') > 120 ||
                        line.substr(0, 16) == "app_id\tplatform\t" ||
                        line.substr(0, 16) == "app_id,platform,";
  if (snowplow) return std::string("snowplow");
  return Status::InvalidArgument(
      "it is no JSON; a table needs a pipeline that says what its columns mean (`events:`)");
}

}  // namespace leadflow
