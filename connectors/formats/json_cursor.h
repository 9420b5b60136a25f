// JsonCursor: a strict JSON reader (RFC 8259) that walks a message once, from left to right,
// without copies and without a tree. What is skipped is checked as well, so a message is either
// JSON to its last byte or refused with the place where it stops being JSON.
//
// Numbers stay text, because amounts must not pass through floating point. The bytes need no
// padding. Not thread-safe; borrows the text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/config/expression.h"

namespace leadflow {

// A string as it stands between its quotes.
struct JsonText {
  std::string_view raw;
  bool escaped = false;  // holds at least one backslash

  // The text it stands for: `raw` itself, or a copy in `arena`. An unpaired surrogate becomes
  // U+FFFD.
  std::string_view Decode(EvalArena& arena) const;
};

class JsonCursor {
 public:
  static constexpr int kMaxDepth = 64;

  enum class Type : unsigned char { kBad, kNull, kBool, kNumber, kString, kArray, kObject };

  // `text` must be UTF-8 (see IsUtf8); the cursor does not check that again.
  explicit JsonCursor(std::string_view text)
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  // What comes next. kBad: nothing that begins a value (and the cursor has failed).
  Type Peek();

  // Each reads one value of its type and fails on any other.
  bool String(JsonText* text);
  bool Number(std::string_view* token);
  bool Bool(bool* value);
  bool Null();

  // `{` or `[`; then NextMember or NextElement until they return false: at the end, or failed.
  // After each true one value must be read or skipped.
  bool BeginObject();
  bool NextMember(JsonText* key);
  bool BeginArray();
  bool NextElement();

  // Passes one value of any type; `bytes`: what it looks like.
  bool Skip();
  bool Skip(std::string_view* bytes);

  // Nothing but white space follows.
  bool End();

  bool ok() const { return error_ == nullptr; }
  // "expected `:` at byte 17". REQUIRES: !ok()
  std::string Error() const;

 private:
  bool Fail(const char* what);
  void SkipSpace();
  bool Next(char close, const char* expected);
  bool Literal(std::string_view word);
  bool CheckEscape();

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* error_ = nullptr;
  int depth_ = 0;
  bool first_ = true;  // no value since the last `{` or `[`
};

// True if `bytes` are UTF-8.
bool IsUtf8(std::string_view bytes);

}  // namespace leadflow
