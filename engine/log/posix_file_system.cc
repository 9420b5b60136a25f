#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine/log/file_system.h"

namespace leadflow {
namespace {

Status ErrnoStatus(int error, std::string_view doing, const std::string& path) {
  if (error == ENOSPC || error == EDQUOT) {
    return {ErrorCode::kInternal, std::string(kNoSpace) + ": " + path};
  }
  const ErrorCode code = error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInternal;
  return {code, std::string(doing) + " " + path + ": " + std::generic_category().message(error)};
}

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override { ::close(descriptor_); }

  Status Append(std::span<const std::string_view> parts) override {
    std::size_t size = 0;
    for (const std::string_view part : parts) size += part.size();
    return size < kDirectAppend ? Write(parts) : AppendLarge(parts, size);
  }

  Status Sync() override {
    if (::fdatasync(descriptor_) != 0) return ErrnoStatus(errno, "fdatasync", path_);
    return {};
  }

  Result<std::size_t> Read(std::uint64_t offset, std::size_t size, char* out) const override {
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got =
          ::pread(descriptor_, out + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus(errno, "read", path_);
      }
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Status Truncate(std::uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
      return ErrnoStatus(errno, "truncate", path_);
    }
    return {};
  }

  Result<std::uint64_t> Size() const override {
    struct stat info {};
    if (::fstat(descriptor_, &info) != 0) return ErrnoStatus(errno, "stat", path_);
    return static_cast<std::uint64_t>(info.st_size);
  }

 private:
  // Large appends pass the memory of the operating system, which would only hold a second copy of
  // what is read late or never. Whole blocks do, that is; the ends go the usual way.
  static constexpr std::size_t kDirectAppend = std::size_t{1} << 20;
  static constexpr std::size_t kBlock = 4096;
  static constexpr std::size_t kBuffer = std::size_t{1} << 20;

  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };

  // Bytes that lie in several places.
  class Parts {
   public:
    explicit Parts(std::span<const std::string_view> parts) : parts_(parts) {}
    void Take(std::size_t size, char* to) {
      while (size > 0) {
        const std::string_view part = parts_.front().substr(taken_, size);
        std::memcpy(to, part.data(), part.size());
        to += part.size();
        size -= part.size();
        taken_ += part.size();
        if (taken_ < parts_.front().size()) continue;
        parts_ = parts_.subspan(1);
        taken_ = 0;
      }
    }

   private:
    std::span<const std::string_view> parts_;
    std::size_t taken_ = 0;
  };

  // This file by another descriptor; -1: the file system has no direct writes, or another file
  // stands at the path by now.
  int OpenDirect() const {
    const int direct = ::open(path_.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC);
    struct stat mine {
    }, other{};
    if (direct < 0 || (::fstat(descriptor_, &mine) == 0 && ::fstat(direct, &other) == 0 &&
                       mine.st_ino == other.st_ino && mine.st_dev == other.st_dev)) {
      return direct;
    }
    ::close(direct);
    return -1;
  }

  Status AppendLarge(std::span<const std::string_view> parts, std::size_t size) {
    LEADFLOW_ASSIGN_OR_RETURN(std::uint64_t end, Size());
    const std::unique_ptr<char, Free> buffer(
        static_cast<char*>(std::aligned_alloc(kBlock, kBuffer)));
    const int direct = buffer == nullptr ? -1 : OpenDirect();
    if (direct < 0) return Write(parts);
    Parts rest(parts);
    Status status;
    // First to the end of the block that is begun.
    for (std::size_t part = std::min<std::size_t>(size, -end % kBlock); size > 0 && status.ok();
         part = size < kBlock ? size : std::min(kBuffer, size / kBlock * kBlock)) {
      rest.Take(part, buffer.get());
      status = WriteAt(direct, {buffer.get(), part}, end);
      end += part;
      size -= part;
    }
    ::close(direct);
    return status;
  }

