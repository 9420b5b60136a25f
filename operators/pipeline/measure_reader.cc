#include "operators/pipeline/measure_reader.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace leadflow {
namespace {

constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxQuantiles = 16;
constexpr std::string_view kStage = "stage.";
constexpr std::string_view kEntries = ".entries";

struct Form {
  std::string_view name;
  std::string_view options;  // own keys besides those of every measure
};
constexpr Form kForms[] = {
    {"count", ""},         {"distinct", "of|at_least"}, {"sum", ""},        {"mean", ""},
    {"quantile", "of"},    {"attributed", "value"},     {"ratio", ""},      {"minus", ""},
    {"share_of", "along"}, {"distribution", ""},        {"conversion", ""}, {"stock", ""},
};
constexpr std::string_view kEveryMeasure = "where|machine|credit|ledger|models";
constexpr std::string_view kOfKpi = "by|window|unit|keep|max_cells";

constexpr std::string_view kTrustNames[] = {"refused", "dead_letter", "excluded", "machine",
                                            "shared",  "no_rate",     "overflow"};

bool Contains(std::string_view choices, std::string_view name) {
  const auto words = SplitChoices(choices);
  return std::find(words.begin(), words.end(), name) != words.end();
}

bool IsVisitNumber(std::string_view field) {
  return field == "dwell_time" || field == "engaged_time" || field == "page_views";
}

bool IsMoneyField(std::string_view name) {
  const auto field = FieldFromName(name);
  return field && TypeOfField(*field) == FieldType::kMoney;
}

bool IsRecord(Subject::Of of) {
  return of == Subject::Of::kOrder || of == Subject::Of::kDealWon || of == Subject::Of::kDealLost;
}

}  // namespace

std::string QuantileColumn(double quantile) {
  char text[32];
  std::snprintf(text, sizeof text, "p%.6g", quantile * 100);
  std::string column = text;
  std::replace(column.begin(), column.end(), '.', '_');
  return column;
}

ValueUnit UnitOf(const Measure& measure) {
  switch (measure.type) {
    case Measure::Type::kAttributedValue: return ValueUnit::kMoney;
    case Measure::Type::kMeanTime: return ValueUnit::kDuration;
    case Measure::Type::kSum:
    case Measure::Type::kMean:
    case Measure::Type::kQuantile:
      if (measure.duration || measure.field == "dwell_time" || measure.field == "engaged_time") {
        return ValueUnit::kDuration;
      }
      return IsMoneyField(measure.field) ? ValueUnit::kMoney : ValueUnit::kNumber;
    case Measure::Type::kRatio: {
      const ValueUnit above = UnitOf(measure.operands[0]), below = UnitOf(measure.operands[1]);
      return below == ValueUnit::kNumber ? above : ValueUnit::kNumber;
    }
    case Measure::Type::kMinus: return UnitOf(measure.operands[0]);
    default: return ValueUnit::kNumber;
  }
}

std::string SubjectText(const Subject& subject, const Pipeline& pipeline) {
  const auto stage = [&] {
    return std::string(kStage) + pipeline.stages[static_cast<std::size_t>(subject.stage)].name;
  };
  switch (subject.of) {
    case Subject::Of::kEvent: return std::string(KindName(subject.kind));
    case Subject::Of::kVisit: return "visit";
    case Subject::Of::kLeadCreation: return "lead_creation";
    case Subject::Of::kStageFirst: return stage();
    case Subject::Of::kStageEntry: return stage() + std::string(kEntries);
    case Subject::Of::kOrder: return "order";
    case Subject::Of::kDealWon: return "deal.won";
    case Subject::Of::kDealLost: return "deal.lost";
    case Subject::Of::kGoal: return pipeline.goals[static_cast<std::size_t>(subject.goal)].name;
    case Subject::Of::kFirstTouch: return "first_touch";
    case Subject::Of::kTrust: return subject.trust;
  }
  return "";
}

bool MeasureReader::Read(const YamlNode::Member& kpi, Measure* measure) {
  path_ = {kpi.key};
  Given given;
  given.outermost = true;
  return ReadNode(kpi.value, given, measure);
}

