// Task: one partition of one stage: an operator, its store, its counters, its part of a
// transaction. No threads, no I/O but the store's: a StreamThread feeds it and commits for it.
// Single-threaded.
//
//     Hold -> Open -> { (Process | DrainInbox)* -> Prepare -> StageMeta -> (Committed | Aborted) }*
//
// Between StageMeta and Committed, Seal may say that the transaction is on its way: what is
// processed from then on belongs to the next one. An abort is always of both.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/api/operator.h"
#include "engine/base/clock.h"
#include "engine/base/hash.h"
#include "engine/log/log.h"
#include "engine/runtime/block.h"
#include "engine/runtime/counters.h"
#include "engine/runtime/message_buffer.h"
#include "engine/runtime/store_place.h"
#include "engine/runtime/task_meta.h"
#include "engine/runtime/watermark.h"

namespace leadflow {

enum class Stage : std::uint8_t { kIngest, kEvents, kFacts };

// Where messages to one partition go: exactly one of the two is not null.
struct Target {
  MessageBuffer* inbox = nullptr;
  BlockBuilder* blocks = nullptr;
};
// By OutputId and partition. An output without targets is refused.
using Routes = std::array<std::vector<Target>, 2>;

// What an operator publishes.
struct OutputRecord {
  std::size_t topic = 0;  // Of the plan's output topics.
  std::string key;
  std::optional<std::string> value;  // nullopt: a tombstone.
  std::string headers;               // As EncodeHeaders makes them.
};

struct TaskSpec {
  Stage stage = Stage::kIngest;
  std::string name;  // For people: "events, partition 3".
  StorePlace place;
  std::uint32_t partition = 0;
  std::uint32_t partitions = 1;
  std::uint64_t rules_hash = 0;
  std::vector<std::uint64_t> source_ids;  // Columns of the watermark table.
  std::size_t senders = 1;                // Its rows.
  std::int64_t disorder_ms = 0;           // Ingest.
};

class Task final : public OperatorContext {
 public:
  // All references outlive the task.
  Task(TaskSpec spec, const Routes& routes, Clock& clock);

  // The store that Open finds complete.
  void Hold(std::unique_ptr<KeyedStore> store) { store_ = std::move(store); }
  // Reads the meta record and opens the operator. kCorruption: state without a readable meta
  // record. kFailedPrecondition: other rules.
  Status Open(std::unique_ptr<Operator> op);

  // An error of Process makes the task failed; poisoned() says whether rewinding may help.
  Status Process(std::span<const MessageView> batch);
  Status DrainInbox();
  // Lets the operator go with its caches; the store stays.
  void Close() { operator_.reset(); }
  // Lets the store go too, with what is committed. Null if there is none.
  std::unique_ptr<KeyedStore> Release();
  // Does nothing if `force` is not set, nothing came since the last Prepare and nothing is due.
  Status Prepare(bool force);
  // Whether something waits in the operator for its time; whether that has come.
  bool Waits() const;
  bool Due() const;
  // From now on everything that waits is due.
  void End() { ending_ = true; }

  bool NeedsCommit() const;
  // Puts the meta record beside what the operator staged. `stale`: with the positions of the last
  // commit (a deliberate mistake, for tests).
  void StageMeta(bool stale = false);
  // The transaction has all of this task.
  void Seal();
  bool sealed() const { return is_sealed_; }
  std::int64_t sealed_input_offset() const { return sealed_.input_offset; }
  // The transaction is durable. `changelog_next`: what follows its last record.
  Status Committed(std::int64_t changelog_next);
  // `drop_staged` is false only for a deliberate mistake, for tests.
  void Aborted(bool drop_staged = true);

  // Whether the last error of Process names a message that can be isolated. Cleared by Aborted.
  bool poisoned() const { return poisoned_; }
  std::size_t culprits() const { return culprits_.size(); }

