// Log: the seam between the engine and whatever keeps its bytes in order: topics of partitions of
// records, and transactions that append to many partitions and move input offsets as one.
//
// Three kinds of objects, each used by one thread at a time; the Log itself is thread-safe.
//   LogReader   reads committed records of the partitions it was given.
//   LogWriter   one open transaction at a time.
//   Membership  says which partitions of a topic are whose, among all that joined a group.
//
// Read-committed: a record is seen by readers only after its transaction has committed, in offset
// order, and never if it was aborted. Offsets of one partition rise, and may have gaps.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace leadflow {

struct TopicPartition {
  std::string topic;
  std::uint32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

struct LogRecord {
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = 0;  // Wall clock of the append.
  std::string_view key;           // May be empty.
  std::string_view value;
  bool tombstone = false;  // No value: compaction drops the key.
};

enum class Cleanup : std::uint8_t { kDelete, kCompact };

struct TopicSpec {
  std::string name;
  std::uint32_t partitions = 1;
  Cleanup cleanup = Cleanup::kDelete;
  // For readers outside: one that exists keeps its number of partitions and its limits.
  bool for_subscribers = false;
};

class LogReader {
 public:
  virtual ~LogReader() = default;

  // Reads from `offset` on, from the next Poll. An offset below the start of the partition fails
  // the next Poll with kFailedPrecondition; the end is fine.
  virtual Status Seek(const TopicPartition& partition, std::int64_t offset) = 0;
  virtual void Pause(const TopicPartition& partition) = 0;
  virtual void Resume(const TopicPartition& partition) = 0;

  // Hands `handle` up to about `max_bytes` of committed records, partition by partition, in offset
  // order, and returns how many. The views live until the next call. 0 = nothing has arrived; AtEnd
  // tells whether nothing is there. Waits for what is on its way for a millisecond at most.
  virtual Result<std::size_t> Poll(
      std::size_t max_bytes,
      const std::function<void(const TopicPartition&, std::span<const LogRecord>)>& handle) = 0;

  // Offset of the next record that Poll would hand out; -1 if the partition was never Seeked.
  virtual std::int64_t Position(const TopicPartition& partition) const = 0;

  // True if the log has said, since the last Seek and the last record that Poll handed out, that
  // nothing committed lies at Position or behind it. A log on other machines says it some
  // milliseconds after the last record; one that does not answer for long fails Poll with
  // kUnavailable.
  virtual bool AtEnd(const TopicPartition& partition) const = 0;

  // How many offsets lie between Position and the end that the log last told of; some may hold no
  // record. 0 if AtEnd or never Seeked.
  virtual std::int64_t Left(const TopicPartition& partition) const = 0;
};

class LogWriter {
 public:
  virtual ~LogWriter() = default;

  // Starts a transaction. REQUIRES: none is open.
  virtual Status Begin() = 0;

  // Adds a record; copies. nullopt value = tombstone. `headers`, as EncodeHeaders makes them, are
  // for readers outside: a log of one process drops them. REQUIRES: a transaction is open.
  virtual Status Append(const TopicPartition& partition, std::string_view key,
                        std::optional<std::string_view> value, std::string_view headers = {}) = 0;

  // The group's offset of an input partition becomes `offset` (the next to read) with the commit.
  virtual Status SendOffset(std::string_view group, const TopicPartition& input,
                            std::int64_t offset) = 0;

  // All or nothing, durable when it returns OK, and visible to readers then or some milliseconds
  // later. kUnavailable: call again. kFailedPrecondition: the writer is fenced (a newer one with
  // its id exists, or its member has lost its partitions); nothing was committed. kInternal:
  // whether it was committed only the log knows: a new writer and a restore find out. Any other
  // error: nothing was committed; the caller rewinds. On OK, LastOffset tells where the last record
  // per partition went.
  // `meanwhile`, if there is one, is called again and again while a log on other machines works, or
  // not at all: the caller does a piece of other work, without this writer; false: it has none now.
  using Meanwhile = std::function<bool()>;
  virtual Status Commit(const Meanwhile& meanwhile) = 0;
  Status Commit() { return Commit(Meanwhile()); }
  virtual void Abort() = 0;

  // Offset of the last record that the last successful Commit put into `partition`; -1 if none.
  virtual std::int64_t LastOffset(const TopicPartition& partition) const = 0;
};

// One of those who share the partitions of a topic. Whenever one comes, goes or is silent for too
// long, all give back what they hold, and then each is given its share anew.
//
//     kNothing -> kAssigned -> kRevoked -> Release -> kNothing ...
//                          \-> kLost ---/
class Membership {
 public:
  enum class State : std::uint8_t {
    kNothing,   // Wait.
    kAssigned,  // `partitions` are this member's.
    kRevoked,   // They are asked back: commit, then Release. The others wait for it.
    kLost,      // They may be another's already; what is not committed cannot be. Release.
  };

