// How a stream thread begins: stores are opened and completed from their changelogs, inputs are put
// where the state is.
#include <algorithm>
#include <string>

#include "engine/base/hash.h"
#include "engine/runtime/stream_thread.h"
#include "engine/runtime/thread_parts.h"

namespace leadflow {
namespace {

constexpr std::size_t kRestoreBytes = std::size_t{4} << 20;
constexpr std::string_view kIngestStage = "ingest";

std::string Hex(std::uint64_t number) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out(16, '0');
  for (int i = 15; i >= 0; --i, number >>= 4) out[static_cast<std::size_t>(i)] = kDigits[number & 15];
  return out;
}

}  // namespace

Status StreamThread::Start() {
  auto writer = log_.NewWriter(plan_.app + "-" + std::to_string(index_));
  if (!writer.ok()) return writer.status();
  writer_ = *std::move(writer);
  reader_ = log_.NewReader();
  LEADFLOW_RETURN_IF_ERROR(OpenStage(Stage::kFacts, plan_.facts, plan_.facts.name));
  LEADFLOW_RETURN_IF_ERROR(OpenStage(Stage::kEvents, plan_.events, plan_.events.name));
  LEADFLOW_RETURN_IF_ERROR(OpenSources());
  BuildRoutes();
  LEADFLOW_RETURN_IF_ERROR(SeekInputs());
  last_commit_ns_ = last_flush_ns_ = clock_.MonotonicNanos();
  exchange_.progress(index_).restored.store(true);
  Publish();
  return {};
}

Status StreamThread::OpenStage(Stage stage, const StagePlan& plan, std::string_view stage_name) {
  auto& tasks = stage == Stage::kEvents ? events_ : facts_;
  auto& by_partition = stage == Stage::kEvents ? events_by_partition_ : facts_by_partition_;
  by_partition.assign(plan_.partitions, nullptr);
  std::vector<std::uint64_t> source_ids;
  for (const SourcePlan& source : plan_.sources) {
    for (const SourcePartition& partition : source.partitions) {
      source_ids.push_back(Hash64(SourcePartitionId(source.name, partition.name)));
    }
  }
  for (std::uint32_t p = index_; p < plan_.partitions; p += exchange_.threads()) {
    TaskSpec spec;
    spec.stage = stage;
    spec.name = std::string(stage_name) + ", partition " + std::to_string(p);
    spec.partition = p;
    spec.partitions = plan_.partitions;
    spec.changelog = {plan_.changelog_topic(stage == Stage::kEvents ? "events" : "facts"), p};
    spec.rules_hash = plan_.rules_hash;
    spec.source_ids = source_ids;
    spec.senders = stage == Stage::kEvents ? 1 : plan_.partitions;
    auto task = std::make_unique<Task>(std::move(spec),
                                       stage == Stage::kEvents ? routes_ : facts_routes_, clock_);
    const std::string store = std::string(stage == Stage::kEvents ? "events-" : "facts-") +
                              std::to_string(p);
    LEADFLOW_RETURN_IF_ERROR(OpenTask(*task, store, false, plan.make, p));
    by_partition[p] = task.get();
    tasks.push_back(std::move(task));
  }
  return {};
}

// A source partition's task has no state but its meta record. All of them share the partitions of one
// changelog, told apart by a prefix of the key.
Status StreamThread::OpenSources() {
  for (const SourcePlan& source : plan_.sources) {
    for (std::uint32_t i = 0; i < source.partitions.size(); ++i) {
      const SourcePartition& partition = source.partitions[i];
      const std::uint64_t id = Hash64(SourcePartitionId(source.name, partition.name));
      const std::uint32_t changelog = PartitionOf(id, plan_.partitions);
      if (changelog % exchange_.threads() != index_) continue;
      TaskSpec spec;
      spec.stage = Stage::kIngest;
      spec.name = "source `" + source.name + "`, " + partition.name;
      spec.partition = i;
      spec.partitions = plan_.partitions;
      spec.changelog = {plan_.changelog_topic(kIngestStage), changelog};
      spec.changelog_prefix = Hex(id);
      spec.rules_hash = plan_.rules_hash;
      spec.source_ids = {id};
      spec.disorder_ms = source.disorder_ms;
      auto task = std::make_unique<Task>(std::move(spec), routes_, clock_);
      LEADFLOW_RETURN_IF_ERROR(OpenTask(*task, "ingest-" + Hex(id), true, source.ingest, i));
      sources_.push_back({task.get(), &source, &partition, nullptr});
      ingest_.push_back(std::move(task));
    }
  }
  return {};
}

Status StreamThread::OpenTask(Task& task, const std::string& store_name, bool shared,
                              const OperatorFactory& make, std::uint32_t operator_partition) {
  auto opened = open_store_(store_name, false);
  if (!opened.ok() && opened.status().code() == ErrorCode::kCorruption) {
    opened = open_store_(store_name, true);
  }
  if (!opened.ok()) return opened.status().WithContext(task.spec().name);
  std::unique_ptr<KeyedStore> store = *std::move(opened);
  LEADFLOW_RETURN_IF_ERROR(Restore(task, *store, shared).WithContext(task.spec().name));
  return task.Open(std::move(store), make(operator_partition)).WithContext(task.spec().name);
}

