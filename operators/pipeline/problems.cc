#include "operators/pipeline/problems.h"

namespace leadflow {

std::string HintFor(std::string_view word, const std::vector<std::string_view>& known) {
  if (const std::string_view nearest = Nearest(word, known); !nearest.empty()) {
    return "did you mean `" + std::string(nearest) + "`?";
  }
  constexpr std::size_t kFew = 14;
  if (known.empty() || known.size() > kFew) return "";
  std::string hint = "known: ";
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (i > 0) hint += ", ";
    hint += known[i];
  }
  return hint;
}

void Problems::Unknown(std::string id, Position at, std::string_view what, std::string_view word,
                       const std::vector<std::string_view>& known) {
  Error(std::move(id), at, "no " + std::string(what) + " `" + std::string(word) + "`",
        HintFor(word, known));
}

}  // namespace leadflow
