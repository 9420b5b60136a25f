// Cleaning: gives back the room of what nobody can need, a step at a time.
//
// A cycle first maps the keys of the compacted topics in the segments that were never cleaned to
// their latest offsets (one segment a step), then rewrites all closed segments up to there, in runs
// that fit into one (a run a step), without superseded and purged records. A run is written to a
// temporary file, made durable, and put in place by one rename, so a crash leaves the old files or
// the new one.

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "engine/base/hash.h"
#include "engine/log/journal.h"

namespace leadflow::journal {
namespace {

constexpr std::size_t kMappedKeysMax = std::size_t{2} << 20;  // About 100 MB; the rest next time.
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

using KeyHash = std::array<std::uint8_t, 16>;

KeyHash HashOf(const Partition& partition, std::string_view key, std::string* scratch) {
  scratch->clear();
  WireWriter writer(scratch);
  writer.Varint(partition.topic);
  writer.Varint(partition.number);
  writer.Raw(key);
  return Hash128(*scratch);
}

// Writes chunks of one partition after the other to a file of their own.
class SegmentBuilder {
 public:
  struct Written {
    Partition* partition;
    ChunkRef ref;
    std::int64_t last;
  };

  explicit SegmentBuilder(File* file) : file_(*file) {}

  Status Start(std::string_view topics) {
    const std::string start = FileHeader(kCleanedFlag) + FrameHead(topics, 0, 0);
    const std::array<std::string_view, 2> parts = {start, topics};
    bytes_ = start.size() + topics.size();
    return file_.Append(parts);
  }

  Status Add(Partition* partition, const LogRecord& record) {
    if (partition != partition_ || records_.size() >= kChunkBytes) {
      LEADFLOW_RETURN_IF_ERROR(Flush());
      partition_ = partition;
      op_ = {partition->topic,   partition->number, record.offset, record.offset, 0, 0,
             record.timestamp_ms};
    }
    const bool first = records_.empty();
    const std::int64_t gap = first ? 0 : record.offset - op_.last - 1;
    AppendRecord(
        record.key, record.tombstone ? std::nullopt : std::optional<std::string_view>(record.value),
        static_cast<std::uint64_t>(gap), record.timestamp_ms - op_.timestamp_ms, &records_);
    op_.last = record.offset;
    return {};
  }

  Status Flush() {
    if (records_.empty()) return {};
    op_.size = static_cast<std::uint32_t>(kChunkHeadSize + records_.size());
    op_.checksum = ChunkChecksum(Hash64(records_), op_.first, op_.timestamp_ms);
    std::string header;
    Encode(op_, &header);
    const std::string frame = FrameHead(header, op_.size, 0) + header;
    const std::string head = ChunkHead(op_);
    const std::array<std::string_view, 3> parts = {frame, head, records_};
    LEADFLOW_RETURN_IF_ERROR(file_.Append(parts));
    written_.push_back({partition_,
                        {op_.first, static_cast<std::uint32_t>(bytes_ + frame.size()), op_.size},
                        op_.last});
    bytes_ += frame.size() + op_.size;
    records_.clear();
    return {};
  }

