#include "engine/log/journal.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/hash.h"

namespace leadflow::journal {
namespace {

constexpr std::size_t kOpenFilesMax = 64;
constexpr std::size_t kTopicNameMax = 249;

std::string Number(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return std::string(digits.size() < 12 ? 12 - digits.size() : 0, '0') + digits;
}

Status Explain(Status status) {
  if (!IsNoSpace(status)) return status;
  return {status.code(),
          std::string(status.message()) + "; free space and start again, nothing is lost"};
}

Status FencedStatus(std::string_view id) {
  return {ErrorCode::kFailedPrecondition,
          "writer " + std::string(id) + " is fenced: a newer one with its id was started"};
}

Status CheckSpec(const TopicSpec& spec) {
  if (spec.name.empty() || spec.name.size() > kTopicNameMax) {
    return Status::InvalidArgument("the name of topic `" + spec.name + "` must have 1 to " +
                                   std::to_string(kTopicNameMax) + " bytes");
  }
  if (spec.partitions == 0 || spec.partitions > kMaxPartitions) {
    return Status::InvalidArgument("topic " + spec.name + " must have 1 to " +
                                   std::to_string(kMaxPartitions) + " partitions");
  }
  return {};
}

Status CheckSame(const TopicSpec& have, const TopicSpec& want) {
  const auto name = [](Cleanup cleanup) {
    return cleanup == Cleanup::kCompact ? "compact" : "delete";
  };
  if (have.partitions != want.partitions && !want.for_subscribers) {
    return {ErrorCode::kFailedPrecondition,
            "topic " + want.name + " has " + std::to_string(have.partitions) + " partitions, not " +
                std::to_string(want.partitions)};
  }
  if (have.cleanup != want.cleanup) {
    return {ErrorCode::kFailedPrecondition, "topic " + want.name + " has cleanup policy " +
                                                name(have.cleanup) + ", not " + name(want.cleanup)};
  }
  return {};
}

std::uint64_t CacheKey(const Segment& segment, std::uint32_t position) {
  return segment.id << 32 | position;
}

// With about what the cache itself needs per chunk.
std::size_t CachedSize(const Chunk& chunk) { return chunk.bytes->capacity() + 128; }

}  // namespace

std::string SegmentPath(const std::string& directory, std::uint64_t first, std::uint64_t last) {
  return directory + "/" + Number(first) + "-" + Number(last) + ".seg";
}

Status Journal::EnsureTopics(std::span<const TopicSpec> topics) {
  Lock lock(mutex_);
  LEADFLOW_RETURN_IF_ERROR(RollIfFull(lock));
  std::vector<TopicOp> missing;
  std::size_t partitions = partitions_;
  for (const TopicSpec& spec : topics) {
    LEADFLOW_RETURN_IF_ERROR(CheckSpec(spec));
    const TopicSpec* have = nullptr;
    if (const auto id = topic_ids_.find(spec.name); id != topic_ids_.end()) {
      have = &topics_[id->second]->spec;
    }
    for (const TopicOp& op : missing) {
      if (op.spec.name == spec.name) have = &op.spec;
    }
    if (have != nullptr) {
      LEADFLOW_RETURN_IF_ERROR(CheckSame(*have, spec));
      continue;
    }
    partitions += spec.partitions;
    if (partitions > kMaxPartitions) {
      return Status::InvalidArgument("topic " + spec.name + " would bring the log to more than " +
                                     std::to_string(kMaxPartitions) + " partitions");
    }
    missing.push_back({static_cast<std::uint32_t>(topics_.size() + missing.size()), spec});
  }
  if (missing.empty()) return {};
  std::string header = TravellingOps();
  for (const TopicOp& op : missing) Encode(op, &header);
  LEADFLOW_RETURN_IF_ERROR(Append(header, {}));
  for (const TopicOp& op : missing) LEADFLOW_RETURN_IF_ERROR(AddTopic(op));
  return WaitSynced(lock, appended_);
}

Status Journal::AddTopic(const TopicOp& op) {
  const auto known = topic_ids_.find(op.spec.name);
  if (known != topic_ids_.end()) {
    if (known->second != op.id || !CheckSame(topics_[op.id]->spec, op.spec).ok()) {
      return Status::Corruption("topic " + op.spec.name + " is defined twice");
    }
    return {};
  }
  partitions_ += op.spec.partitions;
  if (op.id != topics_.size() || partitions_ > kMaxPartitions) {
    return Status::Corruption("topic " + op.spec.name + " has a number out of order");
  }
  auto topic = std::make_unique<Topic>();
  topic->spec = op.spec;
  topic->partitions.resize(op.spec.partitions);
  for (std::uint32_t i = 0; i < op.spec.partitions; ++i) {
    topic->partitions[i].topic = op.id;
    topic->partitions[i].number = i;
    topic->partitions[i].cleanup = op.spec.cleanup;
  }
  topics_.push_back(std::move(topic));
  topic_ids_.emplace(op.spec.name, op.id);
  return {};
}

Partition* Journal::At(std::uint32_t topic, std::uint32_t partition) {
  if (topic >= topics_.size() || partition >= topics_[topic]->partitions.size()) return nullptr;
  return &topics_[topic]->partitions[partition];
}

Result<std::uint32_t> Journal::PartitionsOf(std::string_view topic) {
  const Lock lock(mutex_);
  const auto id = topic_ids_.find(std::string(topic));
  if (id == topic_ids_.end()) return Status::NotFound("no topic " + std::string(topic));
  return topics_[id->second]->spec.partitions;
}

Result<Partition*> Journal::Find(const TopicPartition& partition) {
  const Lock lock(mutex_);
  const auto id = topic_ids_.find(partition.topic);
  if (id == topic_ids_.end()) return Status::NotFound("no topic " + partition.topic);
  Partition* const found = At(id->second, partition.partition);
  if (found == nullptr) {
    return Status::NotFound("topic " + partition.topic + " has no partition " +
                            std::to_string(partition.partition));
  }
  return found;
}

Result<std::uint64_t> Journal::StartWriter(std::string_view id) {
  Lock lock(mutex_);
  const std::uint64_t generation = ++generations_[std::string(id)];
  started_.emplace(id);
  // A commit of the older writer may be on its way to the disk: the newer one must see its offsets.
  LEADFLOW_RETURN_IF_ERROR(WaitSynced(lock, appended_));
  return generation;
}

bool Journal::Fenced(std::string_view id, std::uint64_t generation) {
  const Lock lock(mutex_);
  return generations_.find(id)->second != generation;
}

Status Journal::Commit(std::string_view id, std::uint64_t generation, Transaction* transaction,
                       std::vector<std::pair<Partition*, std::int64_t>>* last) {
  last->clear();
  std::vector<Transaction::Part>& parts = transaction->parts;
  for (Transaction::Part& part : parts) part.hash = Hash64(part.records);
  Lock lock(mutex_);
  const auto fence = generations_.find(id);
  if (fence->second != generation) return FencedStatus(id);
  if (parts.empty() && transaction->offsets.empty()) return {};
  LEADFLOW_RETURN_IF_ERROR(RollIfFull(lock));
  if (fence->second != generation) return FencedStatus(id);

  std::string header = TravellingOps();
  for (const OffsetOp& op : transaction->offsets) Encode(op, &header);
  const std::int64_t now_ms = options_.clock->WallMillis();
  std::vector<ChunkOp> ops(parts.size());
  std::vector<std::string> heads(parts.size());
  std::vector<std::string_view> body;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Partition& partition = *parts[i].partition;
    ChunkOp& op = ops[i];
    op.topic = partition.topic;
    op.partition = partition.number;
    op.first = i > 0 && parts[i - 1].partition == &partition ? ops[i - 1].last + 1 : partition.next;
    op.last = op.first + parts[i].count - 1;
    op.size = static_cast<std::uint32_t>(kChunkHeadSize + parts[i].records.size());
    op.timestamp_ms = now_ms;
    op.checksum = ChunkChecksum(parts[i].hash, op.first, now_ms);
    heads[i] = ChunkHead(op);
    Encode(op, &header);
    body.push_back(heads[i]);
    body.push_back(parts[i].records);
  }
  const std::uint64_t at = segments_.empty() ? 0 : segments_.back()->bytes;
  LEADFLOW_RETURN_IF_ERROR(Append(header, body));

