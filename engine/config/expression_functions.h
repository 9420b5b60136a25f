// The functions of the expression language: names, arguments, and what they compute.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/civil_time.h"
#include "engine/config/expression.h"
#include "engine/config/value.h"

namespace leadflow::expression {

enum class FunctionId : std::uint8_t {
  kAbs,
  kCoalesce,
  kConcat,
  kDecimal,
  kDomain,
  kEpochMs,
  kEpochS,
  kHas,
  kHash,
  kInt,
  kLen,
  kLower,
  kMatches,
  kMax,
  kMin,
  kMoney,
  kParseTime,
  kQueryParam,
  kSplit,
  kString,
  kTrim,
  kUpper,
  kUrlPart,
};

// What an argument may be; kAny is always allowed and looked at when the expression runs.
enum class ArgumentKind : std::uint8_t {
  kAnything,
  kText,
  kConstantText,  // written out in the expression
  kInteger,
  kNumber,  // int or decimal
  kAmount,  // int, decimal, duration or money
  kTextOrNumber,
};

struct Function {
  std::string_view name;
  FunctionId id;
  std::size_t fewest;
  std::size_t most;
  ArgumentKind arguments[3];  // the last one stands for those behind it
  ValueType result;           // kNull: follows from the arguments
  std::string_view usage;
};

// nullptr: there is no such function.
const Function* FindFunction(std::string_view name);
std::vector<std::string_view> FunctionNames();

// Constant arguments, made ready when the expression is compiled.
struct TimeReader {
  std::string format;  // empty: RFC 3339, or a local time
  std::optional<TimeZone> zone;
};
enum class UrlPart : std::uint8_t { kHost, kPath, kQuery };
std::optional<UrlPart> UrlPartFromName(std::string_view name);

// A text made here is at most this long; a longer one is null.
inline constexpr std::size_t kMostMadeBytes = 64 * 1024;

// Functions of values only: all but coalesce, has, matches, parse_time, split, url_part.
Value Call(FunctionId id, const Value* arguments, std::size_t count, EvalArena& arena);
Value ParseTime(const Value& text, const TimeReader& reader);
Value PartOfUrl(const Value& url, UrlPart part, EvalArena& arena);

// split(text, separator): one part (negative: from the end), how many there are, is `what` one?
// An empty separator splits nothing off.
Value SplitElement(const Value& text, const Value& separator, std::int64_t index);
Value SplitCount(const Value& text, const Value& separator);
Value SplitContains(const Value& what, const Value& text, const Value& separator);

}  // namespace leadflow::expression
