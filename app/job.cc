#include "app/job.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "app/identity_key.h"
#include "app/inbox.h"
#include "app/job_sources.h"
#include "app/kafka_options.h"
#include "app/member.h"
#include "app/process_metrics.h"
#include "app/row_schemas.h"
#include "app/service.h"
#include "connectors/file/row_writer.h"
#include "connectors/kafka/forget.h"
#include "connectors/kafka/kafka_log.h"
#include "engine/log/embedded_log.h"
#include "engine/state/rocks_store.h"
#include "operators/identity/journeys_operator.h"
#include "operators/kpi/kpi_operator.h"

namespace leadflow::app {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::chrono::milliseconds kStartPause{1000};

bool OnKafka(const Pipeline& pipeline) { return pipeline.engine.log == EngineOptions::Log::kKafka; }

// Where the budget of the process goes. What is left is for the bytes of a commit, which are there
// a few times on their way to the log and the stores, for buffers and the allocator. A log on Kafka
// holds more of them: librdkafka has its own copy of what is sent, and reads ahead.
struct Budget {
  explicit Budget(const Pipeline& pipeline)
      : far(OnKafka(pipeline)),
        stores(std::max(pipeline.engine.memory_bytes / (far ? 16 : 8), 16 * kMiB)),
        gathered(std::max(
            pipeline.engine.memory_bytes / (far ? 32 : 16) / pipeline.engine.partitions, kMiB)),
        commit(std::max(pipeline.engine.memory_bytes / (far ? 28 : 32) / pipeline.engine.threads,
                        kMiB)),
        clusters(std::max(
            pipeline.engine.memory_bytes * (far ? 8 : 10) / 32 / pipeline.engine.partitions, kMiB)),
        groups(std::max(pipeline.engine.memory_bytes / 16 / pipeline.engine.partitions, kMiB)),
        topics(pipeline.engine.memory_bytes / 48) {}
  bool far;               // The log is on Kafka.
  std::int64_t stores;    // RocksDB
  std::int64_t gathered;  // committed writes before RocksDB, per partition; twice at times
  std::int64_t commit;    // messages handled between two commits, per thread
  std::int64_t clusters;  // decoded journeys, per partition
  std::int64_t groups;    // sums of the rows, per partition
  std::int64_t topics;    // records fetched ahead from topics of sources
};

Status Hung(std::uint32_t thread, std::int64_t silent_ms) {
  return {ErrorCode::kInternal,
          "thread " + std::to_string(thread) + " has made no step for " +
              std::to_string(silent_ms / 60'000) +
              " minutes: a call to Kafka or to the disk hangs. The process "
              "ends; nothing that was committed is lost, and the next start goes on from there"};
}

void LogStart(const Pipeline& pipeline, const std::string& address, Logger* log) {
  if (log == nullptr) return;
  log->Log(Logger::Level::kInfo, "starting",
           {{"version", LEADFLOW_VERSION},
            {"pipeline", pipeline.name},
            {"log", OnKafka(pipeline) ? "kafka" : "embedded"},
            {"threads", std::int64_t{pipeline.engine.threads}},
            {"partitions", std::int64_t{pipeline.engine.partitions}},
            {"state_dir", pipeline.engine.state_dir}});
  if (!address.empty()) log->Log(Logger::Level::kInfo, "listening", {{"address", address}});
}

// What a scrape is to compare with what is used.
void ExposeLimits(const Pipeline& pipeline, const StateLayout& layout, Exposition* out) {
  out->Family("leadflow_memory_budget_bytes", Exposition::Type::kGauge,
              "`engine.memory`, to compare with process_resident_memory_bytes.");
  out->Sample({}, pipeline.engine.memory_bytes);
  std::error_code error;
  const auto space = std::filesystem::space(layout.directory, error);
  out->Family("leadflow_state_disk_free_bytes", Exposition::Type::kGauge,
              "Free space of the disk of `engine.state_dir`.");
  if (!error) out->Sample({}, static_cast<std::int64_t>(space.available));
  out->Family("leadflow_state_disk_bytes", Exposition::Type::kGauge,
              "Size of the disk of `engine.state_dir`.");
  if (!error) out->Sample({}, static_cast<std::int64_t>(space.capacity));
}

// Null: nothing is sent to this pipeline.
Result<std::unique_ptr<InboxQueue>> StartQueue(const Pipeline& pipeline, Inbox* inbox,
                                               const std::string& member,
                                               InboxQueue::Trouble trouble) {
  if (inbox == nullptr) return std::unique_ptr<InboxQueue>();
  return InboxQueue::Start(&inbox->log(), pipeline.name + "-inbox" + member, std::move(trouble));
}

std::string DescribeOutput(const OutputSpec& output) { return output.path; }

}  // namespace

StateLayout::StateLayout(std::string folder)
    : directory(std::move(folder)),
      log(directory + "/log"),
      inbox(directory + "/inbox"),
      stores(directory + "/stores"),
      key_file(directory + "/identity.key"),
      dead_letters(directory + "/dead_letters.jsonl"),
      restoring(directory + "/log.restoring") {}

Result<std::unique_ptr<Log>> OpenLog(const Pipeline& pipeline, const StateLayout& layout) {
  if (pipeline.engine.log == EngineOptions::Log::kEmbedded) {
    if (std::error_code error; std::filesystem::exists(layout.restoring, error)) {
      return Status(ErrorCode::kFailedPrecondition,
                    "a restore of this state directory has begun and not ended (" +
                        layout.restoring + "): `leadflow reset` removes what is left");
    }
    LEADFLOW_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                              EmbeddedLog::Open({.directory = layout.log}));
    return std::unique_ptr<Log>(std::move(log));
  }
  LEADFLOW_ASSIGN_OR_RETURN(KafkaOptions options, MakeKafkaOptions(*pipeline.kafka));
  LEADFLOW_ASSIGN_OR_RETURN(std::unique_ptr<KafkaLog> log, KafkaLog::Open(std::move(options)));
  LEADFLOW_RETURN_IF_ERROR(CheckNotForgotten(*log, pipeline.name));
  return std::unique_ptr<Log>(std::move(log));
}

