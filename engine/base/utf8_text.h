// Texts of unknown bytes, shown to others: whatever is no UTF-8 becomes U+FFFD.
#pragma once

#include <string>
#include <string_view>

namespace leadflow {

// The text with every byte that is in no well-formed sequence replaced.
std::string ValidUtf8(std::string_view text);

// The text as a JSON string, with its quotes.
void AppendJsonText(std::string_view text, std::string* out);

}  // namespace leadflow
