// Opening a journal: which files count, what is in them, and where the torn tail begins.

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "engine/log/journal.h"

namespace leadflow::journal {
namespace {

constexpr std::string_view kTemporary = ".tmp";
constexpr std::string_view kSuffix = ".seg";

std::optional<std::pair<std::uint64_t, std::uint64_t>> ParseName(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  const char* const end = name.data() + name.size() - kSuffix.size();
  std::pair<std::uint64_t, std::uint64_t> numbers;
  const auto first = std::from_chars(name.data(), end, numbers.first);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto last = std::from_chars(first.ptr + 1, end, numbers.second);
  if (last.ec != std::errc() || last.ptr != end) return std::nullopt;
  if (numbers.first == 0 || numbers.second < numbers.first) return std::nullopt;
  return numbers;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::Open(JournalOptions options) {
  auto journal = std::make_unique<Journal>(std::move(options));
  LEADFLOW_RETURN_IF_ERROR(journal->Recover());
  return journal;
}

Status Journal::Recover() {
  FileSystem& files = *options_.file_system;
  LEADFLOW_RETURN_IF_ERROR(files.CreateDirectory(options_.directory));
  LEADFLOW_ASSIGN_OR_RETURN(lock_file_, files.Lock(options_.directory + "/LOCK"));
  LEADFLOW_RETURN_IF_ERROR(ListSegments());
  const std::vector<std::shared_ptr<Segment>> listed = segments_;
  for (const auto& segment : listed) {
    const Status status = RecoverSegment(segment, segment == listed.back());
    LEADFLOW_RETURN_IF_ERROR(status.WithContext(segment->path));
  }
  for (const auto& topic : topics_) {
    for (Partition& partition : topic->partitions) {
      if (partition.cleanup == Cleanup::kDelete) {
        // Files may have gone before the purge that emptied them was written down.
        const std::int64_t kept =
            partition.runs.empty() ? partition.next : partition.runs.front().chunks.front().first;
        partition.start = std::max(partition.start, kept);
      }
      DropPurged(&partition);
    }
  }
  RemoveDeadSegments();
  return {};
}

// Fills segments_ and removes what a crash left behind: unfinished files, and segments that stand
// in a merged one.
Status Journal::ListSegments() {
  FileSystem& files = *options_.file_system;
  LEADFLOW_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(options_.directory));
  for (const std::string& name : names) {
    if (name.ends_with(kTemporary)) {
      LEADFLOW_RETURN_IF_ERROR(files.Remove(options_.directory + "/" + name));
      continue;
    }
    const auto numbers = ParseName(name);
    if (!numbers) continue;
    auto segment = std::make_shared<Segment>();
    segment->first_number = numbers->first;
    segment->last_number = numbers->second;
    segment->id = next_segment_id_++;
    segment->path = options_.directory + "/" + name;
    segments_.push_back(std::move(segment));
  }
  std::sort(segments_.begin(), segments_.end(), [](const auto& a, const auto& b) {
    return a->first_number != b->first_number ? a->first_number < b->first_number
                                              : a->last_number > b->last_number;
  });
  std::vector<std::shared_ptr<Segment>> kept;
  for (auto& segment : segments_) {
    if (kept.empty() || segment->first_number > kept.back()->last_number) {
      kept.push_back(std::move(segment));
    } else if (segment->last_number <= kept.back()->last_number) {
      LEADFLOW_RETURN_IF_ERROR(files.Remove(segment->path));
    } else {
      return Status::Corruption(segment->path + " overlaps " + kept.back()->path +
                                ": files of two logs are mixed in this directory");
    }
  }
  segments_ = std::move(kept);
  return {};
}

Status Journal::RecoverSegment(const std::shared_ptr<Segment>& segment, bool last) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, FileOf(segment.get()));
  {
    // The flag has to be known before the first chunk is indexed.
    std::string head(kFileHeaderSize, '\0');
    LEADFLOW_ASSIGN_OR_RETURN(const std::size_t got, file->Read(0, head.size(), head.data()));
    head.resize(got);
    const Result<std::uint32_t> flags = ReadFileHeader(head);
    segment->cleaned = flags.ok() && (*flags & kCleanedFlag) != 0;
  }
  LEADFLOW_ASSIGN_OR_RETURN(const ScanResult scan,
                            Scan(*file, last, [&](const Header& header, std::uint64_t body) {
                              return Replay(segment, header, body);
                            }));
  segment->bytes = scan.valid_bytes;
  if (scan.damaged || (!last && scan.valid_bytes < scan.file_bytes)) {
    return Status::Corruption("damaged at byte " + std::to_string(scan.valid_bytes) + " of " +
                              std::to_string(scan.file_bytes) +
                              ", in what was once reported as committed: restore the directory "
                              "from a copy");
  }
  return last ? RecoverTail(scan) : Status();
}