  virtual ~Membership() = default;

  // Never waits. To be called often, whatever else is done: others may wait for the answer.
  // kFailedPrecondition: another one with this member's name has joined.
  virtual Result<State> Poll() = 0;

  // Ascending; may be empty. From kAssigned until Release.
  virtual std::span<const std::uint32_t> partitions() const = 0;

  // Nothing of what was held is in use any more. REQUIRES: kRevoked or kLost
  virtual void Release() = 0;
};

class Log {
 public:
  virtual ~Log() = default;

  // Creates what is missing. An existing topic with another partition count or cleanup policy is
  // kFailedPrecondition and named.
  virtual Status EnsureTopics(std::span<const TopicSpec> topics) = 0;

  // How many partitions a topic has. kNotFound: there is no such topic.
  virtual Result<std::uint32_t> Partitions(const std::string& topic) = 0;

  // A log on other machines sends about `ahead_bytes` of each partition before they are asked for.
  static constexpr std::size_t kAheadBytes = std::size_t{16} << 20;
  virtual std::unique_ptr<LogReader> NewReader(std::size_t ahead_bytes) = 0;
  std::unique_ptr<LogReader> NewReader() { return NewReader(kAheadBytes); }

  // A writer with this id; an older one with the same id is fenced from now on and its open
  // transaction is aborted.
  // With a `member` (of this log, in the state kAssigned) it is fenced too, as soon as that member
  // no longer holds what it holds now; a transaction finds out by the offsets it sends.
  virtual Result<std::unique_ptr<LogWriter>> NewWriter(std::string_view transactional_id,
                                                       const Membership* member) = 0;
  Result<std::unique_ptr<LogWriter>> NewWriter(std::string_view transactional_id) {
    return NewWriter(transactional_id, nullptr);
  }

  // A member of the group, by a name that nobody else has and that stays over restarts. The log
  // outlives it.
  virtual Result<std::unique_ptr<Membership>> Join(std::string_view group, std::string_view topic,
                                                   std::string_view member) = 0;

  // First kept offset, and one past the last committed one.
  virtual Result<std::int64_t> StartOffset(const TopicPartition& partition) = 0;
  virtual Result<std::int64_t> EndOffset(const TopicPartition& partition) = 0;

  // One past the last one written, also by transactions that are neither committed nor aborted yet:
  // what they may still put lies below.
  virtual Result<std::int64_t> WrittenOffset(const TopicPartition& partition) = 0;

  // Of each input; -1: the group has none. kStable waits some seconds for transactions that are
  // about to move one, and is kUnavailable if they still are; while others work some always are.
  enum class OffsetsAs : std::uint8_t { kStable, kLast };
  virtual Result<std::vector<std::int64_t>> CommittedOffsets(std::string_view group,
                                                             std::span<const TopicPartition> inputs,
                                                             OffsetsAs which) = 0;
  Result<std::vector<std::int64_t>> CommittedOffsets(std::string_view group,
                                                     std::span<const TopicPartition> inputs) {
    return CommittedOffsets(group, inputs, OffsetsAs::kStable);
  }
  Result<std::int64_t> CommittedOffset(std::string_view group, const TopicPartition& input) {
    LEADFLOW_ASSIGN_OR_RETURN(const std::vector<std::int64_t> offsets,
                              CommittedOffsets(group, {&input, 1}));
    return offsets[0];
  }

  // Ends what members that are gone have left open: writers that moved the group's offsets of these
  // inputs last are fenced if their members are not in the group any more. `member`: who asks, in
  // the state kAssigned; null: somebody in whose time nobody is in the group. It does what it can;
  // a log ends such transactions at some time by itself.
  virtual void FenceAbsent(std::string_view group, const Membership* member,
                           std::span<const TopicPartition> inputs) {
    static_cast<void>(group);
    static_cast<void>(member);
    static_cast<void>(inputs);
  }

  // For how long a compacted topic shows that a key was deleted, whether or not anybody looked.
  virtual std::int64_t tombstones_ms() const { return std::numeric_limits<std::int64_t>::max(); }

  // Records below `offset` may be dropped.
  virtual Status Purge(const TopicPartition& partition, std::int64_t offset) = 0;
};

}  // namespace leadflow
