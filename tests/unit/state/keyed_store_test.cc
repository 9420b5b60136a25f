// What both stores must do, and what each does about crashes.
#include "engine/state/keyed_store.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/state/memory_store.h"
#include "engine/state/rocks_store.h"

namespace leadflow {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

#define EXPECT_OK(expression)                                    \
  do {                                                           \
    const ::leadflow::Status expect_status = (expression);       \
    EXPECT_TRUE(expect_status.ok()) << expect_status.ToString(); \
  } while (false)

class Directory {
 public:
  Directory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "leadflow-state-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

StateOptions SmallState(const std::string& directory) {
  StateOptions options;
  options.directory = directory;
  options.memory_bytes = 8 << 20;
  return options;
}

std::unique_ptr<KeyedStore> MustOpen(StoreFactory& factory, std::string_view name = "task-0") {
  Result<std::unique_ptr<KeyedStore>> store = factory.Open(name);
  EXPECT_OK(store.status());
  return *std::move(store);
}

Pairs Collect(KeyedStore& store, std::string_view prefix = {}) {
  Pairs found;
  EXPECT_OK(store.Scan(prefix, [&](std::string_view key, std::string_view value) {
    found.emplace_back(key, value);
    return true;
  }));
  return found;
}

Pairs CollectCommitted(const KeyedStore& store, std::string_view prefix = {}) {
  Pairs found;
  EXPECT_OK(store.ScanCommitted(prefix, [&](std::string_view key, std::string_view value) {
    found.emplace_back(key, value);
    return true;
  }));
  return found;
}

std::optional<std::string> Value(KeyedStore& store, std::string_view key) {
  Result<std::optional<std::string>> value = store.Get(key);
  EXPECT_OK(value.status());
  return *value;
}

enum class Kind { kRocks, kMemory };

class KeyedStoreTest : public testing::TestWithParam<Kind> {
 protected:
  KeyedStoreTest() {
    if (GetParam() == Kind::kRocks) {
      factory_ = std::make_unique<RocksStoreFactory>(SmallState(directory_.path()));
    } else {
      factory_ = std::make_unique<MemoryStoreFactory>();
    }
    store_ = MustOpen(*factory_);
  }

  void Reopen() {
    store_.reset();
    store_ = MustOpen(*factory_);
  }

