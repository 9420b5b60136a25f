#include "operators/journey/milestones.h"

#include <algorithm>

namespace leadflow {
namespace {

// Shared by all leads of a thread: what a condition makes lives until the condition is known.
EvalArena& Arena() {
  thread_local EvalArena arena;
  return arena;
}

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 86'400'000;
constexpr int kScoreBits = 20;
constexpr int kMaxStages = 64;

std::int64_t FloorDiv(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

class ScoreFields final : public FieldSource {
 public:
  ScoreFields(const FieldSource& event, std::int64_t score) : event_(event), score_(score) {}
  Value Field(int slot) const override {
    return slot == kSlotScore ? Value::Int(score_ >> kScoreBits) : event_.Field(slot);
  }

 private:
  const FieldSource& event_;
  std::int64_t score_;
};

void AppendMoment(const Moment& position, WireWriter* writer) {
  writer->Signed(position.time_ms);
  writer->Byte(position.source);
  position.id.view().Append(writer);
  writer->Fixed64(position.key);
}
bool ReadMoment(WireReader* reader, Moment* position) {
  EventIdView id;
  if (!reader->Signed(&position->time_ms) || !reader->Byte(&position->source) || !id.Read(reader) ||
      !reader->Fixed64(&position->key)) {
    return false;
  }
  position->id = id;
  return true;
}
void AppendMark(const Mark& mark, WireWriter* writer) {
  AppendMoment(mark.at, writer);
  writer->Bytes(mark.record);
  writer->Signed(mark.number);
  writer->Byte(static_cast<std::uint8_t>((mark.first ? 1 : 0) | (mark.implied ? 2 : 0)));
}
bool ReadMark(WireReader* reader, Mark* mark) {
  std::string_view record;
  std::int64_t number = 0;
  std::uint8_t flags = 0;
  if (!ReadMoment(reader, &mark->at) || !reader->Bytes(&record) || !reader->Signed(&number) ||
      !reader->Byte(&flags)) {
    return false;
  }
  mark->record = record;
  mark->number = static_cast<int>(number);
  mark->first = (flags & 1) != 0;
  mark->implied = (flags & 2) != 0;
  return true;
}
bool ReadMarks(WireReader* reader, std::vector<Mark>* marks) {
  std::uint64_t size = 0;
  if (!reader->Varint(&size)) return false;
  for (std::uint64_t i = 0; i < size; ++i) {
    marks->emplace_back();
    if (!ReadMark(reader, &marks->back())) return false;
  }
  return true;
}

}  // namespace

const Mark* Milestones::First(int stage) const {
  for (const Mark& mark : stages) {
    if (mark.number == stage && mark.first) return &mark;
  }
  return nullptr;
}

MilestoneFold::MilestoneFold(const DerivationRules& rules) : rules_(&rules) {
  caps_.resize(rules.pipeline.scoring.size());
  decay_ = rules.score_decay;
}

void MilestoneFold::Restart() {
  marks.creation.reset();
  marks.stages.clear();
  marks.goals.clear();
  last = Moment();
  current_ = -1;
  entered_ = 0;
  score_ = score_hour_ = 0;
  caps_.assign(caps_.size(), Cap());
}

std::int64_t MilestoneFold::Decayed(std::int64_t time_ms) const {
  if (decay_ == nullptr || score_ == 0) return score_;
  const std::int64_t hours = FloorDiv(time_ms, kHourMs) - score_hour_;
  return static_cast<std::int64_t>(static_cast<__int128>(score_) * decay_->Weight(hours) >> 30);
}

// Adds the points of an event; the score is then that of its hour. A condition of state is looked
// at when an event scores: nothing else makes it true.
bool MilestoneFold::Score(const Entry& entry, const FieldSource& fields) {
  bool scored = false;
  score_ = Decayed(entry.time_ms);
  score_hour_ = FloorDiv(entry.time_ms, kHourMs);
  for (std::size_t i = 0; i < rules_->pipeline.scoring.size(); ++i) {
    const ScoringRule& rule = rules_->pipeline.scoring[i];
    if (rule.when != nullptr && !rule.when->Matches(fields, Arena())) continue;
    scored = true;
    std::int64_t points = rule.points;
    if (rule.cap_points > 0 && rule.cap_per_ms > 0) {
      const std::int64_t window =
          rule.cap_per_ms % kDayMs == 0
              ? FloorDiv(rules_->pipeline.zone.LocalDay(entry.time_ms), rule.cap_per_ms / kDayMs)
              : FloorDiv(entry.time_ms, rule.cap_per_ms);
      if (caps_[i].window != window) caps_[i] = {window, 0};
      const std::int64_t left = rule.cap_points - caps_[i].used;
      points = std::clamp(points, -left, left);
      caps_[i].used += points < 0 ? -points : points;
    }
    score_ += points * (std::int64_t{1} << kScoreBits);
  }
  return scored;
}

bool MilestoneFold::Scores(const FieldSource& fields) const {
  for (const ScoringRule& rule : rules_->pipeline.scoring) {
    if (rule.when == nullptr || rule.when->Matches(fields, Arena())) return true;
  }
  return false;
}

void MilestoneFold::Enter(int stage, const Entry& entry, const std::string& record) {
  const Moment at = Moment::Of(entry);
  for (int skipped = std::max(current_ + 1, 0); skipped < stage; ++skipped) {
    if ((entered_ >> skipped & 1) != 0) continue;
    entered_ |= std::uint64_t{1} << skipped;
    marks.stages.push_back({at, record, skipped, true, true});
  }
  const bool first = (entered_ >> stage & 1) == 0;
  entered_ |= std::uint64_t{1} << stage;
  marks.stages.push_back({at, record, stage, first, false});
  current_ = stage;
}

void MilestoneFold::Stages(const Entry& entry, const FieldSource& fields, bool created,
                           const std::string& record, bool scored, std::int64_t score_before) {
  const int stages = std::min(static_cast<int>(rules_->pipeline.stages.size()), kMaxStages);
  const bool events = entry.kind != Kind::kOrder || !record.empty();
  for (int s = stages - 1; s >= 0; --s) {
    const StageSpec& stage = rules_->pipeline.stages[static_cast<std::size_t>(s)];
    if (s == current_ || (s < current_ && !stage.reenter)) continue;
    bool enters = created && stage.on_lead_creation;
    if (!enters && events && stage.on != nullptr) enters = stage.on->Matches(fields, Arena());
    if (!enters && scored && stage.when != nullptr) {
      enters = stage.when->Matches(ScoreFields(fields, score_), Arena()) &&
               (s > current_ || !stage.when->Matches(ScoreFields(fields, score_before), Arena()));
    }
    if (!enters) continue;
    Enter(s, entry, record);
    break;
  }
  Arena().Reset();
}

bool MilestoneFold::CanCreate(const Entry& entry) const {
  return (rules_->pipeline.created_by & KindBit(entry.kind)) != 0 && marks.contactable.has_value();
}

void MilestoneFold::Goals(const Entry& entry, const FieldSource& fields) {
  if (!rules_->event_goals) return;
  for (std::size_t g = 0; g < rules_->pipeline.goals.size(); ++g) {
    const GoalSpec& goal = rules_->pipeline.goals[g];
    if (goal.on != GoalSpec::On::kEvent || goal.when == nullptr) continue;
    if (!goal.when->Matches(fields, Arena())) continue;
    marks.goals.push_back({Moment::Of(entry), {}, static_cast<int>(g), false, false});
  }
  Arena().Reset();
}

void MilestoneFold::AddEntry(const Entry& entry, bool machine) {
  last = Moment::Of(entry);
  if (!marks.contactable.has_value() && HasContactable(entry)) marks.contactable = last;
  if (machine) return;
  const bool created = !marks.creation.has_value() && CanCreate(entry);
  if (created) marks.creation = Mark{last, {}, -1, true, false};
  if (!created && rules_->pipeline.stages.empty() && !rules_->event_goals) return;
  const EntryFields fields(entry, rules_->pipeline.names, rules_->pipeline.source_names);
  Goals(entry, fields);
  if (rules_->pipeline.stages.empty()) return;
  const std::int64_t before = Decayed(entry.time_ms);
  const bool scored = rules_->any_while && entry.kind != Kind::kOrder && Score(entry, fields);
  Stages(entry, fields, created, {}, scored, before);
}

void MilestoneFold::AddOrder(const Record& record) {
  last = Moment::Of(record);
  if (rules_->pipeline.stages.empty()) return;
  const Entry entry = EntryOf(record);
  const EntryFields fields(entry, rules_->pipeline.names, rules_->pipeline.source_names);
  const std::int64_t before = Decayed(entry.time_ms);
  const bool scored = rules_->any_while && Score(entry, fields);
  Stages(entry, fields, false, record.id, scored, before);
}

// Whether points at this moment could still lead into a stage.
bool MilestoneFold::ScoreMatters(const Moment& at) const {
  if (!rules_->any_while) return false;
  for (std::size_t s = 0; s < rules_->pipeline.stages.size(); ++s) {
    const StageSpec& stage = rules_->pipeline.stages[s];
    if (stage.when == nullptr) continue;
    const Mark* const mark = marks.First(static_cast<int>(s));
    if (stage.reenter || mark == nullptr || mark->at > at) return true;
  }
  return false;
}

// Without `reenter` a stage is first entered at the earliest event that enters it or a later one,
// and never again; so an earlier event moves marks to itself and does nothing else.
MilestoneFold::Late MilestoneFold::LateStages(const Entry& entry, const FieldSource& fields,
                                              bool created, const std::string& record) {
  if (rules_->pipeline.stages.empty()) return created ? Late::kChanged : Late::kNothing;
  const Moment at = Moment::Of(entry);
  const bool events = entry.kind != Kind::kOrder || !record.empty();
  if (events && ScoreMatters(at) && Scores(fields)) return Late::kUnknown;
  int reached = -1;
  for (std::size_t s = 0; s < rules_->pipeline.stages.size(); ++s) {
    const StageSpec& stage = rules_->pipeline.stages[s];
    const bool enters = (created && stage.on_lead_creation) ||
                        (events && stage.on != nullptr && stage.on->Matches(fields, Arena()));
    if (enters) reached = static_cast<int>(s);
  }
  Arena().Reset();
  if (reached < 0) return created ? Late::kChanged : Late::kNothing;
  if (rules_->any_reenter) return Late::kUnknown;
  bool moved = false;
  for (int s = 0; s <= reached; ++s) {
    const auto mark = std::find_if(marks.stages.begin(), marks.stages.end(),
                                   [s](const Mark& m) { return m.number == s; });
    if (mark != marks.stages.end() && mark->at < at) continue;
    if (mark != marks.stages.end()) marks.stages.erase(mark);
    marks.stages.push_back({at, record, s, true, s != reached});
    entered_ |= std::uint64_t{1} << s;
    moved = true;
  }
  if (!moved) return created ? Late::kChanged : Late::kNothing;
  current_ = std::max(current_, reached);
  std::stable_sort(marks.stages.begin(), marks.stages.end(), [](const Mark& a, const Mark& b) {
    return a.at != b.at ? a.at < b.at : a.number < b.number;
  });
  return Late::kChanged;
}

MilestoneFold::Late MilestoneFold::AddLateEntry(const Entry& entry, bool machine) {
  if (machine) return Late::kNothing;
  const Moment at = Moment::Of(entry);
  const bool created = CanCreate(entry) && *marks.contactable <= at &&
                       (!marks.creation.has_value() || at < marks.creation->at);
  const EntryFields fields(entry, rules_->pipeline.names, rules_->pipeline.source_names);
  const Late late = LateStages(entry, fields, created, {});
  if (late == Late::kUnknown) return late;
  if (created) marks.creation = Mark{at, {}, -1, true, false};
  if (!rules_->event_goals) return late;
  const std::size_t before = marks.goals.size();
  Goals(entry, fields);
  if (marks.goals.size() == before) return late;
  std::stable_sort(marks.goals.begin(), marks.goals.end(), [](const Mark& a, const Mark& b) {
    return a.at != b.at ? a.at < b.at : a.number < b.number;
  });
  return Late::kChanged;
}

MilestoneFold::Late MilestoneFold::AddLateOrder(const Record& record) {
  const Entry entry = EntryOf(record);
  const EntryFields fields(entry, rules_->pipeline.names, rules_->pipeline.source_names);
  return LateStages(entry, fields, false, record.id);
}

bool MilestoneFold::Uses(const std::string& record) const {
  return std::any_of(marks.stages.begin(), marks.stages.end(),
                     [&](const Mark& mark) { return mark.record == record; });
}

int MilestoneFold::StageOf(const Record& record) const {
  const Entry entry = EntryOf(record);
  const EntryFields fields(entry, rules_->pipeline.names, rules_->pipeline.source_names);
  int reached = -1;
  for (std::size_t s = 0; s < rules_->pipeline.stages.size(); ++s) {
    const StageSpec& stage = rules_->pipeline.stages[s];
    if (stage.on != nullptr && stage.on->Matches(fields, Arena())) reached = static_cast<int>(s);
  }
  Arena().Reset();
  return reached;
}

void MilestoneFold::Append(std::string* out) const {
  WireWriter writer(out);
  writer.Byte(static_cast<std::uint8_t>((marks.contactable.has_value() ? 1 : 0) |
                                        (marks.creation.has_value() ? 2 : 0)));
  if (marks.contactable.has_value()) AppendMoment(*marks.contactable, &writer);
  if (marks.creation.has_value()) AppendMark(*marks.creation, &writer);
  writer.Varint(marks.stages.size());
  for (const Mark& mark : marks.stages) AppendMark(mark, &writer);
  writer.Varint(marks.goals.size());
  for (const Mark& mark : marks.goals) AppendMark(mark, &writer);
  AppendMoment(last, &writer);
  writer.Signed(current_);
  writer.Varint(entered_);
  if (!rules_->any_while) return;
  writer.Signed(score_);
  writer.Signed(score_hour_);
  for (const Cap& cap : caps_) {
    writer.Signed(cap.window);
    writer.Signed(cap.used);
  }
}

bool MilestoneFold::Read(WireReader* reader) {
  std::uint8_t has = 0;
  std::int64_t current = 0;
  if (!reader->Byte(&has)) return false;
  if ((has & 1) != 0 && !ReadMoment(reader, &marks.contactable.emplace())) return false;
  if ((has & 2) != 0 && !ReadMark(reader, &marks.creation.emplace())) return false;
  if (!ReadMarks(reader, &marks.stages) || !ReadMarks(reader, &marks.goals) ||
      !ReadMoment(reader, &last) || !reader->Signed(&current) || !reader->Varint(&entered_)) {
    return false;
  }
  current_ = static_cast<int>(current);
  if (!rules_->any_while) return true;
  if (!reader->Signed(&score_) || !reader->Signed(&score_hour_)) return false;
  for (Cap& cap : caps_) {
    if (!reader->Signed(&cap.window) || !reader->Signed(&cap.used)) return false;
  }
  return true;
}

}  // namespace leadflow