Status Journal::RecoverTail(const ScanResult& scan) {
  const std::shared_ptr<Segment> segment = segments_.back();
  if (scan.valid_bytes <= kFileHeaderSize) {
    // The crash hit its creation; everything is in the one before.
    segment->file.reset();
    LEADFLOW_RETURN_IF_ERROR(options_.file_system->Remove(segment->path));
    segments_.pop_back();
    if (segments_.empty()) return {};
    LEADFLOW_RETURN_IF_ERROR(FileOf(segments_.back().get()).status());
  } else if (scan.valid_bytes < scan.file_bytes) {
    LEADFLOW_RETURN_IF_ERROR(segment->file->Truncate(scan.valid_bytes));
  }
  Segment& tail = *segments_.back();
  // What was read may lie in the memory of the operating system only, and is visible from now on.
  LEADFLOW_RETURN_IF_ERROR(tail.file->Sync());
  LEADFLOW_RETURN_IF_ERROR(options_.file_system->SyncDirectory(options_.directory));
  synced_bytes_ = tail.bytes;
  open_ended_ = !tail.cleaned;
  return {};
}

Status Journal::Replay(const std::shared_ptr<Segment>& segment, const Header& header,
                       std::uint64_t body) {
  for (const TopicOp& op : header.topics) LEADFLOW_RETURN_IF_ERROR(AddTopic(op));
  for (const RangeOp& op : header.ranges) {
    Partition* const partition = At(op.topic, op.partition);
    if (partition == nullptr) return Status::Corruption("a range of no topic");
    partition->start = std::max(partition->start, op.start);
    partition->next = partition->end = std::max(partition->next, op.next);
  }
  for (const PurgeOp& op : header.purges) {
    Partition* const partition = At(op.topic, op.partition);
    if (partition == nullptr || op.start > partition->next) {
      return Status::Corruption("a purge of records that never were");
    }
    partition->start = std::max(partition->start, op.start);
  }
  for (const OffsetOp& op : header.offsets) offsets_[{op.group, op.input}] = op.offset;
  for (const WriterOp& op : header.writers) generations_[op.id] = op.generation;
  return ReplayChunks(segment, header, body);
}

Status Journal::ReplayChunks(const std::shared_ptr<Segment>& segment, const Header& header,
                             std::uint64_t body) {
  std::uint64_t position = body;
  for (const ChunkOp& op : header.chunks) {
    Partition* const partition = At(op.topic, op.partition);
    if (partition == nullptr) return Status::Corruption("records of no topic");
    if (op.first < partition->next || position > std::numeric_limits<std::uint32_t>::max()) {
      return Status::Corruption("records out of order");
    }
    if (partition->cleanup == Cleanup::kDelete && op.first > partition->next) {
      // Purged records are gone in between, and the purge itself was not written down in time.
      partition->start = std::max(partition->start, op.first);
    }
    AddChunk(partition, segment, {op.first, static_cast<std::uint32_t>(position), op.size});
    partition->next = partition->end = op.last + 1;
    position += op.size;
  }
  return {};
}

}  // namespace leadflow::journal
