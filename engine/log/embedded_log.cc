#include "engine/log/embedded_log.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/log/journal.h"
#include "engine/log/local_groups.h"

namespace leadflow {
namespace {

using journal::Chunk;
using journal::Journal;
using journal::Partition;
using journal::RecordCursor;
using journal::Transaction;

constexpr std::size_t kPartBytes = std::size_t{1} << 20;
constexpr std::size_t kTransactionBytes = std::size_t{1} << 30;
constexpr std::size_t kRecordOverhead = 32;

class Writer final : public LogWriter {
 public:
  // `holds`: null for a writer of no member.
  Writer(Journal* owner, std::string id, std::uint64_t generation, std::function<bool()> holds)
      : journal_(*owner), id_(std::move(id)), generation_(generation), holds_(std::move(holds)) {}

  Status Begin() override {
    LEADFLOW_CHECK(!open_);
    if (journal_.Fenced(id_, generation_)) {
      return {ErrorCode::kFailedPrecondition,
              "writer " + id_ + " is fenced: a newer one with its id was started"};
    }
    open_ = true;
    return {};
  }

  Status Append(const TopicPartition& partition, std::string_view key,
                std::optional<std::string_view> value, std::string_view) override {
    LEADFLOW_CHECK(open_);
    Slot* slot = last_slot_;
    if (slot == nullptr || partition != slot->name) {
      LEADFLOW_ASSIGN_OR_RETURN(slot, SlotOf(partition));
      last_slot_ = slot;
    }
    const std::size_t size = key.size() + (value ? value->size() : 0) + kRecordOverhead;
    if (size > kTransactionBytes - bytes_) {
      return Status::InvalidArgument("a transaction of more than 1 GiB; commit before");
    }
    bytes_ += size;
    if (slot->parts.empty() || slot->parts.back().records.size() + size > kPartBytes) {
      slot->parts.emplace_back().partition = slot->partition;
      std::string& records = slot->parts.back().records;
      if (!spare_.empty()) {
        records = std::move(spare_.back());
        spare_.pop_back();
      }
      records.reserve(std::min(kPartBytes, slot->expected_bytes));
    }
    Transaction::Part& part = slot->parts.back();
    journal::AppendRecord(key, value, 0, 0, &part.records);
    ++part.count;
    return {};
  }

  Status SendOffset(std::string_view group, const TopicPartition& input,
                    std::int64_t offset) override {
    LEADFLOW_CHECK(open_);
    offsets_.push_back({std::string(group), input, offset});
    return {};
  }

  using LogWriter::Commit;
  Status Commit(const Meanwhile&) override {
    LEADFLOW_CHECK(open_);
    if (holds_ && !offsets_.empty() && !holds_()) {
      Abort();
      return {ErrorCode::kFailedPrecondition,
              "writer " + id_ + " is fenced: its member has lost its partitions"};
    }
    Transaction transaction;
    transaction.offsets = std::move(offsets_);
    for (auto& [name, slot] : slots_) {
      std::size_t bytes = 0;
      for (Transaction::Part& part : slot.parts) {
        bytes += part.records.size();
        transaction.parts.push_back(std::move(part));
      }
      // The next transaction is probably about as large as this one.
      if (bytes > 0) slot.expected_bytes = bytes + bytes / 8 + 64;
    }
    Abort();
    std::vector<std::pair<Partition*, std::int64_t>> last;
    LEADFLOW_RETURN_IF_ERROR(journal_.Commit(id_, generation_, &transaction, &last));
    last_offsets_ = std::move(last);
    // Memory that the log has not kept serves the next transaction.
    spare_.clear();
    for (Transaction::Part& part : transaction.parts) {
      if (part.records.capacity() < kPartBytes / 2) continue;
      part.records.clear();
      spare_.push_back(std::move(part.records));
    }
    // Cleaning that fails has changed nothing; what is wrong with the disk the next commit will
    // tell.
    const Status cleaned = journal_.Clean().status();
    static_cast<void>(cleaned.ok());
    return {};
  }

