#include "connectors/formats/json_paths.h"

#include "connectors/formats/number_text.h"

namespace leadflow {

void JsonPaths::Add(std::span<const PathStep> path, int slot) {
  std::size_t at = 0;
  for (const PathStep& step : path) {
    int next = -1;
    for (const Child& child : nodes_[at].children) {
      if (child.index == step.index && child.key == step.key) next = child.node;
    }
    if (next < 0) {
      next = static_cast<int>(nodes_.size());
      nodes_[at].children.push_back({step.key, step.index, next});
      nodes_.emplace_back();
    }
    at = static_cast<std::size_t>(next);
  }
  nodes_[at].slots.push_back(slot);
}

const JsonPaths::Node* JsonPaths::Find(const Node& node, std::string_view key) const {
  for (const Child& child : node.children) {
    if (child.index < 0 && child.key == key) return &nodes_[static_cast<std::size_t>(child.node)];
  }
  return nullptr;
}

bool JsonPaths::Walk(JsonCursor& json, const Node& node, std::span<Value> values,
                     EvalArena& arena) const {
  // Made anew for each slot: a copy would wait for the parts of the value to reach memory.
  const auto set = [&](auto make) {
    for (const int slot : node.slots) values[static_cast<std::size_t>(slot)] = make();
    return true;
  };
  switch (json.Peek()) {
    case JsonCursor::Type::kBad: return false;
    case JsonCursor::Type::kObject: {
      if (!json.BeginObject()) return false;
      JsonText key;
      while (json.NextMember(&key)) {
        const Node* next = Find(node, key.Decode(arena));
        if (!(next == nullptr ? json.Skip() : Walk(json, *next, values, arena))) return false;
      }
      return json.ok();
    }
    case JsonCursor::Type::kArray: {
      if (!json.BeginArray()) return false;
      for (int index = 0; json.NextElement(); ++index) {
        const Node* next = nullptr;
        for (const Child& child : node.children) {
          if (child.index == index) next = &nodes_[static_cast<std::size_t>(child.node)];
        }
        if (!(next == nullptr ? json.Skip() : Walk(json, *next, values, arena))) return false;
      }
      return json.ok();
    }
    case JsonCursor::Type::kString: {
      JsonText text;
      if (!json.String(&text)) return false;
      if (node.slots.empty()) return true;
      const std::string_view decoded = text.Decode(arena);
      return set([&] { return Value::String(decoded); });
    }
    case JsonCursor::Type::kNumber: {
      std::string_view token;
      if (!json.Number(&token)) return false;
      return set([&] { return NumberValue(token); });
    }
    case JsonCursor::Type::kBool: {
      bool truth = false;
      if (!json.Bool(&truth)) return false;
      return set([&] { return Value::Bool(truth); });
    }
    case JsonCursor::Type::kNull: return json.Null() && set([] { return Value::Null(); });
  }
  return false;
}

bool JsonPaths::Read(std::string_view bytes, std::span<Value> values, EvalArena& arena,
                     std::string* why) const {
  JsonCursor json(bytes);
  if (Walk(json, nodes_[0], values, arena) && json.End()) return true;
  *why = "no JSON: " + json.Error();
  return false;
}

namespace {

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

}  // namespace

bool ParseSplit(std::string_view text, SplitPath* path, std::string* why) {
  path->clear();
  *why = "`split: " + std::string(text) + "` is no path like `$.items[*]`";
  if (text.empty() || text.front() != '$') return false;
  text.remove_prefix(1);
  while (!text.empty()) {
    if (text.substr(0, 3) == "[*]") {
      path->push_back({});
      text.remove_prefix(3);
      continue;
    }
    std::size_t end = 1;
    if (text.front() == '.') {
      while (end < text.size() && IsNameCharacter(text[end])) ++end;
      if (end == 1) return false;
      path->push_back({std::string(text.substr(1, end - 1))});
    } else if (text.substr(0, 2) == "[\"") {
      end = text.find("\"]");
      if (end == std::string_view::npos || end <= 2) return false;
      path->push_back({std::string(text.substr(2, end - 2))});
      end += 2;
    } else {
      return false;
    }
    text.remove_prefix(end);
  }
  why->clear();
  return true;
}

int ForEachElement(std::string_view bytes, const SplitPath& path,
                   const std::function<void(std::string_view element)>& each) {
  JsonCursor json(bytes);
  if (json.Peek() == JsonCursor::Type::kNull) return 0;
  if (path.empty()) {
    each(bytes);
    return 1;
  }
  const SplitPath rest(path.begin() + 1, path.end());
  int count = 0;
  std::string_view element;
  if (path.front().key.empty()) {
    if (json.Peek() != JsonCursor::Type::kArray) return ForEachElement(bytes, rest, each);
    json.BeginArray();
    while (json.NextElement() && json.Skip(&element)) count += ForEachElement(element, rest, each);
    return count;
  }
  if (json.Peek() != JsonCursor::Type::kObject) return 0;
  json.BeginObject();
  JsonText key;
  EvalArena arena;
  while (json.NextMember(&key) && json.Skip(&element)) {
    if (key.Decode(arena) == path.front().key) count += ForEachElement(element, rest, each);
  }
  return count;
}

}  // namespace leadflow
