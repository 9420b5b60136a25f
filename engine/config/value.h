// Value: what an expression computes with. 32 bytes, borrowed strings, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace leadflow {

enum class ValueType : std::uint8_t {
  kNull,
  kBool,
  kInt,
  kDecimal,   // fixed point, 1e-9
  kString,    // UTF-8, borrowed
  kDuration,  // milliseconds
  kTime,      // milliseconds since 1970 UTC
  kMoney,     // minor units of a currency
  kAny,       // compile time only: the type is known at run time (fields of a source message)
};

std::string_view ValueTypeName(ValueType type);

using Decimal = __int128;  // x 1e-9
inline constexpr std::int64_t kDecimalOne = 1'000'000'000;

struct Value {
  ValueType type = ValueType::kNull;
  std::array<char, 3> currency{};  // kMoney: ISO 4217 code
  union {
    std::int64_t integer = 0;  // kBool (0, 1), kInt, kDuration, kTime, kMoney
    const char* text;          // kString
  };
  union {
    Decimal decimal = 0;    // kDecimal
    std::uint64_t size;     // kString
  };

  static Value Null() { return {}; }
  static Value Bool(bool b) { return Of(ValueType::kBool, b ? 1 : 0); }
  static Value Int(std::int64_t i) { return Of(ValueType::kInt, i); }
  static Value Duration(std::int64_t ms) { return Of(ValueType::kDuration, ms); }
  static Value Time(std::int64_t ms) { return Of(ValueType::kTime, ms); }
  static Value FromDecimal(Decimal d) {
    Value v;
    v.type = ValueType::kDecimal;
    v.decimal = d;
    return v;
  }
  static Value Money(std::int64_t minor, std::array<char, 3> currency) {
    Value v = Of(ValueType::kMoney, minor);
    v.currency = currency;
    return v;
  }
  static Value String(std::string_view s) {
    Value v;
    v.type = ValueType::kString;
    v.text = s.data();
    v.size = s.size();
    return v;
  }

  bool is_null() const { return type == ValueType::kNull; }
  bool IsTrue() const { return type == ValueType::kBool && integer != 0; }
  std::string_view string() const { return {text, static_cast<std::size_t>(size)}; }

 private:
  static Value Of(ValueType type, std::int64_t i) {
    Value v;
    v.type = type;
    v.integer = i;
    return v;
  }
};

}  // namespace leadflow
