#include "app/tokens_file.h"

#include "app/pipeline_file.h"

namespace leadflow::app {

Result<Tokens> ReadTokens(const std::string& path, const std::string& what) {
  if (path.empty()) return Tokens();
  const auto text = ReadWholeFile(path);
  if (!text) return Status::NotFound("`" + what + "`: cannot read the file " + path);
  auto tokens = Tokens::Parse(*text);
  if (!tokens.ok()) return tokens.status().WithContext("`" + what + "`: " + path);
  return tokens;
}

}  // namespace leadflow::app
