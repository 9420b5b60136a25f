// Arithmetic, comparison and text of Values. Exact: what does not fit, or has no sense, is null.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/config/value.h"

namespace leadflow::expression {

// Integers and decimals mix; a time and a duration, money and a number, do what one expects. An
// overflow, a division by zero, and types that do not go together give null. Division of numbers
// gives a decimal, rounded half to even at 1e-9, also of two integers.
Value Add(const Value& a, const Value& b);
Value Subtract(const Value& a, const Value& b);
Value Multiply(const Value& a, const Value& b);
Value Divide(const Value& a, const Value& b);
Value Negate(const Value& a);
Value Absolute(const Value& a);

// -1, 0, 1; nullopt: they cannot be compared (types, currencies, null).
std::optional<int> Compare(const Value& a, const Value& b);

// [-+]digits[.digits]; digits behind the ninth are rounded half to even. nullopt: no number, or
// beyond the range of Decimal.
std::optional<Decimal> DecimalFromText(std::string_view text);
std::optional<std::int64_t> IntegerFromText(std::string_view text);

// int -> decimal; everything else as it is.
Value ToDecimal(const Value& a);
std::optional<std::int64_t> Truncated(Decimal decimal);

// "true", "5", "1.5", the text itself, "90000ms", "2026-03-03T09:00:00+00:00", "12.34 EUR"; null:
// "".
void AppendText(const Value& value, std::string* out);

}  // namespace leadflow::expression
