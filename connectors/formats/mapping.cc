#include "connectors/formats/mapping.h"

#include <algorithm>

#include "connectors/formats/event_target.h"
#include "connectors/formats/json_paths.h"
#include "connectors/formats/records.h"

namespace leadflow {
namespace {

class SlotValues final : public FieldSource {
 public:
  explicit SlotValues(const std::vector<Value>& values) : values_(values) {}
  Value Field(int slot) const override { return values_[static_cast<std::size_t>(slot)]; }

 private:
  const std::vector<Value>& values_;
};

struct Rule {
  Kind kind = Kind::kNone;
  ExpressionPtr when;
  struct Assignment {
    EventTarget target;
    ExpressionPtr value;
  };
  std::vector<Assignment> map;
};

// Rules that look at the same bytes: the message, or each element of one split.
struct Group {
  std::string split_text;
  SplitPath split;
  std::vector<Rule> rules;
  JsonPaths paths;          // relative to the element
  std::vector<int> around;  // slots taken from the message
};

std::string UnknownTarget(std::string_view target) {
  return "an event has no field `" + std::string(target) + "`";
}

bool LeadsAround(const std::vector<PathStep>& path) {
  return !path.empty() && path[0].key == kAround;
}

Status CheckPath(const MappingSet& mapping, const std::vector<PathStep>& path) {
  if (mapping.syntax == Syntax::kJson || (path.size() == 1 && path[0].index < 0)) return {};
  return Status::InvalidArgument("a column is one name: `$.name` or `$[\"a name\"]`");
}

}  // namespace

std::optional<Syntax> SyntaxFromName(std::string_view name) {
  if (name == "json") return Syntax::kJson;
  if (name == "csv") return Syntax::kCsv;
  if (name == "tsv") return Syntax::kTsv;
  if (name == "form") return Syntax::kForm;
  return std::nullopt;
}

Status CheckMapping(const MappingSet& mapping) {
  SplitPath split;
  std::string why;
  for (const std::string& place : mapping.unwrap) {
    if (!ParseSplit(place, &split, &why)) return Status::InvalidArgument(why);
  }
  for (const auto& path : mapping.paths_read) {
    LEADFLOW_RETURN_IF_ERROR(CheckPath(mapping, path));
  }
  for (const EventMapping& event : mapping.events) {
    const std::string kind(KindName(event.kind));
    if (!event.split.empty()) {
      if (!ParseSplit(event.split, &split, &why)) return Status::InvalidArgument(why);
      if (mapping.syntax != Syntax::kJson) {
        return Status::InvalidArgument("`split` is for JSON only");
      }
    }
    bool id = event.kind == Kind::kCost;
    bool time = false;
    for (const auto& assignment : event.map) {
      if (!EventTarget::Parse(assignment.target)) {
        return Status::InvalidArgument(kind + ": " + UnknownTarget(assignment.target));
      }
      id = id || assignment.target == "id";
      time = time || assignment.target == "time";
    }
    if (!id || !time) {
      return Status::InvalidArgument(kind + ": `map` needs `" + (id ? "time" : "id") + "`");
    }
  }
  return {};
}

namespace {

class MappedDecoder final : public EventDecoder {
 public:
  MappedDecoder(const MappingSet& mapping, const TimeZone& zone);

  void Decode(std::string_view message, const Accept& accept, const Refuse& refuse,
              const Skip& skip) override;
  Status SetHeader(std::string_view header) override;

 private:
  void AddRule(const EventMapping& event, const MappingSet& mapping);
  void UseDefaultColumns();
  void SetColumns(std::span<const std::string_view> names);
  int SlotOf(std::string_view name) const;

  void DecodeOne(std::string_view message, const Accept& accept, const Refuse& refuse,
                 const Skip& skip);
  bool ReadValues(std::string_view message, std::string* why);
  bool ReadRow(std::string_view message, std::string* why);
  bool ReadForm(std::string_view message);
  // Runs the rules of `group`; true if one applied.
  bool Apply(const Group& group, const std::vector<Value>& values, std::string_view bytes,
             const Accept& accept, const Refuse& refuse);
  bool ApplySplit(const Group& group, std::string_view message, const Accept& accept,
                  const Refuse& refuse);
  bool Fill(const Rule& rule, const FieldSource& fields, std::string* why);

  const Syntax syntax_;
  const TimeZone zone_;
  std::vector<SplitPath> unwrap_;
  std::vector<Group> groups_;
  JsonPaths message_paths_;  // paths of the message itself: of rules without split, and around
  std::vector<std::pair<std::string, int>> named_slots_;  // one-step paths: columns, form fields

  const std::vector<std::string> default_columns_;
  std::vector<int> columns_;  // CSV and TSV: slot per column, -1: nobody reads it
  char separator_ = ',';