  void Abort() override {
    for (auto& [name, slot] : slots_) slot.parts.clear();
    offsets_.clear();
    bytes_ = 0;
    open_ = false;
  }

  std::int64_t LastOffset(const TopicPartition& partition) const override {
    const auto slot = slots_.find(partition);
    if (slot == slots_.end()) return -1;
    for (const auto& [written, offset] : last_offsets_) {
      if (written == slot->second.partition) return offset;
    }
    return -1;
  }

 private:
  struct Slot {
    TopicPartition name;
    Partition* partition = nullptr;
    std::vector<Transaction::Part> parts;
    std::size_t expected_bytes = 0;
  };

  Result<Slot*> SlotOf(const TopicPartition& name) {
    const auto known = slots_.find(name);
    if (known != slots_.end()) return &known->second;
    LEADFLOW_ASSIGN_OR_RETURN(Partition* const partition, journal_.Find(name));
    Slot& slot = slots_[name];
    slot.name = name;
    slot.partition = partition;
    return &slot;
  }

  Journal& journal_;
  const std::string id_;
  const std::uint64_t generation_;
  const std::function<bool()> holds_;
  bool open_ = false;
  std::map<TopicPartition, Slot> slots_;  // Stable addresses; bounded by the log's partitions.
  Slot* last_slot_ = nullptr;
  std::vector<std::string> spare_;  // Empty, with room.
  std::vector<journal::OffsetOp> offsets_;
  std::size_t bytes_ = 0;
  std::vector<std::pair<Partition*, std::int64_t>> last_offsets_;
};

class Reader final : public LogReader {
 public:
  explicit Reader(Journal* owner) : journal_(*owner) {}

  Status Seek(const TopicPartition& name, std::int64_t offset) override {
    LEADFLOW_ASSIGN_OR_RETURN(Partition* const partition, journal_.Find(name));
    Input* input = Find(name);
    if (input == nullptr) {
      inputs_.push_back(std::make_unique<Input>());
      input = inputs_.back().get();
      input->name = name;
      input->partition = partition;
    }
    input->position = offset;
    input->at_end = false;
    input->chunk.reset();
    return {};
  }

  void Pause(const TopicPartition& name) override {
    if (Input* const input = Find(name)) input->paused = true;
  }
  void Resume(const TopicPartition& name) override {
    if (Input* const input = Find(name)) input->paused = false;
  }

  Result<std::size_t> Poll(std::size_t max_bytes,
                           const std::function<void(const TopicPartition&,
                                                    std::span<const LogRecord>)>& handle) override {
    held_.clear();
    batches_.clear();
    std::size_t count = 0;
    std::size_t bytes = 0;
    // Each call begins with another partition, so that a busy one starves nobody.
    for (std::size_t i = 0; i < inputs_.size() && (bytes < max_bytes || i == 0); ++i) {
      Input& input = *inputs_[(turn_ + i) % inputs_.size()];
      if (input.paused) continue;
      LEADFLOW_ASSIGN_OR_RETURN(const std::size_t got, PollOne(&input, max_bytes, &bytes, handle));
      count += got;
    }
    ++turn_;
    return count;
  }

  std::int64_t Position(const TopicPartition& name) const override {
    for (const auto& input : inputs_) {
      if (input->name == name) return input->position;
    }
    return -1;
  }

  bool AtEnd(const TopicPartition& name) const override {
    for (const auto& input : inputs_) {
      if (input->name == name) return input->at_end;
    }
    return false;
  }

  std::int64_t Left(const TopicPartition& name) const override {
    for (const auto& input : inputs_) {
      if (input->name == name) return journal_.RangeOf(*input->partition).end - input->position;
    }
    return 0;
  }

