#include "engine/log/memory_file_system.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace leadflow {
namespace {

constexpr std::size_t kSector = 512;

Status Crashed() { return {ErrorCode::kInternal, "simulated crash"}; }

Status NoFile(const std::string& path) { return Status::NotFound("no file " + path); }

}  // namespace

class MemoryFileSystem::LockHandle final : public FileLock {
 public:
  LockHandle(MemoryFileSystem* owner, std::string path, std::uint64_t life)
      : owner_(*owner), path_(std::move(path)), life_(life) {}
  LockHandle(const LockHandle&) = delete;
  LockHandle& operator=(const LockHandle&) = delete;
  ~LockHandle() override {
    const std::lock_guard guard(owner_.mutex_);
    const auto held = owner_.locks_.find(path_);
    if (held != owner_.locks_.end() && held->second == life_) owner_.locks_.erase(held);
  }

 private:
  MemoryFileSystem& owner_;
  std::string path_;
  std::uint64_t life_;
};

class MemoryFileSystem::Handle final : public File {
 public:
  Handle(MemoryFileSystem* owner, std::shared_ptr<Content> content, std::string path)
      : owner_(*owner), content_(std::move(content)), path_(std::move(path)), life_(owner->life_) {}

  Status Append(std::span<const std::string_view> parts) override {
    const std::lock_guard guard(owner_.mutex_);
    LEADFLOW_RETURN_IF_ERROR(owner_.Alive(life_));
    bool crash_after = false;
    LEADFLOW_RETURN_IF_ERROR(owner_.StartChange(&crash_after));
    for (const std::string_view part : parts) {
      const std::uint64_t room = owner_.capacity_ - std::min(owner_.capacity_, owner_.total_bytes_);
      const std::uint64_t size =
          std::min<std::uint64_t>({part.size(), room, owner_.bytes_to_crash_});
      content_->bytes.append(part.substr(0, size));
      owner_.total_bytes_ += size;
      owner_.appended_bytes_ += size;
      if (owner_.bytes_to_crash_ != kNever) owner_.bytes_to_crash_ -= size;
      if (size == part.size()) continue;
      if (owner_.bytes_to_crash_ == 0) {
        owner_.CrashLocked();
        return Crashed();
      }
      return {ErrorCode::kInternal, std::string(kNoSpace) + ": " + path_};
    }
    return owner_.EndChange(crash_after);
  }

  Status Sync() override {
    const std::lock_guard guard(owner_.mutex_);
    LEADFLOW_RETURN_IF_ERROR(owner_.Alive(life_));
    bool crash_after = false;
    LEADFLOW_RETURN_IF_ERROR(owner_.StartChange(&crash_after));
    if (owner_.syncs_to_failure_ != kNever && owner_.syncs_to_failure_-- == 0) {
      owner_.syncs_to_failure_ = kNever;
      return {ErrorCode::kInternal, "fdatasync " + path_ + ": simulated failure"};
    }
    content_->synced = content_->bytes.size();
    return owner_.EndChange(crash_after);
  }

  Result<std::size_t> Read(std::uint64_t offset, std::size_t size, char* out) const override {
    const std::lock_guard guard(owner_.mutex_);
    LEADFLOW_RETURN_IF_ERROR(owner_.Alive(life_));
    const std::string& bytes = content_->bytes;
    if (offset >= bytes.size()) return std::size_t{0};
    const std::size_t count = std::min<std::size_t>(size, bytes.size() - offset);
    std::memcpy(out, bytes.data() + offset, count);
    return count;
  }

  Status Truncate(std::uint64_t size) override {
    const std::lock_guard guard(owner_.mutex_);
    LEADFLOW_RETURN_IF_ERROR(owner_.Alive(life_));
    bool crash_after = false;
    LEADFLOW_RETURN_IF_ERROR(owner_.StartChange(&crash_after));
    if (size < content_->bytes.size()) {
      owner_.total_bytes_ -= content_->bytes.size() - size;
      content_->bytes.resize(size);
      content_->synced = std::min<std::size_t>(content_->synced, size);
    }
    return owner_.EndChange(crash_after);
  }

