// outputs.kafka: topics that carry rows.
#include <algorithm>
#include <map>

#include "operators/pipeline/loader.h"

namespace leadflow {
namespace {

constexpr std::string_view kKpiPlace = "{kpi}";

std::int64_t ReadEmit(const YamlNode& node, RowTopicSpec* topic, Problems* problems) {
  if (node.IsScalar()) {
    topic->settled_only = node.scalar == "settled";
    if (!topic->settled_only && !IsUnresolved(node)) {
      problems->Error("value", node.at, "`emit` is `settled` or a mapping", "as in {every: 1s}");
    }
    return topic->every_ms;
  }
  const SectionReader emit(node, kEmitSection, "output.kafka.emit", problems);
  return emit.DurationMs("every", topic->every_ms, 0, kDayMs);
}

}  // namespace

bool IsOwnTopic(std::string_view topic, std::string_view pipeline) {
  if (!topic.starts_with(pipeline) || topic.size() <= pipeline.size()) return false;
  const std::string_view rest = topic.substr(pipeline.size());
  constexpr std::string_view kOwn[] = {".events", ".facts",    ".rows", ".dead_letters",
                                       ".late",   ".identity", ".loads"};
  return rest.starts_with(".changelog.") || rest.starts_with(".inbox.") ||
         std::find(std::begin(kOwn), std::end(kOwn), rest) != std::end(kOwn);
}

bool IsRead(std::span<const SourceSpec> sources, const std::string& topic) {
  return std::any_of(sources.begin(), sources.end(), [&](const SourceSpec& source) {
    return std::find(source.topics.begin(), source.topics.end(), topic) != source.topics.end();
  });
}

std::string TopicOf(const RowTopicSpec& output, std::string_view kpi) {
  std::string topic = output.topic;
  if (const std::size_t at = topic.find(kKpiPlace); at != std::string::npos) {
    topic.replace(at, kKpiPlace.size(), kpi);
  }
  return topic;
}

bool Carries(const RowTopicSpec& output, std::string_view kpi) {
  return output.only.empty() ||
         std::find(output.only.begin(), output.only.end(), kpi) != output.only.end();
}

void Loader::LoadTopicOutput(const YamlNode& node) {
  const SectionReader reader(node, kOutputKafkaSection, "output.kafka", &problems_);
  RowTopicSpec topic;
  topic.at = node.at;
  topic.only = KpiNames(reader.Texts("only"));
  topic.tombstones = reader.Bool("tombstones", topic.tombstones);
  topic.partitions =
      static_cast<int>(reader.Int("partitions", topic.partitions, 1, kPartitionsMax));
  if (const YamlNode* emit = reader.Get("emit")) {
    topic.every_ms = ReadEmit(*emit, &topic, &problems_);
  }
  const std::string format = reader.Text("format", "json");
  const std::string envelope = reader.Text("envelope", "upsert");
  if (format == "connect") topic.format = RowTopicSpec::Format::kConnect;
  if (envelope == "debezium") topic.envelope = RowTopicSpec::Envelope::kDebezium;
  if (envelope == "delta") topic.envelope = RowTopicSpec::Envelope::kDelta;
  if (format == "protobuf") {
    topic.format = RowTopicSpec::Format::kProtobuf;
    if (pipeline_->kafka && !pipeline_->kafka->registry) {
      problems_.Error("missing", reader.Get("format")->at, "`format: protobuf` needs a registry",
                      "add kafka: {registry: {url: \"http://localhost:8081\"}}");
    }
  }
  if (format == "connect" && envelope != "upsert") {
    problems_.Error("conflict", reader.Get("envelope")->at,
                    "`format: connect` carries upserts only", "leave `envelope` out");
  }
  if (const YamlNode* name = reader.Get("topic"); name != nullptr && !IsUnresolved(*name)) {
    topic.at = name->at;
    topic.topic = FillName(name->scalar);
    const std::size_t kpis = topic.only.empty() ? pipeline_->kpis.size() : topic.only.size();
    if (kpis > 1 && topic.topic.find(kKpiPlace) == std::string::npos) {
      problems_.Error("value", name->at, "the rows of all kpis would go to one topic",
                      "put {kpi} into the topic, or one name into `only`");
    }
    pipeline_->row_topics.push_back(std::move(topic));
  }
  NeedsKafka(node.at, "an output on Kafka");
}

// A name that Kafka takes, of one output only; one interval per KPI, for its rows wait together.
void Loader::CheckTopics() {
  std::map<std::string, const RowTopicSpec*> names;
  for (const RowTopicSpec& topic : pipeline_->row_topics) {
    for (const KpiSpec& kpi : pipeline_->kpis) {
      if (Carries(topic, kpi.name) && !CheckTopic(topic, kpi.name, &names)) break;
    }
  }
}

bool Loader::CheckTopic(const RowTopicSpec& topic, std::string_view kpi,
                        std::map<std::string, const RowTopicSpec*>* names) {
  const std::string name = TopicOf(topic, kpi);
  if (!IsTopicName(name)) {
    problems_.Error("value", topic.at, "`" + name + "` cannot be the name of a topic",
                    "letters, digits, . _ and -, at most 249");
    return false;
  }
  if (IsOwnTopic(name, pipeline_->name) || IsRead(pipeline_->sources, name)) {
    problems_.Error("value", topic.at,
                    "the topic `" + name + "` is the engine's own, or one that a source reads",
                    "choose another one for the rows");
    return false;
  }
  if (const auto [at, added] = names->emplace(name, &topic); !added && at->second != &topic) {
    problems_.Error("value", topic.at, "two outputs write the topic `" + name + "`",
                    "give one of them another `topic`");
    return false;
  }
  for (const RowTopicSpec& other : pipeline_->row_topics) {
    if (&other == &topic) return true;
    if (!Carries(other, kpi) || other.settled_only || topic.settled_only ||
        other.every_ms == topic.every_ms) {
      continue;
    }
    problems_.Error(
        "conflict", topic.at,
        "two outputs send the rows of `" + std::string(kpi) + "` at different intervals",
        "write the same `emit: {every: ...}` in both");
    return false;
  }
  return true;
}

}  // namespace leadflow
