#include "connectors/http/signature.h"

#include <array>

#include <sodium.h>

namespace leadflow {
namespace {

using Code = std::array<unsigned char, crypto_auth_hmacsha256_BYTES>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool Decode(std::string_view text, Signature::Encoding encoding, Code* code) {
  const char* end = nullptr;
  std::size_t size = 0;
  const int failed = encoding == Signature::Encoding::kHex
                         ? sodium_hex2bin(code->data(), code->size(), text.data(), text.size(),
                                          nullptr, &size, &end)
                         : sodium_base642bin(code->data(), code->size(), text.data(), text.size(),
                                             nullptr, &size, &end, sodium_base64_VARIANT_ORIGINAL);
  return failed == 0 && size == code->size() && end == text.data() + text.size();
}

}  // namespace

bool Signature::Signs(std::string_view body, std::string_view given) const {
  constexpr std::string_view kPrefix = "sha256=";
  if (given.starts_with(kPrefix)) given.remove_prefix(kPrefix.size());
  Code sent{}, own{};
  if (!Decode(given, encoding_, &sent)) return false;
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, Bytes(key_), key_.size());
  crypto_auth_hmacsha256_update(&state, Bytes(body), body.size());
  crypto_auth_hmacsha256_final(&state, own.data());
  return sodium_memcmp(sent.data(), own.data(), own.size()) == 0;
}

}  // namespace leadflow
