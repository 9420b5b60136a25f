// Hashes. Hash64 and Hash128 are stable for ever: they name things on disk and choose partitions.
// KeyedHash is for what must not be guessed from its hash (identifiers of people).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace leadflow {

// XXH3, seed 0: the same value in every release and on every machine.
std::uint64_t Hash64(std::string_view bytes);
std::array<std::uint8_t, 16> Hash128(std::string_view bytes);

// The partition of a key: multiply-shift of Hash64, so that it is even for any count.
// REQUIRES: partitions > 0
inline std::uint32_t PartitionOf(std::uint64_t hash, std::uint32_t partitions) {
  return static_cast<std::uint32_t>((static_cast<unsigned __int128>(hash) * partitions) >> 64);
}

// The partition that Kafka's own producers give a key (murmur2), for topics that others read.
// REQUIRES: partitions > 0
std::uint32_t KafkaPartitionOf(std::string_view key, std::uint32_t partitions);

// SipHash-2-4 with a 128-bit result.
class KeyedHash {
 public:
  using Key = std::array<std::uint8_t, 16>;
  explicit KeyedHash(const Key& key) : key_(key) {}
  std::array<std::uint8_t, 16> operator()(std::string_view bytes) const;

 private:
  Key key_;
};

}  // namespace leadflow
