// The bytes of everything on disk and on the wire: the primitives of the Protobuf wire format
// (varint, zigzag, length-delimited), written and read without copies.
//
// WireWriter appends to a string that the caller owns. WireReader walks a buffer that outlives it;
// every Read returns false at the end of the buffer or at bytes that mean nothing, and then the
// reader stays failed: check ok() once at the end. Neither is thread-safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace leadflow {

class WireWriter {
 public:
  explicit WireWriter(std::string* out) : out_(*out) {}

  void Byte(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void Varint(std::uint64_t value) {
    char buffer[10];
    int size = 0;
    while (value >= 0x80) {
      buffer[size++] = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    buffer[size++] = static_cast<char>(value);
    out_.append(buffer, static_cast<std::size_t>(size));
  }
  void Signed(std::int64_t value) {
    Varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void Fixed64(std::uint64_t value) {  // little-endian
    char buffer[8];
    for (int i = 0; i < 8; ++i) buffer[i] = static_cast<char>(value >> (8 * i));
    out_.append(buffer, 8);
  }
  // Orders as bytes like the number orders: for keys of sorted stores.
  void Ordered64(std::int64_t value) {
    const std::uint64_t biased = static_cast<std::uint64_t>(value) ^ (std::uint64_t{1} << 63);
    char buffer[8];
    for (int i = 0; i < 8; ++i) buffer[i] = static_cast<char>(biased >> (56 - 8 * i));
    out_.append(buffer, 8);
  }
  void Raw(std::string_view bytes) { out_.append(bytes); }
  void Bytes(std::string_view bytes) {
    Varint(bytes.size());
    out_.append(bytes);
  }

 private:
  std::string& out_;
};

class WireReader {
 public:
  explicit WireReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return at_ == end_; }
  std::string_view Rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

  bool Byte(std::uint8_t* value) {
    if (at_ == end_) return Fail();
    *value = static_cast<std::uint8_t>(*at_++);
    return true;
  }
  bool Varint(std::uint64_t* value) {
    std::uint64_t result = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return Fail();
      const auto byte = static_cast<std::uint8_t>(*at_++);
      result |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        *value = result;
        return true;
      }
    }
    return Fail();
  }
  bool Signed(std::int64_t* value) {
    std::uint64_t raw = 0;
    if (!Varint(&raw)) return false;
    *value = static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
    return true;
  }
  bool Fixed64(std::uint64_t* value) {
    if (end_ - at_ < 8) return Fail();
    std::uint64_t result = 0;
    for (int i = 0; i < 8; ++i) {
      result |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(at_[i])) << (8 * i);
    }
    at_ += 8;
    *value = result;
    return true;
  }
  bool Ordered64(std::int64_t* value) {
    if (end_ - at_ < 8) return Fail();
    std::uint64_t result = 0;
    for (int i = 0; i < 8; ++i) result = (result << 8) | static_cast<std::uint8_t>(at_[i]);
    at_ += 8;
    *value = static_cast<std::int64_t>(result ^ (std::uint64_t{1} << 63));
    return true;
  }
  // A view into the reader's buffer.
  bool Raw(std::size_t size, std::string_view* value) {
    if (static_cast<std::size_t>(end_ - at_) < size) return Fail();
    *value = {at_, size};
    at_ += size;
    return true;
  }
  bool Bytes(std::string_view* value) {
    std::uint64_t size = 0;
    return Varint(&size) && Raw(static_cast<std::size_t>(size), value);
  }

 private:
  bool Fail() {
    ok_ = false;
    at_ = end_;
    return false;
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace leadflow
