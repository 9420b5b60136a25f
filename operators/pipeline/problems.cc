#include "operators/pipeline/problems.h"

#include <algorithm>

namespace leadflow {

std::string HintFor(std::string_view word, const std::vector<std::string_view>& known) {
  if (const std::string_view nearest = Nearest(word, known); !nearest.empty()) {
    return "did you mean `" + std::string(nearest) + "`?";
  }
  constexpr std::size_t kFew = 45;  // the kinds of events, the sections of a pipeline
  if (known.size() > kFew) return "`leadflow schema` says what may stand here";
  std::string hint;
  for (auto name = known.begin(); name != known.end(); ++name) {
    if (std::find(known.begin(), name, *name) != name) continue;
    hint += (hint.empty() ? "known: " : ", ") + std::string(*name);
  }
  return hint;
}

void Problems::Unknown(std::string id, Position at, std::string_view what, std::string_view word,
                       const std::vector<std::string_view>& known) {
  Error(std::move(id), at, "no " + std::string(what) + " `" + std::string(word) + "`",
        HintFor(word, known));
}

}  // namespace leadflow
