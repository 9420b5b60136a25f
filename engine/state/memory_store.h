// MemoryStore: a KeyedStore that keeps its bytes in a map, for tests and the simulation, and loses
// them as a disk would. The bytes belong to the MemoryStoreFactory and outlive the store: opening
// the name again is a restart of the process.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/state/keyed_store.h"
#include "engine/state/staged_writes.h"
#include "engine/state/store_factory.h"

namespace leadflow {

class MemoryStore final : public KeyedStore {
 public:
  // What the "disk" holds.
  struct Data {
    std::mutex mutex;  // ScanCommitted may be called from any thread.
    std::map<std::string, std::string, std::less<>> committed;
    // How to go back to the last Flush: the value of each key changed since; nullopt = none.
    std::map<std::string, std::optional<std::string>, std::less<>> undo;
    std::int64_t applied = -1;
    std::int64_t durable = -1;
    bool open = false;
    std::uint64_t crashes = 0;  // A store serves from one crash to the next.
  };

  explicit MemoryStore(std::shared_ptr<Data> data);
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;
  ~MemoryStore() override;

  Result<std::optional<std::string>> Get(std::string_view key) override;
  Status MultiGet(std::span<const std::string_view> keys,
                  std::vector<std::optional<std::string>>* values) override;
  void Put(std::string_view key, std::string_view value) override { staged_.Put(key, value); }
  void Delete(std::string_view key) override { staged_.Put(key, std::nullopt); }
  Status Scan(std::string_view prefix, const Visit& visit) override;
  Status ScanCommitted(std::string_view prefix, const Visit& visit) const override;
  void VisitStaged(
      const std::function<void(std::string_view key, std::optional<std::string_view> value)>& visit)
      const override;
  std::size_t staged_bytes() const override { return staged_.bytes(); }
  void Seal() override;
  Status Apply(std::int64_t changelog_offset) override;
  void DropStaged() override;
  Status Restore(std::span<const Change> changes, std::int64_t changelog_offset) override;
  std::int64_t applied_offset() const override;
  std::int64_t durable_offset() const override;
  Status Flush() override;

  // As if the process died here: what was applied since the last Flush is gone, and what is staged.
  void CrashLose();

 private:
  Status Alive() const;
  static void Write(Data* data, std::string_view key, std::optional<std::string_view> value);

  const std::shared_ptr<Data> data_;
  std::uint64_t life_;
  StagedWrites staged_;
  StagedWrites sealed_;  // Those of a transaction that is on its way.
  bool is_sealed_ = false;
};

class MemoryStoreFactory final : public StoreFactory {
 public:
  Result<std::unique_ptr<KeyedStore>> Open(std::string_view name) override;
  Status Remove(std::string_view name) override;

  // The process dies: every store goes back to its last Flush, those that are open fail from now
  // on, and all names may be opened again.
  void Crash();

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<MemoryStore::Data>, std::less<>> stores_;
};

}  // namespace leadflow
