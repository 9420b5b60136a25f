// Operator: one step of a stage. Takes messages in batches, remembers in a KeyedStore, emits
// messages.
//
// A task builds one instance per partition and calls it from one thread:
//
//     Open -> { Process* -> Prepare -> (Committed | Aborted) }* -> Close
//
// Everything between two commits takes effect together with the input offsets, or not at all: after
// a crash the same messages come again and find the state of the last commit.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/record_header.h"
#include "engine/base/status.h"
#include "engine/state/keyed_store.h"

namespace leadflow {

// What a record of a topic may have beside its value.
struct RecordExtras {
  std::vector<RecordHeader> headers = {};  // In order; a name may stand twice.
  bool tombstone = false;                  // It has no value at all: its key was deleted.
};

// One message as an operator sees it. The bytes are borrowed until Process returns.
struct MessageView {
  std::string_view value = {};
  std::int64_t log_time_ms = 0;  // Wall clock when it entered the log (files: when it was read).
  std::string_view origin = {};  // Sources: file or topic partition, for people. Else empty.
  std::int64_t line = 0;         // Sources: line from 1, or offset, in `origin`.
  // Sources: when the file was last changed, or the record was written; 0: not known.
  std::int64_t modified_ms = 0;
  const RecordExtras* extras = nullptr;  // Sources: null for what has none.
};

// Where an operator's messages go. What the numbers mean is the plan's business.
enum class OutputId : std::uint8_t { kEvents = 0, kFacts = 1 };

// What the task lends to an operator. Outlives it.
class OperatorContext {
 public:
  virtual ~OperatorContext() = default;

  // Keys that begin with a zero byte are the engine's.
  virtual KeyedStore& store() = 0;
  virtual std::uint32_t partition() const = 0;
  virtual std::uint32_t partitions() const = 0;  // Of the stage that kEvents and kFacts lead to.

  // Copies `value` into the block of partition PartitionOf(hash, partitions()). Messages from one
  // task to one partition keep their order. Never blocks.
  virtual void Emit(OutputId output, std::uint64_t hash, std::string_view value) = 0;

  // The last stage only: what subscribers of an output topic of the plan are told, in the very
  // transaction of the next commit. Copies. nullopt: a tombstone. Of one topic and key only the
  // last value before the commit is sent.
  virtual void Publish(std::size_t topic, std::string_view key,
                       std::optional<std::string_view> value,
                       std::span<const RecordHeader> headers) {
    static_cast<void>(topic), static_cast<void>(key), static_cast<void>(value);
    static_cast<void>(headers);
  }

  // The way of every bad input: keeps at most the first 64 KiB of `bytes` with `reason`, counts it.
  // `position` says where it came from, for people ("data/fair.csv:17").
  virtual void Reject(std::string_view source, std::string_view position, std::string_view reason,
                      std::string_view bytes) = 0;

  // Adds to a named counter of this task, committed with everything else and shown to users.
  // Name: lower_snake_case; label: for example a source or a reason.
  virtual void Count(std::string_view name, std::string_view label, std::int64_t by) = 0;

  // Ingest only: an event of this time was seen, from a message of this log time. The watermark of
  // a source follows min(time, log time) - disorder and never goes back, so that one event from the
  // future moves nothing.
  virtual void ObserveEventTime(std::int64_t event_ms, std::int64_t log_time_ms) {
    static_cast<void>(event_ms);
    static_cast<void>(log_time_ms);
  }

  // Ingest: the watermark of this source partition, up to the last ObserveEventTime. Else: the
  // smallest of all source partitions that still deliver, as of the last commit; when none does any
  // more, the highest that was reached. Never goes back. INT64_MIN until known.
  virtual std::int64_t watermark_ms() const = 0;
  virtual std::int64_t wall_ms() const = 0;
  // All inputs have ended, and so does the run: what waits for its time is due now.
  virtual bool ending() const { return false; }
};

class Operator {
 public:
  Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;
  virtual ~Operator() = default;

  // Called once, first. `context` outlives the operator.
  virtual Status Open(OperatorContext& context) = 0;

  // Handles messages in log order. Bad input is no failure. kInternal and kInvalidArgument say that
  // one of the messages cannot be handled: all is rewound, the messages come again one by one, and
  // the culprit goes to the dead letters with reason `bug`. Any other non-OK status stops the
  // process.
  virtual Status Process(std::span<const MessageView> batch) = 0;

  // Called once before each commit, after the last Process: emit what is summed, stage what is
  // changed. May emit; the operators behind are prepared afterwards. If messages come back to this
  // operator by a chain, Process and Prepare may be called again before the same commit.
  virtual Status Prepare() = 0;

  // When Prepare has to be called although nothing came: a wall clock time; 0: with the next
  // commit. Asked between commits.
  virtual std::int64_t due_ms() const { return std::numeric_limits<std::int64_t>::max(); }

  // What Prepare staged is on its way in a transaction. Process may be called, for the next one,
  // before Committed says what became of it; not of the last stage. Without this call, Committed
  // means it too.
  virtual void Sealed() {}

  // The transaction is durable: what was staged before it was sealed is in the store.
  virtual void Committed() {}

  // The transaction is void: forget everything since the last Committed (caches of changed objects
  // included); the same messages will come again.
  virtual void Aborted() {}
};

}  // namespace leadflow