  const std::vector<Written>& written() const { return written_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  File& file_;
  Partition* partition_ = nullptr;
  ChunkOp op_;
  std::string records_;
  std::vector<Written> written_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

struct Journal::Cleaning {
  std::uint64_t end = 0;  // Segments up to this number take part.
  bool mapping = true;
  std::uint64_t mapped = 0;  // Segments up to these numbers are done.
  std::uint64_t rewritten = 0;
  absl::flat_hash_map<KeyHash, std::int64_t> latest;
  std::string scratch;

  // Whether the record has to be kept. `expired`: tombstones of before are dropped.
  bool Keeps(const Partition& partition, std::int64_t start, const LogRecord& record,
             std::int64_t expired_ms) {
    if (record.offset < start) return false;
    if (partition.cleanup != Cleanup::kCompact) return true;
    const auto found = latest.find(HashOf(partition, record.key, &scratch));
    if (found != latest.end() && found->second > record.offset) return false;
    return !record.tombstone || record.timestamp_ms >= expired_ms;
  }
};

struct Journal::Group {
  struct Source {
    Partition* partition = nullptr;
    std::int64_t start = 0;
    std::vector<Located> chunks;
  };
  std::vector<std::shared_ptr<Segment>> inputs;
  std::vector<Source> sources;
  std::uint64_t bytes = 0;
  std::string topics;  // Operations that define them.
  std::int64_t expired_ms = 0;
};

Journal::Journal(JournalOptions options) : options_(std::move(options)) {}
Journal::~Journal() = default;

std::uint64_t Journal::Reclaimable(std::uint64_t* total) const {
  std::uint64_t reclaimable = 0;
  *total = 0;
  for (std::size_t i = 0; i + 1 < segments_.size(); ++i) {
    const Segment& segment = *segments_[i];
    reclaimable += segment.bytes - segment.live_bytes + segment.dirty_bytes;
    *total += segment.bytes;
  }
  return reclaimable;
}

Result<bool> Journal::Clean() {
  {
    const Lock lock(mutex_);
    // Without a durable snapshot in the last segment the one before it must stay as it is.
    if (clean_step_runs_ || !broken_.ok() || synced_bytes_ == 0) return false;
    if (cleaning_ == nullptr) {
      std::uint64_t total = 0;
      const std::uint64_t reclaimable = Reclaimable(&total);
      cleaning_floor_ = std::min(cleaning_floor_, reclaimable);
      if (reclaimable <= cleaning_floor_ + options_.cleaning_bytes || reclaimable <= total / 2) {
        return false;
      }
      cleaning_ = std::make_unique<Cleaning>();
      cleaning_->end = segments_[segments_.size() - 2]->last_number;
    }
    clean_step_runs_ = true;
  }
  const Result<bool> more = cleaning_->mapping ? MapKeys() : RewriteGroup();
  const Lock lock(mutex_);
  clean_step_runs_ = false;
  if (!more.ok() || !*more) {
    cleaning_.reset();
    // What a cycle left, for whatever reason, is no reason for the next one.
    std::uint64_t total = 0;
    cleaning_floor_ = Reclaimable(&total);
  }
  RemoveDeadSegments();
  return more;
}

Status Journal::FillSources(Group* group) {
  for (const auto& topic : topics_) {
    for (Partition& partition : topic->partitions) {
      Group::Source source{&partition, partition.start, {}};
      for (const Run& run : partition.runs) {
        if (run.segment->first_number < group->inputs.front()->first_number) continue;
        if (run.segment->first_number > group->inputs.back()->first_number) break;
        LEADFLOW_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, FileOf(run.segment.get()));
        for (std::size_t i = run.live; i < run.chunks.size(); ++i) {
          source.chunks.push_back({run.chunks[i], file, run.segment->path, {}});
        }
      }
      if (!source.chunks.empty()) group->sources.push_back(std::move(source));
    }
  }
  return {};
}

Result<bool> Journal::MapKeys() {
  Group group;
  {
    const Lock lock(mutex_);
    for (const auto& segment : segments_) {
      if (segment->cleaned || segment->first_number <= cleaning_->mapped ||
          segment->last_number > cleaning_->end) {
        continue;
      }
      group.inputs.push_back(segment);
      break;
    }
    if (group.inputs.empty()) {
      cleaning_->mapping = false;
      return true;
    }
    LEADFLOW_RETURN_IF_ERROR(FillSources(&group));
  }
  for (const Group::Source& source : group.sources) {
    if (source.partition->cleanup != Cleanup::kCompact) continue;
    for (const Located& located : source.chunks) {
      LEADFLOW_ASSIGN_OR_RETURN(const Chunk chunk, Load(located));
      RecordCursor cursor(chunk);
      LogRecord record;
      while (cursor.Next(&record)) {
        cleaning_->latest[HashOf(*source.partition, record.key, &cleaning_->scratch)] =
            record.offset;
      }
    }
  }
  cleaning_->mapped = group.inputs.back()->last_number;
  if (cleaning_->latest.size() > kMappedKeysMax) {
    cleaning_->end = cleaning_->mapped;
    cleaning_->mapping = false;
  }
  return true;
}

Result<bool> Journal::RewriteGroup() {
  Group group;
  group.expired_ms = options_.clock->WallMillis() - options_.tombstone_retention_ms;
  {
    const Lock lock(mutex_);
    std::uint64_t live = 0;
    for (const auto& segment : segments_) {
      if (segment->first_number <= cleaning_->rewritten) continue;
      if (segment->last_number > cleaning_->end || segment == segments_.back()) break;
      live += segment->live_bytes;
      if (!group.inputs.empty() && live > options_.segment_bytes) break;
      group.inputs.push_back(segment);
      group.bytes += segment->bytes;
    }
    if (group.inputs.empty()) return false;
    LEADFLOW_RETURN_IF_ERROR(FillSources(&group));
    for (std::uint32_t id = 0; id < topics_.size(); ++id) {
      Encode(TopicOp{id, topics_[id]->spec}, &group.topics);
    }
  }
  cleaning_->rewritten = group.inputs.back()->last_number;
  LEADFLOW_ASSIGN_OR_RETURN(const bool worth, WorthRewriting(group));
  if (!worth) {
    const Lock lock(mutex_);
    group.inputs.front()->cleaned = true;
    group.inputs.front()->dirty_bytes = 0;
    return true;
  }
  const std::string temporary = options_.directory + "/clean.tmp";
  LEADFLOW_ASSIGN_OR_RETURN(std::unique_ptr<File> file, options_.file_system->Create(temporary));
  Status status = RewriteInto(std::move(file), temporary, group);
  if (!status.ok()) {
    // A file that stays is removed by the next start.
    const Status removed = options_.file_system->Remove(temporary);
    static_cast<void>(removed.ok());
    return status;
  }
  return true;
}

// A single segment is left alone if less than a tenth of it would go; a run always becomes one
// file.
Result<bool> Journal::WorthRewriting(const Group& group) {
  if (group.inputs.size() > 1) return true;
  std::uint64_t kept = 0;
  LEADFLOW_RETURN_IF_ERROR(VisitKept(group, [&](Partition*, const LogRecord& record) -> Status {
    kept += record.key.size() + record.value.size();
    return {};
  }));
  return kept < group.bytes - group.bytes / 10;
}

Status Journal::VisitKept(const Group& group, const VisitRecord& visit) {
  for (const Group::Source& source : group.sources) {
    for (const Located& located : source.chunks) {
      LEADFLOW_ASSIGN_OR_RETURN(const Chunk chunk, Load(located));
      RecordCursor cursor(chunk);
      LogRecord record;
      while (cursor.Next(&record)) {
        if (!cleaning_->Keeps(*source.partition, source.start, record, group.expired_ms)) continue;
        LEADFLOW_RETURN_IF_ERROR(visit(source.partition, record));
      }
      if (!cursor.ok()) return Status::Corruption(located.path + ": records cannot be read");
    }
  }
  return {};
}

Status Journal::RewriteInto(std::unique_ptr<File> file, const std::string& path,
                            const Group& group) {
  SegmentBuilder builder(file.get());
  LEADFLOW_RETURN_IF_ERROR(builder.Start(group.topics));
  LEADFLOW_RETURN_IF_ERROR(VisitKept(group, [&](Partition* partition, const LogRecord& record) {
    return builder.Add(partition, record);
  }));
  LEADFLOW_RETURN_IF_ERROR(builder.Flush());
  LEADFLOW_RETURN_IF_ERROR(file->Sync());

  auto output = std::make_shared<Segment>();
  output->first_number = group.inputs.front()->first_number;
  output->last_number = group.inputs.back()->last_number;
  output->path = SegmentPath(options_.directory, output->first_number, output->last_number);
  output->file = std::move(file);
  output->bytes = builder.bytes();
  output->cleaned = true;
  std::map<Partition*, Run> runs;
  for (const SegmentBuilder::Written& written : builder.written()) {
    Run& run = runs[written.partition];
    run.segment = output;
    run.chunks.push_back(written.ref);
    output->live_bytes += written.ref.size;
  }

  // Under the mutex: nobody may open an old segment by a name that has just become the new one's.
  const Lock lock(mutex_);
  LEADFLOW_RETURN_IF_ERROR(options_.file_system->Rename(path, output->path));
  const Status durable = options_.file_system->SyncDirectory(options_.directory);
  output->id = next_segment_id_++;
  Install(group, output, &runs);
  for (const auto& input : group.inputs) {
    if (!durable.ok() || input->path == output->path) continue;
    // Should this fail, the next start removes it: it stands in the range of the new one.
    const Status removed = options_.file_system->Remove(input->path);
    static_cast<void>(removed.ok());
  }
  return durable;
}

void Journal::Install(const Group& group, const std::shared_ptr<Segment>& output,
                      std::map<Partition*, Run>* runs) {
  for (const Group::Source& source : group.sources) {
    std::deque<Run>& have = source.partition->runs;
    const auto outside = [&](const Run& run) {
      return run.segment->first_number < output->first_number ||
             run.segment->first_number > output->last_number;
    };
    std::erase_if(have, [&](const Run& run) { return !outside(run); });
    if (const auto run = runs->find(source.partition); run != runs->end()) {
      // By its number: a purge while this ran may have left no older run to stand for its place.
      const auto newer = std::find_if(have.begin(), have.end(), [&](const Run& other) {
        return other.segment->first_number > output->last_number;
      });
      have.insert(newer, std::move(run->second));
    }
    DropPurged(source.partition);  // The same purge has not seen what was kept of it.
  }
  const auto first = std::find(segments_.begin(), segments_.end(), group.inputs.front());
  const auto behind = first + static_cast<std::ptrdiff_t>(group.inputs.size());
  *first = output;
  segments_.erase(std::next(first), behind);
  open_files_.push_back(output);
}

}  // namespace leadflow::journal