  Pending& pending = pending_.emplace_back();
  pending.sequence = appended_;
  pending.segment = segments_.back();
  pending.offsets = std::move(transaction->offsets);
  std::uint64_t position = at + kFrameHeadSize + header.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    // What is read soon is kept for it; a changelog is read when it is old.
    Chunk chunk;
    if (parts[i].partition->cleanup == Cleanup::kDelete) {
      auto bytes = std::make_shared<const std::string>(std::move(parts[i].records));
      const std::string_view records = *bytes;
      chunk = {std::move(bytes), records, ops[i].first, now_ms};
    }
    pending.parts.push_back({parts[i].partition,
                             {ops[i].first, static_cast<std::uint32_t>(position), ops[i].size},
                             ops[i].last,
                             std::move(chunk)});
    position += ops[i].size;
    parts[i].partition->next = ops[i].last + 1;
    if (!last->empty() && last->back().first == parts[i].partition) last->pop_back();
    last->emplace_back(parts[i].partition, ops[i].last);
  }
  return WaitSynced(lock, pending.sequence);
}

std::string Journal::TravellingOps() {
  std::string ops;
  for (const Partition* partition : purged_) {
    Encode(PurgeOp{partition->topic, partition->number, partition->start}, &ops);
  }
  for (const std::string& id : started_) Encode(WriterOp{id, generations_[id]}, &ops);
  return ops;
}

