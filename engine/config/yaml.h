// A YAML file as a tree that knows where each node stands. YAML 1.2 core schema (`NO` is a string);
// duplicate keys, tabs and the like are diagnostics. `${X}`, `${X:-default}`, `${X:?message}` are
// expanded inside scalars, after parsing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/config/diagnostics.h"

namespace leadflow {

class YamlNode {
 public:
  enum class Type : unsigned char { kNull, kScalar, kSequence, kMapping };
  struct Member;

  Type type = Type::kNull;
  Position at;
  std::string scalar;   // kScalar: text after expansion
  bool quoted = false;  // kScalar: 'x' or "x" or block: always a string
  int content_offset = 0;  // columns from `at` to the first character of the text (1 if quoted)
  std::vector<YamlNode> items;     // kSequence
  std::vector<Member> members;     // kMapping, in file order

  bool IsMapping() const { return type == Type::kMapping; }
  bool IsSequence() const { return type == Type::kSequence; }
  bool IsScalar() const { return type == Type::kScalar; }
  const YamlNode* Find(std::string_view key) const;
  Position ContentAt() const;  // where the text of a scalar begins

  // The core schema's reading of a plain scalar; nullopt if it is something else.
  std::optional<bool> AsBool() const;
  std::optional<std::int64_t> AsInt() const;
};

struct YamlNode::Member {
  std::string key;
  Position key_at;
  YamlNode value;
};

// The value of an environment variable; nullopt: not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// Parses `text`; at most 4 MiB, 64 levels deep, 100,000 nodes. nullopt if it is no YAML at all
// (the diagnostics say where). A null `environment` leaves `${X}` as it stands.
std::optional<YamlNode> ParseYaml(std::string_view text, const Environment& environment,
                                  Diagnostics* diagnostics);

}  // namespace leadflow
