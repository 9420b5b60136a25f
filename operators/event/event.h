// Event: one canonical event while it passes through ingest; SEMANTICS words, plain identifiers.
//
// Made to be reused: Clear keeps the memory. Strings are borrowed from the message that is being
// decoded or kept in the event's own arena (`Own`). Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/expression.h"
#include "operators/event/kind.h"

namespace leadflow {

struct PlainIdentifier {
  IdentifierType type = IdentifierType::kEmail;
  std::string_view space;  // "shop" of `user_id@shop`; empty: the default space
  std::string_view value;  // normalized
};

struct NamedText {
  std::string_view name;
  std::string_view value;
};

class Event final {
 public:
  static constexpr std::size_t kMaxIdentifiers = 16;
  static constexpr std::size_t kMaxLabels = 16;

  void Clear();

  std::string_view id;
  std::int64_t time_ms = 0;
  bool has_time = false;
  Kind kind = Kind::kNone;
  std::vector<PlainIdentifier>
      identifiers;  // in file order until ingest sorts them, strongest first
  std::vector<NamedText> labels;
  std::vector<NamedText> profile;  // traits; numbers as text

  void SetText(Field field, std::string_view value) {
    text_[Index(field)] = value;
    Mark(field);
  }
  void SetNumber(Field field, std::int64_t value) {
    number_[Index(field)] = value;
    Mark(field);
  }
  void Remove(Field field) { present_ &= ~Bit(field); }
  bool Has(Field field) const { return (present_ & Bit(field)) != 0; }
  // Bit per Field that is there.
  std::uint64_t present() const { return present_; }
  // REQUIRES: a text field; empty if absent.
  std::string_view Text(Field field) const {
    return Has(field) ? text_[Index(field)] : std::string_view();
  }
  // Every other type, in the unit of its FieldType; 0 if absent.
  std::int64_t Number(Field field) const { return Has(field) ? number_[Index(field)] : 0; }

  // Copies into the event's own memory, valid until Clear.
  std::string_view Own(std::string_view bytes) { return arena_.Keep(bytes); }
  EvalArena& arena() { return arena_; }

 private:
  static std::size_t Index(Field field) { return static_cast<std::size_t>(field); }
  static std::uint64_t Bit(Field field) { return std::uint64_t{1} << Index(field); }
  void Mark(Field field) { present_ |= Bit(field); }

  static_assert(kFieldCount <= 64);
  std::uint64_t present_ = 0;
  std::array<std::string_view, kFieldCount> text_;
  std::array<std::int64_t, kFieldCount> number_;
  EvalArena arena_;
};

}  // namespace leadflow
