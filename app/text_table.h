// Text for people in columns of fixed width: cells, bars, grouped digits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace leadflow::app {

// Cut or filled up to `width` characters of UTF-8; a cut text ends with `…`.
std::string Left(std::string_view text, std::size_t width);
std::string Right(std::string_view text, std::size_t width);

// `value` of `most` as a bar of at most `width` blocks, to an eighth of a block. Any value above 0
// can be seen.
std::string Bar(double value, double most, int width);

// "1,234,567"
std::string WithCommas(std::int64_t number);
// "12345.00" -> "12,345.00": exact, of any length.
std::string Grouped(std::string_view decimal);

// "1 test", "2 tests"
std::string Counted(std::int64_t number, std::string_view noun);

}  // namespace leadflow::app