 private:
  // A chunk that was handed out in part, and where in it the next record lies.
  struct OpenChunk {
    explicit OpenChunk(Chunk from) : chunk(std::move(from)), cursor(chunk) {}
    Chunk chunk;
    RecordCursor cursor;
  };
  struct Input {
    TopicPartition name;
    Partition* partition = nullptr;
    std::int64_t position = 0;
    bool paused = false;
    bool at_end = false;
    std::unique_ptr<OpenChunk> chunk;
  };

  Input* Find(const TopicPartition& name) {
    for (const auto& input : inputs_) {
      if (input->name == name) return input.get();
    }
    return nullptr;
  }

  Result<std::size_t> PollOne(
      Input* input, std::size_t max_bytes, std::size_t* bytes,
      const std::function<void(const TopicPartition&, std::span<const LogRecord>)>& handle) {
    std::size_t count = 0;
    input->at_end = false;
    if (input->chunk != nullptr) {
      LEADFLOW_ASSIGN_OR_RETURN(count, HandOut(input, max_bytes, bytes, handle));
      if (*bytes >= max_bytes) return count;
    }
    std::vector<Chunk> chunks;
    Journal::Range range;
    LEADFLOW_RETURN_IF_ERROR(journal_.Read(*input->partition, input->position,
                                           max_bytes - std::min(max_bytes, *bytes), &chunks,
                                           &range));
    if (input->position < range.start) {
      return Status(ErrorCode::kFailedPrecondition,
                    "offset " + std::to_string(input->position) + " of partition " +
                        std::to_string(input->name.partition) + " of topic " + input->name.topic +
                        " is gone: the log begins at " + std::to_string(range.start));
    }
    for (Chunk& chunk : chunks) {
      input->chunk = std::make_unique<OpenChunk>(std::move(chunk));
      LEADFLOW_ASSIGN_OR_RETURN(const std::size_t got, HandOut(input, max_bytes, bytes, handle));
      count += got;
      if (input->chunk != nullptr) return count;
    }
    if (count == 0 && input->position < range.end) {
      LEADFLOW_RETURN_IF_ERROR(CheckGap(*input, range.end));
      input->position = range.end;  // Compaction left nothing between here and the end.
    }
    input->at_end = input->position >= range.end;
    return count;
  }

  // Only compaction takes records from the middle of a partition.
  static Status CheckGap(const Input& input, std::int64_t next) {
    if (next == input.position || input.partition->cleanup == Cleanup::kCompact) return {};
    return Status::Corruption("offsets " + std::to_string(input.position) + " to " +
                              std::to_string(next - 1) + " of partition " +
                              std::to_string(input.name.partition) + " of topic " +
                              input.name.topic + " are missing: restore the directory from a copy");
  }

  // Records of input->chunk up to the limit of bytes; resets it when it is used up.
  Result<std::size_t> HandOut(
      Input* input, std::size_t max_bytes, std::size_t* bytes,
      const std::function<void(const TopicPartition&, std::span<const LogRecord>)>& handle) {
    std::vector<LogRecord>& records = batches_.emplace_back();
    LogRecord record;
    bool more = true;
    // One record at least, however large.
    while ((*bytes < max_bytes || records.empty()) && (more = input->chunk->cursor.Next(&record))) {
      if (record.offset < input->position) continue;
      records.push_back(record);
      *bytes += record.key.size() + record.value.size() + kRecordOverhead;
    }
    if (!input->chunk->cursor.ok()) {
      return Status::Corruption("records of topic " + input->name.topic +
                                " cannot be read behind offset " + std::to_string(input->position));
    }
    held_.push_back(input->chunk->chunk);
    if (!more) input->chunk.reset();
    if (records.empty()) return std::size_t{0};
    LEADFLOW_RETURN_IF_ERROR(CheckGap(*input, records.front().offset));
    input->position = records.back().offset + 1;
    handle(input->name, records);
    return records.size();
  }

