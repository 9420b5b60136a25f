#include "connectors/file/row_writer.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <limits>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "engine/base/hash.h"
#include "operators/kpi/row_text.h"

namespace leadflow {
namespace {

constexpr std::string_view kKpiPlace = "{kpi}";

Status FileError(const std::string& what, const std::string& path, int error) {
  const std::string message =
      "output file " + path + ": cannot " + what + ": " + std::strerror(error);
  const bool may_pass = error == ENOSPC || error == EDQUOT || error == EIO || error == EMFILE ||
                        error == ENFILE || error == EAGAIN;
  return {may_pass ? ErrorCode::kUnavailable : ErrorCode::kFailedPrecondition, message};
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Close(); }

  int number() const { return number_; }
  // errno, or 0.
  int Close() {
    if (number_ < 0) return 0;
    const int result = ::close(number_);
    number_ = -1;
    return result == 0 ? 0 : errno;
  }

 private:
  int number_;
};

// errno, or 0.
int WriteBytes(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(descriptor) == 0 ? 0 : errno;
}

Status WriteTemporary(const std::string& path, const std::string& temporary,
                      std::string_view bytes) {
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.number() < 0) return FileError("create " + temporary, path, errno);
  int error = WriteBytes(file.number(), bytes);
  const int closed = file.Close();
  if (error == 0) error = closed;
  return error == 0 ? Status() : FileError("write", path, error);
}

bool HasContent(const std::string& path, std::string_view bytes) {
  std::error_code error;
  if (std::filesystem::file_size(path, error) != bytes.size() || error) return false;
  std::ifstream file(path, std::ios::binary);
  std::string block(std::size_t{64} << 10, '\0');
  while (!bytes.empty()) {
    const std::size_t size = std::min(block.size(), bytes.size());
    if (!file.read(block.data(), static_cast<std::streamsize>(size))) return false;
    if (std::string_view(block).substr(0, size) != bytes.substr(0, size)) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

bool Writes(const OutputSpec& output, const KpiSpec& kpi) {
  if (output.only.empty()) return true;
  return std::find(output.only.begin(), output.only.end(), kpi.name) != output.only.end();
}

std::string TextOf(const KpiSpec& kpi, const std::vector<KpiRow>& rows, const TimeZone& zone,
                   bool json_lines) {
  std::string text;
  if (!json_lines) AppendCsvHeader(RowColumns(kpi), &text);
  for (const KpiRow& row : rows) {
    const std::vector<RowField> fields = RowFields(row, zone);
    if (json_lines) {
      AppendJsonRow(fields, &text);
    } else {
      AppendCsvRow(fields, &text);
    }
  }
  return text;
}

}  // namespace

std::string RowPath(const OutputSpec& output, std::string_view kpi) {
  std::string path = output.path;
  for (std::size_t at = path.find(kKpiPlace); at != std::string::npos;
       at = path.find(kKpiPlace, at + kpi.size())) {
    path.replace(at, kKpiPlace.size(), kpi);
  }
  return path;
}

Status ReplaceFile(const std::string& path, std::string_view bytes) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code failed;
  if (!folder.empty()) std::filesystem::create_directories(folder, failed);
  if (failed) return FileError("make its folder", path, failed.value());
  const std::string temporary = path + ".tmp";
  Status status = WriteTemporary(path, temporary, bytes);
  if (status.ok() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = FileError("replace", path, errno);
  }
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  // The rename itself must survive a crash too.
  const Descriptor directory(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.number() >= 0 && ::fsync(directory.number()) != 0 && errno != EINVAL) {
    return FileError("sync its folder", path, errno);
  }
  return {};
}

RowWriter::RowWriter(const Pipeline& pipeline)
    : pipeline_(pipeline),
      due_ms_(pipeline.outputs.size(), std::numeric_limits<std::int64_t>::min()) {}

Status RowWriter::WriteDue(std::span<const KeyedStore* const> partitions, std::int64_t watermark_ms,
                           std::int64_t monotonic_ms) {
  std::vector<const OutputSpec*> outputs;
  for (std::size_t i = 0; i < pipeline_.outputs.size(); ++i) {
    if (monotonic_ms < due_ms_[i]) continue;
    outputs.push_back(&pipeline_.outputs[i]);
    due_ms_[i] = monotonic_ms + pipeline_.outputs[i].every_ms;
  }
  return Write(partitions, watermark_ms, outputs);
}

Status RowWriter::WriteAll(std::span<const KeyedStore* const> partitions,
                           std::int64_t watermark_ms) {
  std::vector<const OutputSpec*> outputs;
  for (const OutputSpec& output : pipeline_.outputs) outputs.push_back(&output);
  return Write(partitions, watermark_ms, outputs);
}

Status RowWriter::Write(std::span<const KeyedStore* const> partitions, std::int64_t watermark_ms,
                        std::span<const OutputSpec* const> outputs) {
  if (outputs.empty()) return {};
  std::atomic<std::size_t> next{0};
  const auto write_some = [&]() -> Status {
    while (true) {
      const std::size_t at = next.fetch_add(1);
      if (at >= pipeline_.kpis.size()) return {};
      LEADFLOW_RETURN_IF_ERROR(WriteKpi(pipeline_.kpis[at], partitions, watermark_ms, outputs));
    }
  };
  // Most of the time goes into making text, while the disk waits, and the other way round.
  std::future<Status> helper = std::async(std::launch::async, write_some);
  const Status own = write_some();
  const Status helped = helper.get();
  return own.ok() ? helped : own;
}

Status RowWriter::WriteKpi(const KpiSpec& kpi, std::span<const KeyedStore* const> partitions,
                           std::int64_t watermark_ms, std::span<const OutputSpec* const> outputs) {
  const bool any = std::any_of(outputs.begin(), outputs.end(),
                               [&](const OutputSpec* output) { return Writes(*output, kpi); });
  if (!any) return {};
  LEADFLOW_ASSIGN_OR_RETURN(const std::vector<KpiRow> rows,
                            CollectRows(partitions, pipeline_, kpi.name, watermark_ms));
  for (const OutputSpec* output : outputs) {
    if (!Writes(*output, kpi)) continue;
    LEADFLOW_RETURN_IF_ERROR(WriteFile(RowPath(*output, kpi.name),
                                       TextOf(kpi, rows, pipeline_.zone, output->json_lines)));
  }
  return {};
}

Status RowWriter::WriteFile(const std::string& path, const std::string& text) {
  const auto hash = Hash128(text);
  std::string name(reinterpret_cast<const char*>(hash.data()), hash.size());
  std::string known;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = written_.find(path); found != written_.end()) known = found->second;
  }
  // The first time the file of an earlier run is compared; after that nobody else writes it, but
  // one that was deleted comes back.
  const bool same =
      known.empty() ? HasContent(path, text) : known == name && ::access(path.c_str(), F_OK) == 0;
  if (!same) LEADFLOW_RETURN_IF_ERROR(ReplaceFile(path, text));
  const std::lock_guard lock(mutex_);
  if (!same) ++files_written_;
  written_[path] = std::move(name);
  return {};
}

}  // namespace leadflow
