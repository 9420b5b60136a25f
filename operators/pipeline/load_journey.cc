// What happens on a lead's way: channels, personas, stages, scoring, goals, attribution.
#include <algorithm>

#include "operators/pipeline/loader.h"

namespace leadflow {
namespace {

constexpr std::size_t kMaxRules = 500;
constexpr std::size_t kMaxStages = 64;
constexpr std::size_t kMaxGoals = 64;
constexpr std::size_t kMaxModels = 32;

struct ModelName {
  std::string_view name;
  Model model;
};
constexpr ModelName kModels[] = {
    {"first_touch", Model::kFirstTouch},
    {"last_touch", Model::kLastTouch},
    {"last_non_direct", Model::kLastNonDirect},
    {"linear", Model::kLinear},
    {"u_shape", Model::kUShape},
    {"j_shape", Model::kJShape},
    {"inverse_j", Model::kInverseJ},
    {"w_shape", Model::kWShape},
    {"full_path", Model::kFullPath},
    {"first_and_creation", Model::kFirstAndCreation},
    {"participation", Model::kParticipation},
};

bool IsReserved(std::string_view name) {
  return name.empty() || name == "(none)" || name == "(other)";
}

// `on: form_submit`: a word that is no condition, which is reported.
bool IsLoneWord(const YamlNode& on, const std::vector<std::string_view>& known,
                Problems& problems) {
  if (!IsPlainName(on.scalar) || FieldFromName(on.scalar)) return false;
  const bool kind = KindFromName(on.scalar).has_value();
  problems.Error("unknown-event", on.at, "no event `" + on.scalar + "`",
                 kind ? "write 'kind == \"" + on.scalar + "\"'" : HintFor(on.scalar, known));
  return true;
}

}  // namespace

void Loader::LoadRules(const YamlNode& list, std::string_view what,
                       const EventScopeOptions& options, std::vector<NamedRule>* rules) {
  EventScope scope(options, &pipeline_->names);
  if (list.items.size() > kMaxRules) {
    problems_.Error("range", list.at,
                    "more than " + std::to_string(kMaxRules) + " " + std::string(what));
    return;
  }
  for (const YamlNode& item : list.items) {
    const SectionReader reader(item, kRuleSection, std::string(what), &problems_);
    const YamlNode* name = reader.Get("name");
    if (name != nullptr && IsReserved(name->scalar)) {
      problems_.Error("name", name->at, "`" + name->scalar + "` is what rows without a value show",
                      "choose another name");
    }
    const YamlNode* when = reader.Get("when");
    if (when == nullptr || name == nullptr) continue;
    if (auto condition = expressions_->Condition(*when, scope)) {
      rules->push_back({name->scalar, std::move(condition)});
    }
  }
}

void Loader::LoadChannels(const YamlNode& node) {
  EventScopeOptions options = Stored();
  options.sites = true;
  if (node.IsSequence()) {
    LoadRules(node, "channels", options, &pipeline_->channels);
    return;
  }
  if (node.type != YamlNode::Type::kNull && node.scalar != "default") {
    problems_.Error("type", node.at, "`channels` must be `default` or a list of {name, when}");
    return;
  }
  if (const auto rules = ReadBuiltinYaml("channels.yaml")) {
    LoadRules(*rules, "channels", options, &pipeline_->channels);
  }
}

void Loader::LoadPersonas(const YamlNode& node) {
  EventScopeOptions options;
  options.traits_only = true;
  LoadRules(node, "personas", options, &pipeline_->personas);
}

int Loader::FindStage(std::string_view name, Position at, bool quiet) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < pipeline_->stages.size(); ++i) {
    if (pipeline_->stages[i].name == name) return static_cast<int>(i);
    names.push_back(pipeline_->stages[i].name);
  }
  if (!quiet) problems_.Unknown("unknown-stage", at, "stage", name, names);
  return -1;
}

void Loader::LoadStages(const YamlNode& node) {
  if (node.items.size() > kMaxStages) {
    problems_.Error("range", node.at, "more than " + std::to_string(kMaxStages) + " stages");
    return;
  }
  for (const YamlNode& item : node.items) LoadStage(item);
}

void Loader::LoadStage(const YamlNode& node) {
  const SectionReader reader(node, kStageSection, "stage", &problems_);
  if (!reader.ok()) return;
  StageSpec stage;
  stage.name = reader.Text("name");
  stage.phase = reader.Text("phase");
  stage.reenter = reader.Bool("reenter", false);
  if (const YamlNode* name = reader.Get("name")) {
    if (!IsPlainName(name->scalar)) {
      problems_.Error("name", name->at, "`" + name->scalar + "` is no name of a stage",
                      "a letter, then letters, digits, - and _");
    } else if (FindStage(name->scalar, name->at, true) >= 0) {
      problems_.Error("duplicate-name", name->at, "two stages `" + name->scalar + "`",
                      "give each a name of its own");
    }
  }
  const YamlNode* on = reader.Get("on");
  const YamlNode* condition = reader.Get("while");
  if (reader.Given("on") == reader.Given("while")) {
    problems_.Error(reader.Given("on") ? "value" : "missing", node.at,
                    "`stage` needs either `on` or `while`",
                    "on: an event, while: a condition on the score");
  }
  if (on != nullptr && on->scalar == "lead_creation") {
    stage.on_lead_creation = true;
  } else if (on != nullptr && !IsLoneWord(*on, {"lead_creation"}, problems_)) {
    EventScope scope(Stored(), &pipeline_->names);
    stage.on = expressions_->Condition(*on, scope);
  }
  if (condition != nullptr) {
    EventScopeOptions options = Stored();
    options.score = true;
    EventScope scope(options, &pipeline_->names);
    stage.when = expressions_->Condition(*condition, scope);
  }
  pipeline_->stages.push_back(std::move(stage));
}