  // At the end of the file, `end`: what begins a block and is made of whole ones directly.
  Status WriteAt(int direct, std::string_view bytes, std::uint64_t end) {
    while (end % kBlock == 0 && bytes.size() >= kBlock) {
      const ssize_t written = ::pwrite(direct, bytes.data(), bytes.size(), static_cast<off_t>(end));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EINVAL) break;  // Not by these blocks.
      if (written < 0) return ErrnoStatus(errno, "write", path_);
      bytes.remove_prefix(static_cast<std::size_t>(written));
      end += static_cast<std::uint64_t>(written);
    }
    return bytes.empty() ? Status() : Write({&bytes, 1});
  }

  Status Write(std::span<const std::string_view> parts) {
    std::array<iovec, 256> vectors;
    std::size_t part = 0;
    std::size_t skip = 0;  // Bytes of parts[part] already written.
    while (part < parts.size()) {
      std::size_t count = 0;
      for (std::size_t i = part; i < parts.size() && count < vectors.size(); ++i) {
        const std::string_view rest = parts[i].substr(i == part ? skip : 0);
        vectors[count++] = {const_cast<char*>(rest.data()), rest.size()};
      }
      const ssize_t written = ::writev(descriptor_, vectors.data(), static_cast<int>(count));
      if (written < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus(errno, "write", path_);
      }
      skip += static_cast<std::size_t>(written);
      while (part < parts.size() && skip >= parts[part].size()) skip -= parts[part++].size();
    }
    return {};
  }

  const int descriptor_;
  const std::string path_;
};

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(int descriptor) : descriptor_(descriptor) {}
  PosixLock(const PosixLock&) = delete;
  PosixLock& operator=(const PosixLock&) = delete;
  ~PosixLock() override { ::close(descriptor_); }

 private:
  int descriptor_;
};

class Posix final : public FileSystem {
 public:
  Status CreateDirectory(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return ErrnoStatus(error.value(), "create directory", path);
    return {};
  }

  Result<std::vector<std::string>> List(const std::string& directory) override {
    std::error_code error;
    std::vector<std::string> names;
    std::filesystem::directory_iterator at(directory, error);
    while (!error && at != std::filesystem::directory_iterator()) {
      if (at->is_regular_file(error)) names.push_back(at->path().filename().string());
      if (!error) at.increment(error);
    }
    if (error) return ErrnoStatus(error.value(), "list", directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  Status SyncDirectory(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return ErrnoStatus(errno, "open", path);
    const int failed = ::fsync(descriptor) != 0 ? errno : 0;
    ::close(descriptor);
    if (failed != 0) return ErrnoStatus(failed, "fsync", path);
    return {};
  }

  Result<std::unique_ptr<File>> Open(const std::string& path) override {
    return OpenWith(path, O_RDWR | O_APPEND | O_CLOEXEC);
  }
  Result<std::unique_ptr<File>> Create(const std::string& path) override {
    return OpenWith(path, O_RDWR | O_APPEND | O_CLOEXEC | O_CREAT | O_TRUNC);
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus(errno, "rename", from);
    return {};
  }

  Status Remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return ErrnoStatus(errno, "remove", path);
    return {};
  }

  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0) return ErrnoStatus(errno, "open", path);
    auto lock = std::make_unique<PosixLock>(descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return ErrnoStatus(errno, "lock", path);
      char pid[32] = {};
      const ssize_t size = ::pread(descriptor, pid, sizeof(pid) - 1, 0);
      return Status(ErrorCode::kFailedPrecondition,
                    path + " is held by process " +
                        (size > 0 ? std::string(pid, static_cast<std::size_t>(size)) : "unknown"));
    }
    const std::string pid = std::to_string(::getpid());
    if (::ftruncate(descriptor, 0) != 0 ||
        ::pwrite(descriptor, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
      return ErrnoStatus(errno, "write", path);
    }
    return std::unique_ptr<FileLock>(std::move(lock));
  }

 private:
  static Result<std::unique_ptr<File>> OpenWith(const std::string& path, int flags) {
    const int descriptor = ::open(path.c_str(), flags, 0644);
    if (descriptor < 0) return ErrnoStatus(errno, "open", path);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(descriptor, path));
  }
};

}  // namespace

bool IsNoSpace(const Status& status) {
  return status.message().find(kNoSpace) != std::string::npos;
}

FileSystem& PosixFileSystem() {
  static Posix* const file_system = std::make_unique<Posix>().release();
  return *file_system;
}

}  // namespace leadflow
