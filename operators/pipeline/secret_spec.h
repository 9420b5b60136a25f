// SecretSpec: where a secret lies: it is read by who needs it, never kept with the pipeline or
// shown.
#pragma once

#include <cstdint>
#include <string>

namespace leadflow {

struct SecretSpec {
  enum class From : std::uint8_t { kNowhere, kEnvironment, kFile } from = From::kNowhere;
  std::string name;  // the variable, or the path, resolved against the file's folder
};

}  // namespace leadflow
