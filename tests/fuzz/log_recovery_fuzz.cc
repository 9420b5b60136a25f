// Opens a log on arbitrary bytes. The first byte chooses: the rest is a whole segment file, or the
// operations and the body of a frame whose checksums are right; and whether a torn file follows.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/base/clock.h"
#include "engine/log/embedded_log.h"
#include "engine/log/journal_frame.h"
#include "engine/log/memory_file_system.h"

namespace {

std::string Segment(std::string_view input, bool framed) {
  if (!framed) return std::string(input);
  const std::size_t split = input.empty() ? 0 : static_cast<std::uint8_t>(input[0]);
  const std::string_view header = input.substr(0, split);
  const std::string_view body = input.substr(header.size());
  return leadflow::journal::FileHeader(0) + leadflow::journal::FrameHead(header, body.size(), 0) +
         std::string(header) + std::string(body);
}

void Use(leadflow::EmbeddedLog* log) {
  const leadflow::TopicSpec spec{"t", 1, leadflow::Cleanup::kDelete};
  const leadflow::TopicPartition partition{"t", 0};
  if (!log->EnsureTopics({&spec, 1}).ok()) return;
  const auto reader = log->NewReader();
  const auto start = log->StartOffset(partition);
  if (!start.ok() || !reader->Seek(partition, *start).ok()) return;
  for (int i = 0; i < 100; ++i) {
    const auto count = reader->Poll(
        1000, [](const leadflow::TopicPartition&, std::span<const leadflow::LogRecord>) {});
    if (!count.ok() || *count == 0) break;
  }
  auto writer = log->NewWriter("w");
  if (!writer.ok() || !(*writer)->Begin().ok()) return;
  if (!(*writer)->Append(partition, "k", "v").ok()) return;
  if (!(*writer)->Commit().ok()) std::abort();  // Whatever was opened can be written to.
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  leadflow::MemoryFileSystem files;
  leadflow::VirtualClock clock;
  files.Put("/log/000000000001-000000000001.seg", Segment(input, (data[0] & 1) != 0));
  if ((data[0] & 2) != 0) files.Put("/log/000000000002-000000000002.seg", "torn");
  for (int i = 0; i < 2; ++i) {
    auto log =
        leadflow::EmbeddedLog::Open({.directory = "/log", .file_system = &files, .clock = &clock});
    if (!log.ok()) return 0;
    Use(log->get());
  }
  return 0;
}
