#include "tests/unit/pipeline/loading.h"

#include <algorithm>
#include <tuple>

namespace leadflow {

std::vector<std::string> Loaded::Places() const {
  std::vector<Diagnostic> all = diagnostics->all();
  std::stable_sort(all.begin(), all.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.at.line, a.at.column) < std::tie(b.at.line, b.at.column);
  });
  std::vector<std::string> out;
  for (const Diagnostic& one : all) {
    out.push_back(std::to_string(one.at.line) + ":" + std::to_string(one.at.column) + " " + one.id);
  }
  return out;
}

Loaded Loading::Load(const std::string& yaml) const {
  LoadOptions options;
  if (!no_environment) {
    options.environment = [this](std::string_view name) -> std::optional<std::string> {
      const auto found = environment.find(std::string(name));
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    };
  }
  options.read_file = [this](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  options.folder = "conf";
  options.read_builtin = [](const std::string& name) { return ReadTestFile("app/rules/" + name); };
  options.set = set;
  options.presets = presets;
  Loaded loaded;
  loaded.diagnostics = std::make_unique<Diagnostics>("pipeline.yaml", yaml);
  loaded.pipeline = LoadPipeline(yaml, options, loaded.diagnostics.get());
  return loaded;
}

}  // namespace leadflow
