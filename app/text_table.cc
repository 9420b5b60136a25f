#include "app/text_table.h"

#include <algorithm>

namespace leadflow::app {
namespace {

bool BeginsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), BeginsCharacter));
}

std::string Cut(std::string_view text, std::size_t width) {
  if (Characters(text) <= width) return std::string(text);
  std::size_t end = 0;
  for (std::size_t used = 0; end < text.size(); ++end) {
    if (BeginsCharacter(text[end]) && used++ == width - 1) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace

std::string Left(std::string_view text, std::size_t width) {
  std::string cell = Cut(text, width);
  return cell.append(width - Characters(cell), ' ');
}

std::string Right(std::string_view text, std::size_t width) {
  std::string cell = Cut(text, width);
  return std::string(width - Characters(cell), ' ').append(cell);
}

std::string Bar(double value, double most, int width) {
  if (value <= 0 || most <= 0) return "";
  static const char* const kParts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double share = std::min(value / most, 1.0);
  const int eighths = std::max(static_cast<int>(share * width * 8 + 0.5), 1);
  std::string bar;
  for (int i = 0; i < eighths / 8; ++i) bar += "█";
  return bar += kParts[eighths % 8];
}

std::string WithCommas(std::int64_t number) { return Grouped(std::to_string(number)); }

std::string Grouped(std::string_view decimal) {
  std::string text(decimal);
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  std::size_t at = std::min(text.find('.'), text.size());
  while (at > first + 3) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string Counted(std::int64_t number, std::string_view noun) {
  std::string text = WithCommas(number);
  return text.append(" ").append(noun).append(number == 1 ? "" : "s");
}

}  // namespace leadflow::app
