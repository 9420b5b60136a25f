// leadflow reset: removes what a pipeline has computed, so that its next run computes all of it
// anew from its sources.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "app/commands/commands.h"
#include "app/inbox.h"
#include "app/job.h"
#include "app/kafka_options.h"
#include "app/pipeline_file.h"
#include "connectors/kafka/forget.h"
#include "engine/log/file_system.h"

namespace leadflow::app {
namespace {

struct Belongings {
  std::string brokers;  // Empty: the log is embedded.
  std::vector<std::string> topics;
  std::vector<std::string> kept;   // Topics of rows.
  std::vector<std::string> inbox;  // Where it lies: topics, or a path.
  std::vector<std::string> paths;  // Those that are there.
  std::vector<std::string> locks;  // The files that a process holds while it runs or restores.
};

// Renamed before it is removed, so that nobody takes what is left of it for a whole.
std::string Doomed(const std::string& path) { return path + ".removed"; }

Result<Belongings> BelongingsOf(const Pipeline& pipeline, bool outputs) {
  const bool on_kafka = pipeline.engine.log == EngineOptions::Log::kKafka;
  const StateLayout layout(pipeline.engine.state_dir);
  Belongings found;
  for (const std::string& path :
       {layout.log, layout.restoring, layout.stores, layout.dead_letters}) {
    for (const std::string& one : {Doomed(path), path}) {
      std::error_code error;
      if (std::filesystem::exists(one, error)) found.paths.push_back(one);
    }
  }
  found.locks = {layout.directory + "/lock", layout.log + "/LOCK", layout.restoring + "/LOCK"};
  for (const TopicSpec& topic : InboxTopics(pipeline)) {
    if (on_kafka) found.inbox.push_back("topic " + topic.name);
  }
  if (!on_kafka && !InboxTopics(pipeline).empty()) found.inbox.push_back(layout.inbox);
  if (!on_kafka) return found;
  found.brokers = pipeline.kafka->brokers;
  const std::vector<SourceMessages> nothing;
  LEADFLOW_ASSIGN_OR_RETURN(const Plan plan, MakePlan(pipeline, {.inputs = &nothing}));
  for (const TopicSpec& topic : plan.Topics()) {
    (topic.for_subscribers && !outputs ? found.kept : found.topics).push_back(topic.name);
  }
  return found;
}

void Print(const Belongings& found, const std::string& name) {
  std::printf("What `%s` has computed:\n", name.c_str());
  for (const std::string& path : found.paths) std::printf("  %s\n", path.c_str());
  for (const std::string& topic : found.topics) std::printf("  topic %s\n", topic.c_str());
  if (!found.brokers.empty()) {
    std::printf("  group %s (brokers: %s)\n", name.c_str(), found.brokers.c_str());
  } else if (found.paths.empty()) {
    std::printf("  nothing\n");
  }
  if (!found.inbox.empty()) std::printf("Kept, and read again by the next run:\n");
  for (const std::string& place : found.inbox) std::printf("  %s\n", place.c_str());
  if (found.kept.empty()) return;
  std::printf("Kept, and sent every row again by the next run (--outputs removes them, too):\n");
  for (const std::string& topic : found.kept) std::printf("  topic %s\n", topic.c_str());
}

Status Remove(const Pipeline& pipeline, const Belongings& found) {
  std::error_code error;
  std::vector<std::unique_ptr<FileLock>> locks;
  for (const std::string& path : found.locks) {
    if (!std::filesystem::exists(path, error)) continue;
    LEADFLOW_ASSIGN_OR_RETURN(locks.emplace_back(), PosixFileSystem().Lock(path));
  }
  if (!found.brokers.empty()) {
    LEADFLOW_ASSIGN_OR_RETURN(const KafkaOptions options, MakeKafkaOptions(*pipeline.kafka));
    LEADFLOW_RETURN_IF_ERROR(ForgetOnKafka(options, pipeline.name, found.topics));
  }
  for (std::string path : found.paths) {
    if (!path.ends_with(Doomed(""))) {
      std::filesystem::rename(path, Doomed(path), error);
      if (!error) path = Doomed(path);
    }
    if (!error) std::filesystem::remove_all(path, error);
    if (error) return Status::Unavailable("cannot remove " + path + ": " + error.message());
  }
  return {};
}

}  // namespace

int Reset(const ResetOptions& options) {
  const LoadedPipeline loaded =
      LoadPipelineFile(options.file, {.use_environment = true, .set = options.set});
  if (!loaded.pipeline) return BadConfig(loaded);
  const Result<Belongings> found = BelongingsOf(*loaded.pipeline, options.outputs);
  if (!found.ok()) return Failed(found.status());
  Print(*found, loaded.pipeline->name);
  if (!options.yes) {
    std::fprintf(stderr, "Nothing was removed; --yes does it.\n");
    return kFailed;
  }
  if (const Status status = Remove(*loaded.pipeline, *found); !status.ok()) {
    return Failed(status);
  }
  std::printf("Removed.\n");
  return kDone;
}

}  // namespace leadflow::app
