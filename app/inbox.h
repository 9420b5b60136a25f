// Inbox: where a pipeline keeps what is sent to it, by webhooks and by `leadflow load`: topics on
// its cluster; with the embedded log, a log of its own in the state directory, so that `leadflow
// reset` leaves it as it is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/job.h"
#include "engine/log/embedded_log.h"
#include "engine/log/log.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow::app {

// One per source that is fed so, and how far `leadflow load` has sent which file. Empty: there is
// no such source.
std::vector<TopicSpec> InboxTopics(const Pipeline& pipeline);
std::string InboxTopic(const Pipeline& pipeline, const SourceSpec& source);
std::string LoadsTopic(const Pipeline& pipeline);

class Inbox {
 public:
  // Makes the topics. Null: no source is fed so. `log`: the pipeline's, which outlives it.
  static Result<std::unique_ptr<Inbox>> Open(const Pipeline& pipeline, const StateLayout& layout,
                                             Log* log);
  Inbox(std::unique_ptr<EmbeddedLog> own, Log* log)  // Use Open.
      : own_(std::move(own)), log_(*(own_ == nullptr ? log : own_.get())) {}

  Log& log() { return log_; }

 private:
  const std::unique_ptr<EmbeddedLog> own_;  // Null: it is on the cluster.
  Log& log_;
};

}  // namespace leadflow::app
