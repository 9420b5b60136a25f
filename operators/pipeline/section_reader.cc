#include "operators/pipeline/section_reader.h"

#include <algorithm>
#include <charconv>

namespace leadflow {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::optional<std::int64_t> DurationUnit(std::string_view unit) {
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"ms", 1},      {"s", kSecondMs}, {"m", kMinuteMs},  {"min", kMinuteMs},
      {"h", kHourMs}, {"d", kDayMs},    {"w", 7 * kDayMs}, {"y", kYearMs}};
  for (const auto& [name, ms] : kUnits) {
    if (name == unit) return ms;
  }
  return std::nullopt;
}

// Reads digits, then letters, off the front.
bool ReadQuantity(std::string_view* text, std::int64_t* number, std::string_view* unit) {
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (error != std::errc() || *number < 0) return false;
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  std::size_t letters = 0;
  while (letters < text->size() && IsLetter((*text)[letters])) ++letters;
  *unit = text->substr(0, letters);
  text->remove_prefix(letters);
  return true;
}

std::string_view NameOfType(KeyType type) {
  switch (type) {
    case KeyType::kText: return "a text";
    case KeyType::kBool: return "true or false";
    case KeyType::kInt: return "an integer";
    case KeyType::kDuration: return "a duration";
    case KeyType::kSize: return "a size";
    case KeyType::kExpression: return "an expression";
    case KeyType::kTexts: return "a text or a list of texts";
    case KeyType::kMapping:
    case KeyType::kNamed: return "a mapping";
    case KeyType::kList: return "a list";
    case KeyType::kAny: return "a value";
  }
  return "";
}

std::string HintOfType(const Key& key) {
  switch (key.type) {
    case KeyType::kInt: return "digits only, as in 4";
    case KeyType::kDuration: return "as in 30d, 12h, 30m, 10s, 200ms";
    case KeyType::kSize: return "as in 512MiB or 1GiB";
    case KeyType::kExpression: return "as in 'kind == \"order\"'";
    case KeyType::kMapping:
      if (key.section == nullptr || key.section->keys.empty()) return std::string(key.doc);
      return "as in " + std::string(key.name) + ": {" + std::string(key.section->keys[0].name) +
             ": ...}";
    default: return std::string(key.doc);
  }
}

bool AreTexts(const YamlNode& value) {
  if (value.IsScalar()) return true;
  if (!value.IsSequence()) return false;
  return std::all_of(value.items.begin(), value.items.end(),
                     [](const YamlNode& item) { return item.IsScalar(); });
}

// What is none may be the secret itself.
bool IsPlaceOfSecret(const YamlNode& value) {
  return value.IsScalar() &&
         (value.scalar.starts_with("env:") || value.scalar.starts_with("file:"));
}

}  // namespace

std::optional<std::int64_t> ParseDurationMs(std::string_view text) {
  constexpr std::int64_t kLongest = 1000 * kYearMs;
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t number = 0, part = 0;
    std::string_view unit;
    if (!ReadQuantity(&text, &number, &unit)) return std::nullopt;
    const auto unit_ms = DurationUnit(unit);
    if (!unit_ms || __builtin_mul_overflow(number, *unit_ms, &part) || part > kLongest) {
      return std::nullopt;
    }
    total += part;
    if (total > kLongest) return std::nullopt;
  }
  return total;
}

std::optional<std::int64_t> ParseSize(std::string_view text) {
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"", 1},          {"B", 1},
      {"kB", 1000},     {"KB", 1000},
      {"MB", 1000'000}, {"GB", 1000'000'000},
      {"KiB", 1 << 10}, {"MiB", 1 << 20},
      {"GiB", 1 << 30}, {"TiB", std::int64_t{1} << 40}};
  std::int64_t number = 0, size = 0;
  std::string_view unit;
  if (text.empty() || !ReadQuantity(&text, &number, &unit) || !text.empty()) return std::nullopt;
  for (const auto& [name, bytes] : kUnits) {
    if (name != unit) continue;
    if (__builtin_mul_overflow(number, bytes, &size)) return std::nullopt;
    return size;
  }
  return std::nullopt;
}

bool IsUnresolved(const YamlNode& node) {
  return node.IsScalar() && node.scalar.find("${") != std::string::npos;
}

std::vector<std::string_view> SplitChoices(std::string_view choices) {
  std::vector<std::string_view> out;
  while (!choices.empty()) {
    const std::size_t bar = choices.find('|');
    out.push_back(choices.substr(0, bar));
    choices.remove_prefix(bar == std::string_view::npos ? choices.size() : bar + 1);
  }
  return out;
}

bool IsTopicName(std::string_view name) {
  constexpr std::size_t kLongest = 249;
  return !name.empty() && name.size() <= kLongest && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return IsLetter(c) || IsDigit(c) || c == '.' || c == '_' || c == '-';
         });
}

bool IsPlainName(std::string_view name) {
  if (name.empty() || name.size() > 100 || !IsLetter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLetter(c) || IsDigit(c) || c == '_' || c == '-'; });
}

SectionReader::SectionReader(const YamlNode& node, const Section& section, std::string what,
                             Problems* problems)
    : node_(node), what_(std::move(what)), problems_(*problems) {
  Check(section);
}

