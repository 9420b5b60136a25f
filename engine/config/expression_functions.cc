#include "engine/config/expression_functions.h"

#include <algorithm>
#include <array>

#include "engine/base/hash.h"
#include "engine/base/money.h"
#include "engine/base/wire.h"
#include "engine/base/unicode.h"
#include "engine/config/value_arithmetic.h"

namespace leadflow::expression {
namespace {

using A = ArgumentKind;
using T = ValueType;

constexpr Function kFunctions[] = {
    {"abs", FunctionId::kAbs, 1, 1, {A::kAmount, A::kAmount, A::kAmount}, T::kNull, "abs(number)"},
    {"coalesce", FunctionId::kCoalesce, 1, 16, {A::kAnything, A::kAnything, A::kAnything}, T::kNull, "coalesce(a, b, ...)"},
    {"concat", FunctionId::kConcat, 1, 16, {A::kAnything, A::kAnything, A::kAnything}, T::kString, "concat(a, b, ...)"},
    {"decimal", FunctionId::kDecimal, 1, 1, {A::kTextOrNumber, A::kTextOrNumber, A::kTextOrNumber}, T::kDecimal, "decimal(text or number)"},
    {"domain", FunctionId::kDomain, 1, 1, {A::kText, A::kText, A::kText}, T::kString, "domain(url or address)"},
    {"epoch_ms", FunctionId::kEpochMs, 1, 1, {A::kInteger, A::kInteger, A::kInteger}, T::kTime, "epoch_ms(int)"},
    {"epoch_s", FunctionId::kEpochS, 1, 1, {A::kInteger, A::kInteger, A::kInteger}, T::kTime, "epoch_s(int)"},
    {"has", FunctionId::kHas, 1, 1, {A::kAnything, A::kAnything, A::kAnything}, T::kBool, "has(field)"},
    {"hash", FunctionId::kHash, 1, 16, {A::kAnything, A::kAnything, A::kAnything}, T::kString, "hash(a, b, ...)"},
    {"int", FunctionId::kInt, 1, 1, {A::kTextOrNumber, A::kTextOrNumber, A::kTextOrNumber}, T::kInt, "int(text or number)"},
    {"len", FunctionId::kLen, 1, 1, {A::kText, A::kText, A::kText}, T::kInt, "len(text)"},
    {"lower", FunctionId::kLower, 1, 1, {A::kText, A::kText, A::kText}, T::kString, "lower(text)"},
    {"matches", FunctionId::kMatches, 2, 2, {A::kText, A::kConstantText, A::kConstantText}, T::kBool, "matches(text, \"pattern\")"},
    {"max", FunctionId::kMax, 1, 16, {A::kAmount, A::kAmount, A::kAmount}, T::kNull, "max(a, b, ...)"},
    {"min", FunctionId::kMin, 1, 16, {A::kAmount, A::kAmount, A::kAmount}, T::kNull, "min(a, b, ...)"},
    {"money", FunctionId::kMoney, 2, 2, {A::kTextOrNumber, A::kText, A::kText}, T::kMoney, "money(text or decimal, currency)"},
    {"parse_time", FunctionId::kParseTime, 1, 3, {A::kText, A::kConstantText, A::kConstantText}, T::kTime, "parse_time(text, \"format\", \"zone\")"},
    {"query_param", FunctionId::kQueryParam, 2, 2, {A::kText, A::kText, A::kText}, T::kString, "query_param(url, name)"},
    {"split", FunctionId::kSplit, 2, 2, {A::kText, A::kText, A::kText}, T::kNull, "split(text, separator)"},
    {"string", FunctionId::kString, 1, 1, {A::kAnything, A::kAnything, A::kAnything}, T::kString, "string(any)"},
    {"trim", FunctionId::kTrim, 1, 1, {A::kText, A::kText, A::kText}, T::kString, "trim(text)"},
    {"upper", FunctionId::kUpper, 1, 1, {A::kText, A::kText, A::kText}, T::kString, "upper(text)"},
    {"url_part", FunctionId::kUrlPart, 2, 2, {A::kText, A::kConstantText, A::kConstantText}, T::kString, "url_part(url, \"host\" | \"path\" | \"query\")"},
};

bool IsText(const Value& v) { return v.type == ValueType::kString; }

Value Made(const std::string& text, EvalArena& arena) {
  if (text.size() > kMostMadeBytes) return Value::Null();
  return Value::String(arena.Keep(text));
}

Value Cased(const Value& text, std::uint32_t (*change)(std::uint32_t), EvalArena& arena) {
  if (!IsText(text)) return Value::Null();
  std::string out;
  const std::string_view in = text.string();
  for (std::size_t at = 0; at < in.size();) {
    const CodePoint point = CodePointAt(in, at);
    if (point.valid) {
      AppendUtf8(change(point.value), &out);
    } else {
      out += in[at];
    }
    at += point.size;
  }
  return Made(out, arena);
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// The parts of a url; without a scheme it is taken from the host on only if it begins with `//`.
struct UrlView {
  std::string_view host, path, query;
};
UrlView TakeApart(std::string_view url) {
  UrlView out;
  url = url.substr(0, url.find('#'));
  if (const std::size_t mark = url.find('?'); mark != std::string_view::npos) {
    out.query = url.substr(mark + 1);
    url = url.substr(0, mark);
  }
  std::size_t host = std::string_view::npos;
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) host = scheme + 3;
  if (url.substr(0, 2) == "//") host = 2;
  if (host == std::string_view::npos) {
    out.path = url;
    return out;
  }
  std::string_view rest = url.substr(host);
  const std::size_t slash = rest.find('/');
  out.path = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  rest = rest.substr(0, slash);
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) rest = rest.substr(at + 1);
  const std::size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && rest.find(']', colon) == std::string_view::npos) {
    rest = rest.substr(0, colon);
  }
  out.host = rest;
  return out;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
               HexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Value Domain(const Value& text, EvalArena& arena) {
  const std::string_view in = Trimmed(text.string());
  std::string_view host = TakeApart(in).host;
  if (host.empty()) {
    const std::size_t at = in.rfind('@');
    if (at != std::string_view::npos) host = in.substr(at + 1);
    if (at == std::string_view::npos && in.find('/') == std::string_view::npos &&
        in.find('.') != std::string_view::npos) {
      host = in;
    }
  }
  if (host.empty()) return Value::Null();
  return Cased(Value::String(host), ToLower, arena);
}

Value QueryParam(const Value& url, const Value& name, EvalArena& arena) {
  std::string_view query = TakeApart(url.string()).query;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equal = std::min(pair.find('='), pair.size());
    if (Decoded(pair.substr(0, equal)) == name.string()) {
      const std::string value = Decoded(pair.substr(std::min(equal + 1, pair.size())));
      return FindInvalidUtf8(value) == std::string_view::npos ? Made(value, arena) : Value::Null();
    }
    query = query.substr(std::min(end + 1, query.size()));
  }
  return Value::Null();
}

