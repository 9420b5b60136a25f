// How a stream thread begins: older owners of its partitions are fenced, stores are opened and
// completed from their changelogs, inputs are put where the state is.
#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/hash.h"
#include "engine/runtime/restorer.h"
#include "engine/runtime/stream_thread.h"
#include "engine/runtime/thread_parts.h"

namespace leadflow {
namespace {

// Longer than a transaction may stay undecided.
constexpr std::int64_t kPatienceNs = std::int64_t{45} * 1'000'000'000;
constexpr int kRestoresMax = 1000;
constexpr std::int64_t kFenceAgainNs = std::int64_t{2} * 1'000'000'000;

}  // namespace

Status StreamThread::Start(const std::function<bool()>& go_on) {
  LEADFLOW_RETURN_IF_ERROR(OpenWriter());
  LEADFLOW_ASSIGN_OR_RETURN(const Inputs inputs, FenceOthers(go_on));
  LEADFLOW_RETURN_IF_ERROR(MakeStage(Stage::kFacts, plan_.facts.name));
  LEADFLOW_RETURN_IF_ERROR(MakeStage(Stage::kEvents, plan_.events.name));
  MakeSources();
  LEADFLOW_RETURN_IF_ERROR(HoldStores());
  LEADFLOW_RETURN_IF_ERROR(RestoreStores(inputs, go_on));
  LEADFLOW_RETURN_IF_ERROR(OpenTasks());
  LEADFLOW_RETURN_IF_ERROR(BuildRoutes());
  reader_ = log_.NewReader();
  LEADFLOW_RETURN_IF_ERROR(SeekInputs());
  last_commit_ns_ = last_flush_ns_ = clock_.MonotonicNanos();
  messages_read_ = messages_committed_ = exchange_.progress(index_).messages_read.load();
  Exchange::ThreadProgress& progress = exchange_.progress(index_);
  progress.partitions.store(static_cast<std::uint32_t>(share_.partitions.size()));
  progress.clean_ns.store(last_commit_ns_);
  progress.restored.store(true);
  Publish();
  return {};
}

Status StreamThread::OpenWriter() {
  auto writer = log_.NewWriter(share_.writer_id, share_.member);
  writer_failed_ = !writer.ok();
  if (!writer.ok()) return writer.status();
  writer_ = *std::move(writer);
  return {};
}

// Older owners cannot commit for these partitions any more, for the member's generation is newer.
// The answer waits for what they have under way with the group; where that was committed, the log
// may still be about to say so to its other topics: Restorer reads until it has.
Result<StreamThread::Inputs> StreamThread::FenceOthers(const std::function<bool()>& go_on) {
  Inputs inputs;
  for (const std::uint32_t partition : share_.partitions) {
    inputs.inputs.push_back({plan_.events_topic(), partition});
    inputs.inputs.push_back({plan_.facts_topic(), partition});
  }
  const std::int64_t begin_ns = clock_.MonotonicNanos();
  while (true) {
    FenceAbsent(inputs);
    auto committed = log_.CommittedOffsets(plan_.app, inputs.inputs);
    if (committed.ok()) {
      inputs.committed = *std::move(committed);
      return inputs;
    }
    const bool late = clock_.MonotonicNanos() - begin_ns > kPatienceNs;
    if (late || !committed.status().retryable()) return committed.status();
    if (go_on && !go_on()) return Status(ErrorCode::kCancelled, "stopped at the start");
  }
}

// What dead members have left open. The group holds them for dead only once their sessions are
// over, so it is asked again as long as something is waited for.
void StreamThread::FenceAbsent(const Inputs& inputs) {
  const std::int64_t now_ns = clock_.MonotonicNanos();
  if (fenced_absent_ns_ && now_ns - *fenced_absent_ns_ < kFenceAgainNs) return;
  log_.FenceAbsent(plan_.app, share_.member, inputs.inputs);
  fenced_absent_ns_ = clock_.MonotonicNanos();
}

Status StreamThread::MakeStage(Stage stage, std::string_view stage_name) {
  auto& tasks = stage == Stage::kEvents ? events_ : facts_;
  auto& by_partition = stage == Stage::kEvents ? events_by_partition_ : facts_by_partition_;
  by_partition.assign(plan_.partitions, nullptr);
  std::vector<std::uint64_t> source_ids;
  for (const SourcePlan& source : plan_.sources) {
    for (const SourcePartition& partition : source.partitions) {
      source_ids.push_back(Hash64(SourcePartitionId(source.name, partition.name)));
    }
  }
  for (const std::uint32_t p : share_.partitions) {
    TaskSpec spec;
    spec.stage = stage;
    spec.name = std::string(stage_name) + ", partition " + std::to_string(p);
    spec.place = stage == Stage::kEvents ? PlaceOfEvents(plan_, p) : PlaceOfFacts(plan_, p);
    spec.partition = p;
    spec.partitions = plan_.partitions;
    spec.rules_hash = plan_.rules_hash;
    spec.source_ids = source_ids;
    spec.senders = stage == Stage::kEvents ? 1 : plan_.partitions;
    tasks.push_back(std::make_unique<Task>(
        std::move(spec), stage == Stage::kEvents ? routes_ : facts_routes_, clock_));
    by_partition[p] = tasks.back().get();
  }
  return {};
}

void StreamThread::MakeSources() {
  for (const SourcePlan& source : plan_.sources) {
    for (std::uint32_t i = 0; i < source.partitions.size(); ++i) {
      const SourcePartition& partition = source.partitions[i];
      const std::uint64_t id = Hash64(SourcePartitionId(source.name, partition.name));
      StorePlace place = PlaceOfSource(plan_, id);
      if (events_by_partition_[place.changelog.partition] == nullptr) continue;
      TaskSpec spec;
      spec.stage = Stage::kIngest;
      spec.name = "source `" + source.name + "`, " + partition.name;
      spec.place = std::move(place);
      spec.partition = i;
      spec.partitions = plan_.partitions;
      spec.rules_hash = plan_.rules_hash;
      spec.source_ids = {id};
      spec.disorder_ms = source.disorder_ms;
      ingest_.push_back(std::make_unique<Task>(std::move(spec), routes_, clock_));
      sources_.push_back({ingest_.back().get(), &source, &partition, nullptr});
    }
  }
}

Status StreamThread::HoldStore(Task* task) {
  auto opened = open_store_(task->spec().place.store, [this](KeyedStore& store) {
    return CanBeCompleted(store, log_, clock_);
  });
  if (!opened.ok()) return opened.status().WithContext(task->spec().name);
  task->Hold(*std::move(opened));
  return {};
}

// Several at once: whoever opens a store mostly waits for the disk.
Status StreamThread::HoldStores() {
  std::vector<Task*> tasks;
  LEADFLOW_RETURN_IF_ERROR(ForEachTask([&](Task& task) -> Status {
    tasks.push_back(&task);
    return {};
  }));
  std::vector<Status> statuses(tasks.size());
  std::atomic<std::size_t> next = 0;
  const auto open = [&] {
    for (std::size_t i = next++; i < tasks.size(); i = next++) statuses[i] = HoldStore(tasks[i]);
  };
  {
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < std::min(options_.openers, tasks.size()); ++i) {
      helpers.emplace_back(open);
    }
    open();
  }
  for (Status& status : statuses) LEADFLOW_RETURN_IF_ERROR(std::move(status));
  return {};
}

