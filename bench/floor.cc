// The floor of a job: reads its input with the pipeline's own readers and decoders and does nothing else.
//
//   bench_floor PIPELINE.yaml       (with the environment that the pipeline asks for)
#include <cstdio>
#include <memory>
#include <span>

#include "app/pipeline_file.h"
#include "connectors/file/file_reader.h"
#include "connectors/formats/make_decoder.h"
#include "engine/base/clock.h"

int main(int argc, char** argv) {
  using namespace leadflow;  // NOLINT: a program of one function
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_floor PIPELINE.yaml\n");
    return 1;
  }
  const app::LoadedPipeline loaded = app::LoadPipelineFile(argv[1], {});
  if (!loaded.pipeline) {
    std::fprintf(stderr, "%s", loaded.diagnostics->Text().c_str());
    return 78;
  }
  std::int64_t events = 0, refused = 0, sum = 0;
  for (const SourceSpec& source : loaded.pipeline->sources) {
    auto decoder = MakeDecoder(source, *loaded.pipeline);
    auto readers = MakeFileReaders(source, Clock::System());
    if (!readers.ok()) {
      std::fprintf(stderr, "%s\n", readers.status().ToString().c_str());
      return 1;
    }
    const EventDecoder::Accept accept = [&](Event& event) {
      ++events;
      sum += event.time_ms + static_cast<std::int64_t>(event.identifiers.size());
    };
    const EventDecoder::Refuse refuse = [&](std::string_view, std::string_view) { ++refused; };
    const EventDecoder::Skip skip = [](std::string_view) {};
    for (auto& reader : *readers) {
      reader->set_header_sink([&](std::string_view header) { return decoder->SetHeader(header); });
      while (!reader->AtEnd()) {
        const auto read = reader->Read(
            1 << 20,
            [&](std::span<const MessageView> batch) {
              for (const MessageView& message : batch) {
                decoder->Decode(message.value, accept, refuse, skip);
              }
            },
            [&](std::string_view, std::int64_t, std::string_view, std::string_view) { ++refused; });
        if (!read.ok()) {
          std::fprintf(stderr, "%s\n", read.status().ToString().c_str());
          return 1;
        }
      }
    }
  }
  std::printf("events=%lld refused=%lld sum=%lld\n", static_cast<long long>(events),
              static_cast<long long>(refused), static_cast<long long>(sum));
  return 0;
}
