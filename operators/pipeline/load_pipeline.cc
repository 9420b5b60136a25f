// The frame: overrides, the head of the file, engine, journey and lateness; calls all other
// sections.
#include <algorithm>
#include <filesystem>

#include "engine/base/money.h"
#include "operators/pipeline/default_sections.h"
#include "operators/pipeline/loader.h"
#include "operators/pipeline/rules_hash.h"

namespace leadflow {
namespace {

constexpr int kPartitionsOnKafka = 32;

// Nodes that come from elsewhere have no place in the file.
void ForgetPlaces(YamlNode* node) {
  node->at = Position();
  node->content_offset = 0;
  for (YamlNode& item : node->items) ForgetPlaces(&item);
  for (YamlNode::Member& member : node->members) {
    member.key_at = Position();
    ForgetPlaces(&member.value);
  }
}

// "a.b[2]" -> a, b, [2]
std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> steps(1);
  for (const char c : path) {
    if (c == '.' || c == '[') steps.emplace_back();
    if (c != '.' && c != ']') steps.back() += c;
  }
  std::erase(steps, "");
  return steps;
}

// The node at one step below `node`, made if it is a key that is not there; nullptr: impossible.
YamlNode* Step(YamlNode* node, const std::string& step) {
  if (step[0] == '[') {
    const std::size_t index = std::strtoul(step.c_str() + 1, nullptr, 10);
    if (!node->IsSequence() || index >= node->items.size()) return nullptr;
    return &node->items[index];
  }
  if (node->type == YamlNode::Type::kNull) node->type = YamlNode::Type::kMapping;
  if (!node->IsMapping()) return nullptr;
  for (YamlNode::Member& member : node->members) {
    if (member.key == step) return &member.value;
  }
  node->members.push_back({step, Position(), YamlNode()});
  return &node->members.back().value;
}

}  // namespace

Loader::Loader(const LoadOptions& options, Diagnostics* diagnostics)
    : options_(options),
      diagnostics_(diagnostics),
      problems_(diagnostics),
      pipeline_(std::make_unique<Pipeline>()),
      expressions_(std::make_unique<ExpressionReader>(
          [this](std::string_view name) { return ReadList(name); }, &problems_)) {
  Diagnostics own("defaults", std::string(kDefaultSections));
  if (auto parsed = ParseYaml(kDefaultSections, nullptr, &own)) defaults_ = std::move(*parsed);
  ForgetPlaces(&defaults_);
}

std::unique_ptr<const Pipeline> Loader::Load(std::string_view yaml) {
  std::optional<YamlNode> root = ParseYaml(yaml, options_.environment, diagnostics_);
  if (!root) return nullptr;
  ApplySets(&*root);
  pipeline_->folder = options_.folder;
  const SectionReader reader(*root, kPipelineSection, "pipeline", &problems_);
  if (!reader.ok()) return nullptr;
  LoadHead(reader);
  if (const YamlNode* kafka = reader.Get("kafka")) LoadKafka(*kafka);
  if (const YamlNode* http = reader.Get("http")) LoadHttp(*http);
  LoadEngine(reader);
  LoadJourneySection(Section(reader, "journey"));
  LoadLateness(Section(reader, "lateness"));
  LoadCurrency(Section(reader, "currency"));
  LoadSources(Section(reader, "sources"));
  LoadExclude(Section(reader, "exclude"));
  LoadCampaigns(Section(reader, "campaigns"));
  LoadIdentity(Section(reader, "identity"));
  LoadLeads(Section(reader, "leads"));
  LoadVisits(Section(reader, "visits"));
  LoadDimensions(Section(reader, "dimensions"));
  LoadChannels(Section(reader, "channels"));
  LoadPersonas(Section(reader, "personas"));
  LoadStages(SectionOrDefault(reader, "stages"));
  LoadScoring(Section(reader, "scoring"));
  LoadAttribution(Section(reader, "attribution"));
  LoadGoals(SectionOrDefault(reader, "goals"), !reader.Given("goals"));
  LoadKpis(reader);
  LoadOutputs(SectionOrDefault(reader, "outputs"));
  LoadTests(Section(reader, "tests"));
  if (!diagnostics_->ok()) return nullptr;
  pipeline_->rules = RulesHash(*pipeline_);
  return std::move(pipeline_);
}

