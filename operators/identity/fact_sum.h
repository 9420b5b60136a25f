// FactSum: facts added up per component until they leave the task. Most cancel or meet: f(after) -
// f(before) names every component of a lead twice. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "operators/facts/fact.h"

namespace leadflow {

class FactSum final : public FactSink {
 public:
  FactSum();

  void Add(std::string_view group, std::string_view component, std::int64_t delta) override;

  // Calls visit(group, component, delta) for what is not zero, in order of first Add.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (const Cell& cell : cells_) {
      if (cell.delta == 0) continue;
      visit(std::string_view(cell.bytes, cell.group),
            std::string_view(cell.bytes + cell.group, cell.component), cell.delta);
    }
  }
  void Clear();

  std::size_t bytes() const;

 private:
  struct Cell {
    std::uint64_t hash;
    const char* bytes;  // group, component
    std::uint32_t group, component;
    std::int64_t delta;
  };
  const char* Keep(std::string_view group, std::string_view component);
  void Grow();

  static constexpr std::uint32_t kFree = ~std::uint32_t{0};
  static constexpr std::size_t kBlock = std::size_t{64} << 10;
  std::vector<Cell> cells_;
  std::vector<std::uint32_t> slots_;  // index into cells_; a power of two, at most half full
  std::deque<std::string> blocks_;    // reserved once each, so that bytes stay where they are
  std::size_t kept_ = 0;
};

}  // namespace leadflow
