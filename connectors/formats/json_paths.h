// JsonPaths: reads the values of many paths out of one JSON message in one pass. The paths are a
// small tree of keys; the message is walked once along it, and everything else is skipped, but
// checked.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/formats/json_cursor.h"
#include "engine/config/expression.h"
#include "engine/config/value.h"

namespace leadflow {

class JsonPaths {
 public:
  // Every value at `path` goes to slot `slot`.
  void Add(std::span<const PathStep> path, int slot);

  // Sets the slots whose paths lead to a scalar; the others stay as they are. Of a key that stands
  // twice the last counts. Strings are borrowed from `json` or kept in `arena`. False: `why` says
  // where `json` is no JSON. REQUIRES: `json` is UTF-8, and `values` has all slots
  bool Read(std::string_view json, std::span<Value> values, EvalArena& arena,
            std::string* why) const;

  bool empty() const { return nodes_.size() == 1 && nodes_[0].slots.empty(); }

 private:
  struct Child {
    std::string key;
    int index = -1;  // of a list; -1: a key
    int node = 0;
  };
  struct Node {
    std::vector<int> slots;
    std::vector<Child> children;
  };

  bool Walk(JsonCursor& json, const Node& node, std::span<Value> values, EvalArena& arena) const;
  const Node* Find(const Node& node, std::string_view key) const;

  std::vector<Node> nodes_ = std::vector<Node>(1);
};

// `$.batch[*]`, `$[*]`, `$.refunds[*].transactions[*]`: where a message holds many events.
struct SplitStep {
  std::string key;  // empty: every element
};
using SplitPath = std::vector<SplitStep>;

// False: no such path; `why` says so.
bool ParseSplit(std::string_view text, SplitPath* path, std::string* why);

// Calls `each` with the bytes of every element, in order. What should be a list and is not counts
// as its only element; null and absent are none. Returns how many there were. REQUIRES: `json` is
// JSON
int ForEachElement(std::string_view json, const SplitPath& path,
                   const std::function<void(std::string_view element)>& each);

}  // namespace leadflow
