// SchemaRegistry: schemas of Protobuf under subjects, by the REST API of Confluent's registry,
// which others (Apicurio, Karapace) have too.
//
// Blocks, for as long as HttpClient may. Not thread-safe. Errors name the registry, the subject and
// what to do; of what a registry says they show a part, without control characters:
//   kInvalidArgument     it refuses the schema
//   kUnavailable         it does not answer
//   kFailedPrecondition  it is asked in vain: login, rights, another address, answers without sense
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/http/client.h"
#include "engine/base/status.h"

namespace leadflow {

class SchemaRegistry {
 public:
  // `url`: as errors show it; `path`: what every request begins with.
  SchemaRegistry(std::string url, std::string path, HttpClientOptions options);

  // The id of a schema that the subject has, letter by letter or as the registry compares them;
  // nullopt: it has others, or none. `schema`: the text of a .proto file. A subject is of letters,
  // digits, `.`, `_` and `-`.
  Result<std::optional<std::uint32_t>> Find(const std::string& subject,
                                            std::string_view schema) const;
  // Whether the subject has any schema.
  Result<bool> Has(const std::string& subject) const;
  // Makes it the newest of the subject; the id that the subject has for it already, if it has.
  Result<std::uint32_t> Register(const std::string& subject, std::string_view schema) const;
  // Whether the schema may follow the newest one of the subject; changes nothing.
  Status Check(const std::string& subject, std::string_view schema) const;

 private:
  // Answers that the caller has to understand: 2xx, 404 for what the registry knows not, 409, 422.
  Result<HttpReply> Ask(const std::string& path, const std::string& body) const;
  Status Refusal(const std::string& subject, const std::string& reason) const;
  Status Senseless(const std::string& path, const HttpReply& reply) const;
  std::string Named() const { return "the schema registry " + url_; }

  const std::string url_;
  const std::string path_;
  const HttpClient client_;
};

}  // namespace leadflow
