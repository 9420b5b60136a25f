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

std::uint32_t KafkaPartitionOf(std::string_view key, std::uint32_t partitions) {
  constexpr std::uint32_t kMultiply = 0x5bd1e995;
  const auto byte = [&](std::size_t at) {
    return static_cast<std::uint32_t>(static_cast<std::uint8_t>(key[at]));
  };
  std::uint32_t hash = 0x9747b28cU ^ static_cast<std::uint32_t>(key.size());
  std::size_t at = 0;
  for (; at + 4 <= key.size(); at += 4) {
    std::uint32_t word = byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24;
    word *= kMultiply;
    word ^= word >> 24;
    hash = hash * kMultiply ^ word * kMultiply;
  }
  if (at < key.size()) {
    for (std::size_t i = key.size(); i-- > at;) hash ^= byte(i) << 8 * (i - at);
    hash *= kMultiply;
  }
  hash ^= hash >> 13;
  hash *= kMultiply;
  hash ^= hash >> 15;
  return (hash & 0x7fffffffU) % partitions;
}

std::array<std::uint8_t, 16> KeyedHash::operator()(std::string_view bytes) const {
  std::array<std::uint8_t, 16> out;
  static_assert(crypto_shorthash_siphashx24_BYTES == 16);
  crypto_shorthash_siphashx24(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                              bytes.size(), key_.data());
  return out;
}

}  // namespace leadflow
