#include "connectors/formats/number_text.h"

#include <algorithm>
#include <charconv>

namespace leadflow {
namespace {

constexpr int kScale = 9;
constexpr Decimal kLimit = Decimal{100'000'000'000} * 1'000'000'000 * kDecimalOne;  // 1e20

struct Digits {
  Decimal value = 0;     // all digits kept so far
  int behind_point = 0;  // how many of them stand behind the point
  bool dropped = false;  // a digit other than 0 was cut
  int any = 0;
};

// Keeps at most 29 digits: beyond the ninth behind the point they only matter for rounding.
bool ReadDigits(std::string_view* text, bool fraction, Digits* digits) {
  while (!text->empty() && text->front() >= '0' && text->front() <= '9') {
    const int digit = text->front() - '0';
    text->remove_prefix(1);
    ++digits->any;
    if (fraction && digits->behind_point >= 2 * kScale) {
      digits->dropped = digits->dropped || digit != 0;
      continue;
    }
    if (digits->value > kLimit) return false;
    digits->value = digits->value * 10 + digit;
    if (fraction) ++digits->behind_point;
  }
  return true;
}

// value / 10^places, half to even; `sticky`: digits behind were cut.
Decimal Shrink(Decimal value, int places, bool sticky) {
  Decimal divisor = 1;
  for (int i = 0; i < places; ++i) divisor *= 10;
  const Decimal quotient = value / divisor;
  const Decimal rest = value % divisor;
  const Decimal twice = rest * 2;
  const bool up = twice > divisor || (twice == divisor && (sticky || quotient % 2 != 0));
  return quotient + (up ? 1 : 0);
}

}  // namespace

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Decimal> ParseDecimal(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  Digits digits;
  if (!ReadDigits(&text, false, &digits)) return std::nullopt;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    if (!ReadDigits(&text, true, &digits)) return std::nullopt;
  }
  if (digits.any == 0) return std::nullopt;
  std::int64_t exponent = 0;
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    const auto parsed = ParseInteger(text.substr(1));
    if (!parsed || *parsed > 40 || *parsed < -40) return std::nullopt;
    exponent = *parsed;
    text = {};
  }
  if (!text.empty()) return std::nullopt;
  const std::int64_t places = kScale - digits.behind_point + exponent;
  Decimal value = digits.value;
  for (std::int64_t i = 0; i < places && value != 0; ++i) {
    if (value > kLimit) return std::nullopt;
    value *= 10;
  }
  if (places < 0)
    value = places < -38 ? 0 : Shrink(value, static_cast<int>(-places), digits.dropped);
  if (value > kLimit) return std::nullopt;
  return negative ? -value : value;
}

Value NumberValue(std::string_view token) {
  if (const auto integer = ParseInteger(token)) return Value::Int(*integer);
  if (const auto decimal = ParseDecimal(token)) return Value::FromDecimal(*decimal);
  return Value::String(token);
}

std::string_view IntegerText(std::int64_t value, EvalArena& arena) {
  char buffer[24];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  return arena.Keep({buffer, static_cast<std::size_t>(result.ptr - buffer)});
}

std::string_view DecimalText(Decimal value, EvalArena& arena) {
  char buffer[48];
  char* at = buffer + sizeof buffer;
  const bool negative = value < 0;
  Decimal rest = negative ? -value : value;
  int behind = kScale;
  while (behind > 0 && rest % 10 == 0) {
    rest /= 10;
    --behind;
  }
  int written = 0;
  while (rest != 0 || written <= behind) {
    if (written == behind && behind > 0) *--at = '.';
    *--at = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
    ++written;
  }
  if (negative) *--at = '-';
  return arena.Keep({at, static_cast<std::size_t>(buffer + sizeof buffer - at)});
}

}  // namespace leadflow
