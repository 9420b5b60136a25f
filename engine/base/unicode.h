// The little of Unicode that the config language needs, on UTF-8 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace leadflow {

// The code point at `at`, and how many bytes it takes. A byte that begins no valid sequence (also:
// an overlong one, a surrogate, above U+10FFFF) counts as one code point U+FFFD of one byte;
// `valid` says so. REQUIRES: at < text.size()
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t size = 1;
  bool valid = true;
};
CodePoint CodePointAt(std::string_view text, std::size_t at);

// Offset of the first byte that is not valid UTF-8, or npos.
std::size_t FindInvalidUtf8(std::string_view text);

// Code points in `text`: what a column counts.
std::size_t CodePointCount(std::string_view text);

void AppendUtf8(std::uint32_t code_point, std::string* out);

// Lower or upper case of one code point in Basic Latin, Latin-1, Latin Extended-A, Greek and
// Cyrillic, one to one; all others, and letters whose other case is more than one letter (sharp s),
// stay. The size in UTF-8 never grows.
std::uint32_t ToLower(std::uint32_t code_point);
std::uint32_t ToUpper(std::uint32_t code_point);

}  // namespace leadflow
