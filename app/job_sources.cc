#include "app/job_sources.h"

#include <memory>
#include <string>

#include "app/inbox.h"
#include "app/kafka_options.h"
#include "app/memory_source.h"
#include "connectors/file/file_reader.h"
#include "connectors/formats/make_decoder.h"
#include "connectors/inbox/reader.h"
#include "connectors/kafka/kafka_sources.h"
#include "engine/base/check.h"
#include "operators/ingest/ingest_operator.h"

namespace leadflow::app {
namespace {

// A reader hands header lines to the decoder of its own partition. Both are made by the thread that
// uses them, the operator first; the slots are where they meet.
using DecoderSlots = std::vector<EventDecoder*>;

// CSV needs a header, which a test's messages do not have: they are JSON objects by column.
SourceSpec ForMessages(const SourceSpec& source) {
  SourceSpec out = source;
  if (out.format == "csv" || out.format == "tsv") out.format = "json";
  return out;
}

OperatorFactory IngestFactory(const Pipeline& pipeline, const SourceSpec& source,
                              std::shared_ptr<const SourceSpec> decoded, KeyedHash::Key key,
                              std::shared_ptr<DecoderSlots> slots) {
  return [&pipeline, &source, decoded, key, slots](std::uint32_t partition) {
    IngestOperator::Options options;
    options.pipeline = &pipeline;
    options.source = &source;
    options.decoder = MakeDecoder(*decoded, pipeline);
    options.key = key;
    auto made = std::make_unique<IngestOperator>(std::move(options));
    (*slots)[partition] = &made->decoder();
    return made;
  };
}

Status AddFiles(const SourceSpec& source, SourcePlan* plan, std::shared_ptr<DecoderSlots> slots) {
  std::vector<std::string> paths = {"-"};
  if (source.input == SourceSpec::Input::kFile) {
    LEADFLOW_ASSIGN_OR_RETURN(paths, ExpandPaths(source.paths));
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    FileReader::Options options{.path = paths[i],
                                .format = source.format,
                                .follow = source.follow,
                                .clock = &Clock::System()};
    plan->partitions.push_back(
        {paths[i], [options, slots, i]() -> Result<std::unique_ptr<SourceReader>> {
           auto reader = std::make_unique<FileReader>(options);
           reader->set_header_sink(
               [slots, i](std::string_view header) { return (*slots)[i]->SetHeader(header); });
           return std::unique_ptr<SourceReader>(std::move(reader));
         }});
  }
  return {};
}

// One connection for all sources that read topics; null if none does.
Result<std::shared_ptr<KafkaSources>> OpenTopics(const Pipeline& pipeline,
                                                 const PlanOptions& options) {
  std::vector<std::string> topics;
  for (const SourceSpec& source : pipeline.sources) {
    topics.insert(topics.end(), source.topics.begin(), source.topics.end());
  }
  if (topics.empty() || options.inputs != nullptr) return std::shared_ptr<KafkaSources>();
  KafkaSources::Options kafka;
  LEADFLOW_ASSIGN_OR_RETURN(kafka.kafka, MakeKafkaOptions(*pipeline.kafka));
  kafka.memory_bytes = options.topic_bytes;
  kafka.until_end = options.until_end;
  LEADFLOW_ASSIGN_OR_RETURN(std::unique_ptr<KafkaSources> opened,
                            KafkaSources::Open(std::move(kafka), topics));
  return std::shared_ptr<KafkaSources>(std::move(opened));
}

KafkaStart StartOf(const SourceSpec& source) {
  switch (source.start) {
    case SourceSpec::Start::kEarliest: break;
    case SourceSpec::Start::kLatest: return {KafkaStart::From::kLatest};
    case SourceSpec::Start::kTime: return {KafkaStart::From::kTime, source.start_ms};
  }
  return {};
}

void AddTopics(const SourceSpec& source, const std::shared_ptr<KafkaSources>& topics,
               SourcePlan* plan) {
  for (const std::string& topic : source.topics) {
    for (std::uint32_t number = 0; number < topics->partitions(topic); ++number) {
      const TopicPartition partition{topic, number};
      plan->partitions.push_back(
          {SourceNameOf(partition),
           [topics, partition, start = StartOf(source)]() -> Result<std::unique_ptr<SourceReader>> {
             return topics->NewReader(partition, start);
           }});
    }
  }
}

Status AddInbox(const Pipeline& pipeline, const SourceSpec& source, const PlanOptions& options,
                SourcePlan* plan, std::shared_ptr<DecoderSlots> slots) {
  LEADFLOW_CHECK(options.inbox != nullptr);
  InboxReaderOptions reader{.topic = InboxTopic(pipeline, source), .format = source.format};
  reader.keep_ms = source.keep_ms;
  reader.show_offset = pipeline.engine.log == EngineOptions::Log::kKafka;
  if (options.until_end) {
    LEADFLOW_ASSIGN_OR_RETURN(reader.end, options.inbox->EndOffset({reader.topic, 0}));
  }
  plan->partitions.push_back(
      {"inbox", [log = options.inbox, reader, slots]() -> Result<std::unique_ptr<SourceReader>> {
         return std::unique_ptr<SourceReader>(std::make_unique<InboxReader>(
             log, reader,
             [slots](std::string_view header) { return (*slots)[0]->SetHeader(header); }));
       }});
  return {};
}

}  // namespace

Result<std::vector<SourcePlan>> MakeSources(const Pipeline& pipeline, const PlanOptions& options) {
  std::vector<SourcePlan> plans;
  LEADFLOW_ASSIGN_OR_RETURN(const std::shared_ptr<KafkaSources> topics,
                            OpenTopics(pipeline, options));
  for (const SourceSpec& source : pipeline.sources) {
    SourcePlan& plan = plans.emplace_back();
    plan.name = source.name;
    plan.description = source.format;
    plan.disorder_ms = source.disorder_ms;
    const auto slots = std::make_shared<DecoderSlots>();
    auto decoded = std::make_shared<SourceSpec>(source);
    if (options.inputs == nullptr && source.input == SourceSpec::Input::kKafka) {
      AddTopics(source, topics, &plan);
    } else if (options.inputs == nullptr && source.input == SourceSpec::Input::kInbox) {
      LEADFLOW_RETURN_IF_ERROR(AddInbox(pipeline, source, options, &plan, slots)
                                   .WithContext("source `" + source.name + "`"));
    } else if (options.inputs == nullptr) {
      LEADFLOW_RETURN_IF_ERROR(
          AddFiles(source, &plan, slots).WithContext("source `" + source.name + "`"));
    } else {
      *decoded = ForMessages(source);
      for (const SourceMessages& input : *options.inputs) {
        if (input.source != source.name) continue;
        plan.partitions.push_back({"test", [&input]() -> Result<std::unique_ptr<SourceReader>> {
                                     return std::unique_ptr<SourceReader>(
                                         std::make_unique<MemorySource>(input.messages));
                                   }});
      }
    }
    LEADFLOW_RETURN_IF_ERROR(CheckSource(*decoded).WithContext("source `" + source.name + "`"));
    slots->resize(plan.partitions.size());
    plan.ingest = IngestFactory(pipeline, source, decoded, options.key, slots);
  }
  return plans;
}

}  // namespace leadflow::app
