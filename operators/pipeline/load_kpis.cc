// kpis: measures with their dimensions, windows and units; checks that each measure of a row has
// the row's dimensions.
#include <algorithm>

#include "operators/pipeline/loader.h"
#include "operators/pipeline/measure_reader.h"

namespace leadflow {
namespace {

constexpr std::size_t kMaxKpis = 1000;
constexpr std::size_t kMaxDimensions = 8;
constexpr std::size_t kMaxLeaves = 64;

struct DimensionName {
  std::string_view name;
  Dimension dimension;
};
constexpr DimensionName kDimensions[] = {
    {"model", Dimension::kModel},
    {"channel", Dimension::kChannel},
    {"campaign", Dimension::kCampaign},
    {"source", Dimension::kSource},
    {"medium", Dimension::kMedium},
    {"landing_page", Dimension::kLandingPage},
    {"fair", Dimension::kFair},
    {"persona", Dimension::kPersona},
    {"account", Dimension::kAccount},
    {"owner", Dimension::kOwner},
    {"country", Dimension::kCountry},
    {"product_line", Dimension::kProductLine},
    {"discount_code", Dimension::kDiscountCode},
    {"offer", Dimension::kOffer},
    {"name", Dimension::kName},
    {"form", Dimension::kForm},
    {"asset", Dimension::kAsset},
    {"link", Dimension::kLink},
    {"network", Dimension::kNetwork},
    {"variant", Dimension::kVariant},
    {"kind", Dimension::kKind},
};
constexpr std::string_view kLabels = "labels.";

bool IsStandalone(Kind kind) {
  return kind == Kind::kCost || kind == Kind::kRate || kind == Kind::kFollowerCount ||
         kind == Kind::kDiscountIssued;
}

bool IsAttributed(const Measure& leaf) {
  return leaf.type == Measure::Type::kAttributed || leaf.type == Measure::Type::kAttributedValue;
}

bool IsLeadDimension(Dimension dimension) {
  return dimension >= Dimension::kPersona && dimension <= Dimension::kCountry;
}

bool IsTouchDimension(Dimension dimension) {
  return dimension >= Dimension::kChannel && dimension <= Dimension::kFair;
}

// Whether rows of the measure can be told apart by the dimension. A measure without models counts
// once for each model, so `model` stands beside any other measure.
bool HasDimension(const Measure& leaf, Dimension dimension) {
  const bool trust_dimension =
      dimension == Dimension::kTrustSource || dimension == Dimension::kTrustReason;
  if (leaf.subject.of == Subject::Of::kTrust) return trust_dimension;
  if (trust_dimension) return false;
  if (dimension == Dimension::kModel || IsTouchDimension(dimension)) return true;
  switch (leaf.subject.of) {
    case Subject::Of::kEvent:
      return !IsStandalone(leaf.subject.kind) || !IsLeadDimension(dimension);
    case Subject::Of::kVisit:
      return IsLeadDimension(dimension) || dimension == Dimension::kProductLine ||
             dimension == Dimension::kLabel;
    default: return true;
  }
}

void CollectLeaves(Measure* measure, std::vector<Measure*>* leaves) {
  if (measure->IsLeaf()) leaves->push_back(measure);
  for (Measure& operand : measure->operands) CollectLeaves(&operand, leaves);
}

bool AnyOf(const Measure& measure, bool (*test)(const Measure&)) {
  if (measure.IsLeaf()) return test(measure);
  return std::any_of(measure.operands.begin(), measure.operands.end(),
                     [&](const Measure& operand) { return AnyOf(operand, test); });
}

class KpiReader {
 public:
  KpiReader(const YamlNode& kpis, Pipeline* pipeline, ExpressionReader* expressions,
            Problems* problems)
      : pipeline_(*pipeline),
        problems_(*problems),
        kpis_(kpis),
        measures_(kpis, pipeline, expressions, problems) {}

  void Read(const YamlNode::Member& member);

 private:
  void ReadDimensions(const SectionReader& reader, bool trust, KpiSpec* spec);
  std::optional<DimensionSpec> DimensionOf(const YamlNode& item, bool trust);
  void CheckDimensions(const SectionReader& reader, const KpiSpec& spec,
                       const std::vector<Measure*>& leaves);
  void ReadUnit(const SectionReader& reader, KpiSpec* spec);
  void ReadAlong(const YamlNode& node, const KpiSpec& spec, Measure* measure);
  const YamlNode* Named(const YamlNode& node) const;

