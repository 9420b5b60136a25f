#include "engine/base/utf8_text.h"

#include <cstddef>

#include "engine/base/unicode.h"

namespace leadflow {
namespace {

// Where what JSON takes as it is, from `at` on, ends.
std::size_t EndOfPlain(std::string_view text, std::size_t at) {
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; };
  while (at < text.size() && plain(text[at])) ++at;
  return at;
}

}  // namespace

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

void AppendJsonText(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = EndOfPlain(text, at);
    out->append(text, at, end - at);
    at = end;
    if (at == text.size()) break;
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
