// Zero-config: a pipeline for one file of events that nobody wrote a pipeline for. Default rules,
// the default catalogue, rows into ./out; the state is thrown away at the end.
#pragma once

#include <string>

#include "engine/base/status.h"

namespace leadflow::app {

// A folder of its own under the system's temporary one; removed with everything in it.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> Make();
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Whether FILE of `leadflow run FILE` is a pipeline, by its name.
bool IsPipelineName(const std::string& file);

// Guesses the format of `events` ("-": standard input, of which a copy is made first), writes a
// pipeline into `folder` and returns its path.
Result<std::string> WritePipelineFor(const std::string& events, const std::string& folder);

}  // namespace leadflow::app