  // The next record or source position to read: now, and as of the last commit.
  std::int64_t input_offset() const { return input_offset_; }
  // Keyed stages: what lies below is handled.
  void TookInput(std::int64_t next_offset) {
    touched_ = true;
    input_offset_ = next_offset;
  }
  // Ingest: the reader has moved on, even if nothing of it was a message.
  void TookSource() { touched_ = true; }
  std::int64_t committed_input_offset() const { return committed_.input_offset; }
  void set_source_position(std::string position) { source_position_ = std::move(position); }
  const std::string& committed_source_position() const { return committed_.source_position; }

  // The mark of a source, from a sender. Unknown sources and senders are ignored: they are gone.
  void SetMark(std::size_t sender, std::uint64_t source_id, const SourceMark& mark);
  // Ingest: whether its input delivers.
  void SetSourceActive(bool active);
  const WatermarkTable& marks() const { return marks_; }
  bool marks_changed() const { return marks_changed_; }  // By the open transaction.

  const TaskSpec& spec() const { return spec_; }
  MessageBuffer& inbox() { return inbox_; }
  const Counters& counters() const { return counters_; }
  std::vector<std::string>& dead_letters() { return dead_letters_; }
  const std::deque<OutputRecord>& published() const { return published_; }
  std::int64_t bytes_processed() const { return bytes_processed_; }  // Of the open transaction.
  const KeyedStore& committed_store() const { return *store_; }
  bool has_store() const { return store_ != nullptr; }

  // ---- OperatorContext
  KeyedStore& store() override { return *store_; }
  std::uint32_t partition() const override { return spec_.partition; }
  std::uint32_t partitions() const override { return spec_.partitions; }
  void Emit(OutputId output, std::uint64_t hash, std::string_view value) override;
  void Publish(std::size_t topic, std::string_view key, std::optional<std::string_view> value,
               std::span<const RecordHeader> headers) override;
  void Reject(std::string_view source, std::string_view position, std::string_view reason,
              std::string_view bytes) override;
  void Count(std::string_view name, std::string_view label, std::int64_t by) override;
  void ObserveEventTime(std::int64_t event_ms, std::int64_t log_time_ms) override;
  std::int64_t watermark_ms() const override { return marks_.watermark_ms(); }
  std::int64_t wall_ms() const override { return wall_ms_; }
  bool ending() const override { return ending_; }

 private:
  Status ReadMeta();
  Status ProcessOneByOne(std::span<const MessageView> batch);
  void NoteFailure(const Status& status, std::span<const MessageView> batch);
  TaskMeta CurrentMeta() const;

  const TaskSpec spec_;
  const Routes& routes_;
  Clock& clock_;
  std::unique_ptr<KeyedStore> store_;

  MessageBuffer inbox_;
  MessageBuffer working_;
  Counters counters_;
  std::vector<std::string> dead_letters_;
  std::deque<OutputRecord> published_;
  absl::flat_hash_map<std::pair<std::size_t, std::string_view>, OutputRecord*>
      published_keys_;  // By topic and key; borrowed from `published_`.
  Status emit_error_;
  std::int64_t wall_ms_ = 0;
  std::int64_t bytes_processed_ = 0;
  bool touched_ = false;     // By the open transaction.
  bool unprepared_ = false;  // Since the last Prepare.
  bool ending_ = false;

  std::int64_t begun_ms_ = 0;  // 0: nothing was staged yet.
  std::int64_t input_offset_ = 0;
  std::string source_position_;
  WatermarkTable marks_;
  bool marks_changed_ = false;
  struct Positions {
    std::int64_t input_offset = 0;
    std::string source_position;
    WatermarkTable marks;
  };
  Positions committed_;
  Positions sealed_;  // Its marks only if sealed_marks_changed_.
  bool is_sealed_ = false;
  bool sealed_marks_changed_ = false;

  bool poisoned_ = false;
  bool one_by_one_ = false;                          // Until the next transaction is sealed.
  std::set<std::array<std::uint8_t, 16>> culprits_;  // Hash128 of messages that failed alone.

  std::unique_ptr<Operator> operator_;  // Last: it is destroyed before what it borrows.
};

}  // namespace leadflow
