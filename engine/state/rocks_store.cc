#include "engine/state/rocks_store.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdarg>
#include <deque>
#include <filesystem>
#include <mutex>
#include <numeric>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#if __has_include(<rocksdb/advanced_cache.h>)
#include <rocksdb/advanced_cache.h>  // Where the class is since RocksDB 8.
#endif
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include "engine/base/check.h"
#include "engine/base/wire.h"
#include "engine/state/open_databases.h"
#include "engine/state/staged_writes.h"

namespace leadflow {
namespace {

// The store's own key: format version, changelog offset. Scans pass over it.
constexpr std::string_view kMetaKey("\0\0store", 7);
constexpr std::uint64_t kFormat = 1;

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Status ToStatus(const rocksdb::Status& status, const std::string& directory) {
  if (status.ok()) return {};
  const std::string name = "state store " + directory;
  if (status.IsCorruption()) {
    return Status::Corruption(name + " is damaged (" + status.ToString() +
                              "): stop, remove this directory and start again; it is rebuilt from "
                              "the changelog");
  }
  if (status.IsNoSpace()) {
    return {ErrorCode::kInternal, "no space left on device: " + directory +
                                      "; free space and start again, nothing is lost"};
  }
  return {ErrorCode::kInternal, name + ": " + status.ToString()};
}

std::string EncodeMeta(std::int64_t changelog_offset) {
  std::string bytes;
  WireWriter writer(&bytes);
  writer.Varint(kFormat);
  writer.Signed(changelog_offset);
  return bytes;
}

Result<std::int64_t> DecodeMeta(std::string_view bytes, const std::string& directory) {
  WireReader reader(bytes);
  std::uint64_t format = 0;
  std::int64_t offset = 0;
  if (reader.Varint(&format) && format > kFormat) {
    return Status(ErrorCode::kFailedPrecondition,
                  "state store " + directory + " has format " + std::to_string(format) +
                      ", written by a newer release; this one reads up to " +
                      std::to_string(kFormat) +
                      ": start the newer release again, or remove this directory to have it "
                      "rebuilt from the changelog");
  }
  if (!reader.Signed(&offset) || !reader.AtEnd() || format == 0) {
    return ToStatus(rocksdb::Status::Corruption("its offset cannot be read"), directory);
  }
  return offset;
}

// The first key behind all keys with `prefix`; empty: there is none.
std::string EndOf(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

// Tells when RocksDB has tidied up, or could not.
class Compactions final : public rocksdb::EventListener {
 public:
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override { Note(); }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status*) override { Note(); }

  std::uint64_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  // For some time at most, for others may end a wait, too.
  void AwaitMoreThan(std::uint64_t count) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return count_ > count; });
  }

 private:
  static constexpr std::chrono::milliseconds kPatience{200};

  void Note() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::uint64_t count_ = 0;
};

// Committed writes gather in a hash table first, where a key that is written again and again costs
// one entry. When it is full, a thread of its own writes it, in key order, as a file that RocksDB
// takes over whole, with the offset that it equals: its memtable, a second table of the same, stays
// empty. What is lost by a crash stands in the changelog. The memory goes back as soon as RocksDB
// has it all: the caches of the operators make more of it.
class RocksStore final : public KeyedStore {
 public:
  RocksStore(std::unique_ptr<rocksdb::DB> db, std::string directory,
             std::size_t filter_prefix_bytes, std::size_t gather_bytes, std::int64_t applied,
             std::shared_ptr<OpenDatabases> open, std::shared_ptr<const Compactions> compactions)
      : db_(std::move(db)),
        open_(std::move(open)),
        compactions_(std::move(compactions)),
        directory_(std::move(directory)),
        filter_prefix_bytes_(filter_prefix_bytes),
        gather_bytes_(gather_bytes),
        applied_(applied),
        spilled_(applied),
        file_options_(FileOptions(db_->GetOptions())) {
    open_->Add(db_.get());
  }

  // What was applied is kept if it can be; else it is made again from the changelog.
  ~RocksStore() override {
    static_cast<void>(RocksStore::Flush());
    if (spiller_.joinable()) spiller_.join();
    open_->Remove(db_.get());
  }

