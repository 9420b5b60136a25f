// Signature: whether a body comes from who shares a key: HMAC-SHA256 (RFC 2104) over its bytes, as
// Shopify, WooCommerce and many others send it in a header. Immutable. The key is never shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace leadflow {

class Signature {
 public:
  enum class Encoding : std::uint8_t { kBase64, kHex };

  Signature(std::string key, Encoding encoding) : key_(std::move(key)), encoding_(encoding) {}

  // `given`: as it was sent, with or without `sha256=` before it. In the same time for any 32
  // bytes.
  bool Signs(std::string_view body, std::string_view given) const;

 private:
  const std::string key_;
  const Encoding encoding_;
};

}  // namespace leadflow
