// SectionReader: one mapping of the file against its table of keys: unknown keys, missing ones,
// wrong types and what the release lacks are reported at once; the getters then read what is left.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/config/yaml.h"
#include "operators/pipeline/keys.h"
#include "operators/pipeline/problems.h"

namespace leadflow {

class SectionReader final {
 public:
  // `what`: as messages name it, "engine" or "sources.web". A null node is an empty section.
  // All arguments outlive the reader.
  SectionReader(const YamlNode& node, const Section& section, std::string what, Problems* problems);

  // False: no mapping at all (reported).
  bool ok() const { return ok_; }
  // Some key is not in the table (reported).
  bool unknown_keys() const { return unknown_keys_; }
  const std::string& what() const { return what_; }
  const YamlNode& node() const { return node_; }

  // The value of a key of the table; nullptr: absent, mistyped (reported) or not in this release.
  const YamlNode* Get(std::string_view key) const;
  // Whether the key stands there, even with a value that was refused.
  bool Given(std::string_view key) const { return node_.Find(key) != nullptr; }

  // Each gives `otherwise` for what Get has not; out of range is reported.
  std::string Text(std::string_view key, std::string_view otherwise = "") const;
  bool Bool(std::string_view key, bool otherwise) const;
  std::int64_t Int(std::string_view key, std::int64_t otherwise, std::int64_t least,
                   std::int64_t most) const;
  std::int64_t DurationMs(std::string_view key, std::int64_t otherwise, std::int64_t least,
                          std::int64_t most) const;
  std::int64_t Size(std::string_view key, std::int64_t otherwise, std::int64_t least,
                    std::int64_t most) const;
  // The texts of a kTexts key: one, or a list.
  std::vector<const YamlNode*> Texts(std::string_view key) const;

 private:
  void Check(const Section& section);
  bool HasType(const Key& key, const YamlNode& value);
  void ReportRange(const YamlNode& value, std::string_view key, const std::string& least,
                   const std::string& most) const;

  const YamlNode& node_;
  std::string what_;
  Problems& problems_;
  bool ok_ = true;
  bool unknown_keys_ = false;
  std::vector<std::pair<std::string_view, const YamlNode*>> good_;
};

// "30d", "1h30m", "200ms"; units ms s m min h d w y. nullopt: something else or too long.
std::optional<std::int64_t> ParseDurationMs(std::string_view text);
// "1GiB", "512MB", "4096".
std::optional<std::int64_t> ParseSize(std::string_view text);

// A placeholder that stays because there is no environment (`validate --no-env`).
bool IsUnresolved(const YamlNode& node);

std::vector<std::string_view> SplitChoices(std::string_view choices);

// Whether it is what names of stages, sources, KPIs may be: a letter, then letters, digits, - and
// _.
bool IsPlainName(std::string_view name);

// What Kafka takes for the name of a topic: letters, digits, `.`, `_` and `-`, at most 249.
bool IsTopicName(std::string_view name);

inline constexpr std::int64_t kSecondMs = 1000;
inline constexpr std::int64_t kMinuteMs = 60 * kSecondMs;
inline constexpr std::int64_t kHourMs = 60 * kMinuteMs;
inline constexpr std::int64_t kDayMs = 24 * kHourMs;
inline constexpr std::int64_t kYearMs = 365 * kDayMs;

}  // namespace leadflow
