// Problems: where the loader says what is wrong with a file. Like Diagnostics, but what is said
// twice is shown once: a KPI that others name is read once for each of them.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/config/diagnostics.h"

namespace leadflow {

class Problems final {
 public:
  explicit Problems(Diagnostics* diagnostics) : diagnostics_(*diagnostics) {}

  void Error(std::string id, Position at, std::string message, std::string hint = "") {
    if (!seen_.emplace(at.line, at.column, message).second) return;
    diagnostics_.Error(std::move(id), at, std::move(message), std::move(hint));
  }
  // `X` is part of the language but not of this release.
  void NotInRelease(Position at, std::string_view what, std::string hint) {
    Error("not-in-release", at, "`" + std::string(what) + "` is not in this release",
          std::move(hint));
  }
  // There is no such thing among `known`: names the nearest, or all if they are few.
  void Unknown(std::string id, Position at, std::string_view what, std::string_view word,
               const std::vector<std::string_view>& known);

  void HideLine(int line) { diagnostics_.HideLine(line); }

  int errors() const { return diagnostics_.errors(); }

 private:
  Diagnostics& diagnostics_;
  std::set<std::tuple<int, int, std::string>> seen_;
};

// "did you mean `x`?", or "known: a, b, c" if they are few; empty if neither helps.
std::string HintFor(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace leadflow
