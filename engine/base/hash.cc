#include "engine/base/hash.h"

#include <cstring>

#include <sodium.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace leadflow {

std::uint64_t Hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::array<std::uint8_t, 16> Hash128(std::string_view bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  std::array<std::uint8_t, 16> out;
  std::memcpy(out.data(), canonical.digest, out.size());
  return out;
}

std::array<std::uint8_t, 16> KeyedHash::operator()(std::string_view bytes) const {
  std::array<std::uint8_t, 16> out;
  static_assert(crypto_shorthash_siphashx24_BYTES == 16);
  crypto_shorthash_siphashx24(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                              bytes.size(), key_.data());
  return out;
}

}  // namespace leadflow
