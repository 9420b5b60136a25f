// http: where the process shows its health and its metrics.
#include <charconv>

#include <arpa/inet.h>

#include "operators/pipeline/loader.h"

namespace leadflow {
namespace {

struct Listen {
  std::string address;
  std::uint16_t port = 0;
  bool loopback = false;
};

// 127.0.0.1:8080 or [::1]:8080; no names, which may mean several addresses.
std::optional<Listen> ParseListen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  Listen listen;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), listen.port);
  if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  std::string_view address = text.substr(0, colon);
  const bool six = address.starts_with('[') && address.ends_with(']');
  if (six) address = address.substr(1, address.size() - 2);
  listen.address = address;
  if (six) {
    in6_addr parsed{};
    if (inet_pton(AF_INET6, listen.address.c_str(), &parsed) != 1) return std::nullopt;
    listen.loopback = IN6_IS_ADDR_LOOPBACK(&parsed) != 0;
    return listen;
  }
  in_addr parsed{};
  if (inet_pton(AF_INET, listen.address.c_str(), &parsed) != 1) return std::nullopt;
  listen.loopback = ntohl(parsed.s_addr) >> 24 == 127;
  return listen;
}

}  // namespace

void Loader::LoadHttp(const YamlNode& node) {
  const SectionReader reader(node, kHttpSection, "http", &problems_);
  HttpSpec http;
  if (const YamlNode* file = reader.Get("tokens")) {
    const SectionReader tokens(*file, kFileSection, "http.tokens", &problems_);
    if (const std::string path = tokens.Text("file"); !path.empty()) {
      http.tokens_file = Resolve(path);
    }
  }
  const YamlNode* at = reader.Get("listen");
  if (at == nullptr || IsUnresolved(*at)) return;
  const std::optional<Listen> listen = ParseListen(at->scalar);
  if (!listen) {
    problems_.Error("value", at->at, "`" + at->scalar + "` is no address and port",
                    "as in 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080");
    return;
  }
  if (!listen->loopback && http.tokens_file.empty()) {
    problems_.Error("missing", at->at,
                    "`" + at->scalar + "` is reached from elsewhere: it needs `tokens`",
                    "as in tokens: {file: tokens}, or listen on 127.0.0.1");
  }
  http.address = listen->address;
  http.port = listen->port;
  pipeline_->http = std::move(http);
}

}  // namespace leadflow