  Directory directory_;
  std::unique_ptr<StoreFactory> factory_;
  std::unique_ptr<KeyedStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, KeyedStoreTest, testing::Values(Kind::kRocks, Kind::kMemory),
                         [](const auto& tested) {
                           return tested.param == Kind::kRocks ? "Rocks" : "Memory";
                         });

TEST_P(KeyedStoreTest, StagedWritesAreSeenAtOnceButNotCommitted) {
  store_->Put("a", "1");
  EXPECT_EQ(Value(*store_, "a"), "1");
  EXPECT_EQ(Collect(*store_), (Pairs{{"a", "1"}}));
  EXPECT_EQ(CollectCommitted(*store_), Pairs{});
  EXPECT_EQ(store_->applied_offset(), -1);
  EXPECT_OK(store_->Apply(5));
  EXPECT_EQ(CollectCommitted(*store_), (Pairs{{"a", "1"}}));
  EXPECT_EQ(store_->applied_offset(), 5);
  EXPECT_EQ(store_->staged_bytes(), 0u);
}

TEST_P(KeyedStoreTest, DropStagedGoesBackToWhatWasCommitted) {
  store_->Put("a", "1");
  EXPECT_OK(store_->Apply(1));
  store_->Put("a", "2");
  store_->Put("b", "2");
  store_->Delete("a");
  EXPECT_EQ(Value(*store_, "a"), std::nullopt);
  store_->DropStaged();
  EXPECT_EQ(Collect(*store_), (Pairs{{"a", "1"}}));
  EXPECT_EQ(store_->staged_bytes(), 0u);
  EXPECT_EQ(store_->applied_offset(), 1);
}

TEST_P(KeyedStoreTest, VisitStagedGivesTheLastValuePerKey) {
  store_->Put("c", "1");
  store_->Put("a", "1");
  store_->Put("c", "longer");
  store_->Delete("b");
  store_->Put("a", "");
  std::map<std::string, std::optional<std::string>> staged;
  store_->VisitStaged([&](std::string_view key, std::optional<std::string_view> value) {
    const auto copy = value ? std::optional<std::string>(*value) : std::nullopt;
    EXPECT_TRUE(staged.emplace(key, copy).second);
  });
  const decltype(staged) expected = {{"a", ""}, {"b", std::nullopt}, {"c", "longer"}};
  EXPECT_EQ(staged, expected);
  EXPECT_EQ(store_->staged_bytes(), 9u);
}

TEST_P(KeyedStoreTest, MultiGetKeepsTheOrderOfItsKeysAndAllowsDoubles) {
  store_->Put("a", "1");
  store_->Put("b", "2");
  store_->Put("d", "4");
  EXPECT_OK(store_->Apply(1));
  store_->Put("c", "3");
  store_->Delete("d");
  const std::vector<std::string_view> keys = {"b", "x", "a", "c", "b", "d"};
  std::vector<std::optional<std::string>> values = {"left over"};
  EXPECT_OK(store_->MultiGet(keys, &values));
  const std::vector<std::optional<std::string>> expected = {"2", std::nullopt, "1",
                                                            "3", "2",          std::nullopt};
  EXPECT_EQ(values, expected);
  EXPECT_OK(store_->MultiGet({}, &values));
  EXPECT_TRUE(values.empty());
}

TEST_P(KeyedStoreTest, ScanMergesStagedAndCommittedWithinThePrefix) {
  for (const char* key : {"p", "p1", "p3", "p5", "q"}) store_->Put(key, "old");
  EXPECT_OK(store_->Apply(1));
  store_->Put("p0", "new");
  store_->Put("p3", "new");
  store_->Delete("p5");
  store_->Put("p9", "new");
  store_->Put("q2", "new");
  store_->Delete("p7");
  EXPECT_EQ(Collect(*store_, "p"),
            (Pairs{{"p", "old"}, {"p0", "new"}, {"p1", "old"}, {"p3", "new"}, {"p9", "new"}}));
  EXPECT_EQ(CollectCommitted(*store_, "p"),
            (Pairs{{"p", "old"}, {"p1", "old"}, {"p3", "old"}, {"p5", "old"}}));
}

TEST_P(KeyedStoreTest, ScanStopsWhenToldTo) {
  for (const char* key : {"a", "c", "e"}) store_->Put(key, "committed");
  EXPECT_OK(store_->Apply(1));
  for (const char* key : {"b", "d", "f"}) store_->Put(key, "staged");
  for (std::size_t wanted = 1; wanted <= 6; ++wanted) {
    std::string keys;
    EXPECT_OK(store_->Scan("", [&](std::string_view key, std::string_view) {
      keys += key;
      return keys.size() < wanted;
    }));
    EXPECT_EQ(keys, std::string("abcdef").substr(0, wanted));
  }
}

TEST_P(KeyedStoreTest, PrefixesOfHighBytesAndZeroBytesAreScanned) {
  const std::string high("\xff\xff", 2);
  const std::string zero("\0", 1);
  store_->Put(high, "1");
  store_->Put(high + "x", "2");
  store_->Put(zero, "3");
  store_->Put(zero + "m", "4");
  EXPECT_OK(store_->Apply(7));
  EXPECT_EQ(Collect(*store_, high), (Pairs{{high, "1"}, {high + "x", "2"}}));
  EXPECT_EQ(Collect(*store_, zero), (Pairs{{zero, "3"}, {zero + "m", "4"}}));
  EXPECT_EQ(Collect(*store_).size(), 4u);
}

TEST_P(KeyedStoreTest, LongPrefixesAreScannedInMemoryAndOnDisk) {
  const std::string lead = "K0123456789abcdef";
  const std::string other = "K0123456789abcdeg";
  for (int flushed = 0; flushed < 2; ++flushed) {
    for (int i = 0; i < 3; ++i) {
      const std::string number = std::to_string(2 * i + flushed);
      store_->Put(lead + number, number);
      store_->Put(other + number, number);
    }
    EXPECT_OK(store_->Apply(flushed));
    EXPECT_OK(store_->Flush());
  }
  EXPECT_EQ(Collect(*store_, lead).size(), 6u);
  EXPECT_EQ(Collect(*store_, lead + "4"), (Pairs{{lead + "4", "4"}}));
  EXPECT_EQ(Collect(*store_, "K").size(), 12u);
  EXPECT_EQ(Collect(*store_, "L").size(), 0u);
}

TEST_P(KeyedStoreTest, RestoreWritesAtOnceAndCountsAsApplied) {
  const std::vector<KeyedStore::Change> first = {{"a", "1"}, {"b", "2"}};
  const std::vector<KeyedStore::Change> second = {{"a", std::nullopt}, {"c", "3"}};
  EXPECT_OK(store_->Restore(first, 10));
  EXPECT_OK(store_->Restore(second, 12));
  EXPECT_EQ(CollectCommitted(*store_), (Pairs{{"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(store_->applied_offset(), 12);
}

TEST_P(KeyedStoreTest, DurableFollowsAppliedAtAFlush) {
  store_->Put("a", "1");
  EXPECT_OK(store_->Apply(3));
  EXPECT_EQ(store_->durable_offset(), -1);
  EXPECT_OK(store_->Flush());
  EXPECT_EQ(store_->durable_offset(), 3);
  EXPECT_OK(store_->Apply(4));
  EXPECT_EQ(store_->durable_offset(), 3);
  EXPECT_EQ(store_->applied_offset(), 4);
}

TEST_P(KeyedStoreTest, ReopenFindsWhatWasApplied) {
  store_->Put("a", "1");
  EXPECT_OK(store_->Apply(3));
  store_->Put("a", "staged");
  Reopen();
  EXPECT_EQ(Collect(*store_), (Pairs{{"a", "1"}}));
  EXPECT_EQ(store_->applied_offset(), 3);
}

TEST_P(KeyedStoreTest, AStoreIsOpenedOnceAndRemovedWhenClosed) {
  EXPECT_EQ(factory_->Open("task-0").status().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(factory_->Open("../task").status().code(), ErrorCode::kInvalidArgument);
  store_->Put("a", "1");
  EXPECT_OK(store_->Apply(3));
  const auto other = MustOpen(*factory_, "task-1");
  EXPECT_EQ(Collect(*other), Pairs{});
  store_.reset();
  EXPECT_OK(factory_->Remove("task-0"));
  EXPECT_OK(factory_->Remove("never-was"));
  store_ = MustOpen(*factory_);
  EXPECT_EQ(Collect(*store_), Pairs{});
  EXPECT_EQ(store_->applied_offset(), -1);
}

TEST_P(KeyedStoreTest, ScanCommittedFromAnotherThreadSeesWholeBatches) {
  // Every batch writes the same number to all keys, so a scan that saw two numbers saw half a
  // batch.
  for (int key = 0; key < 50; ++key) store_->Put("k" + std::to_string(key), "0");
  EXPECT_OK(store_->Apply(0));
  std::atomic<bool> stop = false;
  std::atomic<int> scans = 0;
  std::atomic<int> torn = 0;
  std::thread reader([&] {
    while (!stop || scans == 0) {
      const Pairs found = CollectCommitted(*store_, "k");
      if (found.size() != 50) ++torn;
      for (const auto& [key, value] : found) torn += value != found.front().second;
      ++scans;
    }
  });
  for (int batch = 1; batch <= 200; ++batch) {
    for (int key = 0; key < 50; ++key)
      store_->Put("k" + std::to_string(key), std::to_string(batch));
    EXPECT_OK(store_->Apply(batch));
  }
  stop = true;
  reader.join();
  EXPECT_EQ(torn, 0);
  EXPECT_GT(scans, 0);
}

// The slow, obvious store.
struct Model {
  using Writes = std::map<std::string, std::optional<std::string>>;
  std::map<std::string, std::string> committed;
  Writes staged, sealed;
  bool is_sealed = false;

  static void Write(const Writes& writes, std::map<std::string, std::string>* to) {
    for (const auto& [key, value] : writes) {
      if (value) {
        (*to)[key] = *value;
      } else {
        to->erase(key);
      }
    }
  }
  std::map<std::string, std::string> All() const {
    auto all = committed;
    Write(sealed, &all);
    Write(staged, &all);
    return all;
  }
  void Seal() {
    sealed.swap(staged);
    is_sealed = true;
  }
  void Apply() {
    if (!is_sealed) Seal();
    Write(sealed, &committed);
    sealed.clear();
    is_sealed = false;
  }
  void Drop() {
    staged.clear();
    sealed.clear();
    is_sealed = false;
  }
};

Pairs WithPrefix(const std::map<std::string, std::string>& map, const std::string& prefix) {
  Pairs found;
  for (const auto& [key, value] : map) {
    if (key.starts_with(prefix)) found.emplace_back(key, value);
  }
  return found;
}

TEST_P(KeyedStoreTest, RandomCallsEqualAMap) {
  std::mt19937_64 random(42);
  Model model;
  std::int64_t offset = 0;
  const auto random_key = [&] {
    std::string key = "k" + std::to_string(random() % 900);
    return random() % 3 == 0 ? key + std::string(20, 'x') : key;
  };
  for (int step = 0; step < 6000; ++step) {
    const std::uint64_t choice = random() % 1000;
    const std::string key = random_key();
    if (choice < 550) {
      const std::string value(random() % 40, static_cast<char>('a' + random() % 26));
      store_->Put(key, value);
      model.staged[key] = value;
    } else if (choice < 700) {
      store_->Delete(key);
      model.staged[key] = std::nullopt;
    } else if (choice < 900) {
      const auto all = model.All();
      const auto found = all.find(key);
      ASSERT_EQ(Value(*store_, key),
                found == all.end() ? std::nullopt : std::optional<std::string>(found->second));
    } else if (choice < 980) {
      const std::string prefix = key.substr(0, random() % (key.size() + 1));
      ASSERT_EQ(Collect(*store_, prefix), WithPrefix(model.All(), prefix)) << "step " << step;
    } else if (choice < 985) {
      Model::Writes staged;
      store_->VisitStaged([&](std::string_view k, std::optional<std::string_view> v) {
        staged[std::string(k)] = v ? std::optional<std::string>(*v) : std::nullopt;
      });
      ASSERT_EQ(staged, model.staged);
    } else if (choice < 988) {
      if (model.is_sealed) continue;
      store_->Seal();
      model.Seal();
    } else if (choice < 991) {
      ASSERT_EQ(CollectCommitted(*store_), WithPrefix(model.committed, ""));
    } else if (choice < 996) {
      EXPECT_OK(store_->Apply(++offset));
      model.Apply();
    } else if (choice < 998) {
      store_->DropStaged();
      model.Drop();
    } else if (choice < 999) {
      EXPECT_OK(store_->Flush());
    } else {
      Reopen();
      model.Drop();
      ASSERT_EQ(store_->applied_offset(), offset == 0 ? -1 : offset);
    }
  }
  EXPECT_EQ(Collect(*store_), WithPrefix(model.All(), ""));
}

TEST(MemoryStoreTest, ACrashLosesWhatWasAppliedSinceTheLastFlush) {
  MemoryStoreFactory factory;
  auto store = MustOpen(factory);
  store->Put("kept", "1");
  store->Put("changed", "1");
  EXPECT_OK(store->Apply(1));
  EXPECT_OK(store->Flush());
  store->Put("changed", "2");
  store->Put("new", "2");
  store->Delete("kept");
  EXPECT_OK(store->Apply(2));
  store->Put("changed", "3");
  EXPECT_OK(store->Apply(3));
  factory.Crash();
  EXPECT_FALSE(store->Apply(4).ok());
  EXPECT_FALSE(store->Get("kept").ok());
  const auto next = MustOpen(factory);
  store.reset();  // The dead one's end frees nothing of the living one's.
  EXPECT_EQ(Collect(*next), (Pairs{{"changed", "1"}, {"kept", "1"}}));
  EXPECT_EQ(next->applied_offset(), 1);
  EXPECT_FALSE(factory.Open("task-0").ok());
}

TEST(MemoryStoreTest, CrashLoseGoesBackToTheLastFlush) {
  MemoryStore store(std::make_shared<MemoryStore::Data>());
  store.Put("a", "1");
  EXPECT_OK(store.Apply(1));
  store.CrashLose();
  EXPECT_EQ(Collect(store), Pairs{});
  EXPECT_EQ(store.applied_offset(), -1);
}

// ---- RocksStore alone.

TEST(RocksStoreTest, ANewerFormatIsRefusedAndNamed) {
  const Directory directory;
  RocksStoreFactory factory(SmallState(directory.path()));
  MustOpen(factory).reset();
  {
    rocksdb::DB* db = nullptr;
    rocksdb::Options options;
    ASSERT_TRUE(rocksdb::DB::Open(options, directory.path() + "/task-0", &db).ok());
    const std::unique_ptr<rocksdb::DB> closed_at_the_end(db);
    // Version 2, offset 1.
    ASSERT_TRUE(db->Put({}, rocksdb::Slice("\0\0store", 7), rocksdb::Slice("\x02\x02", 2)).ok());
  }
  const Status status = factory.Open("task-0").status();
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(status.message().find(directory.path() + "/task-0"), std::string::npos) << status;
  EXPECT_NE(status.message().find("format 2, written by a newer release"), std::string::npos)
      << status;
}

TEST(RocksStoreTest, DamagedBytesAreCorruptionThatNamesTheDirectoryAndTheCure) {
  const Directory directory;
  {
    RocksStoreFactory factory(SmallState(directory.path()));
    const auto store = MustOpen(factory);
    for (int i = 0; i < 1000; ++i) store->Put("k" + std::to_string(i), std::string(50, 'v'));
    EXPECT_OK(store->Apply(1));
    EXPECT_OK(store->Flush());
  }
  int damaged = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory.path() + "/task-0")) {
    if (file.path().extension() != ".sst") continue;
    std::fstream bytes(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    for (int i = 0; i < 200; ++i) {
      bytes.seekp(10 + i);
      bytes.put('#');
    }
    ++damaged;
  }
  ASSERT_GT(damaged, 0);
  RocksStoreFactory factory(SmallState(directory.path()));
  Result<std::unique_ptr<KeyedStore>> store = factory.Open("task-0");
  Status status = store.status();
  if (status.ok()) {
    status = (*store)->Scan("k", [](std::string_view, std::string_view) { return true; });
  }
  EXPECT_EQ(status.code(), ErrorCode::kCorruption);
  EXPECT_NE(status.message().find(directory.path() + "/task-0"), std::string::npos) << status;
  EXPECT_NE(status.message().find("remove this directory"), std::string::npos) << status;
}

TEST(RocksStoreTest, StoresOfOneFactoryShareTheirMemory) {
  const Directory directory;
  RocksStoreFactory factory(SmallState(directory.path()));
  std::vector<std::unique_ptr<KeyedStore>> stores;
  for (int i = 0; i < 4; ++i) stores.push_back(MustOpen(factory, "task-" + std::to_string(i)));
  const std::string value(1000, 'v');
  for (int round = 0; round < 40; ++round) {
    for (const auto& store : stores) {
      for (int i = 0; i < 200; ++i) store->Put(std::to_string(round * 200 + i), value);
      EXPECT_OK(store->Apply(round));
    }
  }
  // 32 MB were written; the limit is 8 MiB, beyond which write buffers go while they are flushed.
  EXPECT_LT(factory.memory_bytes(), 16u << 20);
}

// Files are taken over as they come; only compactions make fewer of them.
TEST(RocksStoreTest, ManySmallFilesAreTidiedUp) {
  const Directory directory;
  RocksStoreFactory factory(SmallState(directory.path()));
  const auto store = MustOpen(factory);
  for (int batch = 0; batch < 300; ++batch) {
    store->Put("k" + std::to_string(batch % 7), std::to_string(batch));
    EXPECT_OK(store->Apply(batch));
    EXPECT_OK(store->Flush());
  }
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory.path() + "/task-0")) {
    files += file.path().extension() == ".sst" ? 1 : 0;
  }
  EXPECT_LT(files, 60u);
  EXPECT_EQ(Collect(*store).size(), 7u);
  EXPECT_EQ(Value(*store, "k5"), "299");
}

// Runs in a process of its own, started by the test below, until it is killed: batch i writes i to
// all keys and stands for changelog offset i. Says on descriptor 9 up to where it has flushed.
constexpr int kKeys = 20;
TEST(RocksStoreChild, DISABLED_AppliesBatchesUntilKilled) {
  const char* const directory = std::getenv("LEADFLOW_TEST_STATE");
  ASSERT_NE(directory, nullptr);
  RocksStoreFactory factory(SmallState(directory));
  const auto store = MustOpen(factory);
  for (std::int64_t batch = store->applied_offset() + 1;; ++batch) {
    for (int key = 0; key < kKeys; ++key) {
      store->Put("k" + std::to_string(key), std::to_string(batch) + std::string(2000, '.'));
    }
    if (!store->Apply(batch).ok()) ::_exit(3);
    if (batch % 7 == 0 && !store->Flush().ok()) ::_exit(3);
    const std::int64_t durable = store->durable_offset();
    if (::write(9, &durable, sizeof(durable)) != sizeof(durable)) ::_exit(3);
  }
}

TEST(RocksStoreTest, AfterAKillTheDiskEqualsOneOfTheBatches) {
  const Directory directory;
  for (int round = 0; round < 6; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const std::string environment = "LEADFLOW_TEST_STATE=" + directory.path();
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(ends[1], 9);
      const char* const arguments[] = {"test",
                                       "--gtest_filter=RocksStoreChild.*",
                                       "--gtest_also_run_disabled_tests",
                                       "--gtest_brief=1",
                                       "--gtest_print_time=0",
                                       nullptr};
      const char* const variables[] = {environment.c_str(), nullptr};
      ::execve("/proc/self/exe", const_cast<char* const*>(arguments),
               const_cast<char* const*>(variables));
      ::_exit(4);
    }
    ::close(ends[1]);
    std::int64_t durable = -1;
    for (int batch = 0; batch < 25 + 13 * round; ++batch) {
      ASSERT_EQ(::read(ends[0], &durable, sizeof(durable)), 8) << "the child ended by itself";
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int how = 0;
    ASSERT_EQ(::waitpid(child, &how, 0), child);
    ASSERT_TRUE(WIFSIGNALED(how)) << "the child ended by itself: " << how;
    ::close(ends[0]);

    RocksStoreFactory factory(SmallState(directory.path()));
    const auto store = MustOpen(factory);
    ASSERT_GE(durable, 14);
    ASSERT_GE(store->applied_offset(), durable);
    const Pairs found = CollectCommitted(*store);
    ASSERT_EQ(found.size(), static_cast<std::size_t>(kKeys));
    for (const auto& [key, value] : found) {
      EXPECT_EQ(value, std::to_string(store->applied_offset()) + std::string(2000, '.')) << key;
    }
  }
}

}  // namespace
}  // namespace leadflow
