#include "app/pipeline_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "connectors/formats/formats.h"

namespace leadflow {

std::optional<std::string_view> BuiltinRule(
    std::string_view name);  // app/rules, see CMakeLists.txt

namespace app {

std::optional<std::string> ReadWholeFile(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

std::optional<std::string> BuiltinFile(const std::string& name) {
  const std::optional<std::string_view> bytes = BuiltinRule(name);
  if (!bytes) return std::nullopt;
  return std::string(*bytes);
}

LoadedPipeline LoadPipelineText(const std::string& name, const std::string& text,
                                const std::string& folder, const PipelineFileOptions& options) {
  LoadedPipeline out;
  out.diagnostics = std::make_unique<Diagnostics>(name, text);
  LoadOptions load;
  if (options.use_environment) {
    load.environment = [](std::string_view variable) -> std::optional<std::string> {
      const char* value = std::getenv(std::string(variable).c_str());
      if (value == nullptr) return std::nullopt;
      return std::string(value);
    };
  }
  load.read_file = ReadWholeFile;
  load.folder = folder;
  load.read_builtin = BuiltinFile;
  load.set = options.set;
  for (const FormatInfo& format : AllFormats()) {
    if (format.preset) load.presets.emplace_back(format.name);
  }
  out.pipeline = LoadPipeline(text, load, out.diagnostics.get());
  if (!out.diagnostics->ok()) out.pipeline.reset();
  return out;
}

LoadedPipeline LoadPipelineFile(const std::string& path, const PipelineFileOptions& options) {
  const std::optional<std::string> text = ReadWholeFile(path);
  if (!text) {
    LoadedPipeline out;
    out.diagnostics = std::make_unique<Diagnostics>(path, "");
    out.diagnostics->Error("no-file", {}, "cannot read the file",
                           "is the path right? `leadflow init` writes a first pipeline");
    return out;
  }
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  return LoadPipelineText(path, *text, folder.string(), options);
}

}  // namespace app
}  // namespace leadflow
