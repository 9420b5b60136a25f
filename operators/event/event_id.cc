#include "operators/event/event_id.h"

#include <algorithm>

namespace leadflow {
namespace {

constexpr std::size_t kPackedSize = 16;
constexpr std::size_t kHexSize = 32;
constexpr std::size_t kUuidSize = 36;
constexpr char kDigits[] = "0123456789abcdef";

bool IsDash(std::size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }

// -1: none. Only lower case: what is packed has one text.
int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool Pack(std::string_view text, std::array<char, kPackedSize>* packed) {
  const bool uuid = text.size() == kUuidSize;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (uuid && IsDash(i)) {
      if (text[i] != '-') return false;
      continue;
    }
    const int digit = DigitOf(text[i]);
    if (digit < 0) return false;
    char& byte = (*packed)[digits / 2];
    byte = static_cast<char>(digits % 2 == 0 ? digit << 4 : byte | digit);
    ++digits;
  }
  return true;
}

}  // namespace

EventIdView EventIdView::Packed(std::array<char, kPackedSize>* buffer) const {
  if (form_ != Form::kText) return *this;
  if (bytes_.size() != kHexSize && bytes_.size() != kUuidSize) return *this;
  if (!Pack(bytes_, buffer)) return *this;
  return {bytes_.size() == kHexSize ? Form::kHex : Form::kUuid, {buffer->data(), kPackedSize}};
}

std::string_view EventIdView::Text(Buffer* buffer) const {
  if (form_ == Form::kText) return bytes_;
  std::size_t size = 0;
  for (const char byte : bytes_) {
    if (form_ == Form::kUuid && IsDash(size)) (*buffer)[size++] = '-';
    (*buffer)[size++] = kDigits[static_cast<unsigned char>(byte) >> 4];
    (*buffer)[size++] = kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return {buffer->data(), size};
}

std::string EventIdView::ToString() const {
  Buffer buffer;
  return std::string(Text(&buffer));
}

void EventIdView::Append(WireWriter* writer) const {
  std::array<char, kPackedSize> buffer;
  const EventIdView packed = Packed(&buffer);
  const bool text = packed.form_ == Form::kText;
  writer->Varint(static_cast<std::uint64_t>(packed.form_) | (text ? bytes_.size() << 2 : 0));
  writer->Raw(packed.bytes_);
}

bool EventIdView::Read(WireReader* reader) {
  std::uint64_t head = 0;
  if (!reader->Varint(&head)) return false;
  if ((head & 3) == 0) {
    form_ = Form::kText;
    return reader->Raw(static_cast<std::size_t>(head >> 2), &bytes_);
  }
  if (head > static_cast<std::uint64_t>(Form::kUuid)) return false;
  form_ = static_cast<Form>(head);
  return reader->Raw(kPackedSize, &bytes_);
}

bool operator==(EventIdView a, EventIdView b) {
  if (a.form_ == b.form_) return a.bytes_ == b.bytes_;
  EventIdView::Buffer text_of_a, text_of_b;
  return a.Text(&text_of_a) == b.Text(&text_of_b);
}

// Digits order as the values they stand for, and dashes stand in the same places.
std::strong_ordering operator<=>(EventIdView a, EventIdView b) {
  if (a.form_ == b.form_) return a.bytes_ <=> b.bytes_;
  EventIdView::Buffer text_of_a, text_of_b;
  return a.Text(&text_of_a) <=> b.Text(&text_of_b);
}

EventId::EventId(EventIdView id) {
  const EventIdView packed = id.Packed(&packed_);
  form_ = packed.form_;
  if (form_ == EventIdView::Form::kText) {
    text_ = packed.bytes_;
  } else if (packed.bytes_.data() != packed_.data()) {
    std::copy_n(packed.bytes_.begin(), kPackedSize, packed_.begin());
  }
}

}  // namespace leadflow
