// kafka.registry: where the schemas of rows are registered.
#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

#include "operators/pipeline/loader.h"

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

std::optional<RegistrySpec> ParseRegistryUrl(std::string_view url) {
  constexpr std::string_view kPlain = "http://", kTls = "https://";
  RegistrySpec registry;
  registry.url = url;
  registry.tls = url.starts_with(kTls);
  if ((!registry.tls && !url.starts_with(kPlain)) || url.size() > kLongestUrl) return std::nullopt;
  url.remove_prefix(registry.tls ? kTls.size() : kPlain.size());
  std::string_view path = url.substr(std::min(url.find('/'), url.size()));
  url.remove_suffix(path.size());
  while (path.ends_with('/')) path.remove_suffix(1);
  if (!IsOf(path, "/-._~%")) return std::nullopt;
  registry.path = path;
  registry.host = TakeHost(&url);
  registry.port = registry.tls ? 443 : 80;
  if (!url.empty()) {
    const char* const end = url.data() + url.size();
    const auto [stop, error] = std::from_chars(url.data() + 1, end, registry.port);
    if (url.front() != ':' || error != std::errc() || stop != end) return std::nullopt;
  }
  if (registry.host.empty() || registry.port == 0) return std::nullopt;
  return registry;
}

RegistrySpec Loader::LoadRegistry(const YamlNode& node) {
  const SectionReader reader(node, kRegistrySection, "kafka.registry", &problems_);
  RegistrySpec registry;
  if (const YamlNode* url = reader.Get("url"); url != nullptr && !IsUnresolved(*url)) {
    if (auto parsed = ParseRegistryUrl(url->scalar)) {
      registry = *std::move(parsed);
    } else {
      // A login in the address is a secret, too.
      if (url->scalar.find('@') != std::string::npos) problems_.HideLine(url->at.line);
      problems_.Error("value", url->at, "`kafka.registry.url` is no address of a schema registry",
                      "as in http://localhost:8081; a login goes to `username` and `password`");
    }
    registry.at = url->at;
  }
  if (const std::string path = reader.Text("ca_file"); !path.empty()) {
    registry.ca_file = Resolve(path);
    if (!registry.url.empty() && !registry.tls) {
      problems_.Error("conflict", reader.Get("ca_file")->at, "`ca_file` without encryption",
                      "write https:// in `url`, or leave it out");
    }
  }
  registry.username = reader.Text("username");
  const YamlNode* const password = reader.Get("password");
  if (password != nullptr) registry.password = LoadSecret(*password, "kafka.registry.password");
  if (registry.username.empty() != (password == nullptr)) {
    problems_.Error("missing", node.at, "`username` and `password` belong together",
                    "password: {secret: \"env:REGISTRY_PASSWORD\"}");
  }
  if (const auto* name = reader.Get("username");
      name != nullptr && registry.username.find(':') != std::string::npos) {
    problems_.Error("value", name->at, "`username` holds a colon, which a login cannot carry",
                    "choose another user");
  }
  return registry;
}

}  // namespace leadflow
