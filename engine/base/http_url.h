// HttpUrl: where something answers HTTP, as people write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace leadflow {

struct HttpUrl {
  bool tls = false;
  std::string host;        // A name or an address, IPv6 without brackets.
  std::uint16_t port = 0;  // 0: none is named.
  std::string path;        // What every request begins with: empty, or /a/b.
};

// http://host:8081 or https://host/path: no login, no query. nullopt: something else.
std::optional<HttpUrl> ParseHttpUrl(std::string_view url);

}  // namespace leadflow
