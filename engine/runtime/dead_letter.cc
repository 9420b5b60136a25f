#include "engine/runtime/dead_letter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/base/utf8_text.h"

namespace leadflow {
namespace {

constexpr std::size_t kPollBytes = std::size_t{4} << 20;

Status FileError(std::string_view what, const std::string& path) {
  return {ErrorCode::kInternal,
          std::string(what) + " `" + path + "`: " + std::strerror(errno)};
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : fd_(::open(path.c_str(), flags, 0644)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool WriteAll(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fsync(fd_) == 0;
  }

 private:
  int fd_;
};

}  // namespace

std::string Base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out.push_back(i + j > bytes.size() ? '=' : kDigits[group >> (18 - 6 * j) & 63]);
    }
  }
  return out;
}

std::string DeadLetterLine(std::string_view source, std::string_view position,
                           std::string_view reason, std::string_view bytes) {
  std::string out = "{\"source\":";
  AppendJsonText(source, &out);
  out += ",\"position\":";
  AppendJsonText(position, &out);
  out += ",\"reason\":";
  AppendJsonText(reason, &out);
  out += ",\"bytes\":\"" + Base64(bytes.substr(0, kDeadLetterBytesMax)) + "\"}";
  return out;
}

DeadLetterExport::DeadLetterExport(Log& log, std::string topic, std::string path)
    : log_(log), from_{std::move(topic), 0}, path_(std::move(path)), reader_(log.NewReader()) {}

Status DeadLetterExport::Open() {
  long long offset = 0;
  long long length = 0;
  if (std::FILE* file = std::fopen((path_ + ".offset").c_str(), "r"); file != nullptr) {
    const int read = std::fscanf(file, "%lld %lld", &offset, &length);
    std::fclose(file);
    if (read != 2) return Status::Corruption("`" + path_ + ".offset` is damaged");
  }
  offset_ = offset;
  length_ = length;
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t start, log_.StartOffset(from_));
  offset_ = std::max(offset_, start);
  if (const Descriptor file(path_, O_WRONLY | O_CLOEXEC); file.get() >= 0) {
    const off_t size = ::lseek(file.get(), 0, SEEK_END);
    // Shorter: someone moved or emptied it; lines go on at its end.
    length_ = std::min<std::int64_t>(length_, size);
    if (::ftruncate(file.get(), length_) != 0) return FileError("cannot cut", path_);
  } else {
    length_ = 0;
  }
  return reader_->Seek(from_, offset_);
}

Status DeadLetterExport::Pump() {
  for (;;) {
    std::string lines;
    auto polled = reader_->Poll(
        kPollBytes, [&](const TopicPartition&, std::span<const LogRecord> records) {
          for (const LogRecord& record : records) lines.append(record.value).push_back('\n');
        });
    if (!polled.ok()) return polled.status();
    if (*polled == 0) return {};
    const Descriptor file(path_, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC);
    if (file.get() < 0 || !file.WriteAll(lines)) return FileError("cannot write", path_);
    length_ += static_cast<std::int64_t>(lines.size());
    offset_ = reader_->Position(from_);
    LEADFLOW_RETURN_IF_ERROR(SaveOffset());
    LEADFLOW_RETURN_IF_ERROR(log_.Purge(from_, offset_));
  }
}

Status DeadLetterExport::SaveOffset() {
  const std::string target = path_ + ".offset";
  const std::string draft = target + ".new";
  {
    const Descriptor file(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
    const std::string text = std::to_string(offset_) + " " + std::to_string(length_) + "\n";
    if (file.get() < 0 || !file.WriteAll(text)) return FileError("cannot write", draft);
  }
  if (std::rename(draft.c_str(), target.c_str()) != 0) return FileError("cannot replace", target);
  return {};
}

}  // namespace leadflow
