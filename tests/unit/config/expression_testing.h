// A made-up event and message for tests of expressions, and values as text.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/expression.h"
#include "engine/config/value_arithmetic.h"

namespace leadflow {

// Fields by name, a message by path. What is asked for gets a slot; what is not here is null.
class TestFields final : public Scope, public FieldSource {
 public:
  TestFields() {
    const Value at = Value::Time(1'772'359'200'000);  // 2026-03-01T10:00:00Z
    fields_ = {{"kind", Value::String("order")},
               {"company", Value::String("Müller & Söhne")},
               {"score", Value::Int(50)},
               {"price", Value::FromDecimal(1'250'000'000)},
               {"time", at},
               {"gap", Value::Duration(90 * 60'000)},
               {"bounce", Value::Bool(true)},
               {"utm.source", Value::String("google")},
               {"amount", Value::Money(1234, kEur)},
               {"discount", Value::Money(500, kUsd)}};
    absent_ = {{"email", ValueType::kString},
               {"rating", ValueType::kInt},
               {"machine", ValueType::kBool},
               {"updated", ValueType::kTime}};
    message_ = {
        {"$.n", Value::Int(7)},
        {"$.half", Value::FromDecimal(500'000'000)},
        {"$.text", Value::String("12.5")},
        {"$.yes", Value::Bool(true)},
        {"$.a.b-c.0", Value::String("deep")},
        {"$.url", Value::String("https://Shop.example.com:8443/a/b?x=1&q=a%20b+c&x=2#top")}};
  }

  std::optional<Slot> Name(std::string_view dotted) override {
    if (const auto found = fields_.find(dotted); found != fields_.end()) {
      return Slot{Number(found->second), found->second.type};
    }
    const auto absent = absent_.find(dotted);
    if (absent == absent_.end()) return std::nullopt;
    return Slot{Number(Value::Null()), absent->second};
  }
  std::optional<Slot> Path(const std::vector<PathStep>& path) override {
    if (!has_message) return std::nullopt;
    std::string name = "$";
    for (const PathStep& step : path) {
      name += "." + (step.index < 0 ? step.key : std::to_string(step.index));
    }
    const auto found = message_.find(name);
    return Slot{Number(found == message_.end() ? Value::Null() : found->second), ValueType::kAny};
  }
  std::vector<std::string_view> names() const override {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : fields_) names.push_back(name);
    return names;
  }
  Value Field(int slot) const override { return values_[static_cast<std::size_t>(slot)]; }

  bool has_message = true;

 private:
  static constexpr std::array<char, 3> kEur{'E', 'U', 'R'};
  static constexpr std::array<char, 3> kUsd{'U', 'S', 'D'};

  int Number(const Value& value) {
    values_.push_back(value);
    return static_cast<int>(values_.size()) - 1;
  }

  std::map<std::string, Value, std::less<>> fields_;
  std::map<std::string, ValueType, std::less<>> absent_;
  std::map<std::string, Value, std::less<>> message_;
  std::vector<Value> values_;
};

// "int 3", "string abc", "null".
inline std::string Show(const Value& value) {
  if (value.is_null()) return "null";
  std::string text = std::string(ValueTypeName(value.type)) + " ";
  expression::AppendText(value, &text);
  return text;
}

}  // namespace leadflow