const YamlNode& Loader::Section(const SectionReader& root, std::string_view key) const {
  const YamlNode* node = root.Get(key);
  return node == nullptr ? empty_ : *node;
}

const YamlNode& Loader::SectionOrDefault(const SectionReader& root, std::string_view key) const {
  if (root.Given(key)) return Section(root, key);
  const YamlNode* node = defaults_.Find(key);
  return node == nullptr ? empty_ : *node;
}

void Loader::ApplySets(YamlNode* root) {
  for (const auto& [path, value] : options_.set) {
    Diagnostics own(path, value);
    std::optional<YamlNode> parsed = ParseYaml(value, nullptr, &own);
    const std::vector<std::string> steps = SplitPath(path);
    YamlNode* at = root;
    for (const std::string& step : steps) {
      if (at != nullptr) at = Step(at, step);
    }
    if (at == nullptr || steps.empty() || !parsed) {
      problems_.Error("set", Position(), "cannot set `" + path + "` to `" + value + "`",
                      "the path must lead through mappings, as in engine.threads=2");
      continue;
    }
    ForgetPlaces(&*parsed);
    *at = std::move(*parsed);
  }
}

std::string Loader::Resolve(std::string_view path) const {
  const std::filesystem::path given(path);
  if (given.is_absolute() || options_.folder.empty()) return std::string(path);
  return (std::filesystem::path(options_.folder) / given).lexically_normal().string();
}

std::string Loader::FillName(std::string text) const {
  constexpr std::string_view kName = "{name}";
  for (std::size_t at = text.find(kName); at != std::string::npos; at = text.find(kName, at)) {
    text.replace(at, kName.size(), pipeline_->name);
    at += pipeline_->name.size();
  }
  return text;
}

std::optional<YamlNode> Loader::ReadBuiltinYaml(const std::string& name) {
  const auto text = options_.read_builtin ? options_.read_builtin(name) : std::nullopt;
  if (!text) return std::nullopt;
  Diagnostics own(name, *text);
  std::optional<YamlNode> parsed = ParseYaml(*text, nullptr, &own);
  if (!parsed || !own.ok()) {
    problems_.Error("built-in", Position(), "the built-in file " + name + " is broken", own.Text());
    return std::nullopt;
  }
  ForgetPlaces(&*parsed);
  return parsed;
}

std::optional<std::vector<std::string>> Loader::ReadList(std::string_view name) const {
  const auto text =
      options_.read_builtin ? options_.read_builtin(std::string(name) + ".txt") : std::nullopt;
  if (!text) return std::nullopt;
  std::vector<std::string> lines;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.empty() && line[0] != '#') lines.emplace_back(line);
  }
  return lines;
}

void Loader::LoadHead(const SectionReader& root) {
  if (const YamlNode* version = root.Get("version"); version != nullptr) {
    const auto number = version->AsInt();
    if (number && *number != 1) {
      problems_.Error("version", version->at, "there is no version " + version->scalar,
                      "write version: 1");
    }
  }
  pipeline_->name = root.Text("name", "leadflow");
  if (const YamlNode* name = root.Get("name");
      name != nullptr && !IsPlainName(name->scalar) && !IsUnresolved(*name)) {
    problems_.Error("name", name->at, "`" + name->scalar + "` is no name of a pipeline",
                    "a letter, then letters, digits, - and _");
  }
  if (const YamlNode* zone = root.Get("time_zone"); zone != nullptr && !IsUnresolved(*zone)) {
    if (auto loaded = TimeZone::Load(zone->scalar)) {
      pipeline_->zone = *loaded;
    } else {
      problems_.Error("time-zone", zone->at, "no time zone `" + zone->scalar + "`",
                      "an IANA name, as Europe/Berlin");
    }
  }
  for (const std::string_view list : {"free_mail", "disposable_mail"}) {
    for (std::string& domain : ReadList(list).value_or(std::vector<std::string>())) {
      pipeline_->mail_providers.insert(std::move(domain));
    }
  }
  pipeline_->bots = ReadList("bots").value_or(std::vector<std::string>());
}