void SectionReader::Check(const Section& section) {
  if (node_.type != YamlNode::Type::kNull && !node_.IsMapping()) {
    problems_.Error("type", node_.at, "`" + what_ + "` must be a mapping",
                    "lines of `key: value`, indented, or {key: value, key: value}");
    ok_ = false;
    return;
  }
  std::vector<std::string_view> names;
  for (const Key& key : section.keys) names.push_back(key.name);
  for (const YamlNode::Member& member : node_.members) {
    const auto key = std::find_if(section.keys.begin(), section.keys.end(),
                                  [&](const Key& k) { return k.name == member.key; });
    const bool secret =
        &section == &kSecretSection ||
        (key != section.keys.end() && key->section == &kSecretSection && !member.value.IsMapping());
    if (secret && !IsPlaceOfSecret(member.value)) problems_.HideLine(member.value.at.line);
    if (key == section.keys.end()) {
      unknown_keys_ = true;
      problems_.Error("unknown-key", member.key_at,
                      "no key `" + member.key + "` in " + std::string(section.name),
                      HintFor(member.key, names));
    } else if (!key->lacking.empty()) {
      problems_.NotInRelease(member.key_at, member.key, std::string(key->lacking));
    } else if (HasType(*key, member.value)) {
      good_.emplace_back(key->name, &member.value);
    }
  }
  for (const Key& key : section.keys) {
    if (key.required && !Given(key.name)) {
      problems_.Error("missing", node_.at, "`" + what_ + "` needs `" + std::string(key.name) + "`",
                      std::string(key.doc));
    }
  }
}

bool SectionReader::HasType(const Key& key, const YamlNode& value) {
  bool good = true;
  const bool null = value.type == YamlNode::Type::kNull;
  switch (key.type) {
    case KeyType::kText:
    case KeyType::kExpression: good = value.IsScalar(); break;
    case KeyType::kBool: good = value.AsBool().has_value() || IsUnresolved(value); break;
    case KeyType::kInt: good = value.AsInt().has_value() || IsUnresolved(value); break;
    case KeyType::kDuration:
      good = value.IsScalar() && (ParseDurationMs(value.scalar) || IsUnresolved(value));
      break;
    case KeyType::kSize:
      good = value.IsScalar() && (ParseSize(value.scalar) || IsUnresolved(value));
      break;
    case KeyType::kTexts: good = AreTexts(value); break;
    case KeyType::kMapping:
    case KeyType::kNamed: good = value.IsMapping() || null; break;
    case KeyType::kList: good = value.IsSequence() || null; break;
    case KeyType::kAny: break;
  }
  if (!good) {
    problems_.Error("type", null ? node_.Find(key.name)->at : value.at,
                    "`" + std::string(key.name) + "` must be " + std::string(NameOfType(key.type)),
                    HintOfType(key));
    return false;
  }
  if (!key.choices.empty() && !IsUnresolved(value)) {
    const auto choices = SplitChoices(key.choices);
    if (std::find(choices.begin(), choices.end(), value.scalar) == choices.end()) {
      problems_.Error("value", value.at,
                      "`" + std::string(key.name) + "` cannot be `" + value.scalar + "`",
                      HintFor(value.scalar, choices));
      return false;
    }
  }
  return true;
}

const YamlNode* SectionReader::Get(std::string_view key) const {
  for (const auto& [name, value] : good_) {
    if (name == key) return value;
  }
  return nullptr;
}

std::string SectionReader::Text(std::string_view key, std::string_view otherwise) const {
  const YamlNode* value = Get(key);
  return value == nullptr ? std::string(otherwise) : value->scalar;
}

bool SectionReader::Bool(std::string_view key, bool otherwise) const {
  const YamlNode* value = Get(key);
  return value == nullptr ? otherwise : value->AsBool().value_or(otherwise);
}

void SectionReader::ReportRange(const YamlNode& value, std::string_view key,
                                const std::string& least, const std::string& most) const {
  problems_.Error("range", value.at,
                  "`" + std::string(key) + "` must be from " + least + " to " + most);
}

std::int64_t SectionReader::Int(std::string_view key, std::int64_t otherwise, std::int64_t least,
                                std::int64_t most) const {
  const YamlNode* value = Get(key);
  if (value == nullptr) return otherwise;
  const std::int64_t number = value->AsInt().value_or(otherwise);
  if (number >= least && number <= most) return number;
  ReportRange(*value, key, std::to_string(least), std::to_string(most));
  return otherwise;
}

namespace {

std::string ShowDuration(std::int64_t ms) {
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"d", kDayMs}, {"h", kHourMs}, {"m", kMinuteMs}, {"s", kSecondMs}};
  for (const auto& [name, unit] : kUnits) {
    if (ms >= unit && ms % unit == 0) return std::to_string(ms / unit) + std::string(name);
  }
  return std::to_string(ms) + "ms";
}

}  // namespace

std::int64_t SectionReader::DurationMs(std::string_view key, std::int64_t otherwise,
                                       std::int64_t least, std::int64_t most) const {
  const YamlNode* value = Get(key);
  if (value == nullptr) return otherwise;
  const std::int64_t ms = ParseDurationMs(value->scalar).value_or(otherwise);
  if (ms >= least && ms <= most) return ms;
  ReportRange(*value, key, ShowDuration(least), ShowDuration(most));
  return otherwise;
}

std::int64_t SectionReader::Size(std::string_view key, std::int64_t otherwise, std::int64_t least,
                                 std::int64_t most) const {
  const YamlNode* value = Get(key);
  if (value == nullptr) return otherwise;
  const std::int64_t bytes = ParseSize(value->scalar).value_or(otherwise);
  if (bytes >= least && bytes <= most) return bytes;
  ReportRange(*value, key, std::to_string(least >> 20) + "MiB", std::to_string(most >> 20) + "MiB");
  return otherwise;
}

std::vector<const YamlNode*> SectionReader::Texts(std::string_view key) const {
  std::vector<const YamlNode*> out;
  const YamlNode* value = Get(key);
  if (value == nullptr) return out;
  if (value->IsScalar()) {
    out.push_back(value);
  } else {
    for (const YamlNode& item : value->items) out.push_back(&item);
  }
  return out;
}

}  // namespace leadflow
