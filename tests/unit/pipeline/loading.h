// Loads pipeline texts as tests need it: built-in files from app/rules, other files from a map.
#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/pipeline/pipeline.h"

namespace leadflow {

inline std::optional<std::string> ReadTestFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

struct Loaded {
  std::unique_ptr<Diagnostics> diagnostics;
  std::unique_ptr<const Pipeline> pipeline;

  // "12:5 unknown-key" of each problem, in order of place.
  std::vector<std::string> Places() const;
};

struct Loading {
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> environment;
  std::vector<std::pair<std::string, std::string>> set;
  std::vector<std::string> presets;
  bool no_environment = false;

  Loaded Load(const std::string& yaml) const;
};

// A valid frame: `rest` is appended to version, name and one source `crm`.
inline std::string Framed(std::string_view rest) {
  return "version: 1\nname: t\nsources:\n  crm: {file: {path: crm.jsonl}, format: leadflow}\n" +
         std::string(rest);
}

}  // namespace leadflow