bool MeasureReader::ReadNode(const YamlNode& node, Given given, Measure* measure) {
  if (path_.size() > kMaxDepth) {
    problems_.Error("range", node.at, "measures nested too deep");
    return false;
  }
  if (node.IsScalar() && !given.outermost) return ReadNamed(node, given, measure);
  const SectionReader reader(node, kKpiSection, std::string(path_.back()), &problems_);
  if (!reader.ok()) return false;
  measure->at = node.at;
  const auto form = FormOf(reader, given.outermost);
  if (!form) return false;
  given = Inside(reader, given);
  return ReadForm(reader, *form, given, measure);
}

bool MeasureReader::ReadNamed(const YamlNode& node, Given given, Measure* measure) {
  std::vector<std::string_view> names;
  for (const YamlNode::Member& kpi : kpis_.members) names.push_back(kpi.key);
  const auto found = std::find_if(kpis_.members.begin(), kpis_.members.end(),
                                  [&](const YamlNode::Member& m) { return m.key == node.scalar; });
  if (found == kpis_.members.end()) {
    problems_.Unknown("unknown-kpi", node.at, "kpi", node.scalar, names);
    return false;
  }
  if (std::find(path_.begin(), path_.end(), node.scalar) != path_.end()) {
    std::string circle;
    for (const std::string_view name : path_) circle += std::string(name) + " -> ";
    problems_.Error("cycle", node.at, "kpi `" + node.scalar + "` is part of itself",
                    circle + node.scalar);
    return false;
  }
  path_.push_back(found->key);
  given.outermost = true;  // its own `by` and `window` stand there, and do not count
  const bool good = ReadNode(found->value, given, measure);
  path_.pop_back();
  measure->at = node.at;
  return good;
}

std::optional<std::string_view> MeasureReader::FormOf(const SectionReader& reader, bool outermost) {
  std::optional<std::string_view> form;
  bool lacking = false;
  for (const Form& candidate : kForms) {
    if (!reader.Given(candidate.name)) continue;
    if (form) {
      problems_.Error(
          "value", reader.node().at,
          "`" + std::string(*form) + "` and `" + std::string(candidate.name) + "` in one measure",
          "a measure has one form");
      return std::nullopt;
    }
    form = candidate.name;
    lacking = reader.Get(candidate.name) == nullptr;
  }
  if (!form && !reader.unknown_keys()) {  // an unknown one may be meant as the measure
    problems_.Error("missing", reader.node().at,
                    "`" + reader.what() +
                        "` needs a measure: count, distinct, sum, mean, "
                        "quantile, attributed, ratio, minus or share_of");
  }
  if (!form) return std::nullopt;
  CheckOptions(reader, *form, outermost);
  return lacking ? std::nullopt : form;
}

void MeasureReader::CheckOptions(const SectionReader& reader, std::string_view form,
                                 bool outermost) {
  std::string_view own;
  for (const Form& candidate : kForms) {
    if (candidate.name == form) own = candidate.options;
  }
  for (const YamlNode::Member& member : reader.node().members) {
    const std::string_view key = member.key;
    if (key == form || Contains(own, key) || Contains(kEveryMeasure, key)) continue;
    if (Contains(kOfKpi, key)) {
      if (outermost) continue;
      problems_.Error("value", member.key_at, "`" + member.key + "` inside of a measure",
                      "move it to the kpi itself");
      continue;
    }
    for (const Form& other : kForms) {
      if (!Contains(other.options, key)) continue;
      problems_.Error("value", member.key_at,
                      "`" + member.key + "` does not go with `" + std::string(form) + "`");
      break;
    }
  }
}

