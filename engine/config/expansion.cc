#include "engine/config/expansion.h"

#include <optional>

#include "engine/base/unicode.h"

namespace leadflow {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 10;  // of one text after expansion

bool IsNameByte(char c, bool first) {
  return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         (!first && c >= '0' && c <= '9');
}

std::size_t NameEnd(std::string_view text, std::size_t at) {
  const std::size_t begin = at;
  while (at < text.size() && IsNameByte(text[at], at == begin)) ++at;
  return at;
}

// One reference, `${` to `}`.
struct Reference {
  std::size_t end = 0;  // behind the `}`
  std::string_view name;
  char form = 0;  // 0, '-' or '?'
  std::string_view word;
};

std::optional<Reference> ReadReference(std::string_view text, std::size_t begin) {
  const std::size_t close = text.find('}', begin);
  if (close == std::string_view::npos) return std::nullopt;
  const std::size_t name_end = NameEnd(text, begin + 2);
  Reference reference;
  reference.end = close + 1;
  reference.name = text.substr(begin + 2, name_end - begin - 2);
  if (reference.name.empty()) return std::nullopt;
  if (name_end == close) return reference;
  const std::string_view mark = text.substr(name_end, 2);
  if (name_end + 2 > close || (mark != ":-" && mark != ":?")) return std::nullopt;
  reference.form = mark[1];
  reference.word = text.substr(name_end + 2, close - name_end - 2);
  return reference;
}

}  // namespace

std::string ExpandVariables(std::string_view text, Position at, const Environment& environment,
                            Diagnostics* diagnostics) {
  const auto place = [&](std::size_t begin, std::size_t end) {
    Position position = at;
    position.column += static_cast<int>(CodePointCount(text.substr(0, begin)));
    position.width = static_cast<int>(CodePointCount(text.substr(begin, end - begin)));
    return position;
  };
  std::string out;
  std::size_t from = 0;
  for (std::size_t begin = text.find("${"); begin != std::string_view::npos;
       begin = text.find("${", from)) {
    out += text.substr(from, begin - from);
    from = begin + 2;
    if (begin > 0 && text[begin - 1] == '$') {
      out += "{";  // the `$` before is the one that stays
      continue;
    }
    const std::optional<Reference> reference = ReadReference(text, begin);
    if (!reference) {
      diagnostics->Error("variable", place(begin, begin + 2), "`${` begins no variable",
                         "write ${NAME}, ${NAME:-default}, ${NAME:?message}, or $${ for the text");
      out += "${";
      continue;
    }
    from = reference->end;
    const std::string name(reference->name);
    std::optional<std::string> value = environment(name);
    if (reference->form != 0 && value && value->empty()) value = std::nullopt;
    if (!value && reference->form == '-') value = std::string(reference->word);
    if (!value) {
      const Position position = place(begin, reference->end);
      std::string message = "environment variable `" + name + "` is not set";
      if (!reference->word.empty()) message += ": " + std::string(reference->word);
      diagnostics->Error("variable", position, std::move(message),
                         "set it, or write ${" + name + ":-default}");
      value = std::string(text.substr(begin, reference->end - begin));
    }
    out += *value;
    if (out.size() > kMostBytes) {
      diagnostics->Error("variable", place(begin, reference->end),
                         "the text is longer than 64 KiB with `" + name + "`", "");
      return out;
    }
  }
  return out += text.substr(from);
}

}  // namespace leadflow
