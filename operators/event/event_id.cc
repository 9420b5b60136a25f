#include "operators/event/event_id.h"

#include <algorithm>

namespace leadflow {
namespace {

constexpr std::size_t kPackedSize = 16;
constexpr std::size_t kHexSize = 32;
constexpr std::size_t kUuidSize = 36;
constexpr char kDigits[] = "0123456789abcdef";

constexpr std::array<std::size_t, 4> kDashes = {8, 13, 18, 23};

bool IsDash(std::size_t at) {
  return std::find(kDashes.begin(), kDashes.end(), at) != kDashes.end();
}

// By character: the value of the digit, or kNoDigit. Only lower case: what is packed has one text.
constexpr std::uint8_t kNoDigit = 0x80;
constexpr std::array<std::uint8_t, 256> DigitValues() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::uint8_t i = 0; i < 16; ++i) values[static_cast<unsigned char>(kDigits[i])] = i;
  return values;
}
constexpr std::array<std::uint8_t, 256> kDigitValues = DigitValues();

bool PackDigits(const char* digits, std::array<char, kPackedSize>* packed) {
  std::uint8_t all = 0;
  for (std::size_t i = 0; i < kPackedSize; ++i) {
    const std::uint8_t high = kDigitValues[static_cast<unsigned char>(digits[2 * i])];
    const std::uint8_t low = kDigitValues[static_cast<unsigned char>(digits[2 * i + 1])];
    all |= high | low;
    (*packed)[i] = static_cast<char>(high << 4 | low);
  }
  return (all & kNoDigit) == 0;
}

// REQUIRES: the size of either form.
bool Pack(std::string_view text, std::array<char, kPackedSize>* packed) {
  if (text.size() == kHexSize) return PackDigits(text.data(), packed);
  std::array<char, kHexSize> digits;
  std::size_t size = 0, at = 0;
  for (const std::size_t dash : kDashes) {
    if (text[dash] != '-') return false;
    size += text.copy(digits.data() + size, dash - at, at);
    at = dash + 1;
  }
  text.copy(digits.data() + size, kUuidSize - at, at);
  return PackDigits(digits.data(), packed);
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