MeasureReader::Given MeasureReader::Inside(const SectionReader& reader, Given given) const {
  if (const YamlNode* where = reader.Get("where")) given.where.push_back(where);
  if (reader.Get("machine") != nullptr) given.machine = reader.Text("machine") == "include";
  if (reader.Get("ledger") != nullptr) {
    given.ledger = reader.Text("ledger") == "booked" ? Ledger::kBooked : Ledger::kRestated;
  }
  if (reader.Get("credit") != nullptr) {
    const std::string credit = reader.Text("credit");
    given.credit = credit == "own"     ? Credit::kOwn
                   : credit == "first" ? Credit::kFirst
                   : credit == "last"  ? Credit::kLast
                                       : Credit::kLastNonDirect;
  }
  if (reader.Get("models") != nullptr) given.models = &reader;
  given.outermost = false;
  return given;
}

bool MeasureReader::ReadForm(const SectionReader& reader, std::string_view form, const Given& given,
                             Measure* measure) {
  bool good = false;
  if (form == "ratio" || form == "minus" || form == "share_of") {
    return ReadOperands(reader, form, given, measure);
  }
  if (form == "count") {
    good = ReadCount(reader, measure);
  } else if (form == "distinct") {
    good = ReadDistinct(reader, measure);
  } else if (form == "sum") {
    measure->type = Measure::Type::kSum;
    good = ReadNumber(*reader.Get("sum"), measure);
  } else if (form == "mean") {
    good = ReadMean(reader, measure);
  } else if (form == "quantile") {
    good = ReadQuantile(reader, measure);
  } else {
    good = ReadAttributed(reader, given, measure);
  }
  if (form != "attributed" && reader.Given("models")) {
    problems_.Error("value", reader.node().Find("models")->at,
                    "`models` does not go with `" + std::string(form) + "`",
                    "only attributed measures have models");
  }
  return FinishLeaf(given, measure) && good;
}

bool MeasureReader::ReadCount(const SectionReader& reader, Measure* measure) {
  measure->type = Measure::Type::kCount;
  const YamlNode& node = *reader.Get("count");
  const auto subject = SubjectOf(node, node.scalar, true);
  if (subject) measure->subject = *subject;
  return subject.has_value();
}

bool MeasureReader::ReadDistinct(const SectionReader& reader, Measure* measure) {
  measure->type = reader.Text("distinct") == "account" ? Measure::Type::kDistinctAccounts
                                                       : Measure::Type::kDistinctLeads;
  measure->at_least = static_cast<int>(reader.Int("at_least", 1, 1, 1'000'000));
  const YamlNode* of = reader.Get("of");
  if (of == nullptr || !of->IsScalar()) {
    problems_.Error("missing", reader.node().at, "`distinct` needs `of`",
                    "as in {distinct: lead, of: visit}");
    return false;
  }
  const auto subject = SubjectOf(*of, of->scalar, false);
  if (subject) measure->subject = *subject;
  return subject.has_value();
}

bool MeasureReader::ReadNumber(const YamlNode& node, Measure* measure) {
  const std::string_view text = node.scalar;
  const std::size_t dot = text.rfind('.');
  if (!node.IsScalar() || dot == std::string_view::npos || text.starts_with(kStage)) {
    problems_.Error("value", node.at, "`" + node.scalar + "` is no number of a kind",
                    "as in order.amount, visit.dwell_time, cost.clicks");
    return false;
  }
  const auto subject = SubjectOf(node, text.substr(0, dot), false);
  if (!subject) return false;
  measure->subject = *subject;
  measure->field = text.substr(dot + 1);
  if (subject->of == Subject::Of::kVisit && IsVisitNumber(measure->field)) return true;
  if (IsRecord(subject->of) && measure->field == "touches") return true;
  const auto field = FieldFromName(measure->field);
  const bool sums =
      field && (TypeOfField(*field) == FieldType::kInt || TypeOfField(*field) == FieldType::kMoney);
  if (sums && subject->of != Subject::Of::kVisit) return true;
  std::vector<std::string_view> known;
  if (subject->of == Subject::Of::kVisit) {
    known = {"dwell_time", "engaged_time", "page_views"};
  } else {
    known = {"amount", "discount", "count", "rating", "followers", "clicks", "impressions"};
    if (IsRecord(subject->of)) known.push_back("touches");
  }
  problems_.Unknown("unknown-field", node.at, "number of " + std::string(text.substr(0, dot)),
                    measure->field, known);
  return false;
}

