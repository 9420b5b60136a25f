#include "app/row_schemas.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/secret.h"
#include "connectors/registry/schema_registry.h"
#include "operators/kpi/row_record.h"

namespace leadflow::app {
namespace {

constexpr const char* kProblem = "registry";  // As diagnostics name it.

std::string KeySubject(const RowFeed& feed) { return feed.topic + "-key"; }
std::string ValueSubject(const RowFeed& feed) { return feed.topic + "-value"; }

std::vector<RowFeed> FeedsWithSchemas(const Pipeline& pipeline) {
  std::vector<RowFeed> feeds = RowFeedsOf(pipeline);
  std::erase_if(feeds, [](const RowFeed& feed) {
    return feed.output->format != RowTopicSpec::Format::kProtobuf;
  });
  return feeds;
}

Result<SchemaRegistry> MakeRegistry(const RegistrySpec& spec) {
  HttpClientOptions options;
  options.tls = spec.tls;
  options.host = spec.host;
  options.port = spec.port;
  options.ca_file = spec.ca_file;
  options.username = spec.username;
  LEADFLOW_ASSIGN_OR_RETURN(options.password, ReadSecret(spec.password, "kafka.registry.password"));
  return SchemaRegistry(spec.url, spec.path, std::move(options));
}

Status OtherKeys(const RowFeed& feed) {
  return Status::InvalidArgument("the subject `" + KeySubject(feed) +
                                 "` has the schema of other keys than those of `" + feed.kpi->name +
                                 "`: rows that the topic `" + feed.topic +
                                 "` holds would never be replaced; write another `topic`, or "
                                 "delete the topic and the subject");
}

// A value that the registry refuses, with what can be done.
Status WithFix(Status status) {
  if (status.code() != ErrorCode::kInvalidArgument) return status;
  return Status::InvalidArgument(std::string(status.message()) +
                                 "; write another `topic`, or set the compatibility of the "
                                 "subject to NONE for this change");
}

// The id of the keys' schema; nullopt: the subject has none yet.
Result<std::optional<std::uint32_t>> FindKey(const SchemaRegistry& registry, const RowFeed& feed,
                                             const std::string& schema) {
  LEADFLOW_ASSIGN_OR_RETURN(const bool any, registry.Has(KeySubject(feed)));
  if (!any) return std::optional<std::uint32_t>();
  LEADFLOW_ASSIGN_OR_RETURN(const std::optional<std::uint32_t> id,
                            registry.Find(KeySubject(feed), schema));
  if (!id) return OtherKeys(feed);
  return id;
}

// What is there is looked up first: who may only read can run what others have registered.
Result<RowSchemaIds> Register(const SchemaRegistry& registry, const RowFeed& feed) {
  LEADFLOW_ASSIGN_OR_RETURN(const RowSchemas schemas, RowSchemasOf(feed));
  LEADFLOW_ASSIGN_OR_RETURN(std::optional<std::uint32_t> key, FindKey(registry, feed, schemas.key));
  LEADFLOW_ASSIGN_OR_RETURN(std::optional<std::uint32_t> value,
                            registry.Find(ValueSubject(feed), schemas.value));
  if (!value) {
    const Result<std::uint32_t> made = registry.Register(ValueSubject(feed), schemas.value);
    if (!made.ok()) return WithFix(made.status());
    value = *made;
  }
  if (!key) {
    LEADFLOW_ASSIGN_OR_RETURN(key, registry.Register(KeySubject(feed), schemas.key));
  }
  return RowSchemaIds{*key, *value};
}

Status Check(const SchemaRegistry& registry, const RowFeed& feed, const RowSchemas& schemas) {
  LEADFLOW_RETURN_IF_ERROR(FindKey(registry, feed, schemas.key).status());
  LEADFLOW_ASSIGN_OR_RETURN(const auto value, registry.Find(ValueSubject(feed), schemas.value));
  if (value) return {};
  return WithFix(registry.Check(ValueSubject(feed), schemas.value));
}

}  // namespace

Result<SchemaIdsByTopic> RegisterRowSchemas(const Pipeline& pipeline) {
  SchemaIdsByTopic ids;
  const std::vector<RowFeed> feeds = FeedsWithSchemas(pipeline);
  if (feeds.empty()) return ids;
  LEADFLOW_ASSIGN_OR_RETURN(const SchemaRegistry registry, MakeRegistry(*pipeline.kafka->registry));
  for (const RowFeed& feed : feeds) {
    LEADFLOW_ASSIGN_OR_RETURN(ids[feed.topic], Register(registry, feed));
  }
  return ids;
}

void CheckRowSchemas(const Pipeline& pipeline, bool ask, Diagnostics* diagnostics) {
  const std::vector<RowFeed> feeds = FeedsWithSchemas(pipeline);
  if (feeds.empty()) return;
  const RegistrySpec& spec = *pipeline.kafka->registry;
  std::optional<SchemaRegistry> registry;
  if (ask) {
    Result<SchemaRegistry> made = MakeRegistry(spec);
    if (!made.ok()) {
      return diagnostics->Error(kProblem, spec.at, std::string(made.status().message()));
    }
    registry.emplace(*std::move(made));
  }
  for (const RowFeed& feed : feeds) {
    const Result<RowSchemas> schemas = RowSchemasOf(feed);
    Status status = schemas.status();
    if (status.ok() && registry) status = Check(*registry, feed, *schemas);
    if (status.ok()) continue;
    const bool of_output = status.code() == ErrorCode::kInvalidArgument;
    diagnostics->Error(kProblem, of_output ? feed.output->at : spec.at,
                       std::string(status.message()),
                       of_output ? "" : "`--no-env` looks at the file alone");
    if (!of_output) return;  // The others would say the same.
  }
}

}  // namespace leadflow::app