  Pipeline& pipeline_;
  Problems& problems_;
  const YamlNode& kpis_;
  MeasureReader measures_;
};

void KpiReader::Read(const YamlNode::Member& member) {
  KpiSpec spec;
  spec.name = member.key;
  spec.index = static_cast<int>(pipeline_.kpis.size());
  spec.at = member.key_at;
  if (!IsPlainName(member.key)) {
    problems_.Error("name", member.key_at, "`" + member.key + "` is no name of a kpi",
                    "a letter, then letters, digits, - and _");
  }
  const SectionReader reader(member.value, kKpiSection, member.key, &problems_);
  if (!reader.ok()) return;
  const bool good = measures_.Read(member, &spec.measure);
  if (const YamlNode* window = reader.Get("window"); window != nullptr) {
    spec.window = WindowUnitFromName(window->scalar).value_or(WindowUnit::kTotal);
  }
  spec.keep_ms = reader.DurationMs("keep", 0, kDayMs, 100 * kYearMs);
  spec.max_cells = reader.Int("max_cells", spec.max_cells, 1, 10'000'000);
  if (!good) return;
  std::vector<Measure*> leaves;
  CollectLeaves(&spec.measure, &leaves);
  for (std::size_t i = 0; i < leaves.size(); ++i) leaves[i]->slot = static_cast<int>(i);
  spec.slots = static_cast<int>(leaves.size());
  if (leaves.size() > kMaxLeaves) {
    problems_.Error(
        "range", member.key_at,
        "kpi `" + member.key + "` has more than " + std::to_string(kMaxLeaves) + " measures");
    return;
  }
  const bool trust = AnyOf(
      spec.measure, [](const Measure& leaf) { return leaf.subject.of == Subject::Of::kTrust; });
  ReadDimensions(reader, trust, &spec);
  CheckDimensions(reader, spec, leaves);
  ReadAlong(member.value, spec, &spec.measure);
  ReadUnit(reader, &spec);
  pipeline_.kpis.push_back(std::move(spec));
}

std::optional<DimensionSpec> KpiReader::DimensionOf(const YamlNode& item, bool trust) {
  const std::string_view name = item.scalar;
  if (trust && name == "source") return DimensionSpec{Dimension::kTrustSource, item.scalar, ""};
  if (trust && name == "reason") return DimensionSpec{Dimension::kTrustReason, item.scalar, ""};
  if (name.size() > kLabels.size() && name.starts_with(kLabels)) {
    pipeline_.names.Intern(name);
    return DimensionSpec{Dimension::kLabel, item.scalar, std::string(name.substr(kLabels.size()))};
  }
  std::vector<std::string_view> known;
  for (const DimensionName& dimension : kDimensions) {
    if (dimension.name == name) return DimensionSpec{dimension.dimension, item.scalar, ""};
    known.push_back(dimension.name);
  }
  known.push_back("labels.");
  problems_.Unknown("unknown-dimension", item.at, "dimension", name, known);
  return std::nullopt;
}

void KpiReader::ReadDimensions(const SectionReader& reader, bool trust, KpiSpec* spec) {
  for (const YamlNode* item : reader.Texts("by")) {
    auto dimension = DimensionOf(*item, trust);
    if (!dimension) continue;
    const bool twice =
        std::any_of(spec->by.begin(), spec->by.end(),
                    [&](const DimensionSpec& other) { return other.name == dimension->name; });
    if (twice) {
      problems_.Error("duplicate-name", item->at,
                      "dimension `" + dimension->name + "` stands there twice");
    } else {
      spec->by.push_back(std::move(*dimension));
    }
  }
  if (spec->by.size() > kMaxDimensions) {
    problems_.Error("range", reader.Get("by")->at,
                    "a kpi has at most " + std::to_string(kMaxDimensions) + " dimensions");
  }
}

void KpiReader::CheckDimensions(const SectionReader& reader, const KpiSpec& spec,
                                const std::vector<Measure*>& leaves) {
  for (const YamlNode* item : reader.Texts("by")) {
    const auto dimension =
        std::find_if(spec.by.begin(), spec.by.end(),
                     [&](const DimensionSpec& other) { return other.name == item->scalar; });
    if (dimension == spec.by.end()) continue;
    if (dimension->dimension == Dimension::kModel && !AnyOf(spec.measure, IsAttributed)) {
      problems_.Error("dimension", item->at, "dimension `model` without an attributed measure",
                      "only attributed measures have models");
    }
    for (const Measure* leaf : leaves) {
      if (HasDimension(*leaf, dimension->dimension)) continue;
      problems_.Error("dimension", item->at,
                      "`" + SubjectText(leaf->subject, pipeline_) + "` has no dimension `" +
                          dimension->name + "`",
                      leaf->subject.of == Subject::Of::kTrust
                          ? "trust counters have source and reason"
                          : "every measure of a row needs all dimensions of the row");
    }
  }
  if (!AnyOf(spec.measure, IsAttributed)) return;
  const bool by_model = std::any_of(
      spec.by.begin(), spec.by.end(),
      [](const DimensionSpec& dimension) { return dimension.dimension == Dimension::kModel; });
  for (const Measure* leaf : leaves) {
    const std::size_t models =
        leaf->models.empty() ? pipeline_.attribution.models.size() : leaf->models.size();
    if (!IsAttributed(*leaf)) continue;
    if (models == 0) {
      problems_.Error("unknown-model", spec.at, "kpi `" + spec.name + "` has no model left",
                      "name one in `attribution.models`");
    } else if (models > 1 && !by_model) {
      problems_.Error(
          "dimension", spec.at,
          "kpi `" + spec.name + "` would add the credit of " + std::to_string(models) + " models",
          "add `model` to `by`, or name one model: `models: [linear]`");
    }
  }
}

void KpiReader::ReadUnit(const SectionReader& reader, KpiSpec* spec) {
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"ms", 1}, {"s", kSecondMs}, {"min", kMinuteMs}, {"h", kHourMs}, {"d", kDayMs}};
  const ValueUnit unit = UnitOf(spec->measure);
  spec->money = unit == ValueUnit::kMoney;
  if (unit == ValueUnit::kDuration) {
    spec->unit = reader.Text("unit", "s");
    for (const auto& [name, ms] : kUnits) {
      if (name == spec->unit) spec->unit_ms = ms;
    }
  } else if (const YamlNode* given = reader.Get("unit")) {
    problems_.Error("wrong-unit", given->at,
                    unit == ValueUnit::kMoney ? "money has its currency, no `unit`"
                                              : "kpi `" + spec->name + "` is a number, no duration",
                    "leave `unit` out");
  }
}