bool MeasureReader::ReadMean(const SectionReader& reader, Measure* measure) {
  const YamlNode& node = *reader.Get("mean");
  if (node.IsMapping()) {
    measure->type = Measure::Type::kMeanTime;
    return ReadDuration(node, measure);
  }
  measure->type = Measure::Type::kMean;
  return ReadNumber(node, measure);
}

bool MeasureReader::ReadQuantile(const SectionReader& reader, Measure* measure) {
  measure->type = Measure::Type::kQuantile;
  const YamlNode& node = *reader.Get("quantile");
  bool good = true;
  std::vector<const YamlNode*> items;
  if (node.IsScalar()) items.push_back(&node);
  for (const YamlNode& item : node.items) items.push_back(&item);
  for (const YamlNode* item : items) {
    double quantile = 0;
    const char* end = item->scalar.data() + item->scalar.size();
    const auto [stop, error] = std::from_chars(item->scalar.data(), end, quantile);
    const std::string column = QuantileColumn(quantile);
    const bool known =
        std::count(measure->quantile_columns.begin(), measure->quantile_columns.end(), column) != 0;
    if (!item->IsScalar() || error != std::errc() || stop != end || quantile <= 0 ||
        quantile >= 1 || known) {
      problems_.Error("value", item->at,
                      known ? "quantile `" + item->scalar + "` stands there twice"
                            : "a quantile must be a number between 0 and 1",
                      "as in [0.5, 0.9]");
      good = false;
      continue;
    }
    measure->quantiles.push_back(quantile);
    measure->quantile_columns.push_back(column);
  }
  if (items.empty() || items.size() > kMaxQuantiles) {
    problems_.Error("value", node.at,
                    "from 1 to " + std::to_string(kMaxQuantiles) + " quantiles are possible");
    good = false;
  }
  const YamlNode* of = reader.Get("of");
  if (of == nullptr) {
    problems_.Error("missing", reader.node().at, "`quantile` needs `of`",
                    "as in {quantile: [0.5], of: order.amount}");
    return false;
  }
  return (of->IsMapping() ? ReadDuration(*of, measure) : ReadNumber(*of, measure)) && good;
}

bool MeasureReader::ReadDuration(const YamlNode& node, Measure* measure) {
  measure->duration = true;
  const SectionReader reader(node, kDurationSection, "duration", &problems_);
  if (reader.Given("time") == reader.Given("time_in")) {
    problems_.Error("missing", node.at, "a duration needs either `time` or `time_in`",
                    "as in {time: {from: lead_creation, to: order}}");
    return false;
  }
  if (const YamlNode* stage = reader.Get("time_in")) {
    measure->time_in = true;
    const std::string_view text = stage->scalar;
    if (!text.starts_with(kStage) || text.ends_with(kEntries)) {
      problems_.Error("value", stage->at, "`" + stage->scalar + "` is no stage",
                      "as in {time_in: stage.mql}");
      return false;
    }
    const auto index = StageOf(*stage, text.substr(kStage.size()));
    if (!index) return false;
    measure->from = measure->subject = {Subject::Of::kStageFirst, Kind::kNone, *index, -1, ""};
    return true;
  }
  const YamlNode* time = reader.Get("time");
  if (time == nullptr) return false;
  const SectionReader ends(*time, kTimeSection, "time", &problems_);
  const YamlNode* from = ends.Get("from");
  const YamlNode* to = ends.Get("to");
  const auto begin = from == nullptr ? std::nullopt : MomentOf(*from, true);
  const auto end = to == nullptr ? std::nullopt : MomentOf(*to, false);
  if (!begin || !end) return false;
  if (begin->of == Subject::Of::kFirstTouch && end->of != Subject::Of::kGoal) {
    problems_.Error("value", to->at, "time from `first_touch` must end at a goal",
                    "its lookback says which touch is the first");
    return false;
  }
  measure->from = *begin;
  measure->to = measure->subject = *end;
  return true;
}

