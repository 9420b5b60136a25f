#include "connectors/registry/schema_registry.h"

#include <limits>
#include <utility>

#include <simdjson.h>

#include "engine/base/utf8_text.h"

namespace leadflow {
namespace {

constexpr std::size_t kShownBytes = 400;
constexpr const char* kJson = "application/vnd.schemaregistry.v1+json";

HttpClientOptions InItsTypes(HttpClientOptions options) {
  options.body_type = kJson;
  options.accept = std::string(kJson) + ", application/json";
  return options;
}

// What somebody else says, as much of it as fits into a message.
std::string Shown(std::string_view text) {
  std::string shown(text.substr(0, kShownBytes));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = ' ';
  }
  shown = ValidUtf8(shown);
  return text.size() > kShownBytes ? shown + "..." : shown;
}

// The answer as JSON; if it is none, it has nothing.
class Json {
 public:
  explicit Json(const std::string& body) : root_(parser_.parse(body)) {}
  std::optional<std::int64_t> Int(const char* key) const {
    std::int64_t number = 0;
    if (root_[key].get(number) != simdjson::SUCCESS) return std::nullopt;
    return number;
  }
  std::optional<bool> Bool(const char* key) const {
    bool flag = false;
    if (root_[key].get(flag) != simdjson::SUCCESS) return std::nullopt;
    return flag;
  }
  std::string Text(const char* key) const {
    std::string_view text;
    return root_[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
  }
  // The texts of a list, one after the other.
  std::string Texts(const char* key) const {
    std::string all;
    simdjson::dom::array list;
    if (root_[key].get(list) != simdjson::SUCCESS) return all;
    for (const simdjson::dom::element item : list) {
      std::string_view text;
      if (item.get(text) != simdjson::SUCCESS || all.size() > kShownBytes) continue;
      all.append(all.empty() ? "" : "; ").append(text);
    }
    return all;
  }
  // nullopt: no list.
  std::optional<std::size_t> ListSize() const {
    simdjson::dom::array list;
    if (root_.get(list) != simdjson::SUCCESS) return std::nullopt;
    return list.size();
  }

 private:
  simdjson::dom::parser parser_;
  simdjson::simdjson_result<simdjson::dom::element> root_;
};

std::string Reason(const HttpReply& reply) {
  const std::string message = Json(reply.body).Text("message");
  return Shown(message.empty() ? reply.body : message);
}

// 40401: no such subject, 40402: no such version, 40403: no such schema.
bool IsUnknown(const HttpReply& reply) {
  if (reply.status != 404) return false;
  const std::int64_t code = Json(reply.body).Int("error_code").value_or(0);
  return code >= 40400 && code < 40500;
}

bool IsRefusal(const HttpReply& reply) { return reply.status == 409 || reply.status == 422; }

std::string Question(std::string_view schema) {
  std::string body = R"({"schemaType":"PROTOBUF","schema":)";
  AppendJsonText(schema, &body);
  return body + "}";
}

}  // namespace

SchemaRegistry::SchemaRegistry(std::string url, std::string path, HttpClientOptions options)
    : url_(std::move(url)), path_(std::move(path)), client_(InItsTypes(std::move(options))) {}

Result<HttpReply> SchemaRegistry::Ask(const std::string& path, const std::string& body) const {
  Result<HttpReply> reply = client_.Ask(path_ + path, body);
  if (!reply.ok()) {
    const Status status = reply.status();
    return Status(status.code(), Named() + ": " + std::string(status.message()) +
                                     "; is it running, and `kafka.registry` right?");
  }
  const int status = reply->status;
  if ((status >= 200 && status < 300) || IsUnknown(*reply) || IsRefusal(*reply)) return reply;
  const std::string says = Named() + " answers " + std::to_string(status);
  if (status == 429 || status >= 500) return Status::Unavailable(says + ": " + Reason(*reply));
  std::string fix = ": " + Reason(*reply);
  if (status == 401) {
    fix = ": it wants a login; give `username` and `password` of `kafka.registry`";
  } else if (status == 403) {
    fix = ": its user may not do that; allow it to read and register schemas of " + path;
  } else if (status == 404) {
    fix = " for " + path_ + path +
          ": its API is not there; Apicurio has it at /apis/ccompat/v7 behind host and port";
  } else if (status >= 300 && status < 400) {
    fix = ": it is at " + Shown(reply->location) + "; write that into `kafka.registry.url`";
  }
  return Status(ErrorCode::kFailedPrecondition, says + fix);
}

Status SchemaRegistry::Refusal(const std::string& subject, const std::string& reason) const {
  return Status::InvalidArgument(Named() + " refuses the schema for the subject `" + subject +
                                 "`: " + reason);
}

Status SchemaRegistry::Senseless(const std::string& path, const HttpReply& reply) const {
  return {ErrorCode::kFailedPrecondition, Named() + " answers " + path +
                                              " with what makes no sense: " + Shown(reply.body) +
                                              "; is `kafka.registry.url` a schema registry?"};
}

Result<std::optional<std::uint32_t>> SchemaRegistry::Find(const std::string& subject,
                                                          std::string_view schema) const {
  const std::string path = "/subjects/" + subject;
  LEADFLOW_ASSIGN_OR_RETURN(const HttpReply reply, Ask(path, Question(schema)));
  if (IsUnknown(reply)) return std::optional<std::uint32_t>();
  if (IsRefusal(reply)) return Refusal(subject, Reason(reply));
  const std::int64_t id = Json(reply.body).Int("id").value_or(0);
  if (id < 1 || id > std::numeric_limits<std::int32_t>::max()) return Senseless(path, reply);
  return std::optional(static_cast<std::uint32_t>(id));
}

Result<bool> SchemaRegistry::Has(const std::string& subject) const {
  const std::string path = "/subjects/" + subject + "/versions";
  LEADFLOW_ASSIGN_OR_RETURN(const HttpReply reply, Ask(path, ""));
  if (IsUnknown(reply)) return false;
  const std::optional<std::size_t> versions = Json(reply.body).ListSize();
  if (!versions || IsRefusal(reply)) return Senseless(path, reply);
  return *versions > 0;
}

Result<std::uint32_t> SchemaRegistry::Register(const std::string& subject,
                                               std::string_view schema) const {
  const std::string path = "/subjects/" + subject + "/versions";
  LEADFLOW_ASSIGN_OR_RETURN(const HttpReply reply, Ask(path, Question(schema)));
  if (IsRefusal(reply)) return Refusal(subject, Reason(reply));
  const std::int64_t id = Json(reply.body).Int("id").value_or(0);
  if (id < 1 || id > std::numeric_limits<std::int32_t>::max()) return Senseless(path, reply);
  return static_cast<std::uint32_t>(id);
}

Status SchemaRegistry::Check(const std::string& subject, std::string_view schema) const {
  const std::string path = "/compatibility/subjects/" + subject + "/versions/latest?verbose=true";
  LEADFLOW_ASSIGN_OR_RETURN(const HttpReply reply, Ask(path, Question(schema)));
  if (IsUnknown(reply)) return {};
  if (IsRefusal(reply)) return Refusal(subject, Reason(reply));
  const Json json(reply.body);
  const std::optional<bool> compatible = json.Bool("is_compatible");
  if (!compatible) return Senseless(path, reply);
  if (*compatible) return {};
  const std::string reasons = Shown(json.Texts("messages"));
  return Refusal(subject, reasons.empty() ? "it is not compatible with the one there" : reasons);
}

}  // namespace leadflow
