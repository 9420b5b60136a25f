#include "engine/runtime/stream_thread.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/log/file_system.h"
#include "engine/runtime/thread_parts.h"

namespace leadflow {
StreamThread::StreamThread(const Plan& plan, Log& log, Exchange& exchange, Clock& clock,
                           StoreOpener open_store, ThreadOptions options, std::uint32_t index,
                           ThreadShare share)
    : plan_(plan),
      log_(log),
      exchange_(exchange),
      clock_(clock),
      open_store_(std::move(open_store)),
      options_(std::move(options)),
      index_(index),
      share_(std::move(share)) {
  LEADFLOW_CHECK(index < exchange.threads());
}

StreamThread::~StreamThread() = default;

bool StreamThread::Clean() const {
  const auto idle = [](const std::unique_ptr<Task>& task) {
    return !task->NeedsCommit() && task->inbox().empty() && !task->Due();
  };
  return !committing_ && std::all_of(ingest_.begin(), ingest_.end(), idle) &&
         std::all_of(events_.begin(), events_.end(), idle) &&
         std::all_of(facts_.begin(), facts_.end(), idle) &&
         std::all_of(outboxes_.begin(), outboxes_.end(),
                     [](const auto& outbox) { return outbox->blocks.empty(); });
}

bool StreamThread::SourcesAtEnd() const {
  return std::all_of(sources_.begin(), sources_.end(),
                     [](const Source& source) { return source.reader->AtEnd(); });
}

bool StreamThread::CommitDue() const {
  if (commit_requested_ || committing_) return true;
  // A commit costs a part of its own, however little it holds: if there is more to do, one that
  // takes long is not begun so often.
  const std::int64_t now_ns = clock_.MonotonicNanos();
  const bool often = caught_up_ || now_ns - last_commit_ns_ >= 3 * last_commit_took_ns_;
  if (often && now_ns - commit_began_ns_ >= options_.commit_interval_ms * 1'000'000) return true;
  std::int64_t bytes = 0;
  for (const auto* tasks : {&ingest_, &events_, &facts_}) {
    for (const auto& task : *tasks) bytes += task->bytes_processed();
  }
  return bytes >= options_.commit_bytes;
}

Result<bool> StreamThread::Step() {
  const std::int64_t epoch = exchange_.epoch();
  const bool handing_over = HandingOver();
  Rest(handing_over);
  if (handing_over) {
    exchange_.SetBusy(index_);
    auto polled = PollLog();
    if (!polled.ok()) LEADFLOW_RETURN_IF_ERROR(Recover(polled.status()));
    return !polled.ok() || *polled;
  }
  if (CommitDue()) {
    const bool clean = Clean();
    if (!clean) exchange_.SetBusy(index_);
    const Status status = Commit();
    if (!status.ok()) return status;
    if (!clean) return !committing_;
  }
  for (const auto work :
       {&StreamThread::DrainOne, &StreamThread::PollLog, &StreamThread::ReadSources}) {
    auto worked = (this->*work)();
    if (!worked.ok()) {
      LEADFLOW_RETURN_IF_ERROR(Recover(worked.status()));
      return true;
    }
    if (*worked) return true;
  }
  caught_up_ = true;
  if (!Clean()) {
    if (options_.until_end && SourcesAtEnd()) {
      commit_requested_ = true;
      return true;
    }
    return false;
  }
  EndDetours();
  if (options_.until_end && NoteEnds()) {
    commit_requested_ = true;
    return true;
  }
  if (!SourcesAtEnd() || !SourcesSilent()) return false;
  const bool owes = options_.until_end && Owes();
  exchange_.SetQuiet(index_, epoch, owes);
  // Nothing can come any more: what waits for its time is done now.
  if (owes && exchange_.AllIdle()) {
    for (auto& task : facts_) task->End();
    commit_requested_ = true;
    return true;
  }
  return false;
}

bool StreamThread::Owes() const {
  return std::any_of(facts_.begin(), facts_.end(),
                     [](const std::unique_ptr<Task>& task) { return task->Waits(); });
}

// What lies between the last record and the end of a topic is no work; once that is committed, the
// log alone shows whether anything is left to do anywhere.
bool StreamThread::NoteEnds() {
  bool moved = false;
  for (const auto* tasks : {&events_, &facts_}) {
    for (const auto& task : *tasks) {
      const TopicPartition input = InputOf(*task);
      const std::int64_t position = reader_->Position(input);
      if (!reader_->AtEnd(input) || position <= task->input_offset()) continue;
      task->TookInput(position);
      moved = true;
    }
  }
  return moved;
}

// Whether every source has said that it is at its end, also those of other threads.
bool StreamThread::SourcesSilent() const {
  return std::all_of(events_.begin(), events_.end(), [](const auto& task) {
    for (std::size_t source = 0; source < task->marks().sources(); ++source) {
      if (task->marks().Combined(source).active) return false;
    }
    return true;
  });
}

// The stages that are nearer to the end first: what is under way stays little.
Result<bool> StreamThread::DrainOne() {
  for (auto* tasks : {&facts_, &events_}) {
    for (auto& task : *tasks) {
      if (task->inbox().empty()) continue;
      LEADFLOW_RETURN_IF_ERROR(Drain(*tasks));
      return true;
    }
  }
  return false;
}

Task* StreamThread::TaskOf(const TopicPartition& input) {
  const auto& tasks =
      input.topic == plan_.events_topic() ? events_by_partition_ : facts_by_partition_;
  return tasks[input.partition];
}

Result<bool> StreamThread::PollLog() {
  Status failure;
  auto polled = reader_->Poll(options_.slice_bytes,
                              [&](const TopicPartition& from, std::span<const LogRecord> records) {
                                exchange_.SetBusy(index_);
                                for (const LogRecord& record : records) {
                                  if (failure.ok()) failure = TakeBlock(from, record);
                                }
                              });
  if (!polled.ok()) return polled.status();
  if (!failure.ok()) return failure;
  return *polled > 0;
}

Status StreamThread::TakeBlock(const TopicPartition& from, const LogRecord& record) {
  Task& task = *TaskOf(from);
  const Status readable =
      ReadBlock(record.value, record.timestamp_ms, &block_messages_, &block_marks_);
  if (!readable.ok()) {
    return readable.WithContext(from.topic + ", partition " + std::to_string(from.partition) +
                                ", offset " + std::to_string(record.offset));
  }
  LEADFLOW_RETURN_IF_ERROR(task.Process(block_messages_));
  for (const BlockMark& mark : block_marks_) task.SetMark(mark.sender, mark.source_id, mark.mark);
  task.TookInput(record.offset + 1);
  return {};
}

Result<bool> StreamThread::ReadSources() {
  if (sources_.empty() || !BacklogHandled()) return false;
  if (exchange_.MaxBacklog() > options_.backlog_bytes) return false;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    Source& source = sources_[next_source_];
    next_source_ = (next_source_ + 1) % sources_.size();
    LEADFLOW_ASSIGN_OR_RETURN(const bool read, ReadSource(source));
    if (read) return true;
  }
  return false;
}

