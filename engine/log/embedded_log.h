// EmbeddedLog: the Log of one process, in one directory. What is where, and what survives which
// crash, is told in journal.h; the bytes are in journal_frame.h.
//
// Errors of Commit, beside those that Log names: kInternal, "no space left on device": nothing of
// the transaction remains and the log goes on. Any other error of the disk stops the log: this and
// all later commits fail until it is opened again.
//
// Limits: 1 GiB per transaction (Append refuses what is beyond with kInvalidArgument), 65,536
// partitions of all topics together.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/log/file_system.h"
#include "engine/log/log.h"

namespace leadflow {

struct EmbeddedLogOptions {
  std::string directory;
  FileSystem* file_system = &PosixFileSystem();
  Clock* clock = &Clock::System();
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  std::size_t cache_bytes = std::size_t{32} << 20;  // Recent commits in memory, for readers.
  // Old segments are cleaned, by the committing thread and one at a time, once that may free more
  // than this and more than half of them. 0: as often as there is anything. What is purged as a
  // whole needs no cleaning; above what a job has between two flushes of its stores, none is
  // needed.
  std::uint64_t cleaning_bytes = std::uint64_t{512} << 20;
  std::int64_t tombstone_retention_ms = std::int64_t{7} * 24 * 3600 * 1000;
};

namespace journal {
class Journal;
}
class LocalGroups;

class EmbeddedLog final : public Log {
 public:
  // Creates the directory if there is none. kFailedPrecondition: another process has it open (its
  // number is named), or a newer release wrote it. kCorruption: committed records are damaged.
  static Result<std::unique_ptr<EmbeddedLog>> Open(EmbeddedLogOptions options);
  explicit EmbeddedLog(std::unique_ptr<journal::Journal> journal);  // Use Open.
  ~EmbeddedLog() override;  // Readers and writers have to be gone.

  Status EnsureTopics(std::span<const TopicSpec> topics) override;
  Result<std::uint32_t> Partitions(const std::string& topic) override;
  using Log::NewReader;
  std::unique_ptr<LogReader> NewReader(std::size_t ahead_bytes) override;
  using Log::NewWriter;
  Result<std::unique_ptr<LogWriter>> NewWriter(std::string_view transactional_id,
                                               const Membership* member) override;
  Result<std::unique_ptr<Membership>> Join(std::string_view group, std::string_view topic,
                                           std::string_view member) override;
  Result<std::int64_t> StartOffset(const TopicPartition& partition) override;
  Result<std::int64_t> EndOffset(const TopicPartition& partition) override;
  Result<std::int64_t> WrittenOffset(const TopicPartition& partition) override;
  using Log::CommittedOffsets;
  Result<std::vector<std::int64_t>> CommittedOffsets(std::string_view group,
                                                     std::span<const TopicPartition> inputs,
                                                     OffsetsAs which) override;
  Status Purge(const TopicPartition& partition, std::int64_t offset) override;

  // Takes from a member of a group what it holds, as if it had been silent for too long. For tests.
  void Expel(std::string_view group, std::string_view member);

  // Cleans until there is nothing worth it.
  Status Compact();

  std::uint64_t file_bytes() const;  // On disk.

 private:
  std::unique_ptr<journal::Journal> journal_;
  const std::unique_ptr<LocalGroups> groups_;
};

}  // namespace leadflow
