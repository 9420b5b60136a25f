// The commit of a stream thread: everything since the last one becomes one transaction of the log,
// and only then changes the stores. Nothing is applied that is not committed; nothing committed is
// lost.
#include <algorithm>

#include "engine/base/hash.h"
#include "engine/log/file_system.h"
#include "engine/runtime/stream_thread.h"
#include "engine/runtime/thread_parts.h"

namespace leadflow {
namespace {

constexpr int kAttemptsMax = 100;  // Of one transaction that the log asks to send again.

}  // namespace

Status StreamThread::Commit() {
  const std::int64_t begin_ns = clock_.MonotonicNanos();
  if (!committing_) {
    commit_requested_ = false;
    if (Clean()) {
      commit_began_ns_ = last_commit_ns_ = begin_ns;
      exchange_.progress(index_).clean_ns.store(begin_ns);
      return {};
    }
    commit_began_ns_ = begin_ns;
    if (const Status prepared = PrepareAll(); !prepared.ok()) return Recover(prepared);
    LEADFLOW_RETURN_IF_ERROR(Crash("prepared"));
    LEADFLOW_RETURN_IF_ERROR(FillTransaction());
    LEADFLOW_RETURN_IF_ERROR(Crash("filled"));
    if (options_.mutation == Mutation::kApplyBeforeCommit) LEADFLOW_RETURN_IF_ERROR(ApplyAll());
    commit_attempts_ = 0;
  }
  LEADFLOW_RETURN_IF_ERROR(TryCommit());
  if (committing_) return {};
  last_commit_ns_ = clock_.MonotonicNanos();
  last_commit_took_ns_ = last_commit_ns_ - begin_ns;
  caught_up_ = false;
  exchange_.progress(index_).clean_ns.store(Clean() ? last_commit_ns_ : commit_began_ns_);
  exchange_.activity().commit_time.Observe(last_commit_ns_ - commit_began_ns_);
  if (ahead_error_.ok()) return {};
  return Recover(std::exchange(ahead_error_, Status()));
}

Status StreamThread::PrepareAll() {
  bool again = true;
  while (again) LEADFLOW_RETURN_IF_ERROR(PrepareRound(false, &again));
  PassMarksToFacts();
  LEADFLOW_RETURN_IF_ERROR(Drain(facts_));
  for (auto& task : facts_) LEADFLOW_RETURN_IF_ERROR(task->Prepare(false));
  return {};
}

// One pass over the stages before the facts; again if it left messages for them.
Status StreamThread::PrepareRound(bool force, bool* again) {
  for (auto& task : ingest_) LEADFLOW_RETURN_IF_ERROR(task->Prepare(force));
  LEADFLOW_RETURN_IF_ERROR(Drain(events_));
  PassMarksToEvents();
  for (auto& task : events_) LEADFLOW_RETURN_IF_ERROR(task->Prepare(force));
  *again = std::any_of(events_.begin(), events_.end(),
                       [](const auto& task) { return !task->inbox().empty(); });
  return {};
}

// Handles what was handed over in memory until nothing is left: messages of a stage may lead to
// messages of the same one.
Status StreamThread::Drain(std::vector<std::unique_ptr<Task>>& tasks) {
  for (bool worked = true; worked;) {
    worked = false;
    for (auto& task : tasks) {
      if (task->inbox().empty()) continue;
      worked = true;
      if (options_.mutation == Mutation::kDropChained && ++drains_ % 7 == 0) {
        task->inbox().Clear();
        continue;
      }
      LEADFLOW_RETURN_IF_ERROR(task->DrainInbox());
    }
  }
  return {};
}

// A mark takes the way of the messages before it.
void StreamThread::PassMarksToEvents() {
  const auto& to_events = routes_[static_cast<std::size_t>(OutputId::kEvents)];
  for (const Source& source : sources_) {
    if (!source.task->marks_changed()) continue;
    const std::uint64_t id = source.task->spec().source_ids[0];
    const SourceMark& mark = source.task->marks().mark(0, 0);
    for (const auto& task : events_) {
      if (to_events[task->partition()].inbox != nullptr) task->SetMark(0, id, mark);
    }
    for (const auto& outbox : outboxes_) {
      if (outbox->stage == Stage::kEvents) outbox->blocks.AddMark({0, id, mark});
    }
  }
}

void StreamThread::PassMarksToFacts() {
  const auto& to_facts = routes_[static_cast<std::size_t>(OutputId::kFacts)];
  for (const auto& from : events_) {
    if (!from->marks_changed()) continue;
    const auto sender = from->partition();
    for (std::size_t source = 0; source < from->spec().source_ids.size(); ++source) {
      const std::uint64_t id = from->spec().source_ids[source];
      const SourceMark& mark = from->marks().mark(0, source);
      for (const auto& task : facts_) {
        if (to_facts[task->partition()].inbox != nullptr) task->SetMark(sender, id, mark);
      }
      for (const auto& outbox : outboxes_) {
        if (outbox->stage == Stage::kFacts && outbox->counted) {
          outbox->blocks.AddMark({sender, id, mark});
        }
      }
    }
  }
}

Status StreamThread::FillTransaction() {
  for (Source& source : sources_) source.task->set_source_position(source.reader->position());
  const Status begun = writer_->Begin();
  writer_failed_ = !begun.ok();
  LEADFLOW_RETURN_IF_ERROR(begun);
  LEADFLOW_RETURN_IF_ERROR(
      ForEachTask([this](Task& task) { return task.NeedsCommit() ? AppendTask(task) : Status(); }));
  LEADFLOW_RETURN_IF_ERROR(AppendOffsets());
  LEADFLOW_RETURN_IF_ERROR(AppendOutboxes());
  committing_ = true;
  return {};
}

// The part of one task: its changelog and its dead letters.
Status StreamThread::AppendTask(Task& task) {
  const TaskSpec& spec = task.spec();
  task.StageMeta(options_.mutation == Mutation::kOffsetNotInBatch);
  applied_bytes_ += static_cast<std::int64_t>(task.store().staged_bytes());
  Status status;
  task.store().VisitStaged([&](std::string_view key, std::optional<std::string_view> value) {
    if (!status.ok()) return;
    if (spec.place.key_prefix.empty()) {
      status = writer_->Append(spec.place.changelog, key, value);
      return;
    }
    key_ = spec.place.key_prefix;
    key_ += key;
    status = writer_->Append(spec.place.changelog, key_, value);
  });
  LEADFLOW_RETURN_IF_ERROR(status);
  for (const std::string& line : task.dead_letters()) {
    LEADFLOW_RETURN_IF_ERROR(writer_->Append({plan_.dead_letters_topic(), 0}, {}, line));
  }
  return AppendPublished(task);
}

Status StreamThread::AppendPublished(const Task& task) {
  for (const OutputRecord& record : task.published()) {
    LEADFLOW_RETURN_IF_ERROR(
        writer_->Append({plan_.output_topics[record.topic].name,
                         KafkaPartitionOf(record.key, exchange_.output_partitions(record.topic))},
                        record.key, record.value, record.headers));
  }
  return {};
}

// Where the inputs go on, of each partition for which something is written, also if it goes on
// where it did: only that fences an owner that was left behind. A source counts as the events of
// the partition in whose changelog it is.
Status StreamThread::AppendOffsets() {
  std::vector<bool> due(plan_.partitions);
  for (const auto& task : ingest_) {
    if (task->NeedsCommit()) due[task->spec().place.changelog.partition] = true;
  }
  for (const auto* tasks : {&events_, &facts_}) {
    for (const auto& task : *tasks) {
      const bool with_source = tasks == &events_ && due[task->partition()];
      if (!task->NeedsCommit() && !with_source) continue;
      LEADFLOW_RETURN_IF_ERROR(
          writer_->SendOffset(plan_.app, InputOf(*task), task->input_offset()));
    }
  }
  for (const Source& source : sources_) {
    const auto at = source.reader->topic_offset();
    if (!at || !source.task->NeedsCommit()) continue;
    LEADFLOW_RETURN_IF_ERROR(
        writer_->SendOffset(plan_.app, {at->topic, at->partition}, at->offset));
  }
  return {};
}

Status StreamThread::AppendOutboxes() {
  for (const auto& outbox : outboxes_) {
    if (outbox->blocks.empty()) continue;
    for (const std::string& block : outbox->blocks.Finish()) {
      LEADFLOW_RETURN_IF_ERROR(writer_->Append(outbox->to, {}, block));
    }
  }
  return {};
}

// The transaction has all that was done; what is done from now on is for the next one.
void StreamThread::SealAll() {
  if (sealed_) return;
  sealed_ = true;
  messages_sealed_ = messages_read_;
  for (auto* tasks : {&ingest_, &events_, &facts_}) {
    for (auto& task : *tasks) {
      if (task->NeedsCommit()) task->Seal();
    }
  }
  for (const auto& outbox : outboxes_) {
    outbox->sealed_bytes = static_cast<std::int64_t>(outbox->blocks.bytes());
    outbox->blocks.Clear();
  }
}

// Called while a commit is on its way: does a piece of work; false: there is none now. Not while
// partitions are handed over, which is about what is committed.
bool StreamThread::WorkAhead() {
  if (leaving_ || !ahead_error_.ok() || !detours_.empty() || !handovers_.empty()) return false;
  if (options_.mutation != Mutation::kAheadNotSealed) SealAll();
  std::int64_t bytes = 0;
  for (const auto* tasks : {&ingest_, &events_}) {
    for (const auto& task : *tasks) bytes += task->bytes_processed();
  }
  if (bytes >= options_.commit_bytes) return false;
  const Result<bool> worked = StepAhead();
  if (!worked.ok()) ahead_error_ = worked.status();
  return worked.ok() && *worked;
}

Result<bool> StreamThread::StepAhead() {
  const bool waiting = std::any_of(events_.begin(), events_.end(),
                                   [](const auto& task) { return !task->inbox().empty(); });
  if (!waiting) return ReadSources();
  LEADFLOW_RETURN_IF_ERROR(Drain(events_));
  return true;
}

// What was sent is somebody's backlog, until the group says that it is handled.
void StreamThread::NoteSent() {
  for (const auto& outbox : outboxes_) {
    if (outbox->counted && outbox->sealed_bytes > 0) {
      exchange_.Sent(outbox->stage, outbox->to.partition, writer_->LastOffset(outbox->to) + 1,
                     outbox->sealed_bytes);
    }
    outbox->sealed_bytes = 0;
  }
}

Status StreamThread::TryCommit() {
  const Status status = SendTransaction();
  if (status.ok()) {
    committing_ = false;
    return AfterCommit();
  }
  if (!status.retryable() || ++commit_attempts_ >= kAttemptsMax) return status;
  exchange_.activity().commit_retries.fetch_add(1);
  return {};  // The next Step tries again.
}

Status StreamThread::SendTransaction() {
  const LogWriter::Meanwhile ahead = [this] { return WorkAhead(); };
  const bool again = options_.mutation == Mutation::kCommitTwice;  // Of what is not sealed.
  const Status committed = again ? writer_->Commit() : writer_->Commit(ahead);
  writer_failed_ = committed.code() == ErrorCode::kFailedPrecondition ||
                   committed.code() == ErrorCode::kInternal || committed.retryable();
  LEADFLOW_RETURN_IF_ERROR(committed);
  if (options_.mutation != Mutation::kCommitTwice) return {};
  LEADFLOW_RETURN_IF_ERROR(writer_->Begin());
  LEADFLOW_RETURN_IF_ERROR(AppendOutboxes());
  LEADFLOW_RETURN_IF_ERROR(
      ForEachTask([this](Task& task) { return task.NeedsCommit() ? AppendTask(task) : Status(); }));
  LEADFLOW_RETURN_IF_ERROR(AppendOffsets());
  return writer_->Commit();
}

Status StreamThread::AfterCommit() {
  exchange_.NextEpoch();
  LEADFLOW_RETURN_IF_ERROR(Crash("committed"));
  SealAll();
  NoteSent();
  if (options_.mutation != Mutation::kApplyBeforeCommit) LEADFLOW_RETURN_IF_ERROR(ApplyAll());
  sealed_ = false;
  messages_committed_ = messages_sealed_;
  EndDetours();
  LEADFLOW_RETURN_IF_ERROR(Crash("applied"));
  exchange_.progress(index_).commits.fetch_add(1);
  Publish();
  const bool due =
      applied_bytes_ >= options_.flush_bytes ||
      clock_.MonotonicNanos() - last_flush_ns_ >= options_.flush_interval_ms * 1'000'000;
  if (due) LEADFLOW_RETURN_IF_ERROR(Flush(false));
  return PurgeLog();
}

Status StreamThread::ApplyAll() {
  SealAll();
  return ForEachTask([this](Task& task) -> Status {
    if (!task.sealed()) return {};
    LEADFLOW_RETURN_IF_ERROR(Crash("applying"));
    const TaskSpec& spec = task.spec();
    if (spec.stage != Stage::kIngest) {
      exchange_.Handled(spec.stage, spec.partition, task.sealed_input_offset());
    }
    // Before the commit (a deliberate mistake) nobody knows the offset: it is taken to be the end.
    std::int64_t last = writer_->LastOffset(spec.place.changelog);
    if (options_.mutation == Mutation::kApplyBeforeCommit) {
      LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t end, log_.EndOffset(spec.place.changelog));
      last = end - 1;
    }
    return task.Committed(last + 1);
  });
}

