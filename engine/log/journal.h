// Journal: the core of the embedded log. All topics of a process share one sequence of segment
// files, in which a frame is a transaction (journal_frame.h), and one index in memory: 16 bytes per
// partition and transaction.
//
// Thread-safe. Commits are appended under one mutex and made durable by a sync that those which
// arrive meanwhile share; readers see a frame only after that.
//
// Segments. Each begins with a snapshot of everything that is not a record (topics, offsets, ends
// of partitions), so an older one is needed for its records only: it is removed when all are
// purged, and cleaning (journal_cleaning.cc) replaces runs of old segments by one that holds what
// still counts. A file is named after the numbers of the segments it stands for:
// "<first>-<last>.seg".
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/log/file_system.h"
#include "engine/log/journal_frame.h"
#include "engine/log/log.h"

namespace leadflow::journal {

struct JournalOptions {
  std::string directory;
  FileSystem* file_system = nullptr;
  Clock* clock = nullptr;
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  std::size_t cache_bytes = std::size_t{32} << 20;  // Of recent commits, for readers.
  // Cleaning starts when it could free more than this, and more than half of all closed segments.
  std::uint64_t cleaning_bytes = std::uint64_t{512} << 20;
  // A tombstone stays so long, that a store which slept can still learn of it.
  std::int64_t tombstone_retention_ms = std::int64_t{7} * 24 * 3600 * 1000;
};

std::string SegmentPath(const std::string& directory, std::uint64_t first, std::uint64_t last);

// One segment file. The fields are guarded by the journal's mutex.
struct Segment {
  std::uint64_t first_number = 0;
  std::uint64_t last_number = 0;
  std::uint64_t id = 0;  // Never used twice in a process: names chunks in the cache.
  std::string path;
  std::shared_ptr<File> file;  // Null while closed.
  std::uint64_t bytes = 0;
  std::uint64_t live_bytes = 0;   // Of chunks in the index.
  std::uint64_t dirty_bytes = 0;  // Those of compacted topics that were never cleaned.
  bool cleaned = false;
};

struct ChunkRef {
  std::int64_t first = 0;
  std::uint32_t position = 0;
  std::uint32_t size = 0;
};

// The chunks of one partition in one segment, ascending; those before `live` are purged.
struct Run {
  std::shared_ptr<Segment> segment;
  std::vector<ChunkRef> chunks;
  std::size_t live = 0;
};

// Guarded by the journal's mutex, but for the first three.
struct Partition {
  std::uint32_t topic = 0;
  std::uint32_t number = 0;
  Cleanup cleanup = Cleanup::kDelete;
  std::int64_t start = 0;
  std::int64_t end = 0;   // What readers see.
  std::int64_t next = 0;  // What the next commit gets.
  std::deque<Run> runs;
};

struct Topic {
  TopicSpec spec;
  std::vector<Partition> partitions;  // Never grows.
};

// What a writer gathers between Begin and Commit.
struct Transaction {
  struct Part {
    Partition* partition = nullptr;
    std::int64_t count = 0;
    std::string records;  // At most about 1 MiB: what a reader has to take at once.
    std::uint64_t hash = 0;
  };
  std::vector<Part> parts;  // Those of one partition stand together.
  std::vector<OffsetOp> offsets;
};

class Journal {
 public:
  // Empty; use Open.
  explicit Journal(JournalOptions options);
  ~Journal();

  static Result<std::unique_ptr<Journal>> Open(JournalOptions options);

  Status EnsureTopics(std::span<const TopicSpec> topics);
  // Valid for as long as the journal. kNotFound names what there is not.
  Result<Partition*> Find(const TopicPartition& partition);
  Result<std::uint32_t> PartitionsOf(std::string_view topic);

  // The new generation of a writer; all older ones are fenced, and what they committed is visible.
  Result<std::uint64_t> StartWriter(std::string_view id);
  bool Fenced(std::string_view id, std::uint64_t generation);

  // Log::Commit. Takes the bytes of parts that it keeps for readers and leaves the others. `*last`
  // gets the offset of the last record of each partition written to.
  Status Commit(std::string_view id, std::uint64_t generation, Transaction* transaction,
                std::vector<std::pair<Partition*, std::int64_t>>* last);

  struct Range {
    std::int64_t start = 0;
    std::int64_t end = 0;
  };
  Range RangeOf(const Partition& partition);
  std::int64_t CommittedOffset(std::string_view group, const TopicPartition& input);
  Status Purge(Partition* partition, std::int64_t offset);

  // The chunks that hold `offset` and what follows, up to about `max_bytes`, at least one if there
  // is any. None: nothing is kept between `offset` and the end, which `*end` tells.
  Status Read(const Partition& partition, std::int64_t offset, std::size_t max_bytes,
              std::vector<Chunk>* chunks, Range* range);

