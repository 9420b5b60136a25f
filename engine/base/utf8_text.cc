#include "engine/base/utf8_text.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/unicode.h"

namespace leadflow {

std::string ValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = CodePointAt(text, at);
    AppendUtf8(point.value, &out);
    at += point.size;
  }
  return out;
}

namespace {

// Bytes from `at` on that JSON takes as they are.
std::size_t PlainRun(std::string_view text, std::size_t at) {
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; };
  return static_cast<std::size_t>(
      std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), plain) -
      text.begin() - static_cast<std::ptrdiff_t>(at));
}

}  // namespace

void AppendJsonText(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t run = PlainRun(text, at); run > 0) {
      out->append(text, at, run);
      at += run;
      continue;
    }
    const CodePoint point = CodePointAt(text, at);
    if (point.value == '"' || point.value == '\\') {
      out->push_back('\\');
      out->push_back(static_cast<char>(point.value));
    } else if (point.value < 0x20) {
      *out += "\\u00";
      out->push_back(kHex[point.value >> 4]);
      out->push_back(kHex[point.value & 15]);
    } else {
      AppendUtf8(point.value, out);
    }
    at += point.size;
  }
  out->push_back('"');
}

}  // namespace leadflow