Status StreamThread::RestoreOnce(const Inputs& inputs, const std::function<bool()>& go_on) {
  Restorer restorer(log_, clock_);
  LEADFLOW_RETURN_IF_ERROR(ForEachTask([&](Task& task) {
    const TaskSpec& spec = task.spec();
    return restorer.Add(spec.place.changelog, spec.place.key_prefix, &task.store())
        .WithContext(spec.name);
  }));
  Exchange::ThreadProgress& progress = exchange_.progress(index_);
  const std::int64_t begin_ns = clock_.MonotonicNanos();
  const Status status = restorer.Run([&] {
    const std::int64_t left = restorer.left();
    if (progress.restore_left.exchange(left) == left) FenceAbsent(inputs);
    return !go_on || go_on();
  });
  progress.restore_left.store(0);
  exchange_.activity().Restored(restorer.records(), clock_.MonotonicNanos() - begin_ns);
  return status;
}

// What the group says is handled has to be in the changelogs: the state may be ahead of a commit
// that the log did not keep, never behind. If it is not there yet, the log gets some time.
Status StreamThread::RestoreStores(const Inputs& inputs, const std::function<bool()>& go_on) {
  const std::int64_t begin_ns = clock_.MonotonicNanos();
  std::string behind;
  for (int attempt = 0; attempt < kRestoresMax; ++attempt) {
    LEADFLOW_RETURN_IF_ERROR(RestoreOnce(inputs, go_on));
    LEADFLOW_ASSIGN_OR_RETURN(behind, BehindGroup(inputs));
    if (behind.empty()) return {};
    if (clock_.MonotonicNanos() - begin_ns > kPatienceNs) break;
    if (go_on && !go_on()) return {ErrorCode::kCancelled, "stopped while stores were restored"};
  }
  return Status::Corruption(behind +
                            (share_.member == nullptr
                                 ? ": restore the state directory from a copy"
                                 : ": the cluster lost what was committed to its changelog; start "
                                   "with a new name to compute everything anew"));
}

