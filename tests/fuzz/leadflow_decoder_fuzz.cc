// Any bytes as canonical events, one a line; and as the whole message.
#include <cstddef>
#include <cstdint>

#include "connectors/formats/leadflow_decoder.h"
#include "tests/fuzz/decoding.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const auto decoder = leadflow::MakeLeadflowDecoder(leadflow::TimeZone::Utc());
  leadflow::UseMessage(*decoder, text);
  leadflow::ForEachLine(text, [](std::string_view line) { leadflow::UseMessage(*decoder, line); });
  return 0;
}
