// The bytes of the embedded log. A segment file is a file header and frames; numbers are
// little-endian.
//
//     file header   "leadflog", version (4 bytes), flags (4 bytes)
//     frame         checksum (8), magic (4), size of the header (4), size of the body (8),
//                   synced (8), header, body
//     header        operations, each a kind byte and its fields, to its end
//     body          the chunks that the header's chunk operations describe, in their order
//     chunk         checksum (8), timestamp (8), records
//     record        flags, [gap], [time], key, value: see AppendRecord
//
// A frame is one transaction. Its checksum is Hash64 of everything behind it up to the body; the
// chunks have their own, repeated in the header, so that a header never vouches for a torn body.
// `synced` is how much of the file was durable when the frame was written: a damaged frame before
// that point was once reported as committed, and is corruption, not a torn tail.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/wire.h"
#include "engine/log/file_system.h"
#include "engine/log/log.h"

namespace leadflow::journal {

inline constexpr std::size_t kFileHeaderSize = 16;
inline constexpr std::size_t kFrameHeadSize = 32;
inline constexpr std::size_t kChunkHeadSize = 16;
inline constexpr std::uint32_t kFileVersion = 1;
inline constexpr std::uint32_t kCleanedFlag = 1;  // The file header's: written by compaction.
inline constexpr std::uint32_t kMaxPartitions = 65'536;  // Of all topics together.

std::string FileHeader(std::uint32_t flags);
// kFailedPrecondition: a newer version. kCorruption: something else.
Result<std::uint32_t> ReadFileHeader(std::string_view bytes);

// ---- Operations of a frame's header.

struct TopicOp {
  std::uint32_t id = 0;
  TopicSpec spec;
};
struct RangeOp {  // Of a snapshot.
  std::uint32_t topic = 0;
  std::uint32_t partition = 0;
  std::int64_t start = 0;
  std::int64_t next = 0;
};
struct PurgeOp {
  std::uint32_t topic = 0;
  std::uint32_t partition = 0;
  std::int64_t start = 0;
};
struct OffsetOp {
  std::string group;
  TopicPartition input;
  std::int64_t offset = 0;
};
struct WriterOp {
  std::string id;
  std::uint64_t generation = 0;
};
struct ChunkOp {
  std::uint32_t topic = 0;
  std::uint32_t partition = 0;
  std::int64_t first = 0;  // Offsets of its first and last record.
  std::int64_t last = 0;
  std::uint32_t size = 0;  // With its head.
  std::uint64_t checksum = 0;
  std::int64_t timestamp_ms = 0;
};

struct Header {
  std::vector<TopicOp> topics;
  std::vector<RangeOp> ranges;
  std::vector<PurgeOp> purges;
  std::vector<OffsetOp> offsets;
  std::vector<WriterOp> writers;
  std::vector<ChunkOp> chunks;
};

void Encode(const TopicOp& op, std::string* out);
void Encode(const RangeOp& op, std::string* out);
void Encode(const PurgeOp& op, std::string* out);
void Encode(const OffsetOp& op, std::string* out);
void Encode(const WriterOp& op, std::string* out);
void Encode(const ChunkOp& op, std::string* out);
// False if the bytes mean nothing.
bool Decode(std::string_view bytes, Header* header);

// A frame's head, to stand before `header`.
std::string FrameHead(std::string_view header, std::uint64_t body_size, std::uint64_t synced);

// ---- Chunks and records.

// `hash`: Hash64 of the records.
std::uint64_t ChunkChecksum(std::uint64_t hash, std::int64_t first, std::int64_t timestamp_ms);
std::string ChunkHead(const ChunkOp& op);

// The records of a chunk in memory.
struct Chunk {
  std::shared_ptr<const std::string> bytes;  // Owner of `records`.
  std::string_view records;
  std::int64_t first = 0;
  std::int64_t timestamp_ms = 0;
};

// Checks the chunk that lies in `bytes`, head included. nullopt: damaged.
std::optional<Chunk> ReadChunk(std::shared_ptr<const std::string> bytes, std::int64_t first);

// `gap`: how many offsets lie between the record before and this one (left by compaction);
// `time_delta`: its timestamp less the chunk's.
void AppendRecord(std::string_view key, std::optional<std::string_view> value, std::uint64_t gap,
                  std::int64_t time_delta, std::string* out);

// Walks the records of a chunk; the views point into it.
class RecordCursor {
 public:
  explicit RecordCursor(const Chunk& chunk)
      : reader_(chunk.records), next_offset_(chunk.first), timestamp_ms_(chunk.timestamp_ms) {}
  // False at the end, and at bytes that mean nothing (then ok() is false).
  bool Next(LogRecord* record);
  bool ok() const { return reader_.ok(); }

 private:
  WireReader reader_;
  std::int64_t next_offset_;
  std::int64_t timestamp_ms_;
};

// ---- Walking a file.

struct ScanResult {
  std::uint32_t flags = 0;
  std::uint64_t valid_bytes = 0;  // Up to the end of the last good frame; 0: no good file header.
  std::uint64_t file_bytes = 0;
  // The bytes behind valid_bytes cannot be a torn tail: a later frame says that they were durable.
  bool damaged = false;
};

// Calls `visit` with every frame up to the first bad one. `whole`: reads and checks the bodies too.
Result<ScanResult> Scan(const File& file, bool whole,
                        const std::function<Status(const Header&, std::uint64_t body)>& visit);

}  // namespace leadflow::journal
