#include "connectors/http/tokens.h"

#include <algorithm>

#include <sodium.h>

namespace leadflow {

Result<Tokens> Tokens::Parse(std::string_view text) {
  Tokens parsed;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const std::string where = "line " + std::to_string(number) + ": ";
    if (line.size() < kShortest || line.size() > kLongest) {
      return Status::InvalidArgument(where + "a token has " + std::to_string(kShortest) + " to " +
                                     std::to_string(kLongest) +
                                     " characters; `openssl rand -hex 24` makes one");
    }
    if (!std::all_of(line.begin(), line.end(), [](char c) { return c > ' ' && c < 127; })) {
      return Status::InvalidArgument(where + "a token is printable ASCII without spaces");
    }
    if (parsed.tokens_.size() == kMost) {
      return Status::InvalidArgument(where + "more than " + std::to_string(kMost) + " tokens");
    }
    parsed.tokens_.emplace_back(line);
  }
  if (parsed.tokens_.empty()) {
    return Status::InvalidArgument("no token; `openssl rand -hex 24` makes one");
  }
  return parsed;
}

bool Tokens::Has(std::string_view token) const {
  bool found = false;
  for (const std::string& known : tokens_) {
    if (known.size() != token.size()) continue;
    found = sodium_memcmp(known.data(), token.data(), token.size()) == 0 || found;
  }
  return found;
}

}  // namespace leadflow