  Result<std::uint64_t> Size() const override {
    const std::lock_guard guard(owner_.mutex_);
    LEADFLOW_RETURN_IF_ERROR(owner_.Alive(life_));
    return static_cast<std::uint64_t>(content_->bytes.size());
  }

 private:
  MemoryFileSystem& owner_;
  std::shared_ptr<Content> content_;
  std::string path_;
  std::uint64_t life_;
};

void MemoryFileSystem::Crash() {
  const std::lock_guard guard(mutex_);
  CrashLocked();
}

void MemoryFileSystem::CrashAfterBytes(std::uint64_t bytes) {
  const std::lock_guard guard(mutex_);
  bytes_to_crash_ = bytes;
}

void MemoryFileSystem::CrashAfterChanges(std::uint64_t changes) {
  const std::lock_guard guard(mutex_);
  changes_to_crash_ = changes;
}

void MemoryFileSystem::FailSyncAfter(std::uint64_t syncs) {
  const std::lock_guard guard(mutex_);
  syncs_to_failure_ = syncs;
}

void MemoryFileSystem::SetCapacity(std::uint64_t bytes) {
  const std::lock_guard guard(mutex_);
  capacity_ = bytes;
}

void MemoryFileSystem::CrashLocked() {
  crashed_ = true;
  bytes_to_crash_ = changes_to_crash_ = syncs_to_failure_ = kNever;
}

void MemoryFileSystem::Restart() {
  const std::lock_guard guard(mutex_);
  const std::size_t kept = random_() % (name_changes_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i) {
    const NameChange& change = name_changes_[i];
    if (!change.removed.empty()) durable_names_.erase(change.removed);
    if (!change.added.empty()) durable_names_[change.added] = change.content;
  }
  name_changes_.clear();
  names_ = durable_names_;
  total_bytes_ = 0;
  for (auto& [path, content] : names_) {
    std::string& bytes = content->bytes;
    bytes.resize(content->synced + random_() % (bytes.size() - content->synced + 1));
    const std::size_t loose = bytes.size() - content->synced;
    if (loose > 0 && random_() % 4 == 0) {
      const std::size_t from = content->synced + random_() % loose;
      const std::size_t to = std::min(bytes.size(), (from / kSector + 1) * kSector);
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(from),
                bytes.begin() + static_cast<std::ptrdiff_t>(to), '\0');
    }
    content->synced = bytes.size();
    total_bytes_ += bytes.size();
  }
  locks_.clear();
  crashed_ = false;
  ++life_;
  bytes_to_crash_ = changes_to_crash_ = syncs_to_failure_ = kNever;
}

bool MemoryFileSystem::crashed() const {
  const std::lock_guard guard(mutex_);
  return crashed_;
}

std::uint64_t MemoryFileSystem::total_bytes() const {
  const std::lock_guard guard(mutex_);
  return total_bytes_;
}

std::uint64_t MemoryFileSystem::appended_bytes() const {
  const std::lock_guard guard(mutex_);
  return appended_bytes_;
}

std::uint64_t MemoryFileSystem::changes() const {
  const std::lock_guard guard(mutex_);
  return changes_;
}

void MemoryFileSystem::Put(const std::string& path, std::string bytes) {
  const std::lock_guard guard(mutex_);
  auto content = std::make_shared<Content>();
  content->synced = bytes.size();
  content->bytes = std::move(bytes);
  durable_names_[path] = content;
  Change({"", path, std::move(content)});
}

std::string MemoryFileSystem::Bytes(const std::string& path) const {
  const std::lock_guard guard(mutex_);
  const auto found = names_.find(path);
  return found == names_.end() ? std::string() : found->second->bytes;
}

Status MemoryFileSystem::StartChange(bool* after) {
  ++changes_;
  if (changes_to_crash_ == kNever || changes_to_crash_-- != 0) return {};
  if (random_() % 2 == 0) {
    *after = true;
    return {};
  }
  CrashLocked();
  return Crashed();
}

