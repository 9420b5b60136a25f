#include "connectors/file/byte_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "connectors/file/read_ahead.h"

namespace leadflow {
namespace {

constexpr std::size_t kInput = 256 * 1024;
constexpr std::int64_t kWorthAThread = std::int64_t{8} << 20;  // of a file, to be read ahead

class FileStream final : public ByteStream {
 public:
  FileStream(std::string path, int file) : path_(std::move(path)), file_(file) {
    std::memset(&inflate_, 0, sizeof inflate_);
  }
  FileStream(const FileStream&) = delete;
  FileStream& operator=(const FileStream&) = delete;
  ~FileStream() override {
    ahead_.reset();
    if (gzip_) inflateEnd(&inflate_);
    if (file_ != STDIN_FILENO) ::close(file_);
  }

  Result<std::size_t> Read(char* to, std::size_t size) override {
    if (!looked_) {
      LEADFLOW_RETURN_IF_ERROR(Look());
      if (!looked_) return std::size_t{0};
    }
    if (gzip_) return ReadInflated(to, size);
    if (taken_ < input_.size()) {  // what Look has read
      const std::size_t part = std::min(size, input_.size() - taken_);
      std::memcpy(to, input_.data() + taken_, part);
      taken_ += part;
      return part;
    }
    return ReadRaw(to, size);
  }

  Status Skip(std::int64_t size) override {
    std::vector<char> scratch(kInput);
    while (size > 0) {
      if (looked_ && !gzip_ && taken_ == input_.size() && file_ != STDIN_FILENO) {
        ahead_.reset();
        asked_ahead_ = false;
        raw_bytes_ += size;
        if (::lseek(file_, raw_bytes_, SEEK_SET) < 0) return Error("cannot seek in");
        return {};
      }
      LEADFLOW_ASSIGN_OR_RETURN(
          const std::size_t part,
          Read(scratch.data(), static_cast<std::size_t>(std::min<std::int64_t>(size, kInput))));
      if (part == 0 && (at_end_ || !problem_.empty())) return {};
      size -= static_cast<std::int64_t>(part);
    }
    return {};
  }

  bool at_end() const override { return at_end_; }
  const std::string& problem() const override { return problem_; }
  std::int64_t raw_bytes_read() const override { return raw_bytes_; }
  bool gzip() const override { return gzip_; }

  Facts facts() const override {
    struct stat info;
    if (file_ == STDIN_FILENO || ::fstat(file_, &info) != 0) return {};
    return {info.st_ino, info.st_size,
            std::int64_t{info.st_mtim.tv_sec} * 1000 + info.st_mtim.tv_nsec / 1'000'000};
  }

 private:
  Status Error(const char* what) const {
    return Status::Unavailable(std::string(what) + " `" + path_ + "`: " + std::strerror(errno));
  }

  Result<std::size_t> ReadRaw(char* to, std::size_t size) {
    if (file_ == STDIN_FILENO) {
      // A pipe may be idle for long; whoever reads has other things to do meanwhile.
      pollfd wait{file_, POLLIN, 0};
      if (::poll(&wait, 1, 0) == 0) return std::size_t{0};
    }
    if (looked_ && !asked_ahead_) {
      asked_ahead_ = true;
      if (facts().size - raw_bytes_ > kWorthAThread) ahead_ = std::make_unique<ReadAhead>(file_);
    }
    for (;;) {
      const ssize_t got = ahead_ ? ahead_->Read(to, size, &errno) : ::read(file_, to, size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::size_t{0};
      if (got < 0) return Error("cannot read");
      at_end_ = got == 0;
      if (at_end_) ahead_.reset();  // What a file grows by is little.
      raw_bytes_ += got;
      return static_cast<std::size_t>(got);
    }
  }

  // Reads the first bytes and decides whether they are gzip.
  Status Look() {
    std::size_t have = input_.size();
    input_.resize(kInput);
    while (have < 2 && !at_end_) {
      const auto got = ReadRaw(input_.data() + have, kInput - have);
      if (!got.ok() || *got == 0) {
        input_.resize(have);
        if (!got.ok() || !at_end_) return got.status();
        break;
      }
      have += *got;
    }
    input_.resize(have);
    if (have == 0) {  // An empty file may grow: look again then.
      return {};
    }
    looked_ = true;
    gzip_ = have >= 2 && input_[0] == '\x1f' && input_[1] == '\x8b';
    if (gzip_ && inflateInit2(&inflate_, 15 + 16) != Z_OK) {
      return Status(ErrorCode::kInternal, "zlib cannot be started");
    }
    return {};
  }

  Result<std::size_t> ReadInflated(char* to, std::size_t size) {
    if (!problem_.empty() || size == 0) return std::size_t{0};
    inflate_.next_out = reinterpret_cast<Bytef*>(to);
    inflate_.avail_out = static_cast<uInt>(std::min<std::size_t>(size, 1U << 30));
    const uInt wanted = inflate_.avail_out;
    while (inflate_.avail_out == wanted) {
      if (taken_ == input_.size()) {
        input_.resize(kInput);
        const auto got = ReadRaw(input_.data(), kInput);
        input_.resize(got.ok() ? *got : 0);
        taken_ = 0;
        if (!got.ok()) return got.status();
        if (*got == 0) {
          if (at_end_ && !between_members_) problem_ = "gzip ends in the middle";
          return std::size_t{0};
        }
      }
      // Some writers pad the end with zeros.
      if (between_members_ && input_[taken_] == '\0') {
        ++taken_;
        continue;
      }
      Inflate();
      if (!problem_.empty()) break;
    }
    return static_cast<std::size_t>(wanted - inflate_.avail_out);
  }

  void Inflate() {
    between_members_ = false;
    inflate_.next_in = reinterpret_cast<Bytef*>(input_.data() + taken_);
    inflate_.avail_in = static_cast<uInt>(input_.size() - taken_);
    const int result = inflate(&inflate_, Z_NO_FLUSH);
    taken_ = input_.size() - inflate_.avail_in;
    if (result == Z_STREAM_END) {  // Members may follow each other.
      between_members_ = true;
      inflateReset(&inflate_);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      problem_ = std::string("broken gzip: ") +
                 (inflate_.msg != nullptr ? inflate_.msg : "bytes that mean nothing");
    }
  }

  const std::string path_;
  const int file_;
  std::vector<char> input_;
  std::size_t taken_ = 0;
  bool looked_ = false;
  bool at_end_ = false;
  bool gzip_ = false;
  bool between_members_ = false;
  z_stream inflate_;
  std::string problem_;
  std::int64_t raw_bytes_ = 0;
  std::unique_ptr<ReadAhead> ahead_;  // null: not yet, or no longer
  bool asked_ahead_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteStream>> ByteStream::Open(const std::string& path) {
  int file = STDIN_FILENO;
  if (path != "-") {
    file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
      const std::string why = "cannot open `" + path + "`: " + std::strerror(errno);
      return Status(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument, why);
    }
    struct stat info;
    if (::fstat(file, &info) == 0 && S_ISDIR(info.st_mode)) {
      ::close(file);
      return Status::InvalidArgument("`" + path + "` is a folder; name its files: `" + path +
                                     "/*`");
    }
  }
  return std::unique_ptr<ByteStream>(std::make_unique<FileStream>(path, file));
}

}  // namespace leadflow