Result<Plan> MakePlan(const Pipeline& pipeline, const PlanOptions& options) {
  Plan plan;
  plan.app = pipeline.name;
  plan.rules_hash = pipeline.rules;
  plan.partitions = static_cast<std::uint32_t>(pipeline.engine.partitions);
  LEADFLOW_ASSIGN_OR_RETURN(plan.sources, MakeSources(pipeline, options));
  plan.events = {"journeys", "who is a lead, and what does a change of its journey change",
                 [&pipeline, bytes = options.cluster_bytes](std::uint32_t) {
                   return MakeJourneysOperator(pipeline, bytes);
                 }};
  plan.facts = {"kpis", "sums of facts per row",
                [&pipeline, bytes = options.group_bytes, schemas = options.schemas](std::uint32_t) {
                  return std::make_unique<KpiOperator>(pipeline, bytes, RowPublisher::Limits(),
                                                       schemas);
                }};
  for (const OutputSpec& output : pipeline.outputs) plan.outputs.push_back(DescribeOutput(output));
  for (const RowTopicSpec& output : pipeline.row_topics) {
    plan.outputs.push_back("topic " + output.topic);
  }
  for (const RowFeed& feed : RowFeedsOf(pipeline)) {
    const bool upserts = feed.output->envelope != RowTopicSpec::Envelope::kDelta;
    plan.output_topics.push_back({feed.topic, upserts ? Cleanup::kCompact : Cleanup::kDelete,
                                  static_cast<std::uint32_t>(feed.output->partitions)});
  }
  return plan;
}