  Result<std::optional<std::string>> Get(std::string_view key) override {
    if (const auto known = InMemory(key)) {
      if (!known->value) return std::optional<std::string>();
      return std::optional<std::string>(*known->value);
    }
    std::string value;
    const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    LEADFLOW_RETURN_IF_ERROR(ToStatus(status, directory_));
    return std::optional<std::string>(std::move(value));
  }

  Status MultiGet(std::span<const std::string_view> keys,
                  std::vector<std::optional<std::string>>* values) override {
    values->assign(keys.size(), std::nullopt);
    std::vector<std::uint32_t> wanted;
    wanted.reserve(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto known = InMemory(keys[i]);
      if (!known) {
        wanted.push_back(static_cast<std::uint32_t>(i));
      } else if (known->value) {
        (*values)[i].emplace(*known->value);
      }
    }
    std::sort(wanted.begin(), wanted.end(),
              [&](std::uint32_t a, std::uint32_t b) { return keys[a] < keys[b]; });
    // RocksDB answers wrongly if a key is asked for twice in one call.
    std::vector<rocksdb::Slice> unique;
    unique.reserve(wanted.size());
    for (const std::uint32_t i : wanted) {
      if (unique.empty() || ToView(unique.back()) != keys[i]) unique.push_back(ToSlice(keys[i]));
    }
    std::vector<rocksdb::PinnableSlice> found(unique.size());
    std::vector<rocksdb::Status> statuses(unique.size());
    db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), unique.size(), unique.data(),
                  found.data(), statuses.data(), /*sorted_input=*/true);
    std::size_t at = 0;
    for (const std::uint32_t i : wanted) {
      while (ToView(unique[at]) != keys[i]) ++at;
      if (statuses[at].IsNotFound()) continue;
      LEADFLOW_RETURN_IF_ERROR(ToStatus(statuses[at], directory_));
      (*values)[i].emplace(ToView(found[at]));
    }
    return {};
  }

  void Put(std::string_view key, std::string_view value) override { staged_.Put(key, value); }
  void Delete(std::string_view key) override { staged_.Put(key, std::nullopt); }

  Status Scan(std::string_view prefix, const Visit& visit) override {
    return Overlay(staged_.WithPrefix(prefix), visit, [&](const Visit& sealed) {
      return Overlay(sealed_.WithPrefix(prefix), sealed,
                     [&](const Visit& below) { return ScanCommitted(prefix, below); });
    });
  }

  Status ScanCommitted(std::string_view prefix, const Visit& visit) const override {
    const std::string end = EndOf(prefix);
    const rocksdb::Slice bound(end);
    rocksdb::ReadOptions options;
    if (!end.empty()) options.iterate_upper_bound = &bound;
    options.total_order_seek = prefix.size() < filter_prefix_bytes_;
    std::unique_ptr<rocksdb::Iterator> at;
    Copies gathered;
    {
      std::unique_lock lock(mutex_);
      spill_ended_.wait(lock, [this] { return !spilling_; });
      LEADFLOW_RETURN_IF_ERROR(spill_status_);
      for (const StagedWrites::Write& write : gathered_.WithPrefix(prefix)) gathered.Add(write);
      at.reset(db_->NewIterator(options));
    }
    return Overlay(gathered.writes, visit, [&](const Visit& below) {
      for (at->Seek(ToSlice(prefix)); at->Valid(); at->Next()) {
        const std::string_view key = ToView(at->key());
        if (key == kMetaKey) continue;
        if (!below(key, ToView(at->value()))) return Status();
      }
      return ToStatus(at->status(), directory_);
    });
  }

  void VisitStaged(
      const std::function<void(std::string_view key, std::optional<std::string_view> value)>& visit)
      const override {
    staged_.ForEach([&](const StagedWrites::Write& write) { visit(write.key, write.value); });
  }
  std::size_t staged_bytes() const override { return staged_.bytes(); }

  void Seal() override {
    LEADFLOW_CHECK(!is_sealed_);
    std::swap(staged_, sealed_);
    is_sealed_ = true;
  }

  Status Apply(std::int64_t changelog_offset) override {
    if (!is_sealed_) Seal();
    {
      const std::lock_guard lock(mutex_);
      GatherSealed();
    }
    sealed_.Clear();
    is_sealed_ = false;
    return Applied(changelog_offset);
  }

  void DropStaged() override {
    staged_.Clear();
    sealed_.Clear();
    is_sealed_ = false;
  }

  Status Restore(std::span<const Change> changes, std::int64_t changelog_offset) override {
    LEADFLOW_CHECK(staged_.empty());
    {
      const std::lock_guard lock(mutex_);
      for (const Change& change : changes) Gather(change.key, change.value);
    }
    return Applied(changelog_offset);
  }

  std::int64_t applied_offset() const override { return applied_; }
  std::int64_t durable_offset() const override {
    const std::lock_guard lock(mutex_);
    return spilled_;
  }

  // While a spill is under way that is what was begun; what came since goes with the next call.
  Status BeginFlush() override {
    {
      const std::lock_guard lock(mutex_);
      if (spilling_) return spill_status_;
    }
    return Spill();
  }

  Status Flush() override {
    LEADFLOW_RETURN_IF_ERROR(Spill());
    return AwaitSpill();
  }

 private:
  struct Copies {
    void Add(const StagedWrites::Write& write) {
      const std::string& key = bytes.emplace_back(write.key);
      if (!write.value) {
        writes.push_back({key, std::nullopt});
      } else {
        writes.push_back({key, bytes.emplace_back(*write.value)});
      }
    }
    std::deque<std::string> bytes;  // Its elements stay where they are.
    std::vector<StagedWrites::Write> writes;
  };

  std::optional<StagedWrites::Write> InMemory(std::string_view key) const {
    if (const auto staged = staged_.Find(key)) return staged;
    if (const auto sealed = sealed_.Find(key)) return sealed;
    if (const auto gathered = gathered_.Find(key)) return gathered;
    return spilled_writes_.Find(key);
  }

  // The table is larger than what is near the processor: it is told some keys ahead.
  void GatherSealed() {
    constexpr std::size_t kAhead = 8;
    std::array<StagedWrites::Write, kAhead> waiting;
    std::size_t count = 0;
    const auto gather = [&](const StagedWrites::Write& write) { Gather(write.key, write.value); };
    sealed_.ForEach([&](const StagedWrites::Write& write) {
      StagedWrites::Write& slot = waiting[count % kAhead];
      if (count >= kAhead) gather(slot);
      slot = write;
      gathered_.Prefetch(write.key);
      ++count;
    });
    const std::size_t left = std::min(count, kAhead);
    for (std::size_t i = count - left; i < count; ++i) gather(waiting[i % kAhead]);
  }

  void Gather(std::string_view key, std::optional<std::string_view> value) {
    LEADFLOW_CHECK(key != kMetaKey);
    gathered_.Put(key, value);
  }

  Status Applied(std::int64_t changelog_offset) {
    applied_ = changelog_offset;
    ReleaseSpilled();
    return gathered_.memory_bytes() < gather_bytes_ ? Status() : Spill();
  }

  // Begins to hand everything gathered to RocksDB; waits only if that is still going on from the
  // last time. An error is that of the spill before.
  Status Spill() {
    LEADFLOW_RETURN_IF_ERROR(AwaitSpill());
    if (spilled_ == applied_) return {};
    {
      const std::lock_guard lock(mutex_);
      std::swap(spilled_writes_, gathered_);
      gathered_.Clear();
      spilling_ = true;
    }
    spiller_ = std::thread([this, offset = applied_] {
      const Status status = WriteSpilled(offset);
      const std::lock_guard lock(mutex_);
      spilling_ = false;
      spill_status_ = status;
      if (status.ok()) spilled_ = offset;
      spill_ended_.notify_all();
    });
    return {};
  }

  void ReleaseSpilled() {
    if (spilled_writes_.empty()) return;
    {
      const std::lock_guard lock(mutex_);
      if (spilling_ || !spill_status_.ok()) return;
    }
    spilled_writes_ = StagedWrites();
  }

  Status AwaitSpill() {
    if (spiller_.joinable()) spiller_.join();
    return spill_status_;
  }

  Status WriteSpilled(std::int64_t offset) {
    rocksdb::Status status = AwaitCompactions();
    const std::string file = directory_ + "/spilled";
    if (status.ok()) status = WriteFile(file, offset);
    rocksdb::IngestExternalFileOptions take_over;
    take_over.move_files = true;
    if (status.ok()) status = db_->IngestExternalFile({file}, take_over);
    return ToStatus(status, directory_);
  }

  rocksdb::Status WriteFile(const std::string& file, std::int64_t offset) const {
    const std::string meta = EncodeMeta(offset);
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), file_options_, nullptr,
                                  /*invalidate_page_cache=*/false);
    rocksdb::Status status = writer.Open(file);
    bool told = false;
    const auto tell_offset = [&] {
      if (status.ok()) status = writer.Put(ToSlice(kMetaKey), meta);
      told = true;
    };
    for (const StagedWrites::Write& write : spilled_writes_.All()) {
      if (!told && write.key > kMetaKey) tell_offset();
      if (!status.ok()) return status;
      status = write.value ? writer.Put(ToSlice(write.key), ToSlice(*write.value))
                           : writer.Delete(ToSlice(write.key));
    }
    if (!told) tell_offset();
    return status.ok() ? writer.Finish() : status;
  }

  // Nothing else holds up who writes faster than compactions tidy up.
  rocksdb::Status AwaitCompactions() const {
    std::string young;
    std::uint64_t compactions = compactions_->count();
    while (db_->GetProperty(rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &young) &&
           std::stoll(young) >= kYoungFilesMax) {
      std::uint64_t errors = 0;
      if (db_->GetIntProperty(rocksdb::DB::Properties::kBackgroundErrors, &errors) && errors > 0) {
        const rocksdb::Status status = db_->Resume();
        if (!status.ok()) return status;
      }
      compactions_->AwaitMoreThan(compactions);
      compactions = compactions_->count();
    }
    return {};
  }

  static rocksdb::Options FileOptions(rocksdb::Options options) {
    options.compression = options.compression_per_level.front();
    options.compression_per_level.clear();
    return options;
  }

  static constexpr std::int64_t kYoungFilesMax = 32;

  const std::unique_ptr<rocksdb::DB> db_;
  const std::shared_ptr<OpenDatabases> open_;
  const std::shared_ptr<const Compactions> compactions_;
  const std::string directory_;
  const std::size_t filter_prefix_bytes_;
  const std::size_t gather_bytes_;
  StagedWrites staged_;
  StagedWrites sealed_;  // Those of a transaction that is on its way.
  bool is_sealed_ = false;
  // Guards changes of gathered_ against ScanCommitted, and what a spill leaves behind.
  mutable std::mutex mutex_;
  mutable std::condition_variable spill_ended_;
  std::thread spiller_;
  bool spilling_ = false;
  Status spill_status_;          // Of the last one; an error stays.
  StagedWrites gathered_;        // Committed, not yet on its way to RocksDB.
  StagedWrites spilled_writes_;  // On their way to RocksDB; do not change meanwhile.
  std::int64_t applied_;
  std::int64_t spilled_;  // The offset that RocksDB's own state equals.
  const rocksdb::Options file_options_;
};

