#include "connectors/formats/json_cursor.h"

#include <cstdint>
#include <cstring>

#include <simdjson.h>

namespace leadflow {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighs = 0x8080808080808080ULL;

// A high bit for each byte that may be `"`, `\` or a control character. A borrow may also set the
// bit of the byte behind a hit, so only the lowest set bit counts.
std::uint64_t StringStops(std::uint64_t word) {
  const std::uint64_t quote = word ^ (kOnes * '"');
  const std::uint64_t backslash = word ^ (kOnes * '\\');
  const std::uint64_t stops = ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) |
                              ((word - kOnes * 0x20) & ~word);
  return stops & kHighs;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::uint32_t FourHex(const char* at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 4 | static_cast<std::uint32_t>(HexValue(at[i]));
  return value;
}

char* AppendUtf8(std::uint32_t code, char* out) {
  if (code < 0x80) {
    *out++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *out++ = static_cast<char>(0xC0 | code >> 6);
    *out++ = static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *out++ = static_cast<char>(0xE0 | code >> 12);
    *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3F));
    *out++ = static_cast<char>(0x80 | (code & 0x3F));
  } else {
    *out++ = static_cast<char>(0xF0 | code >> 18);
    *out++ = static_cast<char>(0x80 | (code >> 12 & 0x3F));
    *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3F));
    *out++ = static_cast<char>(0x80 | (code & 0x3F));
  }
  return out;
}

// Reads the code point of `\uXXXX` (and its second half) at `*at`, which points behind the `u`.
std::uint32_t ReadUnicode(const char** at, const char* end) {
  const std::uint32_t code = FourHex(*at);
  *at += 4;
  if (code < 0xD800 || code > 0xDFFF) return code;
  if (code < 0xDC00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
    const std::uint32_t low = FourHex(*at + 2);
    if (low >= 0xDC00 && low <= 0xDFFF) {
      *at += 6;
      return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
  }
  return 0xFFFD;
}

char SimpleEscape(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;  // " \ /
  }
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool IsUtf8(std::string_view bytes) {
  return simdjson::validate_utf8(bytes.data(), bytes.size());
}

std::string_view JsonText::Decode(EvalArena& arena) const {
  if (!escaped) return raw;
  char* const text = arena.Allocate(raw.size());  // Never longer than its escapes.
  char* out = text;
  const char* at = raw.data();
  const char* const end = at + raw.size();
  while (at != end) {
    if (*at != '\\') {
      *out++ = *at++;
      continue;
    }
    const char kind = at[1];
    at += 2;
    if (kind == 'u') {
      out = AppendUtf8(ReadUnicode(&at, end), out);
    } else {
      *out++ = SimpleEscape(kind);
    }
  }
  return {text, static_cast<std::size_t>(out - text)};
}

bool JsonCursor::Fail(const char* what) {
  if (error_ == nullptr) error_ = what;
  return false;
}

std::string JsonCursor::Error() const {
  return "expected " + std::string(error_) + " at byte " + std::to_string(at_ - begin_ + 1);
}

void JsonCursor::SkipSpace() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
}

JsonCursor::Type JsonCursor::Peek() {
  SkipSpace();
  if (at_ != end_ && error_ == nullptr) {
    switch (*at_) {
      case '{': return Type::kObject;
      case '[': return Type::kArray;
      case '"': return Type::kString;
      case 't':
      case 'f': return Type::kBool;
      case 'n': return Type::kNull;
      default:
        if (*at_ == '-' || IsDigit(*at_)) return Type::kNumber;
    }
  }
  Fail("a value");
  return Type::kBad;
}