  Event event_;
  EvalArena arena_;  // what one message decodes
  std::vector<Value> values_;
  std::vector<Value> element_values_;
  std::vector<std::string_view> fields_;
};

MappedDecoder::MappedDecoder(const MappingSet& mapping, const TimeZone& zone)
    : syntax_(mapping.syntax),
      zone_(zone),
      default_columns_(mapping.columns),
      values_(mapping.paths_read.size()) {
  element_values_.resize(values_.size());
  std::string why;
  for (const std::string& place : mapping.unwrap) {
    unwrap_.emplace_back();
    ParseSplit(place, &unwrap_.back(), &why);
  }
  for (const EventMapping& event : mapping.events) AddRule(event, mapping);
  for (std::size_t slot = 0; slot < mapping.paths_read.size(); ++slot) {
    const auto& path = mapping.paths_read[slot];
    if (path.size() == 1 && path[0].index < 0) {
      named_slots_.emplace_back(path[0].key, static_cast<int>(slot));
    }
  }
  UseDefaultColumns();
}

void MappedDecoder::UseDefaultColumns() {
  separator_ = syntax_ == Syntax::kTsv ? '\t' : ',';
  const std::vector<std::string_view> names(default_columns_.begin(), default_columns_.end());
  SetColumns(names);
}

void MappedDecoder::AddRule(const EventMapping& event, const MappingSet& mapping) {
  auto group = std::find_if(groups_.begin(), groups_.end(),
                            [&](const Group& g) { return g.split_text == event.split; });
  if (group == groups_.end()) {
    group = groups_.emplace(groups_.end());
    group->split_text = event.split;
    std::string why;
    if (!event.split.empty()) ParseSplit(event.split, &group->split, &why);
  }
  Rule rule{event.kind, event.when, {}};
  std::vector<int> slots;
  if (event.when != nullptr) slots = event.when->slots();
  for (const auto& assignment : event.map) {
    rule.map.push_back({*EventTarget::Parse(assignment.target), assignment.value});
    const auto& read = assignment.value->slots();
    slots.insert(slots.end(), read.begin(), read.end());
  }
  group->rules.push_back(std::move(rule));
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  for (const int slot : slots) {
    const std::span<const PathStep> path = mapping.paths_read[static_cast<std::size_t>(slot)];
    if (event.split.empty()) {
      message_paths_.Add(path, slot);
    } else if (LeadsAround(mapping.paths_read[static_cast<std::size_t>(slot)])) {
      message_paths_.Add(path.subspan(1), slot);
      group->around.push_back(slot);
    } else {
      group->paths.Add(path, slot);
    }
  }
}

int MappedDecoder::SlotOf(std::string_view name) const {
  for (const auto& [known, slot] : named_slots_) {
    if (known == name) return slot;
  }
  return -1;
}

void MappedDecoder::SetColumns(std::span<const std::string_view> names) {
  columns_.clear();
  for (const std::string_view name : names) columns_.push_back(SlotOf(name));
}

Status MappedDecoder::SetHeader(std::string_view header) {
  if (syntax_ != Syntax::kCsv && syntax_ != Syntax::kTsv) return {};
  UseDefaultColumns();
  if (header.substr(0, 3) == "\xEF\xBB\xBF") header.remove_prefix(3);
  if (header.empty()) return {};
  if (!IsUtf8(header)) return Status::InvalidArgument("the header is not UTF-8");
  // A preset knows its columns, so that its tables may come with any separator.
  const bool tabs = syntax_ == Syntax::kTsv && default_columns_.empty();
  separator_ = tabs ? '\t' : GuessSeparator(header);
  arena_.Reset();
  std::string why;
  if (!SplitCsv(header, separator_, arena_, &fields_, &why)) return Status::InvalidArgument(why);
  std::vector<std::string_view> sorted = fields_;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end() && !twice->empty()) {
    return Status::InvalidArgument("column `" + std::string(*twice) + "` stands twice");
  }
  SetColumns(fields_);
  return {};
}

void MappedDecoder::Decode(std::string_view message, const Accept& accept, const Refuse& refuse,
                           const Skip& skip) {
  if (message.size() > kMaxEventBytes) return refuse("event larger than 64 KiB", message);
  if (!IsUtf8(message)) return refuse("not UTF-8", message);
  if (syntax_ == Syntax::kJson && !unwrap_.empty()) {
    // All or nothing: a batch that breaks off in the middle gives no events.
    JsonCursor json(message);
    if (!json.Skip() || !json.End()) return refuse("no JSON: " + json.Error(), message);
    for (const SplitPath& place : unwrap_) {
      const int found = ForEachElement(message, place, [&](std::string_view element) {
        DecodeOne(element, accept, refuse, skip);
      });
      if (found > 0) return;
    }
  }
  DecodeOne(message, accept, refuse, skip);
}

void MappedDecoder::DecodeOne(std::string_view message, const Accept& accept, const Refuse& refuse,
                              const Skip& skip) {
  arena_.Reset();
  std::fill(values_.begin(), values_.end(), Value::Null());
  std::string why;
  if (!ReadValues(message, &why)) return refuse(why, message);
  bool applied = false;
  for (const Group& group : groups_) {
    applied |= group.split_text.empty() ? Apply(group, values_, message, accept, refuse)
                                        : ApplySplit(group, message, accept, refuse);
  }
  if (!applied) skip("no mapping for it");
}

bool MappedDecoder::ReadValues(std::string_view message, std::string* why) {
  // A row may also come as an object of its columns, whatever the syntax: tests write rows so.
  const bool object = message.size() > 1 && message.front() == '{' && message.back() == '}';
  if (syntax_ == Syntax::kJson || object) {
    if (message_paths_.Read(message, values_, arena_, why)) return true;
    if (syntax_ == Syntax::kJson) return false;
    std::fill(values_.begin(), values_.end(), Value::Null());
  }
  return syntax_ == Syntax::kForm ? ReadForm(message) : ReadRow(message, why);
}

bool MappedDecoder::ReadRow(std::string_view message, std::string* why) {
  if (columns_.empty()) {
    *why = "no header line that names the columns";
    return false;
  }
  const bool split = syntax_ == Syntax::kTsv && separator_ == '\t'
                         ? SplitTsv(message, &fields_, why)
                         : SplitCsv(message, separator_, arena_, &fields_, why);
  if (!split) return false;
  if (fields_.size() != columns_.size()) {
    *why = std::to_string(fields_.size()) + " columns; the header has " +
           std::to_string(columns_.size());
    return false;
  }
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (columns_[i] >= 0 && !fields_[i].empty()) {
      values_[static_cast<std::size_t>(columns_[i])] = Value::String(fields_[i]);
    }
  }
  return true;
}

