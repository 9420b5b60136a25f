// The loader on any text: it must end, and say why if it gives no pipeline.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "operators/pipeline/channel_rules.h"
#include "operators/pipeline/pipeline.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  leadflow::LoadOptions options;
  options.environment = [](std::string_view name) -> std::optional<std::string> {
    return name == "X" ? std::optional<std::string>("x") : std::nullopt;
  };
  options.read_file = [&](const std::string&) -> std::optional<std::string> {
    return std::string(text);
  };
  leadflow::Diagnostics diagnostics("fuzz.yaml", std::string(text));
  const auto pipeline = leadflow::LoadPipeline(text, options, &diagnostics);
  if ((pipeline == nullptr) == diagnostics.ok()) std::abort();
  diagnostics.Text();
  if (pipeline != nullptr) leadflow::ChannelRules rules(*pipeline);
  return 0;
}
