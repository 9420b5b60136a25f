#include "engine/runtime/savepoint_file.h"

#include <utility>

#include "engine/base/hash.h"
#include "engine/base/wire.h"

namespace leadflow {
namespace {

constexpr std::size_t kFrameBytes = std::size_t{1} << 20;
constexpr std::size_t kHeaderBytes = 16;
// A key or a value is smaller than the largest transaction of a log.
constexpr std::uint64_t kFrameBytesMax = std::uint64_t{1} << 30;

std::uint64_t Chained(std::uint64_t before, std::uint64_t frame) {
  std::string bytes;
  WireWriter writer(&bytes);
  writer.Fixed64(before);
  writer.Fixed64(frame);
  return Hash64(bytes);
}

Status VisitFrame(std::string_view frame, std::uint64_t* entries, const VisitEntry& visit) {
  WireReader reader(frame);
  while (!reader.AtEnd()) {
    std::string_view key, value;
    if (!reader.Bytes(&key) || !reader.Bytes(&value)) {
      return Status::Corruption("its bytes mean nothing");
    }
    ++*entries;
    LEADFLOW_RETURN_IF_ERROR(visit(key, value));
  }
  return {};
}

Status ReadFrames(const File& file, const SavedFile& saved, const VisitEntry& visit) {
  const Status damaged = Status::Corruption("it is damaged, or not the one that was saved");
  LEADFLOW_ASSIGN_OR_RETURN(const std::uint64_t there, file.Size());
  if (there != saved.bytes) return damaged;
  SavedFile found{.name = saved.name};
  std::string frame;
  while (found.bytes < saved.bytes) {
    char header[kHeaderBytes];
    LEADFLOW_ASSIGN_OR_RETURN(std::size_t read, file.Read(found.bytes, kHeaderBytes, header));
    WireReader reader({header, read});
    std::uint64_t size = 0, checksum = 0;
    if (!reader.Fixed64(&size) || !reader.Fixed64(&checksum) || size > kFrameBytesMax ||
        kHeaderBytes + size > saved.bytes - found.bytes) {
      return damaged;
    }
    frame.resize(size);
    LEADFLOW_ASSIGN_OR_RETURN(read, file.Read(found.bytes + kHeaderBytes, size, frame.data()));
    if (read != size || Hash64(frame) != checksum) return damaged;
    found.checksum = Chained(found.checksum, checksum);
    found.bytes += kHeaderBytes + size;
    LEADFLOW_RETURN_IF_ERROR(VisitFrame(frame, &found.entries, visit));
  }
  return found == saved ? Status() : damaged;
}

}  // namespace

Result<std::unique_ptr<SavepointWriter>> SavepointWriter::Create(FileSystem& files,
                                                                 const std::string& directory,
                                                                 const std::string& name) {
  LEADFLOW_ASSIGN_OR_RETURN(std::unique_ptr<File> file, files.Create(directory + "/" + name));
  return std::make_unique<SavepointWriter>(std::move(file), name);
}

SavepointWriter::SavepointWriter(std::unique_ptr<File> file, std::string name)
    : file_(std::move(file)), saved_{.name = std::move(name)} {}

Status SavepointWriter::Add(std::string_view key, std::string_view value) {
  if (!frame_.empty() && frame_.size() + key.size() + value.size() > kFrameBytes) {
    LEADFLOW_RETURN_IF_ERROR(WriteFrame());
  }
  WireWriter writer(&frame_);
  writer.Bytes(key);
  writer.Bytes(value);
  ++saved_.entries;
  return {};
}

Status SavepointWriter::WriteFrame() {
  const std::uint64_t checksum = Hash64(frame_);
  std::string header;
  WireWriter writer(&header);
  writer.Fixed64(frame_.size());
  writer.Fixed64(checksum);
  const std::string_view parts[] = {header, frame_};
  LEADFLOW_RETURN_IF_ERROR(file_->Append(parts));
  saved_.checksum = Chained(saved_.checksum, checksum);
  saved_.bytes += header.size() + frame_.size();
  frame_.clear();
  return {};
}

Result<SavedFile> SavepointWriter::Finish() {
  if (!frame_.empty()) LEADFLOW_RETURN_IF_ERROR(WriteFrame());
  LEADFLOW_RETURN_IF_ERROR(file_->Sync());
  return saved_;
}

Status ReadSavedFile(FileSystem& files, const std::string& directory, const SavedFile& saved,
                     const VisitEntry& visit) {
  const std::string path = directory + "/" + saved.name;
  const Result<std::unique_ptr<File>> file = files.Open(path);
  if (!file.ok()) return file.status();
  return ReadFrames(**file, saved, visit).WithContext(path);
}

}  // namespace leadflow