const YamlNode* KpiReader::Named(const YamlNode& node) const {
  return node.IsScalar() ? kpis_.Find(node.scalar) : &node;
}

// share_of in the tree of measures, beside the nodes that it was read from.
void KpiReader::ReadAlong(const YamlNode& node, const KpiSpec& spec, Measure* measure) {
  const YamlNode* own = Named(node);
  if (own == nullptr || measure->IsLeaf()) return;
  if (measure->type == Measure::Type::kShareOf) {
    const YamlNode* along = own->Find("along");
    if (along == nullptr || !along->IsScalar()) {
      problems_.Error("missing", own->at, "`share_of` needs `along`",
                      "the dimension along which shares add up to one");
      return;
    }
    for (std::size_t i = 0; i < spec.by.size(); ++i) {
      if (spec.by[i].name == along->scalar) measure->along = static_cast<int>(i);
    }
    if (measure->along < 0) {
      std::vector<std::string_view> known;
      for (const DimensionSpec& dimension : spec.by) known.push_back(dimension.name);
      problems_.Unknown("unknown-dimension", along->at, "dimension in `by`:", along->scalar, known);
    } else if (spec.by[static_cast<std::size_t>(measure->along)].dimension == Dimension::kModel) {
      problems_.Error("value", along->at, "shares do not run along `model`",
                      "every model gives all of the credit");
    }
    if (const YamlNode* part = own->Find("share_of")) ReadAlong(*part, spec, &measure->operands[0]);
    return;
  }
  const YamlNode* list = own->Find(measure->type == Measure::Type::kRatio ? "ratio" : "minus");
  for (std::size_t i = 0; list != nullptr && i < measure->operands.size(); ++i) {
    ReadAlong(list->items[i], spec, &measure->operands[i]);
  }
}

}  // namespace

void Loader::LoadKpis(const SectionReader& root) {
  if (root.Given("kpis")) {
    const YamlNode& kpis = Section(root, "kpis");
    kpi_nodes_ = &kpis;
    if (kpis.members.size() > kMaxKpis) {
      problems_.Error("range", kpis.at, "more than " + std::to_string(kMaxKpis) + " kpis");
      return;
    }
    KpiReader reader(kpis, pipeline_.get(), expressions_.get(), &problems_);
    for (const YamlNode::Member& member : kpis.members) reader.Read(member);
    return;
  }
  const auto catalogue = ReadBuiltinYaml("catalogue.yaml");
  const YamlNode* kpis = catalogue ? catalogue->Find("kpis") : nullptr;
  if (kpis == nullptr) return;
  // Stages, goals and models may be the file's own: what the catalogue says about others is left
  // out.
  for (const YamlNode::Member& member : kpis->members) {
    Diagnostics unused("catalogue.yaml", "");
    Problems problems(&unused);
    ExpressionReader expressions([this](std::string_view name) { return ReadList(name); },
                                 &problems);
    const std::size_t before = pipeline_->kpis.size();
    KpiReader(*kpis, pipeline_.get(), &expressions, &problems).Read(member);
    if (!unused.ok()) pipeline_->kpis.resize(before);
  }
}

}  // namespace leadflow