namespace {

// `begun`: the log and all that lies in it were there.
Result<JobResult> RunOnce(const Pipeline& pipeline, const JobOptions& options,
                          const StateLayout& layout, const SchemaIdsByTopic& schemas,
                          Service* service, const std::atomic<bool>& stop, bool* begun) {
  Clock& clock = Clock::System();
  PlanOptions plan_options;
  plan_options.schemas = schemas;
  LEADFLOW_ASSIGN_OR_RETURN(const std::unique_ptr<Log> log, OpenLog(pipeline, layout));
  std::optional<Member> member;
  if (OnKafka(pipeline)) {
    LEADFLOW_ASSIGN_OR_RETURN(member, Member::Of(layout.directory));
    LEADFLOW_ASSIGN_OR_RETURN(plan_options.key, SharedIdentifierKey(pipeline, layout, *log));
  } else {
    LEADFLOW_ASSIGN_OR_RETURN(plan_options.key, IdentifierKey(pipeline, layout, true));
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::unique_ptr<Inbox> inbox,
                            Inbox::Open(pipeline, layout, log.get()));
  if (inbox != nullptr) plan_options.inbox = &inbox->log();
  LEADFLOW_ASSIGN_OR_RETURN(
      const std::unique_ptr<InboxQueue> queue,
      StartQueue(pipeline, inbox.get(), member ? "-" + member->name() : "", options.trouble));
  const Taken taken(service, queue.get());
  const Budget budget(pipeline);
  plan_options.cluster_bytes = static_cast<std::size_t>(budget.clusters);
  plan_options.group_bytes = static_cast<std::size_t>(budget.groups);
  plan_options.topic_bytes = budget.topics;
  plan_options.until_end = options.until_end;
  LEADFLOW_ASSIGN_OR_RETURN(const Plan plan, MakePlan(pipeline, plan_options));
  RocksStoreFactory stores({.directory = layout.stores,
                            .memory_bytes = static_cast<std::uint64_t>(budget.stores),
                            .gather_bytes = static_cast<std::uint64_t>(budget.gathered)});
  RuntimeOptions runtime_options;
  runtime_options.threads =
      static_cast<std::uint32_t>(std::min(pipeline.engine.threads, pipeline.engine.partitions));
  runtime_options.thread.commit_interval_ms = pipeline.engine.commit_interval_ms;
  runtime_options.thread.commit_bytes = budget.commit;
  runtime_options.thread.until_end = options.until_end;
  runtime_options.on_trouble = options.trouble;
  if (member) {
    runtime_options.member = member->name();  // Dead letters stay in their topic.
    if (options.hung) {
      runtime_options.on_hang = [&, silent_ms = runtime_options.hang_ms](std::uint32_t thread) {
        options.hung(Hung(thread, silent_ms));
      };
    }
    runtime_options.standby = pipeline.kafka->standby;
    std::error_code error;
    runtime_options.copy_first = !std::filesystem::exists(layout.stores, error);
  } else {
    runtime_options.dead_letters_path = layout.dead_letters;
  }
  Runtime runtime(plan, *log, stores, clock, runtime_options);
  const Shown shown(service, [&](Exposition* out) {
    ExposeCounters(runtime.published().counted, out);
    runtime.Expose(out);
    stores.Expose(out);
    ExposeLimits(pipeline, layout, out);
  });
  RowWriter writer(pipeline);
  JobResult result;
  const Status status = runtime.Run([&](const Runtime::Progress& progress) -> Status {
    *begun = true;
    if (stop.load()) runtime.RequestStop();
    service->SetState(stop.load() || progress.last ? Service::State::kStopping
                      : progress.restoring         ? Service::State::kRestoring
                                                   : Service::State::kServing);
    result.progress = progress;
    if (options.progress) options.progress(progress);
    if (pipeline.outputs.empty() || (options.until_end && !progress.last)) return {};
    return runtime.WithFacts([&](const std::vector<const KeyedStore*>& partitions) -> Status {
      // Rows of partitions that are elsewhere cannot be read: only who holds all writes files.
      if (std::count(partitions.begin(), partitions.end(), nullptr) > 0) return {};
      if (progress.last) return writer.WriteAll(partitions, progress.watermark_ms);
      return writer.WriteDue(partitions, progress.watermark_ms, clock.MonotonicNanos() / 1'000'000);
    });
  });
  LEADFLOW_RETURN_IF_ERROR(status);
  result.counters = runtime.counters();
  return result;
}

}  // namespace

Result<JobResult> RunJob(const Pipeline& pipeline, const JobOptions& options,
                         const std::atomic<bool>& stop) {
  const StateLayout layout(pipeline.engine.state_dir);
  std::error_code error;
  std::filesystem::create_directories(layout.directory, error);
  if (error) {
    return Status::Unavailable("cannot make the state directory " + layout.directory + ": " +
                               error.message());
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::unique_ptr<Service> service, Service::Start(pipeline));
  LogStart(pipeline, service->address(), options.log);
  LEADFLOW_ASSIGN_OR_RETURN(const SchemaIdsByTopic schemas, RegisterRowSchemas(pipeline));
  const bool patient = OnKafka(pipeline) && !options.until_end;
  while (true) {
    bool begun = false;
    Result<JobResult> result =
        RunOnce(pipeline, options, layout, schemas, service.get(), stop, &begun);
    if (result.ok() || begun || !patient || !result.status().retryable()) return result;
    if (options.trouble) options.trouble(result.status());
    std::this_thread::sleep_for(kStartPause);
    if (stop.load()) return JobResult();
  }
}

}  // namespace leadflow::app
