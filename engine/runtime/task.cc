#include "engine/runtime/task.h"

#include <algorithm>
#include <limits>

#include "engine/base/check.h"
#include "engine/base/record_header.h"
#include "engine/runtime/dead_letter.h"

namespace leadflow {
namespace {

// What an operator is handed at once: enough to look up in batches, small enough for the caches.
constexpr std::size_t kBatchMessages = 256;
constexpr std::size_t kCulpritsMax = 1000;

}  // namespace

Task::Task(TaskSpec spec, const Routes& routes, Clock& clock)
    : spec_(std::move(spec)),
      routes_(routes),
      clock_(clock),
      marks_(spec_.source_ids.size(), spec_.senders),
      committed_{.input_offset = 0, .source_position = {}, .marks = marks_},
      sealed_(committed_) {}

Status Task::Open(std::unique_ptr<Operator> op) {
  LEADFLOW_CHECK(store_ != nullptr && op != nullptr);
  operator_ = std::move(op);
  wall_ms_ = clock_.WallMillis();
  LEADFLOW_RETURN_IF_ERROR(ReadMeta());
  return operator_->Open(*this);
}

std::unique_ptr<KeyedStore> Task::Release() {
  operator_.reset();
  if (store_ != nullptr) store_->DropStaged();
  return std::move(store_);
}

Status Task::ReadMeta() {
  LEADFLOW_ASSIGN_OR_RETURN(const std::optional<TaskMeta> found, MetaOf(*store_));
  if (!found) {
    if (store_->applied_offset() < 0) return {};  // Never committed.
    return Status::Corruption("the state has no meta record");
  }
  const TaskMeta& meta = *found;
  if (meta.rules_hash != spec_.rules_hash) {
    return {ErrorCode::kFailedPrecondition,
            "the rules changed since this state was written: go back to the old configuration, or "
            "compute everything anew: `leadflow reset`, or a new state_dir, with Kafka also a new "
            "name"};
  }
  begun_ms_ = meta.begun_ms;
  input_offset_ = meta.input_offset;
  source_position_ = meta.source_position;
  for (const BlockMark& mark : meta.marks) SetMark(mark.sender, mark.source_id, mark.mark);
  marks_.Restore(meta.watermark_ms);
  for (const TaskMeta::Counter& counter : meta.counters) {
    counters_.Restore(counter.name, counter.label, counter.value);
  }
  committed_ = {input_offset_, source_position_, marks_};
  marks_changed_ = touched_ = unprepared_ = false;
  return {};
}

Status Task::Process(std::span<const MessageView> batch) {
  if (batch.empty()) return {};
  touched_ = unprepared_ = true;
  wall_ms_ = clock_.WallMillis();
  for (const MessageView& message : batch) {
    bytes_processed_ += static_cast<std::int64_t>(message.value.size());
  }
  const auto is_culprit = [this](const MessageView& message) {
    return culprits_.contains(Hash128(message.value));
  };
  if (one_by_one_ || (!culprits_.empty() && std::any_of(batch.begin(), batch.end(), is_culprit))) {
    return ProcessOneByOne(batch);
  }
  while (!batch.empty()) {
    const auto some = batch.first(std::min(batch.size(), kBatchMessages));
    if (Status status = operator_->Process(some); !status.ok()) {
      NoteFailure(status, some);
      return status.WithContext(spec_.name);
    }
    batch = batch.subspan(some.size());
  }
  return emit_error_;
}

Status Task::ProcessOneByOne(std::span<const MessageView> batch) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto one = batch.subspan(i, 1);
    if (!culprits_.empty() && culprits_.contains(Hash128(one[0].value))) {
      const std::string position =
          one[0].origin.empty() ? spec_.name
                                : std::string(one[0].origin) + ":" + std::to_string(one[0].line);
      Reject(spec_.name, position, "bug", one[0].value);
      continue;
    }
    if (Status status = operator_->Process(one); !status.ok()) {
      NoteFailure(status, one);
      return status.WithContext(spec_.name);
    }
  }
  return emit_error_;
}

void Task::NoteFailure(const Status& status, std::span<const MessageView> batch) {
  if (status.code() != ErrorCode::kInternal && status.code() != ErrorCode::kInvalidArgument) return;
  if (culprits_.size() >= kCulpritsMax) return;  // Not a message is broken but the operator.
  poisoned_ = true;
  one_by_one_ = true;
  if (batch.size() == 1) culprits_.insert(Hash128(batch[0].value));
}

Status Task::DrainInbox() {
  while (!inbox_.empty()) {
    std::swap(inbox_, working_);
    const Status status = Process(working_.messages());
    working_.Clear();
    LEADFLOW_RETURN_IF_ERROR(status);
  }
  return {};
}

Status Task::Prepare(bool force) {
  if (!force && !unprepared_ && !Due()) return {};
  unprepared_ = false;
  wall_ms_ = clock_.WallMillis();
  LEADFLOW_RETURN_IF_ERROR(operator_->Prepare().WithContext(spec_.name));
  return emit_error_;
}

bool Task::Waits() const {
  return operator_ != nullptr && operator_->due_ms() != std::numeric_limits<std::int64_t>::max();
}

bool Task::Due() const {
  return Waits() && (ending_ || operator_->due_ms() <= clock_.WallMillis());
}

bool Task::NeedsCommit() const { return touched_ || store_->staged_bytes() > 0; }