bool MeasureReader::ReadAttributed(const SectionReader& reader, const Given& given,
                                   Measure* measure) {
  measure->type =
      reader.Get("value") != nullptr ? Measure::Type::kAttributedValue : Measure::Type::kAttributed;
  const auto goal = GoalOf(*reader.Get("attributed"));
  if (goal) {
    measure->subject = {Subject::Of::kGoal, Kind::kNone, -1, *goal, ""};
    const GoalSpec& spec = pipeline_.goals[static_cast<std::size_t>(*goal)];
    if (reader.Get("value") != nullptr && spec.on == GoalSpec::On::kStage) {
      problems_.Error("wrong-unit", reader.Get("value")->at,
                      "goal `" + spec.name + "` has no amount",
                      "orders, deals and events with an amount have one");
    }
  }
  const bool models = given.models == nullptr || ReadModels(*given.models, measure);
  return goal.has_value() && models;
}

bool MeasureReader::ReadModels(const SectionReader& reader, Measure* measure) {
  bool good = true;
  std::vector<std::string_view> known;
  for (const ModelSpec& model : pipeline_.attribution.models) known.push_back(model.name);
  for (const YamlNode* item : reader.Texts("models")) {
    const auto found = std::find(known.begin(), known.end(), item->scalar);
    if (found == known.end()) {
      problems_.Unknown("unknown-model", item->at, "model", item->scalar, known);
      good = false;
      continue;
    }
    const int index = static_cast<int>(found - known.begin());
    if (std::count(measure->models.begin(), measure->models.end(), index) == 0) {
      measure->models.push_back(index);
    }
  }
  return good;
}

bool MeasureReader::ReadOperands(const SectionReader& reader, std::string_view form,
                                 const Given& given, Measure* measure) {
  measure->type = form == "ratio"   ? Measure::Type::kRatio
                  : form == "minus" ? Measure::Type::kMinus
                                    : Measure::Type::kShareOf;
  const YamlNode& node = *reader.Get(form);
  std::vector<const YamlNode*> parts;
  if (form == "share_of") {
    parts.push_back(&node);
  } else if (node.items.size() == 2) {
    parts = {&node.items[0], &node.items[1]};
  } else {
    problems_.Error("value", node.at, "`" + std::string(form) + "` takes two measures",
                    "as in [{count: order}, {count: visit}]");
    return false;
  }
  bool good = true;
  for (const YamlNode* part : parts) {
    Measure& operand = measure->operands.emplace_back();
    good = ReadNode(*part, given, &operand) && good;
  }
  if (good && form == "minus" && UnitOf(measure->operands[0]) != UnitOf(measure->operands[1])) {
    const auto name = [](ValueUnit unit) {
      return unit == ValueUnit::kMoney      ? "money"
             : unit == ValueUnit::kDuration ? "a duration"
                                            : "a number";
    };
    problems_.Error("wrong-unit", node.at,
                    std::string("`minus` takes ") + name(UnitOf(measure->operands[1])) + " from " +
                        name(UnitOf(measure->operands[0])));
    return false;
  }
  for (const Measure& operand : measure->operands) {
    if (!good || operand.type != Measure::Type::kQuantile) continue;
    problems_.Error("value", operand.at, "quantiles cannot be part of `" + std::string(form) + "`");
    return false;
  }
  return good;
}

bool MeasureReader::FinishLeaf(const Given& given, Measure* measure) {
  measure->machine = given.machine;
  measure->credit = given.credit;
  measure->ledger = given.ledger;
  const Subject::Of of = measure->subject.of;
  EventScopeOptions options;
  options.keep = pipeline_.keep_fields;
  options.own_channel = true;
  options.visit = of == Subject::Of::kVisit;
  options.touches = IsRecord(of) || of == Subject::Of::kGoal;
  EventScope scope(options, &pipeline_.names);
  bool good = true;
  for (const YamlNode* where : given.where) {
    if (of == Subject::Of::kTrust) {
      problems_.Error("value", where->at,
                      "`where` does not go with `count: " + measure->subject.trust + "`",
                      "trust counters have the dimensions source and reason only");
      return false;
    }
    auto condition = expressions_.Condition(*where, scope);
    good = good && (condition != nullptr || IsUnresolved(*where));
    measure->where = AllOf(measure->where, std::move(condition));
  }
  return good;
}

