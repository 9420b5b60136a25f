#include "app/inbox.h"

#include <utility>

namespace leadflow::app {

std::string InboxTopic(const Pipeline& pipeline, const SourceSpec& source) {
  return pipeline.name + ".inbox." + source.name;
}

std::string LoadsTopic(const Pipeline& pipeline) { return pipeline.name + ".loads"; }

std::vector<TopicSpec> InboxTopics(const Pipeline& pipeline) {
  std::vector<TopicSpec> topics;
  for (const SourceSpec& source : pipeline.sources) {
    if (source.input != SourceSpec::Input::kInbox) continue;
    topics.push_back({InboxTopic(pipeline, source), 1, Cleanup::kDelete});
  }
  if (!topics.empty()) topics.push_back({LoadsTopic(pipeline), 1, Cleanup::kCompact});
  return topics;
}

Result<std::unique_ptr<Inbox>> Inbox::Open(const Pipeline& pipeline, const StateLayout& layout,
                                           Log* log) {
  const std::vector<TopicSpec> topics = InboxTopics(pipeline);
  if (topics.empty()) return std::unique_ptr<Inbox>();
  std::unique_ptr<EmbeddedLog> own;
  if (pipeline.engine.log == EngineOptions::Log::kEmbedded) {
    LEADFLOW_ASSIGN_OR_RETURN(own, EmbeddedLog::Open({.directory = layout.inbox}));
  }
  auto inbox = std::make_unique<Inbox>(std::move(own), log);
  LEADFLOW_RETURN_IF_ERROR(inbox->log().EnsureTopics(topics));
  return inbox;
}

}  // namespace leadflow::app