// What the state lacks, in words; empty: nothing.
Result<std::string> StreamThread::BehindGroup(const Inputs& inputs) {
  for (std::size_t i = 0; i < inputs.inputs.size(); ++i) {
    Task& task = TaskOf(inputs, i);
    LEADFLOW_ASSIGN_OR_RETURN(const std::optional<TaskMeta> meta, MetaOf(task.store()));
    const std::int64_t offset = meta ? meta->input_offset : 0;
    if (offset >= inputs.committed[i]) continue;
    return task.spec().name + ": the log says that records up to offset " +
           std::to_string(inputs.committed[i]) + " are done, the state only up to " +
           std::to_string(offset);
  }
  return std::string();
}

Task& StreamThread::TaskOf(const Inputs& inputs, std::size_t i) const {
  const TopicPartition& input = inputs.inputs[i];
  return *(input.topic == plan_.events_topic() ? events_by_partition_
                                               : facts_by_partition_)[input.partition];
}

Status StreamThread::OpenTasks() {
  for (const auto& task : facts_) {
    LEADFLOW_RETURN_IF_ERROR(
        task->Open(plan_.facts.make(task->partition())).WithContext(task->spec().name));
  }
  for (const auto& task : events_) {
    LEADFLOW_RETURN_IF_ERROR(
        task->Open(plan_.events.make(task->partition())).WithContext(task->spec().name));
  }
  for (const Source& source : sources_) {
    LEADFLOW_RETURN_IF_ERROR(source.task->Open(source.plan->ingest(source.task->partition()))
                                 .WithContext(source.task->spec().name));
  }
  return {};
}

TopicPartition StreamThread::InputOf(const Task& task) const {
  return {task.spec().stage == Stage::kEvents ? plan_.events_topic() : plan_.facts_topic(),
          task.partition()};
}

Status StreamThread::SeekInputs() {
  for (const auto* tasks : {&events_, &facts_}) {
    for (const auto& task : *tasks) {
      LEADFLOW_RETURN_IF_ERROR(reader_->Seek(InputOf(*task), task->committed_input_offset()));
    }
  }
  for (Source& source : sources_) {
    auto opened = source.partition->open();
    if (!opened.ok()) return opened.status().WithContext("source `" + source.plan->name + "`");
    source.reader = *std::move(opened);
    const Status sought = source.reader->Seek(source.task->committed_source_position());
    LEADFLOW_RETURN_IF_ERROR(sought.WithContext("source `" + source.plan->name + "`"));
  }
  return {};
}

}  // namespace leadflow