Value Hash(const Value* arguments, std::size_t count, EvalArena& arena) {
  std::string bytes, text;
  WireWriter writer(&bytes);
  for (std::size_t i = 0; i < count; ++i) {
    text.clear();
    AppendText(arguments[i], &text);
    writer.Bytes(text);
  }
  static constexpr char kHex[] = "0123456789abcdef";
  text.clear();
  for (const std::uint8_t byte : Hash128(bytes)) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return Made(text, arena);
}

Value ToInt(const Value& v) {
  std::optional<std::int64_t> number;
  if (v.type == ValueType::kInt) return v;
  if (v.type == ValueType::kDecimal) number = Truncated(v.decimal);
  if (IsText(v)) number = IntegerFromText(Trimmed(v.string()));
  return number ? Value::Int(*number) : Value::Null();
}

Value Decimals(const Value& v) {
  if (v.type == ValueType::kInt || v.type == ValueType::kDecimal) return ToDecimal(v);
  if (!IsText(v)) return Value::Null();
  const std::optional<Decimal> number = DecimalFromText(Trimmed(v.string()));
  return number ? Value::FromDecimal(*number) : Value::Null();
}

// Digits that the currency does not have are rounded half to even.
Value Money(const Value& amount, const Value& currency) {
  if (!IsText(currency)) return Value::Null();
  std::string code(Trimmed(currency.string()));
  for (char& c : code) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  const std::optional<int> exponent = CurrencyExponent(code);
  if (!exponent) return Value::Null();
  std::array<char, 3> letters{code[0], code[1], code[2]};
  if (IsText(amount)) {
    const auto minor = ParseMinor(Trimmed(amount.string()), *exponent);
    if (minor) return Value::Money(*minor, letters);
  }
  const Value decimal = Decimals(amount);
  if (decimal.is_null()) return Value::Null();
  Decimal unit = kDecimalOne;
  for (int i = 0; i < *exponent; ++i) unit /= 10;
  Decimal minor = decimal.decimal / unit, rest = decimal.decimal % unit;
  const bool negative = rest < 0;
  if (negative) rest = -rest;
  if (rest * 2 > unit || (rest * 2 == unit && minor % 2 != 0)) minor += negative ? -1 : 1;
  const auto narrow = static_cast<std::int64_t>(minor);
  return narrow == minor ? Value::Money(narrow, letters) : Value::Null();
}

Value Extreme(const Value* arguments, std::size_t count, int sign) {
  Value best = arguments[0];
  for (std::size_t i = 0; i < count; ++i) {
    const std::optional<int> order = Compare(arguments[i], best);
    if (!order) return Value::Null();
    if (*order * sign > 0) best = arguments[i];
  }
  return best;
}

// Calls visit(part) for each part until it returns false.
template <class Visit>
void ForEachPart(std::string_view text, std::string_view separator, Visit visit) {
  while (true) {
    const std::size_t end = separator.empty() ? std::string_view::npos : text.find(separator);
    if (!visit(text.substr(0, end)) || end == std::string_view::npos) return;
    text = text.substr(end + separator.size());
  }
}

}  // namespace

