// Copies of stores that others hold: they follow, stand back, and go on from where a store then is.
#include "engine/runtime/standby.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "engine/runtime/restorer.h"
#include "tests/unit/log/shared_log.h"
#include "tests/unit/runtime/toy_job.h"

namespace leadflow::toy {
namespace {

using Content = std::map<std::string, std::string>;

Content ContentOf(const KeyedStore& store) {
  Content content;
  EXPECT_OK(store.ScanCommitted("", [&](std::string_view key, std::string_view value) {
    content.emplace(key, value);
    return true;
  }));
  return content;
}

bool Any(KeyedStore& /*store*/) { return true; }

// A job in one process, and copies of its stores in another.
class StandbyTest : public testing::Test {
 protected:
  StandbyTest() {
    machine_.OpenLog();
    plan_ = machine_.MakePlan();
    log_ = std::make_unique<SharedLog>(*machine_.log);
    EXPECT_OK(log_->EnsureTopics(plan_.Topics()));
    standby_ = std::make_unique<Standby>(plan_, *log_, copies_, clock_, activity_);
  }

  void RunJob(const Messages& messages) { RunJob(messages, machine_, plan_, *log_); }

  void RunJob(const Messages& messages, Machine& machine, const Plan& plan, Log& log) {
    machine.inputs[0].insert(machine.inputs[0].end(), messages.begin(), messages.end());
    RuntimeOptions options;
    options.thread = machine.options;
    Runtime runtime(plan, log, machine.stores, clock_, options);
    EXPECT_OK(runtime.Run([](const Runtime::Progress&) { return Status(); }));
  }

  void CatchUp() {
    for (int looks = 0; looks < 3; ++looks) {
      clock_.Advance(1000);  // It looks around.
      for (bool worked = true; worked;) {
        const Result<bool> step = standby_->Step();
        ASSERT_TRUE(step.ok()) << step.status();
        worked = *step;
      }
    }
  }

  Content Original(const std::string& name) {
    const auto store = machine_.stores.Open(name);
    EXPECT_TRUE(store.ok());
    return ContentOf(**store);
  }

  Content Copied(const std::string& name) {
    auto store = copies_.Take(name, Any);
    EXPECT_TRUE(store.ok());
    Content content = ContentOf(**store);
    copies_.Give(name, *std::move(store), 0);
    return content;
  }

  void ExpectEqualCopies() {
    for (const StorePlace& place : AllPlaces(plan_)) {
      if (place.store.starts_with("ingest-")) continue;  // The job has none on its disk.
      EXPECT_EQ(Copied(place.store), Original(place.store)) << place.store;
    }
  }