Result<bool> StreamThread::ReadSource(Source& source) {
  Task& task = *source.task;
  if (source.reader->AtEnd()) {
    task.SetSourceActive(false);
    return false;
  }
  Status failure;
  bool refused = false;
  std::int64_t count = 0;
  auto read = source.reader->Read(
      options_.slice_bytes,
      [&](std::span<const MessageView> batch) {
        exchange_.SetBusy(index_);
        count += static_cast<std::int64_t>(batch.size());
        if (failure.ok()) failure = task.Process(batch);
      },
      [&](std::string_view origin, std::int64_t line, std::string_view reason,
          std::string_view bytes) {
        exchange_.SetBusy(index_);
        refused = true;
        task.Reject(source.plan->name, std::string(origin) + ":" + std::to_string(line), reason,
                    bytes);
      });
  if (!read.ok()) return read.status().WithContext("source `" + source.plan->name + "`");
  if (!failure.ok()) return failure;
  if (count > 0) {
    messages_read_ += count;
    task.Count("messages_read", source.plan->name, count);
  }
  const bool worked = *read > 0 || refused;
  task.SetSourceActive(worked ? !source.reader->AtEnd() : !source.reader->Idle());
  if (worked) task.TookSource();
  return worked;
}

// After an error of a task: go back to the last commit, if one message may be to blame.
Status StreamThread::Recover(const Status& error) {
  bool poisoned = false;
  for (auto* tasks : {&ingest_, &events_, &facts_}) {
    for (auto& task : *tasks) poisoned = poisoned || task->poisoned();
  }
  if (!poisoned) return error;
  exchange_.activity().Rewound(RewindCause::kMessage);
  return Rewind();
}