void Loader::LoadScoring(const YamlNode& node) {
  constexpr std::int64_t kMostPoints = 1'000'000;
  const SectionReader reader(node, kScoringSection, "scoring", &problems_);
  const std::int64_t half_life = reader.DurationMs("half_life", 0, kHourMs, 10 * kYearMs);
  if (half_life % kHourMs != 0) {
    problems_.Error("value", reader.Get("half_life")->at, "`half_life` must be whole hours",
                    "as in 12h or 7d");
  }
  pipeline_->score_half_life_ms = half_life;
  const YamlNode* rules = reader.Get("rules");
  if (rules == nullptr) return;
  if (rules->items.size() > kMaxRules) {
    problems_.Error("range", rules->at,
                    "more than " + std::to_string(kMaxRules) + " scoring rules");
    return;
  }
  EventScope scope(Stored(), &pipeline_->names);
  for (const YamlNode& item : rules->items) {
    const SectionReader rule(item, kScoringRuleSection, "scoring rule", &problems_);
    ScoringRule scoring;
    scoring.points = rule.Int("points", 0, -kMostPoints, kMostPoints);
    if (const YamlNode* when = rule.Get("when")) {
      scoring.when = expressions_->Condition(*when, scope);
    }
    if (const YamlNode* cap = rule.Get("cap")) {
      const SectionReader limit(*cap, kCapSection, "cap", &problems_);
      scoring.cap_points = limit.Int("points", 0, 1, kMostPoints);
      scoring.cap_per_ms = limit.DurationMs("per", 0, kMinuteMs, kYearMs);
    }
    pipeline_->scoring.push_back(std::move(scoring));
  }
}

void Loader::LoadGoals(const YamlNode& node, bool defaults) {
  if (node.members.size() > kMaxGoals) {
    problems_.Error("range", node.at, "more than " + std::to_string(kMaxGoals) + " goals");
    return;
  }
  for (const YamlNode::Member& member : node.members) LoadGoal(member, defaults);
}

void Loader::LoadGoal(const YamlNode::Member& member, bool defaults) {
  constexpr std::string_view kStage = "stage.";
  const SectionReader reader(member.value, kGoalSection, "goals." + member.key, &problems_);
  if (!reader.ok()) return;
  if (!IsPlainName(member.key)) {
    problems_.Error("name", member.key_at, "`" + member.key + "` is no name of a goal",
                    "a letter, then letters, digits, - and _");
  }
  GoalSpec goal;
  goal.name = member.key;
  goal.lookback_ms =
      reader.DurationMs("lookback", pipeline_->attribution.lookback_ms, kMinuteMs, 100 * kYearMs);
  goal.cycle = reader.Bool("cycle", false);
  const YamlNode* on = reader.Get("on");
  if (on != nullptr) {
    const std::string& text = on->scalar;
    if (text == "order") {
      goal.on = GoalSpec::On::kOrder;
    } else if (text == "deal.won") {
      goal.on = GoalSpec::On::kDealWon;
    } else if (text == "deal.lost" || text == "visit" || text == "lead_creation") {
      problems_.Error("value", on->at, "`" + text + "` cannot be a goal",
                      "goals are order, deal.won, stage.NAME, or a condition on an event");
    } else if (text.starts_with(kStage) && IsPlainName(text.substr(kStage.size()))) {
      goal.on = GoalSpec::On::kStage;
      goal.stage = FindStage(text.substr(kStage.size()), on->at, defaults);
      if (goal.stage < 0 && defaults) return;  // the file has stages of its own
    } else if (!IsLoneWord(*on, {"order", "deal.won"}, problems_)) {
      goal.on = GoalSpec::On::kEvent;
      EventScope scope(Stored(), &pipeline_->names);
      Diagnostics unused("defaults", "");
      Problems quiet(&unused);
      ExpressionReader own(nullptr, &quiet);
      goal.when = (defaults ? own : *expressions_).Condition(*on, scope);
      if (!unused.ok()) return;  // journeys do not keep what it reads
    }
  }
  pipeline_->goals.push_back(std::move(goal));
}