Status Journal::Append(const std::string& header, std::span<const std::string_view> body) {
  Segment& segment = *segments_.back();
  std::uint64_t body_size = 0;
  for (const std::string_view part : body) body_size += part.size();
  const std::string head = FrameHead(header, body_size, synced_bytes_);
  std::vector<std::string_view> parts;
  parts.reserve(body.size() + 2);
  parts.push_back(head);
  parts.push_back(header);
  parts.insert(parts.end(), body.begin(), body.end());
  Status status = segment.file->Append(parts);
  if (!status.ok()) {
    if (const Status cut = segment.file->Truncate(segment.bytes); !cut.ok()) Break(cut);
    return Explain(std::move(status));
  }
  segment.bytes += head.size() + header.size() + body_size;
  purged_.clear();
  started_.clear();
  ++appended_;
  return {};
}

std::string Journal::Snapshot() const {
  std::string ops;
  for (std::uint32_t id = 0; id < topics_.size(); ++id) {
    Encode(TopicOp{id, topics_[id]->spec}, &ops);
    for (const Partition& partition : topics_[id]->partitions) {
      if (partition.next == 0) continue;
      Encode(RangeOp{id, partition.number, partition.start, partition.next}, &ops);
    }
  }
  for (const auto& [key, offset] : offsets_) Encode(OffsetOp{key.first, key.second, offset}, &ops);
  for (const auto& [id, generation] : generations_) Encode(WriterOp{id, generation}, &ops);
  return ops;
}

Status Journal::RollIfFull(Lock& lock) {
  while (true) {
    if (!broken_.ok()) return broken_;
    if (open_ended_ && segments_.back()->bytes < options_.segment_bytes) return {};
    if (synced_ == appended_) return Roll();
    LEADFLOW_RETURN_IF_ERROR(WaitSynced(lock, appended_));
  }
}

Status Journal::Roll() {
  auto segment = std::make_shared<Segment>();
  segment->first_number = segments_.empty() ? 1 : segments_.back()->last_number + 1;
  segment->last_number = segment->first_number;
  segment->id = next_segment_id_++;
  segment->path = SegmentPath(options_.directory, segment->first_number, segment->last_number);
  Result<std::unique_ptr<File>> file = options_.file_system->Create(segment->path);
  if (!file.ok()) return Explain(file.status());
  const std::string snapshot = Snapshot();
  const std::string start = FileHeader(0) + FrameHead(snapshot, 0, 0) + snapshot;
  const std::string_view part = start;
  segment->file = *std::move(file);
  segment->bytes = start.size();
  Status status = segment->file->Append({&part, 1});
  if (status.ok()) status = options_.file_system->SyncDirectory(options_.directory);
  if (!status.ok()) {
    if (const Status gone = options_.file_system->Remove(segment->path); !gone.ok()) Break(gone);
    return Explain(std::move(status));
  }
  if (!segments_.empty() && segments_.back()->file != nullptr) {
    open_files_.push_back(segments_.back());
  }
  segments_.push_back(std::move(segment));
  open_ended_ = true;
  synced_bytes_ = 0;
  return {};
}