TaskMeta Task::CurrentMeta() const {
  TaskMeta meta{.rules_hash = spec_.rules_hash,
                .input_offset = input_offset_,
                .source_position = source_position_,
                .watermark_ms = marks_.watermark_ms(),
                .committed_ms = wall_ms_,
                .begun_ms = begun_ms_,
                .marks = {},
                .counters = {}};
  for (std::size_t sender = 0; sender < marks_.senders(); ++sender) {
    for (std::size_t source = 0; source < marks_.sources(); ++source) {
      const SourceMark& mark = marks_.mark(sender, source);
      if (mark == SourceMark{}) continue;
      meta.marks.push_back({static_cast<std::uint32_t>(sender), spec_.source_ids[source], mark});
    }
  }
  for (const auto& [key, value] : counters_.values()) {
    meta.counters.push_back({key.first, key.second, value.committed + value.delta});
  }
  return meta;
}

void Task::StageMeta(bool stale) {
  if (begun_ms_ == 0) begun_ms_ = wall_ms_;
  TaskMeta meta = CurrentMeta();
  if (stale) {
    meta.input_offset = committed_.input_offset;
    meta.source_position = committed_.source_position;
  }
  store_->Put(kMetaKey, EncodeMeta(meta));
}

void Task::Seal() {
  LEADFLOW_CHECK(!is_sealed_);
  store_->Seal();
  counters_.Seal();
  dead_letters_.clear();
  published_keys_.clear();
  published_.clear();
  sealed_.input_offset = input_offset_;
  sealed_.source_position = source_position_;
  if (marks_changed_) sealed_.marks = marks_;
  sealed_marks_changed_ = marks_changed_;
  marks_changed_ = touched_ = unprepared_ = one_by_one_ = false;
  bytes_processed_ = 0;
  operator_->Sealed();
  is_sealed_ = true;
}

Status Task::Committed(std::int64_t changelog_next) {
  if (!is_sealed_) Seal();
  is_sealed_ = false;
  LEADFLOW_RETURN_IF_ERROR(store_->Apply(changelog_next).WithContext(spec_.name));
  counters_.Commit();
  committed_.input_offset = sealed_.input_offset;
  committed_.source_position = sealed_.source_position;
  if (sealed_marks_changed_) committed_.marks = sealed_.marks;
  operator_->Committed();
  return {};
}

void Task::Aborted(bool drop_staged) {
  if (drop_staged) store_->DropStaged();
  counters_.Rollback();
  dead_letters_.clear();
  published_keys_.clear();
  published_.clear();
  inbox_.Clear();
  working_.Clear();
  input_offset_ = committed_.input_offset;
  source_position_ = committed_.source_position;
  marks_ = committed_.marks;
  marks_changed_ = touched_ = unprepared_ = poisoned_ = is_sealed_ = false;
  bytes_processed_ = 0;
  emit_error_ = Status();
  operator_->Aborted();
}

void Task::SetMark(std::size_t sender, std::uint64_t source_id, const SourceMark& mark) {
  const auto it = std::find(spec_.source_ids.begin(), spec_.source_ids.end(), source_id);
  if (it == spec_.source_ids.end() || sender >= marks_.senders()) return;
  const auto source = static_cast<std::size_t>(it - spec_.source_ids.begin());
  if (!marks_.Set(sender, source, mark)) return;
  marks_changed_ = touched_ = unprepared_ = true;
  marks_.Recompute();
}

void Task::SetSourceActive(bool active) {
  SetMark(0, spec_.source_ids[0],
          {.watermark_ms = marks_.mark(0, 0).watermark_ms, .active = active});
}

void Task::ObserveEventTime(std::int64_t event_ms, std::int64_t log_time_ms) {
  LEADFLOW_CHECK(spec_.stage == Stage::kIngest);
  const std::int64_t mark = std::min(event_ms, log_time_ms) - spec_.disorder_ms;
  if (mark <= marks_.mark(0, 0).watermark_ms) return;
  SetMark(0, spec_.source_ids[0], {.watermark_ms = mark, .active = marks_.mark(0, 0).active});
}

void Task::Emit(OutputId output, std::uint64_t hash, std::string_view value) {
  touched_ = true;
  const std::vector<Target>& targets = routes_[static_cast<std::size_t>(output)];
  if (targets.empty()) [[unlikely]] {
    emit_error_ = Status(ErrorCode::kFailedPrecondition,
                         spec_.name + ": emits to an output that the plan does not have");
    return;
  }
  const Target& target = targets[PartitionOf(hash, static_cast<std::uint32_t>(targets.size()))];
  if (target.inbox != nullptr) {
    target.inbox->Append(value, wall_ms_);
  } else {
    target.blocks->Append(value);
  }
}

void Task::Publish(std::size_t topic, std::string_view key, std::optional<std::string_view> value,
                   std::span<const RecordHeader> headers) {
  LEADFLOW_CHECK(spec_.stage == Stage::kFacts);
  touched_ = true;
  const auto known = published_keys_.lazy_emplace(std::pair(topic, key), [&](const auto& make) {
    OutputRecord& added = published_.emplace_back();
    added.topic = topic;
    added.key = key;
    make(std::pair(topic, std::string_view(added.key)), &added);
  });
  OutputRecord& record = *known->second;
  record.value = value;
  record.headers.clear();
  EncodeHeaders(headers, &record.headers);
}

void Task::Reject(std::string_view source, std::string_view position, std::string_view reason,
                  std::string_view bytes) {
  touched_ = true;
  dead_letters_.push_back(DeadLetterLine(source, position, reason, bytes));
  bytes_processed_ += static_cast<std::int64_t>(dead_letters_.back().size());
  std::string label(source);
  if (!label.empty()) label += ": ";
  label += reason;
  counters_.Add("dead_letters", label, 1);
}

void Task::Count(std::string_view name, std::string_view label, std::int64_t by) {
  touched_ = true;
  counters_.Add(name, label, by);
}

}  // namespace leadflow