const Function* FindFunction(std::string_view name) {
  for (const Function& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

std::vector<std::string_view> FunctionNames() {
  std::vector<std::string_view> names;
  for (const Function& function : kFunctions) names.push_back(function.name);
  return names;
}

std::optional<UrlPart> UrlPartFromName(std::string_view name) {
  if (name == "host") return UrlPart::kHost;
  if (name == "path") return UrlPart::kPath;
  if (name == "query") return UrlPart::kQuery;
  return std::nullopt;
}

Value Call(FunctionId id, const Value* arguments, std::size_t count, EvalArena& arena) {
  const Value& first = arguments[0];
  if (id == FunctionId::kConcat) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) AppendText(arguments[i], &out);
    return Made(out, arena);
  }
  if (id == FunctionId::kHash) return Hash(arguments, count, arena);
  if (first.is_null()) return Value::Null();
  switch (id) {
    case FunctionId::kAbs: return Absolute(first);
    case FunctionId::kDecimal: return Decimals(first);
    case FunctionId::kDomain: return IsText(first) ? Domain(first, arena) : Value::Null();
    case FunctionId::kEpochMs:
      return first.type == ValueType::kInt ? Value::Time(first.integer) : Value::Null();
    case FunctionId::kEpochS: {
      std::int64_t ms = 0;
      const bool fits =
          first.type == ValueType::kInt && !__builtin_mul_overflow(first.integer, 1000, &ms);
      return fits ? Value::Time(ms) : Value::Null();
    }
    case FunctionId::kInt: return ToInt(first);
    case FunctionId::kLen:
      return IsText(first) ? Value::Int(static_cast<std::int64_t>(CodePointCount(first.string())))
                           : Value::Null();
    case FunctionId::kLower: return Cased(first, ToLower, arena);
    case FunctionId::kUpper: return Cased(first, ToUpper, arena);
    case FunctionId::kMax: return Extreme(arguments, count, 1);
    case FunctionId::kMin: return Extreme(arguments, count, -1);
    case FunctionId::kMoney: return Money(first, arguments[1]);
    case FunctionId::kQueryParam:
      return IsText(first) && IsText(arguments[1]) ? QueryParam(first, arguments[1], arena)
                                                   : Value::Null();
    case FunctionId::kString: {
      if (IsText(first)) return first;
      std::string out;
      AppendText(first, &out);
      return Made(out, arena);
    }
    case FunctionId::kTrim:
      return IsText(first) ? Value::String(Trimmed(first.string())) : Value::Null();
    default: return Value::Null();
  }
}

Value ParseTime(const Value& text, const TimeReader& reader) {
  if (!IsText(text)) return Value::Null();
  const std::string_view in = Trimmed(text.string());
  std::optional<std::int64_t> ms;
  if (!reader.format.empty()) {
    ms = ParseTimeWithFormat(in, reader.format, *reader.zone);
  } else {
    ms = ParseRfc3339(in);
    if (!ms && reader.zone) ms = ParseLocalTime(in, *reader.zone);
  }
  return ms ? Value::Time(*ms) : Value::Null();
}

Value PartOfUrl(const Value& url, UrlPart part, EvalArena& arena) {
  if (!IsText(url)) return Value::Null();
  const UrlView parts = TakeApart(Trimmed(url.string()));
  switch (part) {
    case UrlPart::kHost:
      return parts.host.empty() ? Value::Null() : Cased(Value::String(parts.host), ToLower, arena);
    case UrlPart::kPath: return parts.path.empty() ? Value::Null() : Value::String(parts.path);
    case UrlPart::kQuery: return parts.query.empty() ? Value::Null() : Value::String(parts.query);
  }
  return Value::Null();
}

Value SplitElement(const Value& text, const Value& separator, std::int64_t index) {
  if (!IsText(text) || !IsText(separator)) return Value::Null();
  if (index < 0) index += SplitCount(text, separator).integer;
  Value found;
  if (index < 0) return found;
  ForEachPart(text.string(), separator.string(), [&](std::string_view part) {
    if (index == 0) found = Value::String(part);
    return index-- > 0;
  });
  return found;
}

Value SplitCount(const Value& text, const Value& separator) {
  if (!IsText(text) || !IsText(separator)) return Value::Null();
  std::int64_t count = 0;
  ForEachPart(text.string(), separator.string(), [&](std::string_view) { return ++count > 0; });
  return Value::Int(count);
}

Value SplitContains(const Value& what, const Value& text, const Value& separator) {
  if (!IsText(what) || !IsText(text) || !IsText(separator)) return Value::Bool(false);
  bool found = false;
  ForEachPart(text.string(), separator.string(), [&](std::string_view part) {
    found = part == what.string();
    return !found;
  });
  return Value::Bool(found);
}

}  // namespace leadflow::expression