Status StreamThread::Restore(const Task& task, KeyedStore& store, bool shared) {
  const TopicPartition& changelog = task.spec().changelog;
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t start, log_.StartOffset(changelog));
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t end, log_.EndOffset(changelog));
  const std::int64_t applied = store.applied_offset();
  if (applied > end) {
    return {ErrorCode::kFailedPrecondition,
            "the store is ahead of " + changelog.topic + ", partition " +
                std::to_string(changelog.partition) + ": the log lost committed records; restore "
                "its directory from a copy, or start with a new state_dir"};
  }
  if (std::max<std::int64_t>(applied, 0) < start) {
    return {ErrorCode::kFailedPrecondition,
            "the store is gone or too old, and its changelog begins only at offset " +
                std::to_string(start) + ": start with a new state_dir to compute everything anew"};
  }
  std::int64_t at = std::max<std::int64_t>(applied, 0);
  if (at >= end) return {};
  const auto reader = log_.NewReader();
  LEADFLOW_RETURN_IF_ERROR(reader->Seek(changelog, at));
  Status failure;
  std::vector<KeyedStore::Change> changes;
  while (at < end) {
    const auto polled = reader->Poll(
        kRestoreBytes, [&](const TopicPartition&, std::span<const LogRecord> records) {
          changes.clear();
          const std::string_view prefix = task.spec().changelog_prefix;
          for (const LogRecord& record : records) {
            std::string_view key = record.key;
            if (shared && !key.starts_with(prefix)) continue;
            key.remove_prefix(prefix.size());
            changes.push_back({key, record.tombstone
                                        ? std::nullopt
                                        : std::optional<std::string_view>(record.value)});
          }
          const std::int64_t next = records.back().offset + 1;
          if (failure.ok() && !changes.empty()) failure = store.Restore(changes, next);
        });
    if (!polled.ok()) return polled.status();
    LEADFLOW_RETURN_IF_ERROR(failure);
    if (*polled == 0 && reader->AtEnd(changelog)) break;  // What is left was cleaned away.
    at = reader->Position(changelog);
  }
  return {};
}

// The log's word on the group and the state's own must agree: the state may be ahead of a commit that
// the log did not keep, never behind.
Status StreamThread::CheckGroupOffset(const Task& task, const TopicPartition& input) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t committed, log_.CommittedOffset(plan_.app, input));
  if (committed <= task.committed_input_offset()) return {};
  return Status::Corruption(task.spec().name + ": the log says that records up to offset " +
                            std::to_string(committed) + " are done, the state only up to " +
                            std::to_string(task.committed_input_offset()) +
                            ": restore the state directory from a copy");
}

Status StreamThread::SeekInputs() {
  for (const auto* tasks : {&events_, &facts_}) {
    const std::string topic = tasks == &events_ ? plan_.events_topic() : plan_.facts_topic();
    for (const auto& task : *tasks) {
      const TopicPartition input{topic, task->partition()};
      LEADFLOW_RETURN_IF_ERROR(CheckGroupOffset(*task, input));
      LEADFLOW_RETURN_IF_ERROR(reader_->Seek(input, task->committed_input_offset()));
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

Target StreamThread::AddOutbox(const std::string& topic, Stage stage, std::uint32_t partition,
                               bool counted) {
  auto& made = outboxes_.emplace_back(std::make_unique<Outbox>());
  made->to = {topic, partition};
  made->stage = stage;
  made->counted = counted;
  return {nullptr, &made->blocks};
}

// `task`: null if the partition is another thread's.
Target StreamThread::TargetOf(Stage stage, std::uint32_t partition, Task* task) {
  const std::int64_t sent_before = exchange_.first_own_offset(stage, partition);
  if (task != nullptr && task->committed_input_offset() >= sent_before) {
    return {&task->inbox(), nullptr};
  }
  const std::string topic = stage == Stage::kEvents ? plan_.events_topic() : plan_.facts_topic();
  const Target target = AddOutbox(topic, stage, partition, true);
  if (task != nullptr) detours_.push_back({task, outboxes_.back().get(), sent_before});
  return target;
}

void StreamThread::BuildRoutes() {
  auto& to_events = routes_[static_cast<std::size_t>(OutputId::kEvents)];
  auto& to_facts = routes_[static_cast<std::size_t>(OutputId::kFacts)];
  for (std::uint32_t p = 0; p < plan_.partitions; ++p) {
    to_events.push_back(TargetOf(Stage::kEvents, p, events_by_partition_[p]));
    to_facts.push_back(TargetOf(Stage::kFacts, p, facts_by_partition_[p]));
  }
  if (!plan_.rows_topic) return;
  auto& to_rows = facts_routes_[static_cast<std::size_t>(OutputId::kRows)];
  for (std::uint32_t p = 0; p < plan_.partitions; ++p) {
    to_rows.push_back(AddOutbox(plan_.rows_topic_name(), Stage::kFacts, p, false));
  }
}

}  // namespace leadflow
