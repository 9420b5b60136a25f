// MemoryFileSystem: files in memory with the failures of real disks, chosen by a seed. For tests
// and the simulation; opening and appending cost microseconds.
//
// A crash (Crash, or one of the planned ones) makes every call fail, through handles of before the
// crash for ever, until Restart. Restart keeps what was synced, a random part of the bytes that
// were not (a prefix, in which some sectors may be zero), and a random prefix of the unsynced
// changes of names; locks are free again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "engine/log/file_system.h"

namespace leadflow {

class MemoryFileSystem final : public FileSystem {
 public:
  explicit MemoryFileSystem(std::uint64_t seed = 0) : random_(seed) {}

  // ---- Faults. A later plan of one kind replaces the earlier.

  void Crash();
  // The append that would write byte `bytes` + 1 from now on stops there and crashes.
  void CrashAfterBytes(std::uint64_t bytes);
  // The change (create, append, sync, truncate, rename, remove, sync of a directory) number
  // `changes` + 1 from now on crashes, before or (a coin toss) after it took effect.
  void CrashAfterChanges(std::uint64_t changes);
  // The Sync number `syncs` + 1 from now on fails once; the bytes stay unsynced.
  void FailSyncAfter(std::uint64_t syncs);
  // All files together may hold so many bytes; an append beyond is cut there and fails.
  void SetCapacity(std::uint64_t bytes);

  void Restart();

  bool crashed() const;
  std::uint64_t total_bytes() const;
  std::uint64_t appended_bytes() const;  // Ever.
  std::uint64_t changes() const;         // Ever.

  // Puts a synced file in place, for tests of damaged input.
  void Put(const std::string& path, std::string bytes);
  // "" if there is none.
  std::string Bytes(const std::string& path) const;

  // ---- FileSystem

  Status CreateDirectory(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& directory) override;
  Status SyncDirectory(const std::string& path) override;
  Result<std::unique_ptr<File>> Open(const std::string& path) override;
  Result<std::unique_ptr<File>> Create(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  class Handle;
  class LockHandle;

  struct Content {
    std::string bytes;
    std::size_t synced = 0;
  };
  using Names = std::map<std::string, std::shared_ptr<Content>>;
  struct NameChange {
    std::string removed;  // May be empty.
    std::string added;    // May be empty.
    std::shared_ptr<Content> content;
  };
  static constexpr std::uint64_t kNever = UINT64_MAX;

  // The start of a change: counts it, and crashes if that is planned. `*after` is set if the crash
  // has to follow the change.
  Status StartChange(bool* after);
  Status EndChange(bool after);
  Status Alive(std::uint64_t life) const;
  void CrashLocked();
  void Change(NameChange change);

  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  bool crashed_ = false;
  std::uint64_t life_ = 0;  // Restarts so far; a handle serves one life.
  Names names_;
  Names durable_names_;
  std::vector<NameChange> name_changes_;        // Since SyncDirectory.
  std::map<std::string, std::uint64_t> locks_;  // Path to the life that holds it.
  std::uint64_t bytes_to_crash_ = kNever;
  std::uint64_t changes_to_crash_ = kNever;
  std::uint64_t syncs_to_failure_ = kNever;
  std::uint64_t capacity_ = kNever;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t appended_bytes_ = 0;
  std::uint64_t changes_ = 0;
};

}  // namespace leadflow
