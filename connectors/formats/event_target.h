// EventTarget: what a mapping assigns to: `time`, `email`, `user_id@shop`, `utm.source`,
// `labels.x`. Checks types and limits, so that a wrong value is refused with the name of its field.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/civil_time.h"
#include "engine/config/value.h"
#include "operators/event/event.h"

namespace leadflow {

inline constexpr std::size_t kMaxEventBytes = 64 * 1024;

// At most so many bytes of text in a field: 8 KiB for urls, 1 KiB else.
std::size_t TextLimit(Field field);
inline constexpr std::size_t kTextLimit = 1024;

// "`campaign` has 2000 bytes; at most 1024"
std::string TooLong(std::string_view name, std::size_t size, std::size_t limit);

// Sets amount or discount with its currency. False: no such currency.
bool SetMoney(Event& event, Field field, std::int64_t minor, std::string_view currency);

class EventTarget {
 public:
  // nullopt: an event has no such field.
  static std::optional<EventTarget> Parse(std::string_view dotted);

  // Null and empty text leave the field absent. Borrows the value's text and the target's own name.
  // False: `why` says what is wrong. `zone`: cuts times into dates.
  bool Assign(const Value& value, const TimeZone& zone, Event& event, std::string* why) const;

  const std::string& name() const { return dotted_; }

 private:
  enum class What : unsigned char { kId, kTime, kIdentifier, kField, kLabel, kTrait };

  bool AssignField(const Value& value, const TimeZone& zone, Event& event, std::string* why) const;
  bool AssignNamed(const Value& value, Event& event, std::string* why) const;
  bool AssignText(std::string_view text, Event& event, std::string* why) const;
  bool Wrong(const Value& value, std::string_view hint, std::string* why) const;
  std::string_view Part() const { return std::string_view(dotted_).substr(part_); }

  std::string dotted_;
  What what_ = What::kId;
  Field field_ = Field::kNone;
  IdentifierType type_ = IdentifierType::kEmail;
  std::size_t part_ = 0;  // where the space, label or trait begins in `dotted_`
};

}  // namespace leadflow
