// RegistrySpec: where the schemas of rows are registered, as the pipeline file says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/config/diagnostics.h"
#include "operators/pipeline/secret_spec.h"

namespace leadflow {

struct RegistrySpec {
  std::string url;  // as written; empty: not known yet (`validate --no-env`)
  Position at;
  bool tls = false;
  std::string host;  // a name or an address, IPv6 without brackets
  std::uint16_t port = 0;
  std::string path;     // what every request begins with: empty, or /a/b
  std::string ca_file;  // resolved; empty: the authorities of the system
  std::string username;
  SecretSpec password;
};

// http://host:8081 or https://host/path: no login, no query. nullopt: something else.
std::optional<RegistrySpec> ParseRegistryUrl(std::string_view url);

}  // namespace leadflow