bool MappedDecoder::ReadForm(std::string_view message) {
  while (!message.empty()) {
    const std::size_t end = std::min(message.find('&'), message.size());
    const std::string_view pair = message.substr(0, end);
    message.remove_prefix(std::min(end + 1, message.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const int slot = SlotOf(DecodePercent(pair.substr(0, equals), arena_));
    if (slot < 0 || equals + 1 >= pair.size()) continue;
    const std::string_view value = DecodePercent(pair.substr(equals + 1), arena_);
    // `%FF` makes bytes that the check of the message has not seen.
    if (IsUtf8(value)) values_[static_cast<std::size_t>(slot)] = Value::String(value);
  }
  return true;
}

bool MappedDecoder::ApplySplit(const Group& group, std::string_view message, const Accept& accept,
                               const Refuse& refuse) {
  bool applied = false;
  ForEachElement(message, group.split, [&](std::string_view element) {
    std::fill(element_values_.begin(), element_values_.end(), Value::Null());
    for (const int slot : group.around) {
      element_values_[static_cast<std::size_t>(slot)] = values_[static_cast<std::size_t>(slot)];
    }
    std::string why;
    if (!group.paths.Read(element, element_values_, arena_, &why)) return refuse(why, element);
    applied |= Apply(group, element_values_, element, accept, refuse);
  });
  return applied;
}

bool MappedDecoder::Apply(const Group& group, const std::vector<Value>& values,
                          std::string_view bytes, const Accept& accept, const Refuse& refuse) {
  const SlotValues fields(values);
  bool applied = false;
  for (const Rule& rule : group.rules) {
    if (rule.when != nullptr && !rule.when->Matches(fields, arena_)) continue;
    applied = true;
    std::string why;
    if (Fill(rule, fields, &why)) {
      accept(event_);
    } else {
      refuse(why, bytes);
    }
  }
  return applied;
}

bool MappedDecoder::Fill(const Rule& rule, const FieldSource& fields, std::string* why) {
  event_.Clear();
  event_.kind = rule.kind;
  for (const Rule::Assignment& assignment : rule.map) {
    const Value value = assignment.value->Evaluate(fields, event_.arena());
    if (!assignment.target.Assign(value, zone_, event_, why)) return false;
  }
  if (event_.id.empty() && rule.kind != Kind::kCost) {
    *why = "no `id`";
  } else if (!event_.has_time) {
    *why = "no `time`";
  } else {
    return true;
  }
  *why = std::string(KindName(rule.kind)) + ": " + *why;
  return false;
}

}  // namespace

Result<std::unique_ptr<EventDecoder>> MakeMappedDecoder(const MappingSet& mapping,
                                                        const TimeZone& zone) {
  LEADFLOW_RETURN_IF_ERROR(CheckMapping(mapping));
  return std::unique_ptr<EventDecoder>(std::make_unique<MappedDecoder>(mapping, zone));
}

}  // namespace leadflow
