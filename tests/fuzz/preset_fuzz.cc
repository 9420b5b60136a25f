// Any bytes as messages of every preset. The first byte chooses the preset, and whether the first
// line is a header.
#include <cstddef>
#include <cstdint>

#include "connectors/formats/formats.h"
#include "tests/fuzz/decoding.h"

namespace {

std::vector<std::unique_ptr<leadflow::EventDecoder>> MakeDecoders() {
  std::vector<std::unique_ptr<leadflow::EventDecoder>> decoders;
  for (const leadflow::FormatInfo& format : leadflow::AllFormats()) {
    if (!format.preset) continue;
    const auto mapping = leadflow::LoadPreset(format.name);
    if (!mapping.ok()) std::abort();
    auto decoder = leadflow::MakeMappedDecoder(*mapping, leadflow::TimeZone::Utc());
    if (!decoder.ok()) std::abort();
    decoders.push_back(*std::move(decoder));
  }
  return decoders;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto decoders = MakeDecoders();
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  leadflow::EventDecoder& decoder = *decoders[data[0] % 128 % decoders.size()];
  const std::string_view header = data[0] < 128 ? "" : text.substr(0, text.find('\n'));
  const leadflow::Status status = decoder.SetHeader(header);
  if (!status.ok() && status.message().empty()) std::abort();
  text.remove_prefix(header.size());
  leadflow::UseMessage(decoder, text);
  leadflow::ForEachLine(text, [&](std::string_view line) { leadflow::UseMessage(decoder, line); });
  return 0;
}