  VirtualClock clock_{1'000'000};
  Machine machine_{std::vector<Messages>(1)};
  std::unique_ptr<SharedLog> log_;
  Plan plan_;
  MemoryStoreFactory disk_;
  StorePool copies_{disk_};
  Activity activity_;
  std::unique_ptr<Standby> standby_;
};

TEST_F(StandbyTest, CopiesWhatOthersHaveCommitted) {
  RunJob({"a=1", "b=2", "c=>d=3"});
  EXPECT_FALSE(standby_->caught_up());
  CatchUp();
  EXPECT_TRUE(standby_->caught_up());
  ExpectEqualCopies();
  RunJob({"a=5", "e=>a=7"});
  CatchUp();
  ExpectEqualCopies();
  EXPECT_GT(activity_.standby_records.load(), 0);
  EXPECT_EQ(activity_.standby_left.load(), 0);
}

// A complete copy is as new as its last commit, not as its first record.
TEST_F(StandbyTest, ACompleteCopyIsNoHalfRestore) {
  RunJob({"a=1"});
  CatchUp();
  for (const StorePlace& place : AllPlaces(plan_)) {
    EXPECT_FALSE(Copied(place.store).contains(std::string(kRestoringKey))) << place.store;
  }
}

TEST_F(StandbyTest, LeavesAloneWhatAThreadHasAndGoesOnAfterIt) {
  RunJob({"a=1", "b=2", "c=3", "d=4"});
  CatchUp();
  std::vector<std::pair<std::string, std::unique_ptr<KeyedStore>>> taken;
  std::vector<Content> before;
  for (const StorePlace& place : AllPlaces(plan_)) {
    auto store = copies_.Take(place.store, Any);
    ASSERT_TRUE(store.ok()) << store.status();
    before.push_back(ContentOf(**store));
    taken.emplace_back(place.store, *std::move(store));
  }
  RunJob({"a=1", "b=2", "c=3", "d=4", "e=5"});
  CatchUp();
  EXPECT_TRUE(standby_->caught_up());
  for (std::size_t i = 0; i < taken.size(); ++i) {
    EXPECT_EQ(ContentOf(*taken[i].second), before[i]) << taken[i].first;
    copies_.Give(taken[i].first, std::move(taken[i].second), 0);
  }
  CatchUp();
  ExpectEqualCopies();
}

// As after a share that was held here for a while: what the copy had read is no longer where the
// store is.
TEST_F(StandbyTest, BeginsAnewWhereAThreadHasMovedAStore) {
  RunJob({"a=1", "b=2", "c=3", "d=4"});
  CatchUp();
  RunJob({"a=1", "b=2", "c=3", "d=4"});
  for (const StorePlace& place : AllPlaces(plan_)) {
    auto store = copies_.Take(place.store, Any);
    ASSERT_TRUE(store.ok()) << store.status();
    Restorer restorer(*log_, clock_);
    EXPECT_OK(restorer.Add(place.changelog, place.key_prefix, store->get()));
    EXPECT_OK(restorer.Run({}));
    copies_.Give(place.store, *std::move(store), 0);
  }
  RunJob({"a=7", "b=8", "c=9", "d=10"});
  CatchUp();
  CatchUp();
  ExpectEqualCopies();
}

TEST_F(StandbyTest, ACopyOfAnotherChangelogOfTheNameIsRefused) {
  RunJob({"a=1", "b=2", "c=3", "d=4"});
  CatchUp();
  Machine other(std::vector<Messages>(1));
  other.OpenLog();
  SharedLog log(*other.log);
  const Plan plan = other.MakePlan();
  clock_.Advance(60'000);
  for (int i = 0; i < 5; ++i) RunJob({"a=1", "b=2", "c=3", "d=4"}, other, plan, log);
  Standby anew(plan, log, copies_, clock_, activity_);
  const Result<bool> step = anew.Step();
  ASSERT_FALSE(step.ok());
  EXPECT_EQ(step.status().code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(step.status().message().find("made anew"), std::string_view::npos) << step.status();
}

TEST(StorePoolTest, WhoeverTakesAStoreWaitsForWhoHasBorrowedIt) {
  MemoryStoreFactory disk;
  StorePool pool(disk);
  auto borrowed = pool.Borrow("a", Any);
  ASSERT_TRUE(borrowed.ok());
  std::promise<void> asks;
  auto taken = std::async(std::launch::async, [&] {
    asks.set_value();
    return pool.Take("a", Any);
  });
  asks.get_future().wait();
  EXPECT_OK((*borrowed)->Restore(std::vector<KeyedStore::Change>{{"key", "value"}}, 7));
  pool.Return("a", *std::move(borrowed), 0);
  auto store = taken.get();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->applied_offset(), 7);
  const auto none = pool.Borrow("a", Any);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(*none, nullptr);
}

// Two processes on one log. The second one begins with nothing: it copies first, and asks for its
// share only then, so that the first one is never without what it needs.
TEST(StandbyJobTest, AProcessThatTakesOverFindsTheStateAtHand) {
  Machine machine({Messages(400, "a=1"), Messages(400, "b=2")});
  machine.followed = true;
  machine.options.until_end = false;
  machine.options.commit_interval_ms = 1;
  machine.OpenLog();
  SharedLog log(*machine.log);
  const Plan plan = machine.MakePlan();
  RuntimeOptions options;
  options.thread = machine.options;
  options.member = "first";
  Runtime first(plan, log, machine.stores, Clock::System(), options);
  std::atomic<std::int64_t> read{0};
  std::thread first_process([&] {
    EXPECT_OK(first.Run([&](const Runtime::Progress& progress) {
      read.store(progress.messages_read);
      return Status();
    }));
  });
  while (read.load() < 800) std::this_thread::yield();
  MemoryStoreFactory disk;
  options.member = "second";
  options.standby = options.copy_first = true;
  Runtime second(plan, log, disk, Clock::System(), options);
  Sums totals;
  bool asked = false;
  std::int64_t restored = -1;
  EXPECT_OK(second.Run([&](const Runtime::Progress& progress) -> Status {
    if (!asked && progress.partitions > 0) {
      asked = true;
      first.RequestStop();
    }
    if (progress.partitions == machine.partitions) {
      restored = progress.restored_records;
      second.RequestStop();
    }
    if (!progress.last) return {};
    return second.WithFacts([&](const std::vector<const KeyedStore*>& facts) -> Status {
      for (const KeyedStore* const store : facts) AddSums(*store, &totals);
      return {};
    });
  }));
  first_process.join();
  EXPECT_EQ(totals, (Sums{{"a", 400}, {"b", 800}}));
  EXPECT_GE(restored, 0);
  EXPECT_LT(restored, 100) << "of changelogs, after the copies: the last commits of the first";
}

}  // namespace
}  // namespace leadflow::toy
