// Tokens: who may ask: the bearer tokens of a file, one a line; empty lines and those that begin
// with # do not count. Immutable. A token is never shown, also not in errors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace leadflow {

class Tokens {
 public:
  static constexpr std::size_t kShortest = 16;
  static constexpr std::size_t kLongest = 512;
  static constexpr std::size_t kMost = 100;

  // kInvalidArgument: none, too many, or one too short to be safe, too long or not printable; names
  // the line.
  static Result<Tokens> Parse(std::string_view text);

  bool empty() const { return tokens_.empty(); }
  // For who asks; empty: there is none.
  std::string first() const { return empty() ? std::string() : tokens_.front(); }
  // In the same time for every token of one length.
  bool Has(std::string_view token) const;

 private:
  std::vector<std::string> tokens_;
};

}  // namespace leadflow
