#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
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
  int descriptor_;
  std::string path_;
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