void StreamThread::Publish() {
  Exchange::ThreadProgress& progress = exchange_.progress(index_);
  std::int64_t read = 0, total = 0, watermark = kNoWatermark;
  Exchange::Published published;
  for (const Source& source : sources_) {
    Exchange::SourceBytes& bytes = published.sources[source.plan->name];
    bytes.read += source.reader->bytes_read();
    bytes.total += source.reader->bytes_total();
    if (const auto left = source.reader->records_left()) {
      bytes.records_left = bytes.records_left.value_or(0) + *left;
    }
    read += source.reader->bytes_read();
    total += source.reader->bytes_total();
  }
  for (const auto& task : facts_) {
    watermark = watermark == kNoWatermark ? task->watermark_ms()
                                          : std::min(watermark, task->watermark_ms());
  }
  progress.messages_read.store(messages_committed_);
  progress.bytes_read.store(read);
  progress.bytes_total.store(total);
  progress.watermark_ms.store(watermark);
  published.counters = SumCounters(false);
  published.counted = SumCounters(true);
  exchange_.Publish(index_, std::move(published));
}

// `wait`: until what is flushed is durable.
Status StreamThread::Flush(bool wait) {
  applied_bytes_ = 0;
  last_flush_ns_ = clock_.MonotonicNanos();
  for (auto* tasks : {&ingest_, &events_, &facts_}) {
    for (const auto& task : *tasks) {
      LEADFLOW_RETURN_IF_ERROR(Crash("flushing"));
      KeyedStore& store = task->store();
      const Status flushed = wait ? store.Flush() : store.BeginFlush();
      LEADFLOW_RETURN_IF_ERROR(flushed.WithContext(task->spec().name));
      LEADFLOW_RETURN_IF_ERROR(Crash("flushed"));
    }
  }
  return {};
}

// What is durable in a store is no longer needed in its changelog, for the store is the only copy
// of a log that lives on the same disk; what is handled is no longer needed in the topics between
// stages. Often: a segment of which nothing is needed costs nothing to remove, another one has to
// be cleaned.
Status StreamThread::PurgeLog() {
  for (Source& source : sources_) {
    source.reader->Committed(source.task->committed_source_position());
  }
  for (auto* tasks : {&events_, &facts_}) {
    const std::string topic = tasks == &events_ ? plan_.events_topic() : plan_.facts_topic();
    for (const auto& task : *tasks) {
      if (const std::int64_t durable = task->store().durable_offset(); durable > 0) {
        LEADFLOW_RETURN_IF_ERROR(log_.Purge(task->spec().place.changelog, durable));
      }
      if (task->committed_input_offset() > 0) {
        LEADFLOW_RETURN_IF_ERROR(
            log_.Purge({topic, task->partition()}, task->committed_input_offset()));
      }
    }
  }
  return {};
}

}  // namespace leadflow