  // One step of cleaning, if there is enough to clean; at most about a segment is read and written.
  // True: there is more to do.
  Result<bool> Clean();

  std::uint64_t file_bytes();  // Of all segments.

 private:
  struct Pending {  // Appended, not yet durable.
    std::uint64_t sequence = 0;
    std::shared_ptr<Segment> segment;
    struct Part {
      Partition* partition = nullptr;
      ChunkRef ref;
      std::int64_t last = 0;
      Chunk chunk;
    };
    std::vector<Part> parts;
    std::vector<OffsetOp> offsets;
  };
  struct Located {  // Where Read finds a chunk: in the cache, or in a file.
    ChunkRef ref;
    std::shared_ptr<File> file;
    std::string path;
    Chunk cached;
  };
  // A cleaning in progress; null between two.
  struct Cleaning;
  struct Group;
  using Lock = std::unique_lock<std::mutex>;
  using OffsetKey = std::pair<std::string, TopicPartition>;

  // journal_recovery.cc: fill an empty journal from the directory.
  Status Recover();
  Status ListSegments();
  Status RecoverSegment(const std::shared_ptr<Segment>& segment, bool last);
  Status RecoverTail(const ScanResult& scan);
  Status Replay(const std::shared_ptr<Segment>& segment, const Header& header, std::uint64_t body);
  Status ReplayChunks(const std::shared_ptr<Segment>& segment, const Header& header,
                      std::uint64_t body);
  Status AddTopic(const TopicOp& op);
  Partition* At(std::uint32_t topic, std::uint32_t partition);

  // The rest: with the mutex held.
  Status Append(const std::string& header, std::span<const std::string_view> body);
  std::string TravellingOps();
  Status Roll();
  Status RollIfFull(Lock& lock);
  std::string Snapshot() const;
  Status WaitSynced(Lock& lock, std::uint64_t sequence);
  void Publish(std::uint64_t sequence);
  void Break(const Status& cause);
  void AddChunk(Partition* partition, const std::shared_ptr<Segment>& segment, ChunkRef ref);
  void DropPurged(Partition* partition);
  void RemoveDeadSegments();
  Result<std::shared_ptr<File>> FileOf(Segment* segment);
  void Remember(const Segment& segment, std::uint32_t position, const Chunk& chunk);
  Status Locate(const Partition& partition, std::int64_t offset, std::size_t max_bytes,
                std::vector<Located>* found);
  static Result<Chunk> Load(const Located& located);

  // journal_cleaning.cc
  std::uint64_t Reclaimable(std::uint64_t* total) const;
  Status FillSources(Group* group);
  Result<bool> MapKeys();
  Result<bool> RewriteGroup();
  Result<bool> WorthRewriting(const Group& group);
  using VisitRecord = std::function<Status(Partition* partition, const LogRecord& record)>;
  Status VisitKept(const Group& group, const VisitRecord& visit);
  Status RewriteInto(std::unique_ptr<File> file, const std::string& path, const Group& group);
  void Install(const Group& group, const std::shared_ptr<Segment>& output,
               std::map<Partition*, Run>* runs);

  const JournalOptions options_;
  std::unique_ptr<FileLock> lock_file_;

  std::mutex mutex_;
  std::condition_variable synced_changed_;
  Status broken_;  // An error after which nothing may be appended.
  std::map<std::string, std::uint32_t, std::less<>> topic_ids_;
  std::vector<std::unique_ptr<Topic>> topics_;  // By id.
  std::size_t partitions_ = 0;
  std::map<OffsetKey, std::int64_t> offsets_;
  std::map<std::string, std::uint64_t, std::less<>> generations_;
  // Purges and new writers that the next frame tells of; both are safe to lose.
  std::set<Partition*> purged_;
  std::set<std::string> started_;

  std::vector<std::shared_ptr<Segment>> segments_;  // Ascending; the last is written to.
  bool open_ended_ = false;                         // Whether the last may be appended to.
  std::uint64_t next_segment_id_ = 1;
  std::deque<std::weak_ptr<Segment>> open_files_;

  std::uint64_t appended_ = 0;  // Frames of this process.
  std::uint64_t synced_ = 0;
  std::uint64_t synced_bytes_ = 0;  // Of the last segment.
  bool syncing_ = false;
  std::deque<Pending> pending_;

  std::map<std::uint64_t, Chunk> cache_;  // By segment id and position.
  std::deque<std::uint64_t> cache_order_;
  std::size_t cached_bytes_ = 0;

  std::unique_ptr<Cleaning> cleaning_;
  bool clean_step_runs_ = false;
  std::uint64_t cleaning_floor_ = 0;  // What the last cycle could not free.
};

}  // namespace leadflow::journal