  Journal& journal_;
  std::vector<std::unique_ptr<Input>> inputs_;  // Bounded by the log's partitions.
  std::size_t turn_ = 0;
  // What the views of the last Poll point into. A deque: a batch stays where it is.
  std::deque<std::vector<LogRecord>> batches_;
  std::vector<Chunk> held_;
};

}  // namespace

EmbeddedLog::EmbeddedLog(std::unique_ptr<Journal> journal)
    : journal_(std::move(journal)), groups_(std::make_unique<LocalGroups>()) {}
EmbeddedLog::~EmbeddedLog() = default;

Result<std::unique_ptr<EmbeddedLog>> EmbeddedLog::Open(EmbeddedLogOptions options) {
  LEADFLOW_ASSIGN_OR_RETURN(
      std::unique_ptr<Journal> journal,
      Journal::Open({.directory = std::move(options.directory),
                     .file_system = options.file_system,
                     .clock = options.clock,
                     .segment_bytes = std::min<std::uint64_t>(options.segment_bytes, 1u << 30),
                     .cache_bytes = options.cache_bytes,
                     .cleaning_bytes = options.cleaning_bytes,
                     .tombstone_retention_ms = options.tombstone_retention_ms}));
  return std::make_unique<EmbeddedLog>(std::move(journal));
}

Status EmbeddedLog::EnsureTopics(std::span<const TopicSpec> topics) {
  return journal_->EnsureTopics(topics);
}

Result<std::uint32_t> EmbeddedLog::Partitions(const std::string& topic) {
  return journal_->PartitionsOf(topic);
}

std::unique_ptr<LogReader> EmbeddedLog::NewReader(std::size_t /*ahead_bytes*/) {
  return std::make_unique<Reader>(journal_.get());
}

Result<std::unique_ptr<LogWriter>> EmbeddedLog::NewWriter(std::string_view transactional_id,
                                                          const Membership* member) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::uint64_t generation,
                            journal_->StartWriter(transactional_id));
  return std::unique_ptr<LogWriter>(
      std::make_unique<Writer>(journal_.get(), std::string(transactional_id), generation,
                               member == nullptr ? nullptr : LocalGroups::HoldOf(*member)));
}

Result<std::unique_ptr<Membership>> EmbeddedLog::Join(std::string_view group,
                                                      std::string_view topic,
                                                      std::string_view member) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::uint32_t partitions, journal_->PartitionsOf(topic));
  return groups_->Join(group, member, partitions);
}

void EmbeddedLog::Expel(std::string_view group, std::string_view member) {
  groups_->Expel(group, member);
}

Result<std::int64_t> EmbeddedLog::StartOffset(const TopicPartition& partition) {
  LEADFLOW_ASSIGN_OR_RETURN(const Partition* const found, journal_->Find(partition));
  return journal_->RangeOf(*found).start;
}

Result<std::int64_t> EmbeddedLog::EndOffset(const TopicPartition& partition) {
  LEADFLOW_ASSIGN_OR_RETURN(const Partition* const found, journal_->Find(partition));
  return journal_->RangeOf(*found).end;
}

// A transaction is written by the call that commits it.
Result<std::int64_t> EmbeddedLog::WrittenOffset(const TopicPartition& partition) {
  return EndOffset(partition);
}

Result<std::vector<std::int64_t>> EmbeddedLog::CommittedOffsets(
    std::string_view group, std::span<const TopicPartition> inputs, OffsetsAs) {
  std::vector<std::int64_t> offsets;
  for (const TopicPartition& input : inputs) {
    offsets.push_back(journal_->CommittedOffset(group, input));
  }
  return offsets;
}

Status EmbeddedLog::Purge(const TopicPartition& partition, std::int64_t offset) {
  LEADFLOW_ASSIGN_OR_RETURN(Partition* const found, journal_->Find(partition));
  return journal_->Purge(found, offset);
}

Status EmbeddedLog::Compact() {
  while (true) {
    LEADFLOW_ASSIGN_OR_RETURN(const bool more, journal_->Clean());
    if (!more) return {};
  }
}

std::uint64_t EmbeddedLog::file_bytes() const { return journal_->file_bytes(); }

}  // namespace leadflow
