// The id of an event as state and messages hold it. 32 hexadecimal digits or a UUID, which most ids
// are, take 16 bytes; any other text stands as it is. Ids are equal and ordered as their texts are,
// in whatever form.
//
// Wire: a varint, form + 4 x size, and the bytes. Hex and UUID have size 0 and 16 bytes.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "engine/base/wire.h"

namespace leadflow {

// Borrows its bytes.
class EventIdView {
 public:
  using Buffer = std::array<char, 36>;

  EventIdView() = default;
  template <class T>
  requires std::is_convertible_v<const T&, std::string_view> EventIdView(const T& text)
      : bytes_(text) {}  // NOLINT: a text is an id

  bool empty() const { return bytes_.empty(); }
  std::string ToString() const;
  // Views `buffer`, or the bytes of the id if it is a text.
  std::string_view Text(Buffer* buffer) const;

  void Append(WireWriter* writer) const;
  bool Read(WireReader* reader);  // borrows

  friend bool operator==(EventIdView a, EventIdView b);
  friend std::strong_ordering operator<=>(EventIdView a, EventIdView b);

 private:
  friend class EventId;
  enum class Form : std::uint8_t { kText, kHex, kUuid };
  EventIdView(Form form, std::string_view bytes) : bytes_(bytes), form_(form) {}
  // The form in which it is written; `buffer` holds the bytes if they are not its own.
  EventIdView Packed(std::array<char, 16>* buffer) const;

  std::string_view bytes_;
  Form form_ = Form::kText;
};

// Owns its bytes; mostly without memory elsewhere.
class EventId {
 public:
  EventId() = default;
  EventId(EventIdView id);  // NOLINT: the same id

  EventIdView view() const {
    return form_ == EventIdView::Form::kText ? EventIdView(text_)
                                             : EventIdView(form_, {packed_.data(), packed_.size()});
  }
  operator EventIdView() const { return view(); }  // NOLINT: the same id
  bool operator==(const EventId& other) const { return view() == other.view(); }
  auto operator<=>(const EventId& other) const { return view() <=> other.view(); }

 private:
  std::string text_;  // of a text
  std::array<char, 16> packed_{};
  EventIdView::Form form_ = EventIdView::Form::kText;
};

}  // namespace leadflow
