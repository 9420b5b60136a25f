#include "engine/base/http_url.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include <arpa/inet.h>

namespace leadflow {
namespace {

constexpr std::size_t kLongestUrl = 1024;

bool IsOf(std::string_view text, std::string_view marks) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  });
}

// Takes the host from the front of `rest`. Empty: there is none.
std::string_view TakeHost(std::string_view* rest) {
  const bool six = rest->starts_with('[');
  const std::size_t end = six ? rest->find(']') : std::min(rest->find(':'), rest->size());
  if (end == std::string_view::npos) return {};
  const std::string_view host = rest->substr(six ? 1 : 0, six ? end - 1 : end);
  rest->remove_prefix(six ? end + 1 : end);
  in6_addr parsed{};
  const bool good =
      six ? inet_pton(AF_INET6, std::string(host).c_str(), &parsed) == 1 : IsOf(host, ".-_");
  return good ? host : std::string_view();
}

}  // namespace

std::optional<HttpUrl> ParseHttpUrl(std::string_view url) {
  constexpr std::string_view kPlain = "http://", kTls = "https://";
  HttpUrl parsed;
  parsed.tls = url.starts_with(kTls);
  if ((!parsed.tls && !url.starts_with(kPlain)) || url.size() > kLongestUrl) return std::nullopt;
  url.remove_prefix(parsed.tls ? kTls.size() : kPlain.size());
  std::string_view path = url.substr(std::min(url.find('/'), url.size()));
  url.remove_suffix(path.size());
  while (path.ends_with('/')) path.remove_suffix(1);
  if (!IsOf(path, "/-._~%")) return std::nullopt;
  parsed.path = path;
  parsed.host = TakeHost(&url);
  if (parsed.host.empty()) return std::nullopt;
  if (url.empty()) return parsed;
  const char* const end = url.data() + url.size();
  const auto [stop, error] = std::from_chars(url.data() + 1, end, parsed.port);
  if (url.front() != ':' || error != std::errc() || stop != end || parsed.port == 0) {
    return std::nullopt;
  }
  return parsed;
}

}  // namespace leadflow
