// Reads a pipeline file from disk, with the environment and the built-in data files, and loads it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/pipeline/pipeline.h"

namespace leadflow::app {

struct LoadedPipeline {
  std::unique_ptr<const Pipeline> pipeline;  // nullptr: see diagnostics
  std::unique_ptr<Diagnostics> diagnostics;
};

struct PipelineFileOptions {
  bool use_environment = true;
  std::vector<std::pair<std::string, std::string>> set;  // --set path=value
};

// `path`: the YAML file. A file that cannot be read is a diagnostic as well.
LoadedPipeline LoadPipelineFile(const std::string& path, const PipelineFileOptions& options);

// The same from a text, for pipelines made by the program; relative paths start at `folder`.
LoadedPipeline LoadPipelineText(const std::string& name, const std::string& text,
                                const std::string& folder, const PipelineFileOptions& options);

// Content of a built-in data file ("channels.yaml"); nullopt: there is none of that name.
std::optional<std::string> BuiltinFile(const std::string& name);

std::optional<std::string> ReadWholeFile(const std::string& path);

}  // namespace leadflow::app