// RocksDB's own log says nothing that its statuses do not; and where RocksDB is built with
// assertions, a log that cannot be written ends the process, as on a full disk.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

rocksdb::BlockBasedTableOptions TableOptions(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.block_size = 8 << 10;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  return table;
}

}  // namespace

struct RocksStoreFactory::Shared {
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<OpenDatabases> open = std::make_shared<OpenDatabases>();
  std::shared_ptr<Compactions> compactions = std::make_shared<Compactions>();
  rocksdb::Options options;
};

RocksStoreFactory::RocksStoreFactory(StateOptions options)
    : options_(std::move(options)), shared_(std::make_unique<Shared>()) {
  shared_->cache = rocksdb::NewLRUCache(options_.memory_bytes, /*num_shard_bits=*/-1,
                                        /*strict_capacity_limit=*/false,
                                        /*high_pri_pool_ratio=*/0.2);
  rocksdb::Options& db = shared_->options;
  db.create_if_missing = true;
  // Files come as they are (see WriteFile): there is nothing to buffer.
  db.write_buffer_size = std::size_t{64} << 10;
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(TableOptions(shared_->cache)));
  db.prefix_extractor.reset(rocksdb::NewCappedPrefixTransform(options_.filter_prefix_bytes));
  db.compression = rocksdb::kLZ4Compression;
  // Young files are soon written again: what packs them costs more than their size.
  db.compression_per_level = {rocksdb::kNoCompression, rocksdb::kLZ4Compression};
  db.level0_file_num_compaction_trigger = 8;
  db.level_compaction_dynamic_level_bytes = true;
  db.max_background_jobs = std::clamp(options_.background_jobs, 1, 7);
  // Not auto-tuned: that begins with a twentieth and takes minutes to allow what a restore needs.
  db.rate_limiter.reset(rocksdb::NewGenericRateLimiter(
      std::int64_t{256} << 20, /*refill_period_us=*/100'000, /*fairness=*/10,
      rocksdb::RateLimiter::Mode::kWritesOnly, /*auto_tuned=*/false));
  db.max_open_files = 256;
  // A compaction reads from one end to the other: one call for many blocks.
  db.compaction_readahead_size = std::size_t{512} << 10;
  db.avoid_unnecessary_blocking_io = true;
  db.info_log = std::make_shared<NoLog>();
  db.listeners.push_back(shared_->compactions);
  // Whoever waits for an event comes before what tidies up; if that falls behind, writers wait for
  // it.
  db.env->LowerThreadPoolCPUPriority(rocksdb::Env::Priority::LOW, rocksdb::CpuPriority::kLow);
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
}

