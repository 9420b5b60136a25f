// The half-life table of time decay and of scores (SEMANTICS 8): integers, the same on every
// machine.
//
//   T[r] = 2^(30 - r / H) rounded to the nearest integer, r = 0 .. H - 1 hours
//   weight after t whole hours = T[t mod H] >> (t div H), at least 1
#pragma once

#include <cstdint>
#include <vector>

namespace leadflow {

// T[r] for a half-life of `half_life_hours`, exact. REQUIRES: 0 <= r < half_life_hours
std::int64_t DecayEntry(std::int64_t half_life_hours, std::int64_t r);

// The same as a table; immutable, thread-safe.
class DecayTable {
 public:
  // REQUIRES: half_life_hours > 0. Costs 4 bytes and about 0.1 us per hour.
  explicit DecayTable(std::int64_t half_life_hours);

  // Hours before the beginning count as 0.
  std::int64_t Weight(std::int64_t hours) const;

 private:
  std::vector<std::uint32_t> entries_;
};

// One weight without a table.
std::int64_t DecayWeight(std::int64_t half_life_hours, std::int64_t hours);

}  // namespace leadflow
