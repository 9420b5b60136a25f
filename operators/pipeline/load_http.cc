// http: where the process shows its health and its metrics, and sources.X.http: its webhooks.
#include <algorithm>
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

// Of the process itself, now or later.
constexpr std::string_view kOwnPaths[] = {"/livez", "/readyz", "/startupz", "/metrics"};

bool IsPath(std::string_view path) {
  constexpr std::size_t kMaxPath = 200;
  return path.size() > 1 && path.size() <= kMaxPath && path.starts_with('/') &&
         path.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "/._~-") == std::string_view::npos;
}

// What a header may be called.
bool IsHeader(std::string_view name) {
  return !name.empty() && name.size() <= 100 &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "_-") == std::string_view::npos;
}

}  // namespace

void Loader::LoadHttp(const YamlNode& node) {
  http_given_ = true;
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
  http.loopback = listen->loopback;
  pipeline_->http = std::move(http);
}

void Loader::LoadWebhook(const YamlNode& node, const std::string& what, SourceSpec* source) {
  source->input = SourceSpec::Input::kInbox;
  const SectionReader reader(node, kSourceHttpSection, what + ".http", &problems_);
  source->keep_ms = reader.DurationMs("keep", 0, kHourMs, 100 * kYearMs);
  WebhookSpec webhook;
  if (const YamlNode* path = reader.Get("path"); path != nullptr && !IsUnresolved(*path)) {
    webhook.path = FillName(path->scalar);
    CheckPath(webhook.path, path->at);
  }
  const YamlNode* verify = reader.Get("verify");
  if (verify != nullptr) LoadVerify(*verify, what + ".http.verify", &webhook);
  if (!http_given_) {
    problems_.Error("missing", node.at, "`" + what + ".http` needs the section `http`",
                    "as in http: {listen: 127.0.0.1:8080}");
  } else if (!reader.Given("verify") && pipeline_->http && !pipeline_->http->loopback) {
    problems_.Error("missing", node.at,
                    "`" + what + ".http` is reached from elsewhere: it needs `verify`",
                    "as in verify: {hmac_sha256: {header: X-Shopify-Hmac-Sha256, key: {secret: "
                    "\"env:SHOP_KEY\"}}}");
  }
  source->webhook = std::move(webhook);
}

void Loader::CheckPath(const std::string& path, Position at) {
  if (!IsPath(path)) {
    problems_.Error("value", at, "`" + path + "` is no path of a webhook",
                    "as in /webhooks/shop: letters, digits and / . _ ~ -");
  } else if (std::find(std::begin(kOwnPaths), std::end(kOwnPaths), path) != std::end(kOwnPaths)) {
    problems_.Error("value", at, "`" + path + "` is a path of the process itself",
                    "as in /webhooks/shop");
  }
  for (const SourceSpec& other : pipeline_->sources) {
    if (!other.webhook || other.webhook->path != path) continue;
    problems_.Error("value", at, "`" + path + "` is the path of `" + other.name + "`, too",
                    "each source has a path of its own");
  }
}

void Loader::LoadVerify(const YamlNode& node, const std::string& what, WebhookSpec* webhook) {
  const SectionReader reader(node, kVerifySection, what, &problems_);
  if (const YamlNode* hmac = reader.Get("hmac_sha256")) {
    const std::string name = what + ".hmac_sha256";
    const SectionReader signature(*hmac, kHmacSection, name, &problems_);
    if (const YamlNode* header = signature.Get("header");
        header != nullptr && !IsUnresolved(*header)) {
      webhook->signature_header = header->scalar;
      if (!IsHeader(header->scalar)) {
        problems_.Error("value", header->at, "`" + header->scalar + "` is no name of a header",
                        "as in X-Shopify-Hmac-Sha256");
      }
    }
    if (const YamlNode* key = signature.Get("key")) webhook->key = LoadSecret(*key, name + ".key");
    webhook->hex = signature.Text("encoding") == "hex";
  }
  if (const YamlNode* file = reader.Get("tokens")) {
    const SectionReader tokens(*file, kFileSection, what + ".tokens", &problems_);
    if (const std::string path = tokens.Text("file"); !path.empty()) {
      webhook->tokens_file = Resolve(path);
    }
  }
  if (reader.Given("hmac_sha256") == reader.Given("tokens")) {
    problems_.Error(reader.Given("tokens") ? "value" : "missing", node.at,
                    "`" + what + "` needs one of `hmac_sha256` and `tokens`",
                    "as in {hmac_sha256: {header: X-Signature, key: {secret: \"env:KEY\"}}}");
  }
}

}  // namespace leadflow