Status Journal::WaitSynced(Lock& lock, std::uint64_t sequence) {
  while (synced_ < sequence) {
    if (!broken_.ok()) return broken_;
    if (syncing_) {
      synced_changed_.wait(lock);
      continue;
    }
    syncing_ = true;
    const std::uint64_t target = appended_;
    const std::shared_ptr<Segment> segment = segments_.back();
    const std::shared_ptr<File> file = segment->file;
    const std::uint64_t bytes = segment->bytes;
    lock.unlock();
    const Status status = file->Sync();
    lock.lock();
    syncing_ = false;
    if (status.ok()) {
      synced_ = target;
      synced_bytes_ = bytes;
      Publish(target);
    } else {
      Break(status);
    }
    synced_changed_.notify_all();
  }
  return {};
}

void Journal::Publish(std::uint64_t sequence) {
  while (!pending_.empty() && pending_.front().sequence <= sequence) {
    Pending& pending = pending_.front();
    for (Pending::Part& part : pending.parts) {
      AddChunk(part.partition, pending.segment, part.ref);
      part.partition->end = part.last + 1;
      if (part.chunk.bytes != nullptr) Remember(*pending.segment, part.ref.position, part.chunk);
    }
    for (OffsetOp& op : pending.offsets) {
      offsets_[{std::move(op.group), std::move(op.input)}] = op.offset;
    }
    pending_.pop_front();
  }
}

void Journal::Break(const Status& cause) {
  if (!broken_.ok()) return;
  broken_ = Status(ErrorCode::kInternal,
                   "the log in " + options_.directory + " stopped after an error of the disk (" +
                       std::string(cause.message()) +
                       "); start again: what was reported as committed is safe");
  pending_.clear();
  // What was appended since the last sync will not be reported as committed, so it had better not
  // be found by the next start. If this fails too, the next start finds whole transactions at
  // worst.
  const Status cut = segments_.empty() ? Status() : segments_.back()->file->Truncate(synced_bytes_);
  static_cast<void>(cut.ok());
}

void Journal::AddChunk(Partition* partition, const std::shared_ptr<Segment>& segment,
                       ChunkRef ref) {
  if (partition->runs.empty() || partition->runs.back().segment != segment) {
    partition->runs.push_back({segment, {}, 0});
  }
  partition->runs.back().chunks.push_back(ref);
  segment->live_bytes += ref.size;
  if (partition->cleanup == Cleanup::kCompact && !segment->cleaned) {
    segment->dirty_bytes += ref.size;
  }
}

Journal::Range Journal::RangeOf(const Partition& partition) {
  const Lock lock(mutex_);
  return {partition.start, partition.end};
}

std::int64_t Journal::CommittedOffset(std::string_view group, const TopicPartition& input) {
  const Lock lock(mutex_);
  const auto found = offsets_.find({std::string(group), input});
  return found == offsets_.end() ? -1 : found->second;
}

Status Journal::Purge(Partition* partition, std::int64_t offset) {
  const Lock lock(mutex_);
  const std::int64_t start = std::min(offset, partition->end);
  if (start <= partition->start) return {};
  partition->start = start;
  purged_.insert(partition);
  DropPurged(partition);
  RemoveDeadSegments();
  return {};
}

void Journal::DropPurged(Partition* partition) {
  const auto first_behind = [partition] {  // The first record behind the first live chunk.
    const Run& run = partition->runs.front();
    if (run.live + 1 < run.chunks.size()) return run.chunks[run.live + 1].first;
    if (partition->runs.size() == 1) return partition->end;
    const Run& next = partition->runs[1];
    return next.chunks[next.live].first;
  };
  while (!partition->runs.empty() && first_behind() <= partition->start) {
    Run& run = partition->runs.front();
    const std::uint32_t size = run.chunks[run.live].size;
    run.segment->live_bytes -= size;
    if (partition->cleanup == Cleanup::kCompact && !run.segment->cleaned) {
      run.segment->dirty_bytes -= size;
    }
    if (++run.live == run.chunks.size()) partition->runs.pop_front();
  }
}

void Journal::RemoveDeadSegments() {
  // Until the last segment's snapshot is durable, the one before it is needed for more than
  // records.
  if (clean_step_runs_ || synced_bytes_ == 0 || segments_.empty()) return;
  const std::shared_ptr<Segment> last = segments_.back();
  std::erase_if(segments_, [&](const std::shared_ptr<Segment>& segment) {
    return segment != last && segment->live_bytes == 0 &&
           options_.file_system->Remove(segment->path).ok();
  });
}