std::vector<std::string_view> MeasureReader::SubjectNames(bool trust_too) const {
  std::vector<std::string_view> names = {"visit", "lead_creation", "deal.won", "deal.lost"};
  for (const Kind kind : AllKinds()) names.push_back(KindName(kind));
  if (trust_too) names.insert(names.end(), std::begin(kTrustNames), std::end(kTrustNames));
  return names;
}

std::optional<int> MeasureReader::StageOf(const YamlNode& node, std::string_view name) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < pipeline_.stages.size(); ++i) {
    if (pipeline_.stages[i].name == name) return static_cast<int>(i);
    names.push_back(pipeline_.stages[i].name);
  }
  problems_.Unknown("unknown-stage", node.at, "stage", name, names);
  return std::nullopt;
}

std::optional<int> MeasureReader::GoalOf(const YamlNode& node) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < pipeline_.goals.size(); ++i) {
    if (pipeline_.goals[i].name == node.scalar) return static_cast<int>(i);
    names.push_back(pipeline_.goals[i].name);
  }
  problems_.Unknown("unknown-goal", node.at, "goal", node.scalar, names);
  return std::nullopt;
}

std::optional<Subject> MeasureReader::SubjectOf(const YamlNode& node, std::string_view text,
                                                bool trust_too) {
  using Of = Subject::Of;
  if (text == "visit") return Subject{Of::kVisit, Kind::kNone, -1, -1, ""};
  if (text == "lead_creation") return Subject{Of::kLeadCreation, Kind::kNone, -1, -1, ""};
  if (text == "deal.won") return Subject{Of::kDealWon, Kind::kDealChange, -1, -1, ""};
  if (text == "deal.lost") return Subject{Of::kDealLost, Kind::kDealChange, -1, -1, ""};
  if (text.starts_with(kStage)) {
    std::string_view name = text.substr(kStage.size());
    const bool entries = name.ends_with(kEntries);
    if (entries) name.remove_suffix(kEntries.size());
    const auto stage = StageOf(node, name);
    if (!stage) return std::nullopt;
    return Subject{entries ? Of::kStageEntry : Of::kStageFirst, Kind::kNone, *stage, -1, ""};
  }
  if (trust_too &&
      std::find(std::begin(kTrustNames), std::end(kTrustNames), text) != std::end(kTrustNames)) {
    return Subject{Of::kTrust, Kind::kNone, -1, -1, std::string(text)};
  }
  if (const auto kind = KindFromName(text)) {
    return Subject{*kind == Kind::kOrder ? Of::kOrder : Of::kEvent, *kind, -1, -1, ""};
  }
  problems_.Unknown("unknown-kind", node.at, "kind", text, SubjectNames(trust_too));
  return std::nullopt;
}

std::optional<Subject> MeasureReader::MomentOf(const YamlNode& node, bool first_touch_too) {
  using Of = Subject::Of;
  const std::string_view text = node.scalar;
  if (first_touch_too && text == "first_touch") {
    return Subject{Of::kFirstTouch, Kind::kNone, -1, -1, ""};
  }
  for (std::size_t i = 0; i < pipeline_.goals.size(); ++i) {
    if (pipeline_.goals[i].name == text) {
      return Subject{Of::kGoal, Kind::kNone, -1, static_cast<int>(i), ""};
    }
  }
  if (text == "lead_creation" || text == "order" || text == "deal.won" || text == "deal.lost" ||
      (text.starts_with(kStage) && !text.ends_with(kEntries))) {
    return SubjectOf(node, text, false);
  }
  std::vector<std::string_view> known = {"lead_creation", "order", "deal.won", "deal.lost"};
  if (first_touch_too) known.push_back("first_touch");
  for (const GoalSpec& goal : pipeline_.goals) known.push_back(goal.name);
  problems_.Unknown("unknown-goal", node.at, "moment", text, known);
  return std::nullopt;
}

}  // namespace leadflow