Status MemoryFileSystem::EndChange(bool after) {
  if (!after) return {};
  CrashLocked();
  return Crashed();
}

Status MemoryFileSystem::Alive(std::uint64_t life) const {
  return crashed_ || life != life_ ? Crashed() : Status();
}

void MemoryFileSystem::Change(NameChange change) {
  if (!change.removed.empty()) {
    const auto found = names_.find(change.removed);
    if (change.added.empty()) total_bytes_ -= found->second->bytes.size();
    names_.erase(found);
  }
  if (!change.added.empty()) {
    std::shared_ptr<Content>& content = names_[change.added];
    if (content != nullptr) total_bytes_ -= content->bytes.size();
    if (change.removed.empty()) total_bytes_ += change.content->bytes.size();
    content = change.content;
  }
  name_changes_.push_back(std::move(change));
}

Status MemoryFileSystem::CreateDirectory(const std::string&) {
  const std::lock_guard guard(mutex_);
  return Alive(life_);
}

Result<std::vector<std::string>> MemoryFileSystem::List(const std::string& directory) {
  const std::lock_guard guard(mutex_);
  LEADFLOW_RETURN_IF_ERROR(Alive(life_));
  const std::string prefix = directory + "/";
  std::vector<std::string> found;
  for (auto at = names_.lower_bound(prefix); at != names_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    found.push_back(at->first.substr(prefix.size()));
  }
  return found;
}

Status MemoryFileSystem::SyncDirectory(const std::string&) {
  const std::lock_guard guard(mutex_);
  LEADFLOW_RETURN_IF_ERROR(Alive(life_));
  bool crash_after = false;
  LEADFLOW_RETURN_IF_ERROR(StartChange(&crash_after));
  durable_names_ = names_;
  name_changes_.clear();
  return EndChange(crash_after);
}

Result<std::unique_ptr<File>> MemoryFileSystem::Open(const std::string& path) {
  const std::lock_guard guard(mutex_);
  LEADFLOW_RETURN_IF_ERROR(Alive(life_));
  const auto found = names_.find(path);
  if (found == names_.end()) return NoFile(path);
  return std::unique_ptr<File>(std::make_unique<Handle>(this, found->second, path));
}

Result<std::unique_ptr<File>> MemoryFileSystem::Create(const std::string& path) {
  const std::lock_guard guard(mutex_);
  LEADFLOW_RETURN_IF_ERROR(Alive(life_));
  bool crash_after = false;
  LEADFLOW_RETURN_IF_ERROR(StartChange(&crash_after));
  auto content = std::make_shared<Content>();
  Change({"", path, content});
  LEADFLOW_RETURN_IF_ERROR(EndChange(crash_after));
  return std::unique_ptr<File>(std::make_unique<Handle>(this, std::move(content), path));
}

Status MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  const std::lock_guard guard(mutex_);
  LEADFLOW_RETURN_IF_ERROR(Alive(life_));
  const auto found = names_.find(from);
  if (found == names_.end()) return NoFile(from);
  bool crash_after = false;
  LEADFLOW_RETURN_IF_ERROR(StartChange(&crash_after));
  Change({from, to, found->second});
  return EndChange(crash_after);
}

Status MemoryFileSystem::Remove(const std::string& path) {
  const std::lock_guard guard(mutex_);
  LEADFLOW_RETURN_IF_ERROR(Alive(life_));
  if (!names_.contains(path)) return NoFile(path);
  bool crash_after = false;
  LEADFLOW_RETURN_IF_ERROR(StartChange(&crash_after));
  Change({path, "", nullptr});
  return EndChange(crash_after);
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::Lock(const std::string& path) {
  const std::lock_guard guard(mutex_);
  LEADFLOW_RETURN_IF_ERROR(Alive(life_));
  if (locks_.contains(path)) {
    return Status(ErrorCode::kFailedPrecondition, path + " is held by this process");
  }
  locks_[path] = life_;
  return std::unique_ptr<FileLock>(std::make_unique<LockHandle>(this, path, life_));
}

}  // namespace leadflow