Result<std::shared_ptr<File>> Journal::FileOf(Segment* segment) {
  if (segment->file == nullptr) {
    // Before the opening: a segment may stand in the list more than once.
    while (open_files_.size() >= kOpenFilesMax) {
      const std::shared_ptr<Segment> oldest = open_files_.front().lock();
      if (oldest != nullptr && oldest != segments_.back()) oldest->file.reset();
      open_files_.pop_front();
    }
    LEADFLOW_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                              options_.file_system->Open(segment->path));
    segment->file = std::move(file);
    const auto known = std::find_if(segments_.begin(), segments_.end(),
                                    [&](const auto& s) { return s.get() == segment; });
    LEADFLOW_CHECK(known != segments_.end());
    open_files_.push_back(*known);
  }
  return segment->file;
}

void Journal::Remember(const Segment& segment, std::uint32_t position, const Chunk& chunk) {
  if (CachedSize(chunk) > options_.cache_bytes) return;
  const std::uint64_t key = CacheKey(segment, position);
  cache_.emplace(key, chunk);
  cache_order_.push_back(key);
  cached_bytes_ += CachedSize(chunk);
  while (cached_bytes_ > options_.cache_bytes) {
    const auto oldest = cache_.find(cache_order_.front());
    cached_bytes_ -= CachedSize(oldest->second);
    cache_.erase(oldest);
    cache_order_.pop_front();
  }
}

Status Journal::Locate(const Partition& partition, std::int64_t offset, std::size_t max_bytes,
                       std::vector<Located>* found) {
  const auto run_behind =
      std::upper_bound(partition.runs.begin(), partition.runs.end(), offset,
                       [](std::int64_t o, const Run& r) { return o < r.chunks[r.live].first; });
  auto run = run_behind == partition.runs.begin() ? run_behind : std::prev(run_behind);
  std::size_t bytes = 0;
  bool first_run = true;
  for (; run != partition.runs.end(); ++run) {
    std::size_t at = run->live;
    if (std::exchange(first_run, false)) {
      const auto behind = std::upper_bound(
          run->chunks.begin() + static_cast<std::ptrdiff_t>(run->live), run->chunks.end(), offset,
          [](std::int64_t o, const ChunkRef& ref) { return o < ref.first; });
      const auto index = static_cast<std::size_t>(behind - run->chunks.begin());
      at = std::max(run->live, index - (index > 0 ? 1 : 0));
    }
    for (; at < run->chunks.size(); ++at) {
      const ChunkRef& ref = run->chunks[at];
      // The chunk before the first one behind `offset` may end before it too.
      if (bytes >= max_bytes && (found->size() > 1 || found->front().ref.first >= offset)) {
        return {};
      }
      Located& located = found->emplace_back();
      located.ref = ref;
      bytes += ref.size;
      const auto cached = cache_.find(CacheKey(*run->segment, ref.position));
      if (cached != cache_.end()) {
        located.cached = cached->second;
        continue;
      }
      located.path = run->segment->path;
      LEADFLOW_ASSIGN_OR_RETURN(located.file, FileOf(run->segment.get()));
    }
  }
  return {};
}

Result<Chunk> Journal::Load(const Located& located) {
  if (located.cached.bytes != nullptr) return located.cached;
  auto bytes = std::make_shared<std::string>(located.ref.size, '\0');
  LEADFLOW_ASSIGN_OR_RETURN(const std::size_t got,
                            located.file->Read(located.ref.position, bytes->size(), bytes->data()));
  bytes->resize(got);
  std::optional<Chunk> chunk = ReadChunk(std::move(bytes), located.ref.first);
  if (!chunk) {
    return Status::Corruption(located.path + " is damaged at byte " +
                              std::to_string(located.ref.position) +
                              ": the disk holds other bytes than were written; restore the "
                              "directory from a copy");
  }
  return *std::move(chunk);
}

Status Journal::Read(const Partition& partition, std::int64_t offset, std::size_t max_bytes,
                     std::vector<Chunk>* chunks, Range* range) {
  std::vector<Located> found;
  {
    const Lock lock(mutex_);
    *range = {partition.start, partition.end};
    if (offset < partition.start || offset >= partition.end) return {};
    LEADFLOW_RETURN_IF_ERROR(Locate(partition, offset, max_bytes, &found));
  }
  for (const Located& located : found) {
    LEADFLOW_ASSIGN_OR_RETURN(Chunk chunk, Load(located));
    chunks->push_back(std::move(chunk));
  }
  return {};
}

std::uint64_t Journal::file_bytes() {
  const Lock lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment->bytes;
  return bytes;
}

}  // namespace leadflow::journal
