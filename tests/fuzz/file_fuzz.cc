// Any bytes as a file: the same messages, whether it is read at once, in pieces, or with a stop and
// a new start after each of the first reads. The first byte chooses the format.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

#include "connectors/file/file_reader.h"

namespace leadflow {
namespace {

struct Seen {
  std::string text;  // messages and bad places, with their lines
  Status status;
};

Seen ReadAll(const std::string& path, const std::string& format, std::size_t at_once,
             bool restart) {
  Seen seen;
  VirtualClock clock;
  const auto open = [&] {
    auto reader = std::make_unique<FileReader>(FileReader::Options{path, format, false, &clock});
    reader->set_header_sink([](std::string_view) { return Status(); });
    return reader;
  };
  auto reader = open();
  int restarts = 0;
  while (!reader->AtEnd()) {
    const auto count = reader->Read(
        at_once,
        [&](std::span<const MessageView> batch) {
          for (const MessageView& message : batch) {
            seen.text += std::to_string(message.line) + ":" + std::string(message.value) + "\n";
          }
        },
        [&](std::string_view, std::int64_t line, std::string_view reason, std::string_view) {
          seen.text += std::to_string(line) + ": bad: " + std::string(reason) + "\n";
        });
    if (!count.ok()) {
      seen.status = count.status();
      break;
    }
    if (!restart || reader->AtEnd() || ++restarts > 8) continue;
    const std::string position = reader->position();
    reader = open();
    if (!reader->Seek(position).ok()) std::abort();
  }
  return seen;
}

void Run(const std::string& path, const std::string& format, std::size_t at_once) {
  const Seen once = ReadAll(path, format, std::size_t{1} << 20, false);
  const Seen pieces = ReadAll(path, format, at_once, false);
  const Seen restarted = ReadAll(path, format, at_once, true);
  if (once.text != pieces.text || once.text != restarted.text) std::abort();
  if (once.status.ok() != pieces.status.ok()) std::abort();
}

}  // namespace
}  // namespace leadflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr const char* kFormats[] = {"leadflow", "csv",      "tsv",    "form",
                                      "json",     "snowplow", "segment"};
  const std::string format = kFormats[data[0] % 7];
  static const int file = ::memfd_create("fuzz", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (::ftruncate(file, 0) != 0) return 0;
  if (::pwrite(file, data + 2, size - 2, 0) != static_cast<ssize_t>(size - 2)) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  leadflow::LayoutOf(format, text.substr(0, 65'536));
  static_cast<void>(leadflow::GuessFormat(text));
  leadflow::Run(path, format, std::size_t{1} << data[1] % 16);
  return 0;
}
