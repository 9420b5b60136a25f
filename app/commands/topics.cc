// leadflow topics: what a pipeline needs of its Kafka cluster, for those who do not let it make its
// topics, or who give it no more rights than it needs.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "app/commands/commands.h"
#include "app/identity_key.h"
#include "app/inbox.h"
#include "app/job.h"
#include "app/pipeline_file.h"
#include "connectors/kafka/forget.h"
#include "connectors/kafka/topic_settings.h"

namespace leadflow::app {
namespace {

// What a user may do with one thing of the cluster.
struct Right {
  const char* type = nullptr;  // topic, group, transactionalId
  std::string name;
  bool prefix = false;
  std::vector<const char*> operations;
};

struct Needs {
  std::string brokers;
  std::string user;
  std::string mechanism;
  KafkaOptions options;
  std::vector<TopicSpec> topics;
  std::vector<Right> rights;
};

std::vector<Right> RightsOf(const Pipeline& pipeline, const std::vector<TopicSpec>& topics) {
  std::vector<Right> rights;
  for (const TopicSpec& topic : topics) {
    if (topic.for_subscribers) {
      rights.push_back(
          {"topic", topic.name, false, {"Create", "Describe", "DescribeConfigs", "Write"}});
      continue;
    }
    Right right = {
        "topic", topic.name, false, {"Create", "Describe", "DescribeConfigs", "Read", "Write"}};
    if (topic.cleanup == Cleanup::kDelete) right.operations.push_back("Delete");  // what is handled
    rights.push_back(std::move(right));
  }
  for (const SourceSpec& source : pipeline.sources) {
    for (const std::string& topic : source.topics) {
      rights.push_back({"topic", topic, false, {"Describe", "Read"}});
    }
  }
  rights.push_back({"topic", ForgettingTopic(pipeline.name), false, {"Describe"}});
  rights.push_back({"group", pipeline.name, false, {"Describe", "Read"}});
  rights.push_back({"transactionalId", pipeline.name + "-", true, {"Describe", "Write"}});
  return rights;
}

Result<Needs> NeedsOf(const Pipeline& pipeline) {
  if (!pipeline.kafka) {
    return Status::InvalidArgument(
        "this pipeline has no `kafka:`, and needs no topics; add kafka: {brokers: ...}");
  }
  const std::vector<SourceMessages> nothing;
  LEADFLOW_ASSIGN_OR_RETURN(const Plan plan, MakePlan(pipeline, {.inputs = &nothing}));
  Needs needs;
  needs.brokers = pipeline.kafka->brokers;
  needs.user = "leadflow";
  if (const auto& sasl = pipeline.kafka->sasl) {
    needs.mechanism = sasl->mechanism;
    if (!sasl->username.empty()) needs.user = sasl->username;
  }
  needs.options.replication = pipeline.kafka->replication;
  needs.topics = plan.Topics();
  for (TopicSpec& topic : InboxTopics(pipeline)) needs.topics.push_back(std::move(topic));
  if (pipeline.identity.key.from == SecretSpec::From::kNowhere) {
    needs.topics.push_back(IdentityTopic(pipeline.name));
  }
  needs.rights = RightsOf(pipeline, needs.topics);
  return needs;
}

std::string Joined(const std::vector<const char*>& words) {
  std::string out;
  for (const char* word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

std::string NameOf(const Right& right) { return right.name + (right.prefix ? "*" : ""); }

void PrintText(const Needs& needs) {
  std::size_t width = 0;
  for (const Right& right : needs.rights) width = std::max(width, NameOf(right).size());
  const int columns = static_cast<int>(width);
  std::printf(
      "Topics (replication %d); those that are missing are made, unless topics.create is "
      "false:\n",
      needs.options.replication);
  for (const TopicSpec& topic : needs.topics) {
    std::printf("  %-*s  %u %s\n", columns, topic.name.c_str(), topic.partitions,
                topic.partitions == 1 ? "partition" : "partitions");
    for (const auto& [name, value] : TopicSettings(topic, needs.options)) {
      std::printf("      %s=%s\n", name.c_str(), value.c_str());
    }
  }
  std::printf("\nRights of `%s` (Create only where it makes the topics):\n", needs.user.c_str());
  for (const Right& right : needs.rights) {
    std::printf("  %-15s  %-*s  %s\n", right.type, columns, NameOf(right).c_str(),
                Joined(right.operations).c_str());
  }
}

// In single quotes, as a shell takes it.
std::string Quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

void PrintShell(const Needs& needs) {
  const std::string server = "--bootstrap-server " + Quoted(needs.brokers);
  std::printf("# Add --command-config FILE to each where the cluster wants a login.\n");
  for (const TopicSpec& topic : needs.topics) {
    std::printf(
        "kafka-topics.sh %s --create --if-not-exists --topic %s --partitions %u "
        "--replication-factor %d",
        server.c_str(), topic.name.c_str(), topic.partitions, needs.options.replication);
    for (const auto& [name, value] : TopicSettings(topic, needs.options)) {
      std::printf(" --config %s=%s", name.c_str(), value.c_str());
    }
    std::printf("\n");
  }
  for (const Right& right : needs.rights) {
    const bool transactional = std::string(right.type) == "transactionalId";
    std::printf("kafka-acls.sh %s --add --allow-principal %s --%s %s%s", server.c_str(),
                Quoted("User:" + needs.user).c_str(),
                transactional ? "transactional-id" : right.type, right.name.c_str(),
                right.prefix ? " --resource-pattern-type prefixed" : "");
    for (const char* operation : right.operations) std::printf(" --operation %s", operation);
    std::printf("\n");
  }
}

// A name of Kubernetes: lower case letters, digits, - and dots.
std::string ResourceName(std::string name) {
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = '-';
  }
  return name;
}

std::string Authentication(const std::string& mechanism) {
  return mechanism.starts_with("SCRAM") ? "scram-sha-512" : "tls";
}

void PrintStrimzi(const Needs& needs) {
  constexpr const char* kLabel = "  labels: {strimzi.io/cluster: my-cluster}";
  std::printf("# Set strimzi.io/cluster to the name of your Kafka resource.\n");
  for (const TopicSpec& topic : needs.topics) {
    std::printf(
        "apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaTopic\nmetadata:\n  name: %s\n%s\n"
        "spec:\n  topicName: %s\n  partitions: %u\n  replicas: %d\n  config:\n",
        ResourceName(topic.name).c_str(), kLabel, topic.name.c_str(), topic.partitions,
        needs.options.replication);
    for (const auto& [name, value] : TopicSettings(topic, needs.options)) {
      std::printf("    %s: \"%s\"\n", name.c_str(), value.c_str());
    }
    std::printf("---\n");
  }
  std::printf(
      "apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaUser\nmetadata:\n  name: %s\n%s\n"
      "spec:\n  authentication: {type: %s}\n  authorization:\n    type: simple\n    acls:\n",
      ResourceName(needs.user).c_str(), kLabel, Authentication(needs.mechanism).c_str());
  for (const Right& right : needs.rights) {
    std::printf(
        "      - resource: {type: %s, name: \"%s\", patternType: %s}\n"
        "        operations: [%s]\n",
        right.type, right.name.c_str(), right.prefix ? "prefix" : "literal",
        Joined(right.operations).c_str());
  }
}

}  // namespace

int Topics(const std::string& file, TopicsFormat format) {
  const LoadedPipeline loaded = LoadPipelineFile(file, {.use_environment = true, .set = {}});
  if (!loaded.pipeline) return BadConfig(loaded);
  const Result<Needs> needs = NeedsOf(*loaded.pipeline);
  if (!needs.ok()) return Failed(needs.status());
  switch (format) {
    case TopicsFormat::kText: PrintText(*needs); break;
    case TopicsFormat::kShell: PrintShell(*needs); break;
    case TopicsFormat::kStrimzi: PrintStrimzi(*needs); break;
  }
  return kDone;
}

}  // namespace leadflow::app
