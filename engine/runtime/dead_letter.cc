#include "engine/runtime/dead_letter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace leadflow {
namespace {

constexpr std::size_t kPollBytes = std::size_t{4} << 20;

Status FileError(std::string_view what, const std::string& path) {
  return {ErrorCode::kInternal,
          std::string(what) + " `" + path + "`: " + std::strerror(errno)};
}

// The length of the well-formed UTF-8 sequence at the start, 0 if there is none.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
      (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

void AppendJson(std::string_view text, std::string* out) {
  out->push_back('"');
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    const auto c = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      out->append("\xef\xbf\xbd");
    } else if (c < 0x20 || c == '"' || c == '\\') {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
      out->append(escaped);
    } else {
      out->append(text.substr(0, length));
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  out->push_back('"');
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
  AppendJson(source, &out);
  out += ",\"position\":";
  AppendJson(position, &out);
  out += ",\"reason\":";
  AppendJson(reason, &out);
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
