// outputs: where rows go; tests: what `leadflow test` runs.
#include <algorithm>

#include "engine/base/utf8_text.h"
#include "operators/pipeline/loader.h"

namespace leadflow {
namespace {

constexpr std::size_t kMaxOutputs = 32;
constexpr std::size_t kMaxTests = 1000;

// A plain scalar that JSON writes without quotes: 1, -2.50, 1e3. Not 010, .5 or 0x1f.
bool IsJsonNumber(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - begin;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const std::size_t first = at;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

// Compact JSON of a node, by the core schema.
void AppendJson(const YamlNode& node, std::string* out) {
  switch (node.type) {
    case YamlNode::Type::kNull: *out += "null"; return;
    case YamlNode::Type::kScalar:
      if (const auto flag = node.AsBool()) {
        *out += *flag ? "true" : "false";
      } else if (!node.quoted && IsJsonNumber(node.scalar)) {
        *out += node.scalar;
      } else if (const auto number = node.AsInt()) {
        *out += std::to_string(*number);
      } else {
        AppendJsonText(node.scalar, out);
      }
      return;
    case YamlNode::Type::kSequence:
      *out += '[';
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        if (i > 0) *out += ',';
        AppendJson(node.items[i], out);
      }
      *out += ']';
      return;
    case YamlNode::Type::kMapping:
      *out += '{';
      for (std::size_t i = 0; i < node.members.size(); ++i) {
        if (i > 0) *out += ',';
        AppendJsonText(node.members[i].key, out);
        *out += ':';
        AppendJson(node.members[i].value, out);
      }
      *out += '}';
      return;
  }
}

std::string AsWritten(const YamlNode& node) {
  return node.type == YamlNode::Type::kNull ? "null" : node.scalar;
}

}  // namespace

void Loader::LoadOutputs(const YamlNode& node) {
  if (node.items.size() > kMaxOutputs) {
    problems_.Error("range", node.at, "more than " + std::to_string(kMaxOutputs) + " outputs");
    return;
  }
  for (const YamlNode& item : node.items) LoadOutput(item);
  CheckTopics();
}

void Loader::LoadOutput(const YamlNode& node) {
  const SectionReader reader(node, kOutputSection, "output", &problems_);
  if (reader.ok() && reader.Given("file") == reader.Given("kafka")) {
    problems_.Error("missing", node.at, "`output` needs one of `file` and `kafka`",
                    "as in file: {path: \"out/{kpi}.csv\"}");
    return;
  }
  if (const YamlNode* file = reader.Get("file")) LoadFileOutput(*file);
  if (const YamlNode* topics = reader.Get("kafka")) LoadTopicOutput(*topics);
}

std::vector<std::string> Loader::KpiNames(const std::vector<const YamlNode*>& nodes) {
  std::vector<std::string_view> known;
  for (const KpiSpec& kpi : pipeline_->kpis) known.push_back(kpi.name);
  std::vector<std::string> names;
  for (const YamlNode* item : nodes) {
    if (std::find(known.begin(), known.end(), item->scalar) == known.end()) {
      problems_.Unknown("unknown-kpi", item->at, "kpi", item->scalar, known);
    }
    names.push_back(item->scalar);
  }
  return names;
}

void Loader::LoadFileOutput(const YamlNode& node) {
  const SectionReader options(node, kOutputFileSection, "output.file", &problems_);
  OutputSpec output;
  output.every_ms = options.DurationMs("every", output.every_ms, 100, kYearMs);
  output.only = KpiNames(options.Texts("only"));
  if (const YamlNode* path = options.Get("path"); path != nullptr) {
    const std::string text = FillName(path->scalar);
    output.json_lines = text.ends_with(".jsonl");
    if (!IsUnresolved(*path) && !output.json_lines && !text.ends_with(".csv")) {
      problems_.Error("value", path->at, "`" + text + "` is neither .csv nor .jsonl",
                      "as in out/{kpi}.csv");
    }
    const bool one_kpi =
        output.only.size() == 1 || (output.only.empty() && pipeline_->kpis.size() <= 1);
    if (!IsUnresolved(*path) && !one_kpi && text.find("{kpi}") == std::string::npos) {
      problems_.Error("value", path->at, "all kpis would be written into one file",
                      "put {kpi} into the path, or one name into `only`");
    }
    output.path = Resolve(text);
  }
  pipeline_->outputs.push_back(std::move(output));
}

void Loader::LoadTests(const YamlNode& node) {
  if (node.items.size() > kMaxTests) {
    problems_.Error("range", node.at, "more than " + std::to_string(kMaxTests) + " tests");
    return;
  }
  for (const YamlNode& item : node.items) LoadTest(item);
}

void Loader::LoadTest(const YamlNode& node) {
  const SectionReader reader(node, kTestSection, "test", &problems_);
  TestSpec test;
  test.name = reader.Text("name");
  test.at = node.at;
  const std::vector<std::string_view> sources(pipeline_->source_names.begin(),
                                              pipeline_->source_names.end());
  if (const YamlNode* input = reader.Get("input")) {
    for (const YamlNode& item : input->items) {
      const SectionReader message(item, kTestInputSection, "input", &problems_);
      TestSpec::Input& added = test.input.emplace_back();
      if (const YamlNode* source = message.Get("source")) {
        added.source = source->scalar;
        if (std::find(sources.begin(), sources.end(), source->scalar) == sources.end()) {
          problems_.Unknown("unknown-source", source->at, "source", source->scalar, sources);
        }
      }
      const YamlNode* data = message.Get("data");
      // A text is the message as it is: a line of CSV, a form.
      if (data != nullptr && data->IsScalar()) {
        added.json = data->scalar;
      } else if (data != nullptr) {
        AppendJson(*data, &added.json);
      }
    }
  }
  if (const YamlNode* expect = reader.Get("expect")) {
    for (const YamlNode& item : expect->items) LoadExpect(item, &test);
  }
  pipeline_->tests.push_back(std::move(test));
}

void Loader::LoadExpect(const YamlNode& node, TestSpec* test) {
  if (!node.IsMapping()) {
    problems_.Error("type", node.at, "`expect` must be a mapping", "as in {kpi: orders, value: 1}");
    return;
  }
  TestSpec::Expect& expect = test->expect.emplace_back();
  expect.at = node.at;
  const YamlNode* name = node.Find("kpi");
  const KpiSpec* kpi = nullptr;
  if (name == nullptr || !name->IsScalar()) {
    problems_.Error("missing", node.at, "`expect` needs `kpi`");
  } else {
    expect.kpi = name->scalar;
    kpi = pipeline_->FindKpi(name->scalar);
  }
  const YamlNode* kpis = kpi_nodes_;
  const bool declared = kpis != nullptr && kpis->Find(expect.kpi) != nullptr;
  if (name != nullptr && kpi == nullptr && !declared) {
    std::vector<std::string_view> known;
    for (const KpiSpec& spec : pipeline_->kpis) known.push_back(spec.name);
    problems_.Unknown("unknown-kpi", name->at, "kpi", expect.kpi, known);
  }
  std::vector<std::string_view> columns = {"kpi",          "where",     "value",
                                           "window_start", "numerator", "denominator",
                                           "currency",     "unit",      "settled"};
  std::vector<std::string_view> dimensions;
  if (kpi != nullptr) {
    for (const DimensionSpec& dimension : kpi->by) dimensions.push_back(dimension.name);
    const auto& quantiles = kpi->measure.quantile_columns;
    columns.insert(columns.end(), quantiles.begin(), quantiles.end());
  }
  for (const YamlNode::Member& member : node.members) {
    if (std::find(columns.begin(), columns.end(), member.key) == columns.end()) {
      if (kpi != nullptr || !declared) {
        problems_.Error("unknown-key", member.key_at, "no column `" + member.key + "`",
                        HintFor(member.key, columns));
      }
    } else if (member.key == "window_start") {
      expect.window_start = AsWritten(member.value);
    } else if (member.key == "value") {
      expect.value = AsWritten(member.value);
    } else if (member.key != "kpi" && member.key != "where") {
      expect.columns.emplace_back(member.key, AsWritten(member.value));
    }
  }
  const YamlNode* where = node.Find("where");
  if (where == nullptr) return;
  if (!where->IsMapping()) {
    problems_.Error("type", where->at, "`where` must be a mapping", "as in {channel: Email}");
  }
  for (const YamlNode::Member& member : where->members) {
    expect.where.emplace_back(member.key, AsWritten(member.value));
    if (kpi != nullptr &&
        std::find(dimensions.begin(), dimensions.end(), member.key) == dimensions.end()) {
      problems_.Unknown("unknown-dimension", member.key_at,
                        "dimension in `" + expect.kpi + "`:", member.key, dimensions);
    }
  }
}

}  // namespace leadflow