void Loader::LoadEngine(const SectionReader& root) {
  const SectionReader reader(Section(root, "engine"), kEngineSection, "engine", &problems_);
  EngineOptions& engine = pipeline_->engine;
  const bool cluster = root.Given("kafka");
  const bool kafka = reader.Text("log", cluster ? "kafka" : "embedded") == "kafka";
  if (kafka && !cluster) {
    problems_.Error("missing", reader.Get("log")->at, "`log: kafka` needs the section `kafka`",
                    "as in kafka: {brokers: \"localhost:9092\"}");
  }
  engine.log = kafka ? EngineOptions::Log::kKafka : EngineOptions::Log::kEmbedded;
  if (kafka) engine.partitions = kPartitionsOnKafka;
  engine.state_dir = Resolve(FillName(reader.Text("state_dir", "./state/{name}")));
  engine.memory_bytes =
      reader.Size("memory", engine.memory_bytes, std::int64_t{64} << 20, std::int64_t{1} << 42);
  engine.threads = static_cast<int>(reader.Int("threads", engine.threads, 1, 256));
  engine.partitions =
      static_cast<int>(reader.Int("partitions", engine.partitions, 1, kPartitionsMax));
  engine.commit_interval_ms =
      reader.DurationMs("commit_interval", engine.commit_interval_ms, 1, kHourMs);
}

void Loader::LoadJourneySection(const YamlNode& node) {
  const SectionReader reader(node, kJourneySection, "journey", &problems_);
  constexpr std::int64_t kLongest = 100 * kYearMs;
  pipeline_->journey_ttl_ms = reader.DurationMs("ttl", pipeline_->journey_ttl_ms, kDayMs, kLongest);
  pipeline_->anonymous_ttl_ms =
      reader.DurationMs("anonymous_ttl", pipeline_->anonymous_ttl_ms, kHourMs, kLongest);
  std::uint64_t keep = ~FieldBit(Field::kUserAgent);
  const std::vector<const YamlNode*> fields = reader.Texts("keep");
  if (!fields.empty() && !(fields.size() == 1 && fields[0]->scalar == "default")) {
    // What derivation itself reads is stored whatever the list says.
    constexpr Field kAlways[] = {Field::kSessionId, Field::kMessageId, Field::kCampaign,
                                 Field::kChannel,   Field::kCurrency,  Field::kDiscountCurrency,
                                 Field::kOrderId,   Field::kDealId,    Field::kRefundId,
                                 Field::kStatus,    Field::kStage,     Field::kDiscountCode,
                                 Field::kNetwork};
    keep = ~kTextFields & (FieldBit(static_cast<Field>(kFieldCount)) - 1);
    for (const Field field : kAlways) keep |= FieldBit(field);
    std::vector<std::string_view> known = {"labels", "profile"};
    for (const Field field : AllFields()) known.push_back(FieldName(field));
    for (const YamlNode* item : fields) {
      if (item->scalar == "labels") {
        keep |= std::uint64_t{1} << FieldsView::kLabelTag;
      } else if (item->scalar == "profile") {
        keep |= std::uint64_t{1} << FieldsView::kTraitTag;
      } else if (const auto field = FieldFromName(item->scalar)) {
        keep |= FieldBit(*field);
      } else {
        problems_.Unknown("unknown-field", item->at, "field", item->scalar, known);
      }
    }
  }
  pipeline_->keep_fields = keep;
}

void Loader::LoadLateness(const YamlNode& node) {
  const SectionReader reader(node, kLatenessSection, "lateness", &problems_);
  pipeline_->lateness_ms = reader.DurationMs("allowed", pipeline_->lateness_ms, 0, 10 * kYearMs);
  const std::string late = reader.Text("late", "update");
  pipeline_->late = late == "drop"    ? Pipeline::Late::kDrop
                    : late == "topic" ? Pipeline::Late::kTopic
                                      : Pipeline::Late::kUpdate;
}

EventScopeOptions Loader::Stored() const {
  EventScopeOptions options;
  options.keep = pipeline_->keep_fields;
  return options;
}

const KpiSpec* Pipeline::FindKpi(std::string_view kpi) const {
  const auto found =
      std::find_if(kpis.begin(), kpis.end(), [&](const KpiSpec& spec) { return spec.name == kpi; });
  return found == kpis.end() ? nullptr : &*found;
}

std::unique_ptr<const Pipeline> LoadPipeline(std::string_view yaml, const LoadOptions& options,
                                             Diagnostics* diagnostics) {
  return Loader(options, diagnostics).Load(yaml);
}

}  // namespace leadflow
