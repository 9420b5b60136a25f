// kafka.registry: where the schemas of rows are registered.
#include "engine/base/http_url.h"
#include "operators/pipeline/loader.h"

namespace leadflow {

std::optional<RegistrySpec> ParseRegistryUrl(std::string_view url) {
  const std::optional<HttpUrl> parsed = ParseHttpUrl(url);
  if (!parsed) return std::nullopt;
  RegistrySpec registry;
  registry.url = url;
  registry.tls = parsed->tls;
  registry.host = parsed->host;
  registry.port = parsed->port != 0 ? parsed->port : parsed->tls ? 443 : 80;
  registry.path = parsed->path;
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