Status StreamThread::Rewind() {
  writer_->Abort();
  committing_ = false;
  sealed_ = false;
  messages_read_ = messages_committed_;
  for (auto& outbox : outboxes_) {
    outbox->blocks.Clear();
    outbox->sealed_bytes = 0;
  }
  for (auto* tasks : {&ingest_, &events_, &facts_}) {
    for (auto& task : *tasks) task->Aborted(options_.mutation != Mutation::kKeepStagedOnAbort);
  }
  return SeekInputs();
}

Status StreamThread::Crash(std::string_view point) const {
  if (!options_.crash || !options_.crash(point)) return {};
  return {ErrorCode::kCancelled, "crash: " + std::string(point)};
}

Status StreamThread::GiveUp() {
  // What waits in memory is done again, in its order, by the next owner.
  if (HandingOver()) LEADFLOW_RETURN_IF_ERROR(Rewind());
  leaving_ = true;
  // One that is on its way, and what was done since.
  for (int commits = committing_ ? 2 : 1; commits > 0; --commits) {
    commit_requested_ = true;
    do {
      LEADFLOW_RETURN_IF_ERROR(Commit());
    } while (committing_);
  }
  leaving_ = false;
  return {};
}

void StreamThread::ReleaseStores(
    const std::function<void(const std::string& name, std::unique_ptr<KeyedStore>)>& take) {
  for (auto* tasks : {&ingest_, &events_, &facts_}) {
    for (auto& task : *tasks) {
      if (std::unique_ptr<KeyedStore> store = task->Release()) {
        take(task->spec().place.store, std::move(store));
      }
    }
  }
}

Status StreamThread::Close(const std::function<void()>& committed) {
  LEADFLOW_RETURN_IF_ERROR(GiveUp());
  Publish();
  if (committed) committed();
  LEADFLOW_RETURN_IF_ERROR(Flush(true));
  LEADFLOW_RETURN_IF_ERROR(PurgeLog());
  for (auto* tasks : {&ingest_, &events_, &facts_}) {
    for (auto& task : *tasks) task->Close();
  }
  return {};
}

void StreamThread::VisitStores(
    Stage stage,
    const std::function<void(std::uint32_t partition, const KeyedStore& store)>& visit) const {
  const auto& tasks = stage == Stage::kIngest   ? ingest_
                      : stage == Stage::kEvents ? events_
                                                : facts_;
  for (const auto& task : tasks) visit(task->partition(), task->committed_store());
}

Exchange::CounterValues StreamThread::SumCounters(bool of_this_process) const {
  Exchange::CounterValues sum;
  for (const auto* tasks : {&ingest_, &events_, &facts_}) {
    for (const auto& task : *tasks) {
      for (const auto& [key, value] : task->counters().values()) {
        sum[key] += value.committed - (of_this_process ? value.restored : 0);
      }
    }
  }
  return sum;
}

}  // namespace leadflow