bool JsonCursor::CheckEscape() {  // at_ points at the backslash
  if (end_ - at_ < 2) return Fail("the end of a string");
  switch (at_[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': at_ += 2; return true;
    case 'u':
      if (end_ - at_ < 6) return Fail("four hexadecimal digits");
      for (int i = 2; i < 6; ++i) {
        if (HexValue(at_[i]) < 0) return Fail("four hexadecimal digits");
      }
      at_ += 6;
      return true;
    default: return Fail("an escape sequence");
  }
}

bool JsonCursor::String(JsonText* text) {
  SkipSpace();
  if (at_ == end_ || *at_ != '"') return Fail("a string");
  const char* const start = ++at_;
  text->escaped = false;
  for (;;) {
    if (end_ - at_ >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at_, sizeof word);
      const std::uint64_t stops = StringStops(word);
      if (stops == 0) {
        at_ += 8;
        continue;
      }
      at_ += __builtin_ctzll(stops) / 8;
    } else if (at_ == end_) {
      return Fail("the end of a string");
    }
    const char c = *at_;
    if (c == '"') break;
    if (c == '\\') {
      text->escaped = true;
      if (!CheckEscape()) return false;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      return Fail("no control character");
    } else {
      ++at_;
    }
  }
  text->raw = {start, static_cast<std::size_t>(at_ - start)};
  ++at_;
  first_ = false;
  return true;
}

bool JsonCursor::Number(std::string_view* token) {
  SkipSpace();
  const char* const start = at_;
  const auto digits = [this] {
    if (at_ == end_ || !IsDigit(*at_)) return Fail("a digit");
    while (at_ != end_ && IsDigit(*at_)) ++at_;
    return true;
  };
  if (at_ != end_ && *at_ == '-') ++at_;
  if (at_ != end_ && *at_ == '0') {
    ++at_;
  } else if (!digits()) {
    return false;
  }
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if (!digits()) return false;
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return false;
  }
  *token = {start, static_cast<std::size_t>(at_ - start)};
  first_ = false;
  return true;
}

bool JsonCursor::Literal(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() ||
      std::memcmp(at_, word.data(), word.size()) != 0) {
    return Fail("true, false or null");
  }
  at_ += word.size();
  first_ = false;
  return true;
}

bool JsonCursor::Bool(bool* value) {
  SkipSpace();
  *value = at_ != end_ && *at_ == 't';
  return Literal(*value ? "true" : "false");
}

bool JsonCursor::Null() {
  SkipSpace();
  return Literal("null");
}

bool JsonCursor::BeginObject() {
  SkipSpace();
  if (at_ == end_ || *at_ != '{') return Fail("an object");
  if (++depth_ > kMaxDepth) return Fail("at most 64 levels");
  ++at_;
  first_ = true;
  return true;
}

bool JsonCursor::BeginArray() {
  SkipSpace();
  if (at_ == end_ || *at_ != '[') return Fail("a list");
  if (++depth_ > kMaxDepth) return Fail("at most 64 levels");
  ++at_;
  first_ = true;
  return true;
}

// Moves to the next item; false at `close`, which is passed, or failed.
bool JsonCursor::Next(char close, const char* expected) {
  if (error_ != nullptr) return false;
  SkipSpace();
  if (at_ == end_) return Fail(expected);
  if (*at_ == close) {
    ++at_;
    --depth_;
    first_ = false;
    return false;
  }
  if (first_) {
    first_ = false;
    return true;
  }
  if (*at_ != ',') return Fail(expected);
  ++at_;
  return true;
}

bool JsonCursor::NextMember(JsonText* key) {
  if (!Next('}', "`,` or `}`") || !String(key)) return false;
  SkipSpace();
  if (at_ == end_ || *at_ != ':') return Fail("`:`");
  ++at_;
  return true;
}

bool JsonCursor::NextElement() { return Next(']', "`,` or `]`"); }

bool JsonCursor::Skip() {
  JsonText text;
  std::string_view token;
  bool value;
  switch (Peek()) {
    case Type::kBad: return false;
    case Type::kNull: return Null();
    case Type::kBool: return Bool(&value);
    case Type::kNumber: return Number(&token);
    case Type::kString: return String(&text);
    case Type::kArray:
      if (!BeginArray()) return false;
      while (NextElement()) {
        if (!Skip()) return false;
      }
      return ok();
    case Type::kObject:
      if (!BeginObject()) return false;
      while (NextMember(&text)) {
        if (!Skip()) return false;
      }
      return ok();
  }
  return false;
}

bool JsonCursor::Skip(std::string_view* bytes) {
  SkipSpace();
  const char* const start = at_;
  if (!Skip()) return false;
  *bytes = {start, static_cast<std::size_t>(at_ - start)};
  return true;
}

bool JsonCursor::End() {
  if (error_ != nullptr) return false;
  SkipSpace();
  return at_ == end_ || Fail("the end of the message");
}

}  // namespace leadflow
