#include "engine/config/value_arithmetic.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "engine/base/civil_time.h"
#include "engine/base/money.h"

namespace leadflow::expression {
namespace {

bool IsNumber(const Value& v) { return v.type == ValueType::kInt || v.type == ValueType::kDecimal; }

Decimal Widened(const Value& number) {
  return number.type == ValueType::kInt ? static_cast<Decimal>(number.integer) * kDecimalOne
                                        : number.decimal;
}

// numerator / denominator, half to even. REQUIRES: denominator != 0
Decimal DivideHalfEven(Decimal numerator, Decimal denominator) {
  Decimal quotient = numerator / denominator;
  Decimal rest = numerator % denominator;
  const bool negative = (numerator < 0) != (denominator < 0);
  if (rest < 0) rest = -rest;
  const Decimal other = (denominator < 0 ? -denominator : denominator) - rest;
  if (rest > other || (rest == other && quotient % 2 != 0)) quotient += negative ? -1 : 1;
  return quotient;
}

// The smallest Decimal has no opposite: it is outside the range.
Value Made(bool overflow, Decimal decimal) {
  if (overflow || decimal == std::numeric_limits<Decimal>::min()) return Value::Null();
  return Value::FromDecimal(decimal);
}

// A result in the type and currency of `like`.
Value Made(bool overflow, std::int64_t integer, const Value& like) {
  if (overflow) return Value::Null();
  Value result = like;
  result.integer = integer;
  return result;
}

bool IsScaled(const Value& v) {
  return v.type == ValueType::kDuration || v.type == ValueType::kMoney;
}

// The type of a sum or difference of two whole numbers of units, as an example value; nullopt if
// there is none.
std::optional<Value> SumLike(const Value& a, const Value& b, bool subtract) {
  if (a.type == b.type) {
    if (a.type == ValueType::kTime) {
      return subtract ? std::optional<Value>(Value::Duration(0)) : std::nullopt;
    }
    if (a.type == ValueType::kMoney && a.currency != b.currency) return std::nullopt;
    if (a.type == ValueType::kInt || IsScaled(a)) return a;
    return std::nullopt;
  }
  if (a.type == ValueType::kTime && b.type == ValueType::kDuration) return a;
  if (a.type == ValueType::kDuration && b.type == ValueType::kTime && !subtract) return b;
  return std::nullopt;
}

// amount x number, half to even.
Value Scale(const Value& amount, const Value& number) {
  if (number.type == ValueType::kInt) {
    std::int64_t product = 0;
    const bool overflow = __builtin_mul_overflow(amount.integer, number.integer, &product);
    return Made(overflow, product, amount);
  }
  Decimal product = 0;
  if (__builtin_mul_overflow(static_cast<Decimal>(amount.integer), number.decimal, &product)) {
    return Value::Null();
  }
  product = DivideHalfEven(product, kDecimalOne);
  const auto narrow = static_cast<std::int64_t>(product);
  return Made(narrow != product, narrow, amount);
}

Value Ratio(Decimal numerator, Decimal denominator) {
  Decimal scaled = 0;
  if (denominator == 0 || __builtin_mul_overflow(numerator, Decimal{kDecimalOne}, &scaled)) {
    return Value::Null();
  }
  return Made(false, DivideHalfEven(scaled, denominator));
}

template <class T>
int Sign(const T& a, const T& b) {
  return a < b ? -1 : a == b ? 0 : 1;
}

std::string_view WithoutSign(std::string_view text, bool* negative) {
  *negative = text.starts_with('-');
  if (*negative || text.starts_with('+')) text.remove_prefix(1);
  return text;
}

void AppendDecimal(Decimal decimal, std::string* out) {
  auto magnitude = static_cast<unsigned __int128>(decimal < 0 ? -decimal : decimal);
  std::array<char, 48> buffer;
  std::size_t at = buffer.size();
  bool behind = true;  // still behind the point
  bool shown = false;  // a digit behind the point is shown
  for (int digit = 0; digit <= 9 || magnitude != 0; ++digit) {
    if (digit == 9) {
      if (shown) buffer[--at] = '.';
      behind = false;
    }
    const auto value = static_cast<int>(magnitude % 10);
    magnitude /= 10;
    shown = shown || value != 0;
    if (!behind || shown) buffer[--at] = static_cast<char>('0' + value);
  }
  if (decimal < 0) buffer[--at] = '-';
  out->append(buffer.data() + at, buffer.size() - at);
}

}  // namespace

Value Add(const Value& a, const Value& b) {
  if (const auto like = SumLike(a, b, false)) {
    std::int64_t sum = 0;
    const bool overflow = __builtin_add_overflow(a.integer, b.integer, &sum);
    return Made(overflow, sum, *like);
  }
  if (!IsNumber(a) || !IsNumber(b)) return Value::Null();
  Decimal sum = 0;
  const bool overflow = __builtin_add_overflow(Widened(a), Widened(b), &sum);
  return Made(overflow, sum);
}

Value Subtract(const Value& a, const Value& b) {
  if (const auto like = SumLike(a, b, true)) {
    std::int64_t difference = 0;
    const bool overflow = __builtin_sub_overflow(a.integer, b.integer, &difference);
    return Made(overflow, difference, *like);
  }
  if (!IsNumber(a) || !IsNumber(b)) return Value::Null();
  Decimal difference = 0;
  const bool overflow = __builtin_sub_overflow(Widened(a), Widened(b), &difference);
  return Made(overflow, difference);
}

Value Multiply(const Value& a, const Value& b) {
  if (IsScaled(a) && IsNumber(b)) return Scale(a, b);
  if (IsNumber(a) && IsScaled(b)) return Scale(b, a);
  if (!IsNumber(a) || !IsNumber(b)) return Value::Null();
  if (a.type == ValueType::kInt && b.type == ValueType::kInt) return Scale(a, b);
  Decimal product = 0;
  if (a.type == ValueType::kDecimal && b.type == ValueType::kDecimal) {
    const bool overflow = __builtin_mul_overflow(a.decimal, b.decimal, &product);
    return Made(overflow, DivideHalfEven(product, kDecimalOne));
  }
  const Value& decimal = a.type == ValueType::kDecimal ? a : b;
  const Value& integer = a.type == ValueType::kDecimal ? b : a;
  const bool overflow =
      __builtin_mul_overflow(decimal.decimal, static_cast<Decimal>(integer.integer), &product);
  return Made(overflow, product);
}

Value Divide(const Value& a, const Value& b) {
  if (IsScaled(a) && a.type == b.type && a.currency == b.currency) {
    return Ratio(a.integer, b.integer);
  }
  if (IsScaled(a) && IsNumber(b)) {
    Decimal scaled = 0;
    const Decimal divisor = Widened(b);
    if (divisor == 0 ||
        __builtin_mul_overflow(static_cast<Decimal>(a.integer), Decimal{kDecimalOne}, &scaled)) {
      return Value::Null();
    }
    const Decimal quotient = DivideHalfEven(scaled, divisor);
    const auto narrow = static_cast<std::int64_t>(quotient);
    return Made(narrow != quotient, narrow, a);
  }
  if (!IsNumber(a) || !IsNumber(b)) return Value::Null();
  if (a.type == ValueType::kInt && b.type == ValueType::kInt) return Ratio(a.integer, b.integer);
  return Ratio(Widened(a), Widened(b));
}

Value Negate(const Value& a) {
  if (a.type == ValueType::kDecimal) return Value::FromDecimal(-a.decimal);
  if (a.type != ValueType::kInt && !IsScaled(a)) return Value::Null();
  std::int64_t negated = 0;
  const bool overflow = __builtin_sub_overflow(std::int64_t{0}, a.integer, &negated);
  return Made(overflow, negated, a);
}

Value Absolute(const Value& a) {
  const bool negative = a.type == ValueType::kDecimal ? a.decimal < 0 : a.integer < 0;
  if (negative) return Negate(a);
  return IsNumber(a) || IsScaled(a) ? a : Value::Null();
}

std::optional<int> Compare(const Value& a, const Value& b) {
  if (a.type != b.type) {
    if (IsNumber(a) && IsNumber(b)) return Sign(Widened(a), Widened(b));
    return std::nullopt;
  }
  switch (a.type) {
    case ValueType::kNull:
    case ValueType::kAny: return std::nullopt;
    case ValueType::kDecimal: return Sign(a.decimal, b.decimal);
    case ValueType::kString: return Sign(a.string().compare(b.string()), 0);
    case ValueType::kMoney:
      if (a.currency != b.currency) return std::nullopt;
      return Sign(a.integer, b.integer);
    case ValueType::kBool:
    case ValueType::kInt:
    case ValueType::kDuration:
    case ValueType::kTime: return Sign(a.integer, b.integer);
  }
  return std::nullopt;
}

std::optional<Decimal> DecimalFromText(std::string_view text) {
  bool negative = false;
  text = WithoutSign(text, &negative);
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view behind = text.substr(std::min(point + 1, text.size()));
  if (whole.empty() || (point < text.size() && behind.empty())) return std::nullopt;
  Decimal value = 0;
  const auto push = [&value](char c) {
    return c >= '0' && c <= '9' && !__builtin_mul_overflow(value, Decimal{10}, &value) &&
           !__builtin_add_overflow(value, Decimal{c - '0'}, &value);
  };
  for (const char c : whole) {
    if (!push(c)) return std::nullopt;
  }
  for (std::size_t i = 0; i < 9; ++i) {
    if (!push(i < behind.size() ? behind[i] : '0')) return std::nullopt;
  }
  if (behind.size() > 9) {
    const std::string_view rest = behind.substr(9);
    if (rest.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    const bool exact_half = rest[0] == '5' && rest.find_first_not_of('0', 1) == rest.npos;
    if (rest[0] > '5' || (rest[0] == '5' && !exact_half) || (exact_half && value % 2 != 0)) {
      if (__builtin_add_overflow(value, Decimal{1}, &value)) return std::nullopt;
    }
  }
  return negative ? -value : value;
}

std::optional<std::int64_t> IntegerFromText(std::string_view text) {
  const bool plus = text.starts_with('+');
  if (plus) text.remove_prefix(1);
  if (plus && text.starts_with('-')) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Value ToDecimal(const Value& a) {
  return a.type == ValueType::kInt ? Value::FromDecimal(Widened(a)) : a;
}

std::optional<std::int64_t> Truncated(Decimal decimal) {
  const Decimal whole = decimal / kDecimalOne;
  const auto narrow = static_cast<std::int64_t>(whole);
  if (narrow != whole) return std::nullopt;
  return narrow;
}

void AppendText(const Value& value, std::string* out) {
  switch (value.type) {
    case ValueType::kNull:
    case ValueType::kAny: return;
    case ValueType::kBool: *out += value.integer != 0 ? "true" : "false"; return;
    case ValueType::kInt: *out += std::to_string(value.integer); return;
    case ValueType::kDecimal: AppendDecimal(value.decimal, out); return;
    case ValueType::kString: *out += value.string(); return;
    case ValueType::kDuration: *out += std::to_string(value.integer) + "ms"; return;
    case ValueType::kTime: *out += TimeZone::Utc().Format(value.integer); return;
    case ValueType::kMoney: {
      const std::string_view currency(value.currency.data(), value.currency.size());
      *out += FormatMinor(value.integer, CurrencyExponent(currency).value_or(2)) + " ";
      *out += currency;
      return;
    }
  }
}

}  // namespace leadflow::expression
