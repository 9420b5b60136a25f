// Expressions as text: errors with their place, and tokens.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "engine/config/expression_tree.h"
#include "engine/base/unicode.h"
#include "engine/config/value_arithmetic.h"

namespace leadflow::expression {
namespace {

bool IsNameStart(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool IsNamePart(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::optional<std::int64_t> UnitMillis(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit == "s") return 1000;
  if (unit == "m" || unit == "min") return 60'000;
  if (unit == "h") return 3'600'000;
  if (unit == "d") return 86'400'000;
  if (unit == "w") return 7 * 86'400'000;
  return std::nullopt;
}

class Tokenizer {
 public:
  explicit Tokenizer(Source& source) : source_(source), text_(source.text()) {}

  std::optional<std::vector<Token>> Run() {
    while (source_.ok()) {
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
      if (at_ == text_.size()) break;
      One();
    }
    if (!source_.ok()) return std::nullopt;
    tokens_.push_back({Token::Type::kEnd, text_.size(), text_.size(), "", 0, 0});
    return std::move(tokens_);
  }

 private:
  void One() {
    const char c = text_[at_];
    if (IsNameStart(c)) {
      Name();
    } else if (IsDigit(c)) {
      Number();
    } else if (c == '"' || c == '\'') {
      String(c);
    } else {
      Symbol();
    }
  }

  void Add(Token::Type type, std::size_t begin) {
    Token token;
    token.type = type;
    token.begin = begin;
    token.end = at_;
    token.text = std::string(text_.substr(begin, at_ - begin));
    tokens_.push_back(std::move(token));
  }

  void Name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           (IsNamePart(text_[at_]) ||
            (text_[at_] == '.' && at_ + 1 < text_.size() && IsNameStart(text_[at_ + 1])))) {
      ++at_;
    }
    Add(Token::Type::kName, begin);
  }

  void Number() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
    bool decimal = false;
    if (at_ + 1 < text_.size() && text_[at_] == '.' && IsDigit(text_[at_ + 1])) {
      decimal = true;
      ++at_;
      while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
    }
    const std::string_view digits = text_.substr(begin, at_ - begin);
    const std::size_t unit_at = at_;
    while (at_ < text_.size() && IsNamePart(text_[at_])) ++at_;
    const std::string_view unit = text_.substr(unit_at, at_ - unit_at);
    if (decimal && unit.empty()) {
      const std::optional<Decimal> value = DecimalFromText(digits);
      if (!value) return source_.Error("number", begin, at_, "a number that is too large");
      Add(Token::Type::kDecimal, begin);
      tokens_.back().decimal = *value;
      return;
    }
    const std::optional<std::int64_t> value = IntegerFromText(digits);
    if (decimal || !value) {
      return source_.Error("number", begin, at_,
                           decimal ? "a duration has whole units" : "a number that is too large");
    }
    if (unit.empty()) {
      Add(Token::Type::kInt, begin);
      tokens_.back().integer = *value;
      return;
    }
    const std::optional<std::int64_t> millis = UnitMillis(unit);
    std::int64_t total = 0;
    if (!millis || __builtin_mul_overflow(*value, *millis, &total)) {
      return source_.Error("number", begin, at_, "no unit `" + std::string(unit) + "`",
                           "durations are written 90s, 30min, 12h, 7d");
    }
    Add(Token::Type::kDuration, begin);
    tokens_.back().integer = total;
  }

  void String(char quote) {
    const std::size_t begin = at_++;
    std::string text;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        Escape(&text);
      } else {
        text += text_[at_++];
      }
    }
    if (at_ == text_.size()) {
      return source_.Error("syntax", begin, begin + 1, "a text without an end",
                           std::string("close it with ") + quote);
    }
    ++at_;
    Add(Token::Type::kString, begin);
    tokens_.back().text = std::move(text);
  }

  // \n \t \\ and quotes; every other backslash stays, because regular expressions are full of them.
  void Escape(std::string* text) {
    const char next = text_[at_ + 1];
    at_ += 2;
    switch (next) {
      case 'n': *text += '\n'; break;
      case 't': *text += '\t'; break;
      case '"':
      case '\'': *text += next; break;
      case '\\': *text += '\\'; break;
      default: *text += '\\'; *text += next;
    }
  }

  void Symbol() {
    static constexpr std::string_view kTwo[] = {"==", "!=", "<=", ">=", "&&", "||"};
    static constexpr std::string_view kOne = "<>!+-*/()[],?:.$";
    for (const std::string_view two : kTwo) {
      if (text_.substr(at_, 2) != two) continue;
      at_ += 2;
      return Add(Token::Type::kSymbol, at_ - 2);
    }
    if (kOne.find(text_[at_]) != std::string_view::npos) {
      ++at_;
      return Add(Token::Type::kSymbol, at_ - 1);
    }
    const std::size_t size = CodePointAt(text_, at_).size;
    std::string hint;
    if (text_[at_] == '=') hint = "equality is ==";
    if (text_[at_] == '&') hint = "and is &&";
    if (text_[at_] == '|') hint = "or is ||";
    source_.Error("syntax", at_, at_ + size,
                  "`" + std::string(text_.substr(at_, size)) + "` means nothing here", hint);
  }

  Source& source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

void Source::Error(std::string id, std::size_t begin, std::size_t end, std::string message,
                   std::string hint) {
  ++errors_;
  Position at = at_;
  // A text over several lines keeps the column of its first one.
  const std::size_t line = text_.substr(0, begin).rfind('\n');
  if (line == std::string_view::npos) {
    at.column += static_cast<int>(CodePointCount(text_.substr(0, begin)));
  } else {
    for (const char c : text_.substr(0, begin)) at.line += c == '\n' ? 1 : 0;
  }
  at.width = std::max(1, static_cast<int>(CodePointCount(text_.substr(begin, end - begin))));
  diagnostics_.Error(std::move(id), at, std::move(message), std::move(hint));
}

std::optional<std::vector<Token>> Tokenize(Source& source) { return Tokenizer(source).Run(); }

}  // namespace leadflow::expression
