// The inside of expression.h: a text as tokens and as a checked tree. Only the compiler of
// expressions includes this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/diagnostics.h"
#include "engine/config/expression.h"
#include "engine/config/expression_functions.h"
#include "engine/config/value.h"

namespace leadflow::expression {

inline constexpr std::size_t kMostTextBytes = 8 * 1024;
inline constexpr int kMostDepth = 64;
inline constexpr std::size_t kMostArguments = 32;
inline constexpr std::size_t kMostPathSteps = 32;

// The text, where it stands, and where its mistakes go.
class Source {
 public:
  Source(std::string_view text, Position at, Diagnostics* diagnostics)
      : text_(text), at_(at), diagnostics_(*diagnostics) {}

  std::string_view text() const { return text_; }
  std::string_view Part(std::size_t begin, std::size_t end) const {
    return text_.substr(begin, end - begin);
  }
  // `begin` and `end` are byte offsets in the text.
  void Error(std::string id, std::size_t begin, std::size_t end, std::string message,
             std::string hint = "");
  bool ok() const { return errors_ == 0; }

 private:
  std::string_view text_;
  Position at_;
  Diagnostics& diagnostics_;
  int errors_ = 0;
};

struct Token {
  enum class Type : unsigned char { kEnd, kName, kString, kInt, kDecimal, kDuration, kSymbol };
  Type type = Type::kEnd;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string text;          // kName, kSymbol: as written; kString: what it means
  std::int64_t integer = 0;  // kInt, kDuration (milliseconds)
  Decimal decimal = 0;       // kDecimal

  bool Is(std::string_view symbol) const { return type == Type::kSymbol && text == symbol; }
  bool IsWord(std::string_view word) const { return type == Type::kName && text == word; }
};

// The tokens, the last of which is kEnd; nullopt after an error.
std::optional<std::vector<Token>> Tokenize(Source& source);

enum class Operator : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
};

struct Node {
  enum class Kind : unsigned char {
    kConstant,     // value (a string's bytes are in `text`)
    kName,         // text: dotted
    kPath,         // path
    kNot,          // 1
    kNegate,       // 1
    kAnd,          // 2 or more
    kOr,           // 2 or more
    kCompare,      // 2, op
    kArithmetic,   // 2, op
    kConditional,  // condition, then, else
    kIn,           // what, then the list's members; or what and one kCall of split
    kMatches,      // text, pattern
    kCall,         // text: the function's name
    kElement,      // kCall of split; value: which one
  };

  Kind kind = Kind::kConstant;
  Operator op = Operator::kEqual;
  std::size_t begin = 0;
  std::size_t end = 0;
  int depth = 1;
  std::string text;
  std::size_t name_end = 0;  // kCall: where the function's name ends
  Value value;
  std::vector<PathStep> path;
  std::vector<std::unique_ptr<Node>> args;

  // Filled by Check.
  ValueType type = ValueType::kNull;
  bool is_list = false;                // the result of split
  bool is_wrong = false;               // has been reported; no errors that follow from it
  bool to_decimal = false;             // an int is made a decimal at the end
  int slot = -1;                       // kName, kPath
  const Function* function = nullptr;  // kCall

  bool IsString() const { return kind == Kind::kConstant && value.type == ValueType::kString; }
};

// nullptr after an error (the first one only: what follows a syntax error is guesswork).
std::unique_ptr<Node> Parse(Source& source, std::vector<Token> tokens);

// Types, names and arguments; reports every mistake. `zone`: see Expression::Compile.
void Check(Source& source, Scope& scope, ValueType expected, std::string_view zone, Node* root);

}  // namespace leadflow::expression
