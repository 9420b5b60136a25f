#include "connectors/formats/event_target.h"

#include <limits>

#include "connectors/formats/number_text.h"
#include "engine/base/money.h"

namespace leadflow {
namespace {

// The text of a scalar; nullopt: it has none (time, money).
std::optional<std::string_view> TextOf(const Value& value, EvalArena& arena) {
  switch (value.type) {
    case ValueType::kString: return value.string();
    case ValueType::kInt: return IntegerText(value.integer, arena);
    case ValueType::kDecimal: return DecimalText(value.decimal, arena);
    case ValueType::kBool: return value.IsTrue() ? "true" : "false";
    default: return std::nullopt;
  }
}

std::optional<std::int64_t> NanoOf(const Value& value) {
  std::optional<Decimal> decimal;
  if (value.type == ValueType::kDecimal) decimal = value.decimal;
  if (value.type == ValueType::kInt) decimal = Decimal{value.integer} * kDecimalOne;
  if (value.type == ValueType::kString) decimal = ParseDecimal(value.string());
  constexpr Decimal kMax = std::numeric_limits<std::int64_t>::max();
  if (!decimal || *decimal > kMax || *decimal < -kMax) return std::nullopt;
  return static_cast<std::int64_t>(*decimal);
}

}  // namespace

std::size_t TextLimit(Field field) {
  switch (field) {
    case Field::kPageUrl:
    case Field::kPagePath:
    case Field::kReferrer:
    case Field::kLink: return 8 * 1024;
    default: return kTextLimit;
  }
}

std::string TooLong(std::string_view name, std::size_t size, std::size_t limit) {
  return "`" + std::string(name) + "` has " + std::to_string(size) + " bytes; at most " +
         std::to_string(limit);
}

bool SetMoney(Event& event, Field field, std::int64_t minor, std::string_view currency) {
  if (!CurrencyExponent(currency)) return false;
  event.SetNumber(field, minor);
  event.SetText(field == Field::kAmount ? Field::kCurrency : Field::kDiscountCurrency, currency);
  return true;
}

std::optional<EventTarget> EventTarget::Parse(std::string_view dotted) {
  EventTarget target;
  target.dotted_ = std::string(dotted);
  const auto part = [&](What what, std::size_t at) {
    target.what_ = what;
    target.part_ = at;
    return at < dotted.size() && dotted.size() - at <= 64;
  };
  if (dotted == "id" || dotted == "time") {
    target.what_ = dotted == "id" ? What::kId : What::kTime;
    return target;
  }
  if (dotted.substr(0, 7) == "labels.") {
    return part(What::kLabel, 7) ? std::optional(target) : std::nullopt;
  }
  if (dotted.substr(0, 8) == "profile.") {
    return part(What::kTrait, 8) ? std::optional(target) : std::nullopt;
  }
  const std::size_t space = dotted.find('@');
  if (const auto type = IdentifierTypeFromName(dotted.substr(0, space))) {
    target.what_ = What::kIdentifier;
    target.type_ = *type;
    target.part_ = dotted.size();
    if (space == std::string_view::npos) return target;
    return part(What::kIdentifier, space + 1) ? std::optional(target) : std::nullopt;
  }
  const auto field = FieldFromName(dotted);
  if (!field || *field == Field::kDiscountCurrency || *field == Field::kEmailDomain) {
    return std::nullopt;  // These two are made, never given.
  }
  target.what_ = What::kField;
  target.field_ = *field;
  return target;
}

bool EventTarget::Wrong(const Value& value, std::string_view hint, std::string* why) const {
  *why = "`" + dotted_ + "` is " + std::string(ValueTypeName(value.type));
  if (value.type == ValueType::kString) {
    *why += " \"" + std::string(value.string().substr(0, 40)) + "\"";
  }
  *why += "; " + std::string(hint);
  return false;
}

bool EventTarget::Assign(const Value& value, const TimeZone& zone, Event& event,
                         std::string* why) const {
  if (value.is_null() || (value.type == ValueType::kString && value.size == 0)) return true;
  switch (what_) {
    case What::kTime: {
      if (value.type == ValueType::kTime) {
        event.time_ms = value.integer;
      } else if (value.type == ValueType::kString) {
        const auto time = ParseRfc3339(value.string());
        if (!time) return Wrong(value, "no RFC 3339 time with offset; see parse_time()", why);
        event.time_ms = *time;
      } else {
        return Wrong(value, "use epoch_s(), epoch_ms() or parse_time()", why);
      }
      event.has_time = true;
      return true;
    }
    case What::kField: return AssignField(value, zone, event, why);
    default: return AssignNamed(value, event, why);
  }
}

bool EventTarget::AssignNamed(const Value& value, Event& event, std::string* why) const {
  const auto text = TextOf(value, event.arena());
  if (!text) return Wrong(value, "text is needed", why);
  if (text->size() > kTextLimit) {
    *why = TooLong(dotted_, text->size(), kTextLimit);
    return false;
  }
  if (what_ == What::kId) {
    event.id = *text;
  } else if (what_ == What::kIdentifier) {
    if (event.identifiers.size() == Event::kMaxIdentifiers) {
      *why = "more than 16 identifiers";
      return false;
    }
    event.identifiers.push_back({type_, Part(), *text});
  } else {
    auto& list = what_ == What::kLabel ? event.labels : event.profile;
    if (what_ == What::kLabel && list.size() == Event::kMaxLabels) {
      *why = "more than 16 labels";
      return false;
    }
    list.push_back({Part(), *text});
  }
  return true;
}

bool EventTarget::AssignText(std::string_view text, Event& event, std::string* why) const {
  if (text.size() > TextLimit(field_)) {
    *why = TooLong(dotted_, text.size(), TextLimit(field_));
    return false;
  }
  event.SetText(field_, text);
  return true;
}

bool EventTarget::AssignField(const Value& value, const TimeZone& zone, Event& event,
                              std::string* why) const {
  const bool text = value.type == ValueType::kString;
  switch (TypeOfField(field_)) {
    case FieldType::kString: {
      const auto string = TextOf(value, event.arena());
      return string ? AssignText(*string, event, why) : Wrong(value, "text is needed", why);
    }
    case FieldType::kInt: {
      const bool whole = value.type == ValueType::kDecimal && value.decimal % kDecimalOne == 0;
      if (value.type != ValueType::kInt && !whole) return Wrong(value, "use int()", why);
      event.SetNumber(
          field_, whole ? static_cast<std::int64_t>(value.decimal / kDecimalOne) : value.integer);
      return true;
    }
    case FieldType::kBool:
      if (value.type != ValueType::kBool) return Wrong(value, "a condition is needed", why);
      event.SetNumber(field_, value.integer);
      return true;
    case FieldType::kTime: {
      const auto time = text ? ParseRfc3339(value.string()) : std::nullopt;
      if (value.type != ValueType::kTime && !time) return Wrong(value, "see parse_time()", why);
      event.SetNumber(field_, time ? *time : value.integer);
      return true;
    }
    case FieldType::kDate: {
      const auto date = text ? ParseDate(value.string()) : std::nullopt;
      const auto time = text && !date ? ParseRfc3339(value.string()) : std::nullopt;
      if (value.type != ValueType::kTime && !date && !time) {
        return Wrong(value, "a date like 2026-03-31, or a time, is needed", why);
      }
      event.SetNumber(field_, date ? *date : zone.LocalDay(time ? *time : value.integer));
      return true;
    }
    case FieldType::kMoney:
      if (value.type != ValueType::kMoney) return Wrong(value, "use money(amount, currency)", why);
      if (!SetMoney(event, field_, value.integer,
                    event.Own({value.currency.data(), value.currency.size()}))) {
        return Wrong(value, "no such currency", why);
      }
      return true;
    case FieldType::kDecimal: {
      const auto nano = NanoOf(value);
      if (!nano) return Wrong(value, "a decimal number is needed", why);
      event.SetNumber(field_, *nano);
      return true;
    }
  }
  return false;
}

}  // namespace leadflow
