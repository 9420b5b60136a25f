// Any text as an expression over fields of every type, evaluated on ordinary, extreme and missing
// values. The first byte chooses the values, the second the type asked for.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include "engine/config/diagnostics.h"
#include "engine/config/expression.h"
#include "engine/config/value_arithmetic.h"

namespace leadflow {
namespace {

constexpr std::array<std::string_view, 8> kNames = {"s", "i", "d", "b",
                                                    "t", "g", "m", "utm.source"};
constexpr std::array<ValueType, 8> kTypes = {
    ValueType::kString, ValueType::kInt,      ValueType::kDecimal, ValueType::kBool,
    ValueType::kTime,   ValueType::kDuration, ValueType::kMoney,   ValueType::kString};

class Fields final : public Scope, public FieldSource {
 public:
  explicit Fields(std::uint8_t set) : set_(set) {}

  std::optional<Slot> Name(std::string_view dotted) override {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (kNames[i] == dotted) return Slot{static_cast<int>(i), kTypes[i]};
    }
    return std::nullopt;
  }
  std::optional<Slot> Path(const std::vector<PathStep>& path) override {
    return Slot{static_cast<int>(path.size() % kNames.size()), ValueType::kAny};
  }
  std::vector<std::string_view> names() const override { return {kNames.begin(), kNames.end()}; }

  Value Field(int slot) const override {
    const std::int64_t number = Number();
    if (set_ % 8 == 7) return Value::Null();
    switch (kTypes[static_cast<std::size_t>(slot)]) {
      case ValueType::kString: return Value::String(Text());
      case ValueType::kInt: return Value::Int(number);
      case ValueType::kDecimal: return Value::FromDecimal(Decimal{number} * number);
      case ValueType::kBool: return Value::Bool(number > 0);
      case ValueType::kTime: return Value::Time(number);
      case ValueType::kDuration: return Value::Duration(number);
      default: return Value::Money(number, {'E', 'U', 'R'});
    }
  }

 private:
  std::int64_t Number() const {
    constexpr std::int64_t kNumbers[] = {1'772'359'200'000,
                                         std::numeric_limits<std::int64_t>::max(),
                                         std::numeric_limits<std::int64_t>::min(),
                                         0,
                                         -1,
                                         253'402'300'799'999,
                                         -62'135'596'800'000,
                                         7};
    return kNumbers[set_ % 8];
  }
  std::string_view Text() const {
    constexpr std::string_view kTexts[] = {"https://Ann@www.example.com:80/a/b?x=1&y=%41+z#f",
                                           "",
                                           " 12.345 ",
                                           "2026-03-01T10:00:00Z",
                                           "Größe,a,b,,ẞ",
                                           "-9223372036854775808",
                                           "31.12.2026 23:59",
                                           "99999999999999999999.9999999999"};
    return kTexts[set_ / 8 % 8];
  }

  std::uint8_t set_;
};

void Run(std::uint8_t set, std::uint8_t wanted, std::string_view text) {
  constexpr ValueType kWanted[] = {ValueType::kAny, ValueType::kBool, ValueType::kDecimal,
                                   ValueType::kString};
  Fields fields(set);
  Diagnostics problems("fuzz", std::string(text));
  const auto compiled = Expression::Compile(text, {1, 1, 1}, fields, kWanted[wanted % 4],
                                            wanted < 128 ? "Europe/Berlin" : "", &problems);
  problems.Text();
  if ((compiled == nullptr) == problems.ok()) std::abort();
  if (compiled == nullptr) return;
  EvalArena arena;
  const Value first = compiled->Evaluate(fields, arena);
  const ValueType type = compiled->type();
  if (type != ValueType::kAny && !first.is_null() && first.type != type) std::abort();
  std::string shown, again;
  expression::AppendText(first, &shown);
  EvalArena other;
  expression::AppendText(compiled->Evaluate(fields, other), &again);
  if (shown != again) std::abort();
}

}  // namespace
}  // namespace leadflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  leadflow::Run(data[0], data[1], {reinterpret_cast<const char*>(data) + 2, size - 2});
  return 0;
}
