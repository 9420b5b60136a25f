// RowState: what the kpis stage stores per row group, and the keys it stores under.
//
//   'R' group            -> RowState
//   'N' head of a group  -> number of groups of that KPI and window in this partition (varint)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leadflow {

inline constexpr char kRowKey = 'R';
inline constexpr char kCellCountKey = 'N';

// When the subscribers of the topics that carry a group were told of it.
struct Told {
  std::int64_t at_ms = 0;    // wall clock, the last time; 0: never
  std::int64_t owed_ms = 0;  // they will be told of a change at this time; 0: they know all
};

struct RowState {
  static constexpr std::uint8_t kChangedLate = 1;  // changed after it was settled
  static constexpr std::uint8_t kToldSettled = 2;  // subscribers were told that it is settled

  std::uint64_t revision = 0;  // commits that changed it
  std::uint8_t flags = 0;
  std::int64_t created_ms = 0;  // wall clock of the first and the last change
  std::int64_t changed_ms = 0;
  Told told;  // of KPIs that topics carry
  // Sorted by component, none 0. Borrowed from the bytes that were read.
  std::vector<std::pair<std::string_view, std::int64_t>> components;
};

void AppendRowState(const RowState& state, std::string* out);
// False: these bytes are no row of this release.
bool ReadRowState(std::string_view bytes, RowState* state);

}  // namespace leadflow
