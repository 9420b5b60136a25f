#include "engine/base/utf8_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>

namespace leadflow {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// The length of the well-formed UTF-8 sequence at the start, 0 if there is none.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
      (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

// Calls f for each character as it is to be shown.
template <class F>
void ForEachCharacter(std::string_view text, const F& f) {
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    f(length == 0 ? kReplacement : text.substr(0, length));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

}  // namespace

std::string ValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  ForEachCharacter(text, [&](std::string_view character) { out += character; });
  return out;
}

void AppendJsonText(std::string_view text, std::string* out) {
  *out += '"';
  ForEachCharacter(text, [&](std::string_view character) {
    const auto c = static_cast<unsigned char>(character[0]);
    if (c < 0x20 || c == '"' || c == '\\') {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
      *out += escaped;
    } else {
      *out += character;
    }
  });
  *out += '"';
}

}  // namespace leadflow