void Loader::LoadAttribution(const YamlNode& node) {
  constexpr std::string_view kStage = "stage.";
  const SectionReader reader(node, kAttributionSection, "attribution", &problems_);
  AttributionOptions& attribution = pipeline_->attribution;
  const YamlNode* defaults = defaults_.Find("attribution");
  if (reader.Text("scope", "lead") == "account") {
    problems_.NotInRelease(reader.Get("scope")->at, "scope: account",
                           "write `scope: lead`: the touches of the lead itself");
  }
  attribution.lookback_ms =
      reader.DurationMs("lookback", attribution.lookback_ms, kMinuteMs, 100 * kYearMs);
  attribution.max_touches =
      static_cast<int>(reader.Int("max_touches", attribution.max_touches, 1, 10'000));
  std::vector<const YamlNode*> touches = reader.Texts("touches");
  const bool own_touches =
      reader.Get("touches") != nullptr && !(touches.size() == 1 && touches[0]->scalar == "default");
  if (!own_touches && defaults != nullptr) {
    touches.clear();
    for (const YamlNode& item : defaults->Find("touches")->items) touches.push_back(&item);
  }
  attribution.touch_kinds = KindBits(touches, true, true);
  const YamlNode* milestones = reader.Get("milestones");
  if (milestones != nullptr) {
    const SectionReader named(*milestones, kMilestonesSection, "milestones", &problems_);
    if (const YamlNode* opportunity = named.Get("opportunity")) {
      std::string_view name = opportunity->scalar;
      if (name.starts_with(kStage)) name.remove_prefix(kStage.size());
      attribution.opportunity_stage = FindStage(name, opportunity->at);
    }
  } else if (!reader.Given("milestones")) {
    attribution.opportunity_stage = FindStage("opportunity", Position(), true);
  }
  const YamlNode* models = reader.Get("models");
  if (models == nullptr && defaults != nullptr && !reader.Given("models")) {
    models = defaults->Find("models");
  }
  if (models != nullptr) LoadModels(*models);
}

void Loader::LoadModels(const YamlNode& list) {
  if (list.items.size() > kMaxModels) {
    problems_.Error("range", list.at, "more than " + std::to_string(kMaxModels) + " models");
    return;
  }
  for (const YamlNode& item : list.items) LoadModel(item);
}

void Loader::LoadModel(const YamlNode& item) {
  ModelSpec model;
  if (item.IsScalar()) {
    const std::string& name = item.scalar;
    if (name == "markov" || name == "shapley") {
      problems_.NotInRelease(item.at, name, "use linear, u_shape or w_shape");
      return;
    }
    const auto found = std::find_if(std::begin(kModels), std::end(kModels),
                                    [&](const ModelName& m) { return m.name == name; });
    if (name == "time_decay") {
      model.model = Model::kTimeDecay;
    } else if (found == std::end(kModels)) {
      std::vector<std::string_view> known = {"time_decay", "position"};
      for (const ModelName& m : kModels) known.push_back(m.name);
      problems_.Error("unknown-model", item.at, "no model `" + name + "`",
                      name == "position" ? "as in {position: [40, 20, 40]}" : HintFor(name, known));
      return;
    } else {
      model.model = found->model;
    }
    model.name = name;
  } else if (!LoadModelParameters(item, &model)) {
    return;
  }
  for (const ModelSpec& other : pipeline_->attribution.models) {
    if (other.name == model.name) {
      problems_.Error("duplicate-name", item.at, "two models `" + model.name + "`",
                      "give one of them a name: {name: x, ...}");
      return;
    }
  }
  pipeline_->attribution.models.push_back(std::move(model));
}

bool Loader::LoadModelParameters(const YamlNode& item, ModelSpec* model) {
  constexpr std::int64_t kMostWeight = 1'000'000;
  const SectionReader reader(item, kModelSection, "model", &problems_);
  if (!reader.ok()) return false;
  if (reader.Given("position") == reader.Given("time_decay")) {
    problems_.Error("missing", item.at, "`model` needs either `position` or `time_decay`",
                    "other models are plain names");
    return false;
  }
  if (const YamlNode* position = reader.Get("position")) {
    model->model = Model::kPosition;
    model->name = reader.Text("name", "position");
    std::int64_t sum = 0;
    bool good = position->items.size() == 3;
    for (std::size_t i = 0; good && i < 3; ++i) {
      const auto weight = position->items[i].AsInt();
      good = weight && *weight >= 0 && *weight <= kMostWeight;
      if (good) sum += model->position[i] = *weight;
    }
    if (!good || sum == 0) {
      problems_.Error("value", position->at,
                      "`position` must be three integers from 0 to 1000000, not all 0",
                      "[first, middle, last]");
      return false;
    }
    return true;
  }
  const YamlNode* decay = reader.Get("time_decay");
  if (decay == nullptr) return false;
  model->model = Model::kTimeDecay;
  model->name = reader.Text("name", "time_decay");
  const SectionReader parameters(*decay, kTimeDecaySection, "time_decay", &problems_);
  const std::int64_t half_life =
      parameters.DurationMs("half_life", 7 * kDayMs, kHourMs, 10 * kYearMs);
  if (half_life % kHourMs != 0) {
    problems_.Error("value", parameters.Get("half_life")->at, "`half_life` must be whole hours",
                    "as in 12h or 7d");
  }
  model->half_life_hours = half_life / kHourMs;
  return parameters.Get("half_life") != nullptr;
}

}  // namespace leadflow
