// Any bytes as a table or as form posts, through mappings of one's own and through the functions
// that split records. The first byte chooses the syntax; the first line is the header.
#include <cstddef>
#include <cstdint>

#include "connectors/formats/formats.h"
#include "connectors/formats/records.h"
#include "tests/fuzz/decoding.h"

namespace leadflow {
namespace {

std::unique_ptr<EventDecoder> MakeTableDecoder(std::string_view syntax) {
  const std::string yaml = "syntax: " + std::string(syntax) + R"(
events:
  - kind: card_collected
    when: has($.id)
    map:
      id: $.id
      time: parse_time($.t)
      email: $.email
      company: $["the company"]
      rating: int($.stars)
      labels.x: $.x
  - kind: cost
    map:
      time: epoch_s(int($.t))
      amount: money($.amount, coalesce($.currency, "EUR"))
      campaign: $.campaign
      clicks: int($.stars)
      day: $.day
)";
  const auto mapping = ParseMapping("fuzz", yaml);
  if (!mapping.ok()) std::abort();
  auto decoder = MakeMappedDecoder(*mapping, TimeZone::Utc());
  if (!decoder.ok()) std::abort();
  return *std::move(decoder);
}

void Split(std::string_view record) {
  EvalArena arena;
  std::vector<std::string_view> fields;
  std::string why;
  const char separator = GuessSeparator(record);
  if (!SplitCsv(record, separator, arena, &fields, &why) && why.empty()) std::abort();
  // What is split and quoted again is split into the same.
  if (why.empty()) {
    std::string quoted;
    for (const std::string_view field : fields) {
      quoted += quoted.empty() ? "" : std::string(1, separator);
      quoted += '"';
      for (const char c : field) quoted += c == '"' ? "\"\"" : std::string(1, c);
      quoted += '"';
    }
    std::vector<std::string_view> again;
    if (!SplitCsv(quoted, separator, arena, &again, &why) || again != fields) std::abort();
  }
  static_cast<void>(SplitTsv(record, &fields, &why));
  if (DecodePercent(record, arena).size() > record.size()) std::abort();
}

void Run(std::uint8_t choice, std::string_view text) {
  static const std::unique_ptr<EventDecoder> decoders[] = {
      MakeTableDecoder("csv"), MakeTableDecoder("tsv"), MakeTableDecoder("form")};
  Split(text);
  EventDecoder& decoder = *decoders[choice % 3];
  const std::string_view header = text.substr(0, text.find('\n'));
  if (!decoder.SetHeader(header).ok()) return;
  UseMessage(decoder, text);
  ForEachLine(text, [&](std::string_view line) { UseMessage(decoder, line); });
}

}  // namespace
}  // namespace leadflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  leadflow::Run(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