RocksStoreFactory::~RocksStoreFactory() = default;

Result<std::unique_ptr<KeyedStore>> RocksStoreFactory::Open(std::string_view name) {
  LEADFLOW_RETURN_IF_ERROR(CheckStoreName(name));
  const std::string directory = options_.directory + "/" + std::string(name);
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return Status(ErrorCode::kInternal, "create directory " + directory + ": " + error.message());
  }
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(shared_->options, directory, &opened);
  std::unique_ptr<rocksdb::DB> db(opened);
  if (status.IsIOError() && status.ToString().find("/LOCK") != std::string::npos) {
    return Status(ErrorCode::kFailedPrecondition, "state store " + directory +
                                                      " is open already, here or in another "
                                                      "process (" +
                                                      status.ToString() + ")");
  }
  LEADFLOW_RETURN_IF_ERROR(ToStatus(status, directory));
  std::int64_t applied = -1;
  std::string meta;
  const rocksdb::Status read = db->Get(rocksdb::ReadOptions(), ToSlice(kMetaKey), &meta);
  if (!read.IsNotFound()) {
    LEADFLOW_RETURN_IF_ERROR(ToStatus(read, directory));
    LEADFLOW_ASSIGN_OR_RETURN(applied, DecodeMeta(meta, directory));
  }
  return std::unique_ptr<KeyedStore>(std::make_unique<RocksStore>(
      std::move(db), directory, options_.filter_prefix_bytes, options_.gather_bytes, applied,
      shared_->open, shared_->compactions));
}

Status RocksStoreFactory::Remove(std::string_view name) {
  LEADFLOW_RETURN_IF_ERROR(CheckStoreName(name));
  const std::string directory = options_.directory + "/" + std::string(name);
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  if (error) {
    return Status(ErrorCode::kInternal, "remove " + directory + ": " + error.message());
  }
  return {};
}

std::uint64_t RocksStoreFactory::memory_bytes() const { return shared_->cache->GetUsage(); }

void RocksStoreFactory::Expose(Exposition* out) const {
  out->Family("leadflow_state_cache_bytes", Exposition::Type::kGauge,
              "What the shared cache of blocks holds.");
  out->Sample({}, static_cast<std::int64_t>(shared_->cache->GetUsage()));
  out->Family("leadflow_state_cache_capacity_bytes", Exposition::Type::kGauge, "What it may hold.");
  out->Sample({}, static_cast<std::int64_t>(shared_->cache->GetCapacity()));
  shared_->open->Expose(out);
}

}  // namespace leadflow
