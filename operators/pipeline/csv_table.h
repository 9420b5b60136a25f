// Small CSV files that a pipeline names (rates, aliases): RFC 4180 with a header line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leadflow {

struct CsvRow {
  int line = 0;  // where it begins, from 1
  std::vector<std::string> values;
};

// All rows, the header first. Empty lines are left out. nullopt: a quote is not closed.
std::optional<std::vector<CsvRow>> ReadCsvTable(std::string_view text);

}  // namespace leadflow
