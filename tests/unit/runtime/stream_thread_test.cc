// One thread step by step: when it commits, how it begins, who stops it.
#include "engine/runtime/stream_thread.h"

#include <algorithm>
#include <utility>

#include "engine/base/hash.h"
#include "engine/base/wire.h"
#include "engine/runtime/exchange.h"
#include "engine/runtime/restorer.h"
#include "tests/support/plain_operator.h"
#include "tests/unit/runtime/toy_job.h"
#include "tests/unit/runtime/troubled_logs.h"

namespace leadflow::toy {
namespace {

const TopicPartition kEventsChangelog{"toy.changelog.events", 0};

// Facts stage: the last number of each letter counts, so that their order is seen.
class LastNumbers final : public PlainOperator {
 public:
  Status Process(std::span<const MessageView> batch) override {
    for (const MessageView& message : batch) {
      context_->store().Put("S" + std::string(message.value.substr(0, 1)), message.value.substr(2));
    }
    return {};
  }
};

// A letter and a number: a key in partition `events` of 2, and its first letter in `facts`.
std::string KeyIn(std::uint32_t events, std::uint32_t facts) {
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    if (PartitionOf(Hash64(std::string(1, letter)), 2) != facts) continue;
    for (int i = 0; i < 100; ++i) {
      const std::string key = letter + std::to_string(i);
      if (PartitionOf(Hash64(key), 2) == events) return key;
    }
  }
  return {};
}

class StreamThreadTest : public testing::Test {
 protected:
  StreamThreadTest() : machine_({{"a=1", "b=2", "c=3", "d=4", "e=5", "f=6"}}) {
    machine_.partitions = 2;
    machine_.options = {};
    machine_.OpenLog();
  }

  StoreOpener Opener(MemoryStoreFactory& stores) {
    return [&stores](const std::string& name, const StoreFactory::Keep& keep) {
      return stores.OpenKept(name, keep);
    };
  }

  // Every so-manieth partition.
  ThreadShare Share(std::uint32_t index, std::uint32_t threads) const {
    ThreadShare share{.partitions = {}, .writer_id = "toy-" + std::to_string(index)};
    for (std::uint32_t p = index; p < plan_.partitions; p += threads) share.partitions.push_back(p);
    return share;
  }

  // A process begins: threads over the log and the stores as they are.
  void Begin(std::uint32_t threads = 1, Log* log = nullptr) {
    if (log == nullptr) log = machine_.log.get();
    threads_.clear();
    plan_ = machine_.MakePlan();
    if (make_facts_) plan_.facts.make = make_facts_;
    auto exchange = Exchange::Create(plan_, *log, threads);
    ASSERT_TRUE(exchange.ok()) << exchange.status();
    exchange_ = *std::move(exchange);
    for (std::uint32_t i = 0; i < threads; ++i) {
      threads_.push_back(std::make_unique<StreamThread>(plan_, *log, *exchange_, clock_,
                                                        Opener(machine_.stores), machine_.options,
                                                        i, Share(i, threads)));
    }
  }
  // The process dies, and the machine with it.
  void Die() {
    machine_.files.Crash();
    machine_.stores.Crash();
    threads_.clear();
    machine_.log.reset();
    machine_.files.Restart();
    machine_.OpenLog();
  }
  StreamThread& thread(std::size_t i = 0) { return *threads_[i]; }
  void StepUntilIdle(std::size_t i = 0) {
    Result<bool> worked = true;
    while (worked.ok() && *worked) worked = thread(i).Step();
    EXPECT_OK(worked.status());
  }
  void BeginAndCommit() {
    Begin();
    ASSERT_TRUE(thread().Start().ok());
    StepUntilIdle();
    thread().RequestCommit();
    StepUntilIdle();
  }
  // The first two messages; what follows is done while their commit is on its way.
  void CommitFirstTwo(FarLog& far) {
    machine_.batch = 2;
    Begin(1, &far);
    ASSERT_TRUE(thread().Start().ok());
    EXPECT_OK(thread().Step().status());
    thread().RequestCommit();
    EXPECT_OK(thread().Step().status());
  }
  Sums Stored(Stage stage) {
    Sums sums;
    for (const auto& one : threads_) {
      one->VisitStores(stage,
                       [&](std::uint32_t, const KeyedStore& store) { AddSums(store, &sums); });
    }
    return sums;
  }
  // Into facts-0 comes what its changelog does not have.
  void Haunt(std::vector<std::pair<std::string, std::string>> beside) {
    beside.emplace_back("ghost", "1");
    const auto store = machine_.stores.Open("facts-0");
    ASSERT_TRUE(store.ok());
    for (const auto& [key, value] : beside) (*store)->Put(key, value);
    EXPECT_OK((*store)->Apply(std::max<std::int64_t>((*store)->applied_offset(), 0)));
  }
  bool Haunted() {
    bool ghost = false;
    thread().VisitStores(Stage::kFacts, [&](std::uint32_t, const KeyedStore& store) {
      EXPECT_OK(store.ScanCommitted("ghost", [&](std::string_view, std::string_view) {
        ghost = true;
        return false;
      }));
    });
    return ghost;
  }
  std::int64_t Commits() const { return exchange_->progress(0).commits.load(); }

  const Sums all_{{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}, {"e", 5}, {"f", 6}};
  Machine machine_;
  VirtualClock clock_{1'700'000'000'000};
  OperatorFactory make_facts_;  // Null: that of the toy job.
  Plan plan_;
  std::unique_ptr<Exchange> exchange_;
  std::vector<std::unique_ptr<StreamThread>> threads_;
};

TEST_F(StreamThreadTest, CommitsWhenTheIntervalIsOver) {
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  StepUntilIdle();
  clock_.Advance(199);
  StepUntilIdle();
  EXPECT_EQ(Commits(), 0);
  EXPECT_TRUE(Stored(Stage::kEvents).empty());
  clock_.Advance(1);
  StepUntilIdle();
  EXPECT_EQ(Commits(), 1);
  EXPECT_EQ(Stored(Stage::kEvents), all_);
  EXPECT_EQ(Stored(Stage::kFacts), all_);
}

TEST_F(StreamThreadTest, ACommitThatTakesLongHoldsTheNextBackWhileThereIsMoreToDo) {
  machine_.batch = 1;
  FarLog far(*machine_.log, 0, [&](const auto&) {
    clock_.Advance(1'000);
    return Status();
  });
  Begin(1, &far);
  ASSERT_TRUE(thread().Start().ok());
  EXPECT_OK(thread().Step().status());
  thread().RequestCommit();
  EXPECT_OK(thread().Step().status());
  EXPECT_EQ(Commits(), 1);
  clock_.Advance(2'999);
  EXPECT_OK(thread().Step().status());
  EXPECT_EQ(Commits(), 1);
  clock_.Advance(1);
  EXPECT_OK(thread().Step().status());
  EXPECT_EQ(Commits(), 2);
  StepUntilIdle();
  EXPECT_EQ(Commits(), 2);
  clock_.Advance(200);
  StepUntilIdle();
  EXPECT_EQ(Commits(), 3);
  EXPECT_EQ(Stored(Stage::kEvents), all_);
}

TEST_F(StreamThreadTest, CommitsWhenThereIsMuchToCommit) {
  machine_.options.commit_bytes = 20;
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  StepUntilIdle();
  EXPECT_GE(Commits(), 1);
}

TEST_F(StreamThreadTest, ARestoreThatIsGivenUpShowsWhatIsLeftAndTheNextStartDoesIt) {
  BeginAndCommit();
  Die();
  Begin();
  std::int64_t left = 0;
  const auto stop = [&] {
    left = exchange_->progress(0).restore_left.load();
    return false;
  };
  EXPECT_EQ(thread().Start(stop).code(), ErrorCode::kCancelled);
  EXPECT_GT(left, 0);
  EXPECT_FALSE(exchange_->progress(0).restored.load());
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  EXPECT_EQ(exchange_->progress(0).restore_left.load(), 0);
  EXPECT_GT(exchange_->activity().restored_records.load(), 0);
  EXPECT_EQ(Stored(Stage::kEvents), all_);
}

TEST_F(StreamThreadTest, CommitsWhenAskedTo) {
  BeginAndCommit();
  EXPECT_EQ(Commits(), 1);
}

TEST_F(StreamThreadTest, WithNothingToCommitThereIsNoTransaction) {
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  StepUntilIdle();
  EXPECT_OK(thread().Close());
  const Result<std::int64_t> end = machine_.log->EndOffset(kEventsChangelog);
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(1000);
    StepUntilIdle();
  }
  EXPECT_EQ(*machine_.log->EndOffset(kEventsChangelog), *end);
}

TEST_F(StreamThreadTest, AReaderOfTheStoresSeesCommittedBytesOnly) {
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  StepUntilIdle();
  EXPECT_TRUE(Stored(Stage::kFacts).empty());
  EXPECT_TRUE(thread().counters().empty() || (thread().counters()[{"events", ""}]) == 0);
  EXPECT_OK(thread().Close());
  EXPECT_EQ(Stored(Stage::kFacts), all_);
  EXPECT_EQ((thread().counters()[{"events", ""}]), 6);
}

TEST_F(StreamThreadTest, WhatMayBeOnItsWayHoldsTheWatermark) {
  machine_.inputs.emplace_back();
  machine_.followed = true;
  machine_.idle = false;
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  const auto watermark = [&] {
    StepUntilIdle();
    thread().RequestCommit();
    StepUntilIdle();
    return exchange_->progress(0).watermark_ms.load();
  };
  EXPECT_EQ(watermark(), kNoWatermark);
  machine_.idle = true;
  EXPECT_EQ(watermark(), 6);
}

TEST_F(StreamThreadTest, MessagesForAnotherThreadTravelThroughTheLog) {
  Begin(2);
  EXPECT_OK(thread(0).Start());
  EXPECT_OK(thread(1).Start());
  for (int round = 0; round < 4; ++round) {
    for (const std::size_t i : {0u, 1u}) {
      StepUntilIdle(i);
      thread(i).RequestCommit();
      StepUntilIdle(i);
    }
  }
  EXPECT_EQ(Stored(Stage::kEvents), all_);
  EXPECT_EQ(Stored(Stage::kFacts), all_);
  EXPECT_TRUE(exchange_->AllQuiet());
  EXPECT_EQ(exchange_->TotalBacklog(), 0);
}

// What one thread sent through the log is not overtaken by what the same task hands over in memory
// after a restart with fewer threads.
TEST_F(StreamThreadTest, NoMessageOvertakesAnotherWhenThreadsBecomeFewer) {
  const std::uint32_t here =
      PartitionOf(Hash64(SourcePartitionId("lists", "list 0")), 2);  // Where the source is read.
  const std::uint32_t there = 1 - here;
  const std::string key = KeyIn(here, there);
  machine_.inputs[0] = {KeyIn(there, there) + "=>" + key + "=2", key + "=1"};
  machine_.options.slice_bytes = 1;  // One block per step.
  make_facts_ = [](std::uint32_t) { return std::make_unique<LastNumbers>(); };
  Begin(2);
  for (const std::uint32_t i : {here, there}) {
    EXPECT_OK(thread(i).Start());
  }
  StepUntilIdle(here);  // key=1 is sent to the facts there,
  thread(here).RequestCommit();
  EXPECT_OK(thread(here).Step().status());
  EXPECT_OK(thread(there).Step().status());  // and key=2 from there back to the events here.
  thread(there).RequestCommit();
  EXPECT_OK(thread(there).Step().status());
  Begin(1);
  EXPECT_OK(thread().Start());
  for (int round = 0; round < 5; ++round) {
    StepUntilIdle();
    thread().RequestCommit();
  }
  EXPECT_EQ(Stored(Stage::kFacts), (Sums{{key.substr(0, 1), 2}}));
}

// The owner of the other partition sleeps; nobody piles up what it has to do.
TEST_F(StreamThreadTest, SourcesWaitForASlowThread) {
  machine_.inputs[0].assign(400, "");
  for (std::size_t i = 0; i < 400; ++i) machine_.inputs[0][i] = std::to_string(i) + "=1";
  machine_.options.backlog_bytes = 100;
  machine_.options.commit_bytes = 30;
  Begin(2);
  EXPECT_OK(thread(0).Start());
  EXPECT_OK(thread(1).Start());
  const auto step_all = [&](std::size_t i) {
    StepUntilIdle(i);
    thread(i).RequestCommit();
    StepUntilIdle(i);
  };
  const std::size_t reader = exchange_->progress(0).bytes_total.load() > 0 ? 0 : 1;
  step_all(reader);
  EXPECT_GT(exchange_->MaxBacklog(), 100);
  EXPECT_LT(exchange_->progress(reader).messages_read.load(), 400);
  for (int round = 0; round < 100; ++round) {
    step_all(1 - reader);
    step_all(reader);
  }
  EXPECT_EQ(exchange_->progress(reader).messages_read.load(), 400);
  EXPECT_EQ(exchange_->TotalBacklog(), 0);
}

TEST_F(StreamThreadTest, ANewerThreadOfItsIndexFencesIt) {
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  StepUntilIdle();
  MemoryStoreFactory other_stores;
  StreamThread newer(plan_, *machine_.log, *exchange_, clock_, Opener(other_stores), {}, 0,
                     Share(0, 1));
  EXPECT_OK(newer.Start());
  thread().RequestCommit();
  EXPECT_EQ(thread().Step().status().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(*machine_.log->EndOffset(kEventsChangelog), 0);
}

TEST_F(StreamThreadTest, WhatADeadMemberLeftOpenIsEndedOnceItIsHeldForDead) {
  PendingLog log(*machine_.log, clock_);
  Begin(1, &log);
  const std::int64_t begin_ns = clock_.MonotonicNanos();
  EXPECT_OK(threads_[0]->Start());
  EXPECT_LT(clock_.MonotonicNanos() - begin_ns, std::int64_t{15} * 1'000'000'000);
}

TEST_F(StreamThreadTest, ACommitThatGotNoAnswerIsSentAgain) {
  FarLog far(*machine_.log, 3);
  Begin(1, &far);
  ASSERT_TRUE(thread().Start().ok());
  StepUntilIdle();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Commits(), 0);
    thread().RequestCommit();
    EXPECT_OK(thread().Step().status());
  }
  EXPECT_EQ(Commits(), 1);
  EXPECT_EQ(Stored(Stage::kEvents), all_);
}

TEST_F(StreamThreadTest, WhileACommitIsOnItsWayTheNextOneBegins) {
  FarLog far(*machine_.log, 0, AllMeanwhile);
  CommitFirstTwo(far);
  EXPECT_EQ(Commits(), 1);
  const Sums first{{"a", 1}, {"b", 2}};
  EXPECT_EQ(Stored(Stage::kEvents), first);
  EXPECT_EQ(Stored(Stage::kFacts), first);
  EXPECT_EQ((thread().counters()[{"messages_read", "lists"}]), 2);
  EXPECT_EQ(exchange_->progress(0).messages_read.load(), 2);
  thread().RequestCommit();
  EXPECT_OK(thread().Step().status());
  EXPECT_EQ(Commits(), 2);
  EXPECT_EQ(Stored(Stage::kEvents), all_) << "all that was left was done ahead";
  EXPECT_EQ(Stored(Stage::kFacts), all_);
  EXPECT_EQ((thread().counters()[{"messages_read", "lists"}]), 6);
  EXPECT_EQ(exchange_->progress(0).messages_read.load(), 6);
}

TEST_F(StreamThreadTest, WhatWasDoneAheadIsNotCommittedSinceTheCommitBegan) {
  const std::int64_t begin_ns = clock_.MonotonicNanos();
  FarLog far(*machine_.log, 0, [&](const LogWriter::Meanwhile& meanwhile) {
    clock_.Advance(50);
    return AllMeanwhile(meanwhile);
  });
  CommitFirstTwo(far);
  EXPECT_EQ(exchange_->progress(0).clean_ns.load(), begin_ns);
  thread().RequestCommit();
  EXPECT_OK(thread().Step().status());
  EXPECT_EQ(exchange_->progress(0).clean_ns.load(), clock_.MonotonicNanos());
}

TEST_F(StreamThreadTest, WhatWasDoneAheadIsLostWithTheProcessAndDoneAgain) {
  FarLog far(*machine_.log, 0, AllMeanwhile);
  CommitFirstTwo(far);
  Die();
  BeginAndCommit();
  EXPECT_EQ(Stored(Stage::kEvents), all_);
  EXPECT_EQ(Stored(Stage::kFacts), all_);
}

TEST_F(StreamThreadTest, WhoGivesUpCommitsAlsoWhatWasDoneAhead) {
  FarLog far(*machine_.log, 1, AllMeanwhile);
  CommitFirstTwo(far);
  EXPECT_EQ(Commits(), 0);
  EXPECT_OK(thread().GiveUp());
  EXPECT_EQ(Commits(), 2);
  EXPECT_EQ(Stored(Stage::kEvents), all_);
  EXPECT_EQ(Stored(Stage::kFacts), all_);
}

TEST_F(StreamThreadTest, ALogThatNeverAnswersEndsTheThread) {
  FarLog far(*machine_.log, 1000);
  Begin(1, &far);
  ASSERT_TRUE(thread().Start().ok());
  StepUntilIdle();
  EXPECT_EQ(thread().Close().code(), ErrorCode::kUnavailable);
}

TEST_F(StreamThreadTest, AFullDiskEndsItAndLosesNothing) {
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  machine_.files.SetCapacity(machine_.files.total_bytes() + 50);
  StepUntilIdle();
  const Status status = thread().Close();
  EXPECT_TRUE(IsNoSpace(status)) << status;
  threads_.clear();
  machine_.files.SetCapacity(UINT64_MAX);
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  StepUntilIdle();
  EXPECT_OK(thread().Close());
  EXPECT_EQ(Stored(Stage::kEvents), all_);
}

// ---- Beginnings.

TEST_F(StreamThreadTest, StoresAreCompletedFromTheirChangelogs) {
  BeginAndCommit();
  Die();  // Nothing was flushed.
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  EXPECT_EQ(Stored(Stage::kEvents), all_);
  EXPECT_EQ(Stored(Stage::kFacts), all_);
  EXPECT_EQ((thread().counters()[{"events", ""}]), 6);
}

class CrashTest : public StreamThreadTest, public testing::WithParamInterface<const char*> {};

TEST_P(CrashTest, LosesAndDoublesNothing) {
  machine_.options.flush_interval_ms = 0;
  machine_.options.crash = [](std::string_view at) { return at == GetParam(); };
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  StepUntilIdle();
  EXPECT_EQ(thread().Close().code(), ErrorCode::kCancelled);
  Die();
  machine_.options.crash = nullptr;
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  StepUntilIdle();
  EXPECT_OK(thread().Close());
  EXPECT_EQ(Stored(Stage::kEvents), all_);
  EXPECT_EQ(Stored(Stage::kFacts), all_);
}

INSTANTIATE_TEST_SUITE_P(Steps, CrashTest,
                         testing::Values("prepared", "filled", "committed", "applying", "applied",
                                         "flushing", "flushed"),
                         [](const auto& step) { return std::string(step.param); });

// A key whose delete was cleaned away stays in a store that was not there to see it.
TEST_F(StreamThreadTest, AStoreThatIsTooOldForItsChangelogIsMadeAnew) {
  BeginAndCommit();
  const Sums sums = Stored(Stage::kFacts);
  WeekLog log(*machine_.log);
  for (const std::int64_t days : {6, 1}) {
    threads_.clear();
    Haunt({});
    clock_.Advance(days * kDayMs);
    Begin(1, &log);
    ASSERT_TRUE(thread().Start().ok());
    EXPECT_EQ(Haunted(), days == 6);  // Then one more day has passed.
  }
  EXPECT_EQ(Stored(Stage::kFacts), sums);
  threads_.clear();
}

// So it does in one whose restore was broken off before its meta record came.
TEST_F(StreamThreadTest, ARestoreThatWasBrokenOffTooLongAgoBeginsAnew) {
  BeginAndCommit();
  const Sums sums = Stored(Stage::kFacts);
  WeekLog log(*machine_.log);
  for (const std::int64_t days : {6, 7}) {
    threads_.clear();
    EXPECT_OK(machine_.stores.Remove("facts-0"));
    std::string began;
    WireWriter(&began).Signed(clock_.WallMillis());
    Haunt({{std::string(kRestoringKey), began}});
    clock_.Advance(days * kDayMs);
    Begin(1, &log);
    ASSERT_TRUE(thread().Start().ok());
    EXPECT_EQ(Haunted(), days == 6);
    EXPECT_EQ(Stored(Stage::kFacts), sums);
  }
  threads_.clear();
}

TEST_F(StreamThreadTest, AStoreOfAChangelogThatWasMadeAnewIsRefused) {
  BeginAndCommit();
  threads_.clear();
  MemoryFileSystem files;
  const auto log = EmbeddedLog::Open({.directory = "log", .file_system = &files});
  ASSERT_TRUE(log.ok());
  clock_.Advance(1);
  machine_.inputs[0].assign(40, "a=1");
  machine_.options.slice_bytes = 1;
  MemoryStoreFactory new_stores;
  Begin(1, log->get());
  {
    StreamThread newer(plan_, **log, *exchange_, clock_, Opener(new_stores), machine_.options, 0,
                       Share(0, 1));
    EXPECT_OK(newer.Start());
    for (int commit = 0; commit < 40; ++commit) {
      newer.RequestCommit();
      EXPECT_OK(newer.Step().status());
    }
  }
  for (int start = 0; start < 2; ++start) {  // It stays so.
    Begin(1, log->get());
    const Status status = thread().Start();
    EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
    EXPECT_NE(status.message().find("was made anew since"), std::string_view::npos) << status;
    threads_.clear();
  }
}

TEST_F(StreamThreadTest, AStoreAheadOfTheLogIsRefused) {
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  StepUntilIdle();
  EXPECT_OK(thread().Close());
  threads_.clear();
  MemoryFileSystem empty;
  const auto log = EmbeddedLog::Open({.directory = "log", .file_system = &empty});
  ASSERT_TRUE(log.ok());
  Begin(1, log->get());
  const Status status = thread().Start();
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("ahead of toy.changelog"), std::string_view::npos) << status;
  threads_.clear();
}

TEST_F(StreamThreadTest, AStoreThatIsGoneIsReadAgainIfTheChangelogIsWhole) {
  BeginAndCommit();
  threads_.clear();
  EXPECT_OK(machine_.stores.Remove("events-0"));
  EXPECT_OK(machine_.stores.Remove("events-1"));
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  EXPECT_EQ(Stored(Stage::kEvents), all_);
}

TEST_F(StreamThreadTest, AStoreThatIsGoneAfterItsChangelogIsRefused) {
  Begin();
  ASSERT_TRUE(thread().Start().ok());
  StepUntilIdle();
  EXPECT_OK(thread().Close());
  threads_.clear();
  EXPECT_OK(machine_.stores.Remove("events-0"));
  EXPECT_OK(machine_.stores.Remove("events-1"));
  Begin();
  const Status status = thread().Start();
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("changelog begins only at offset"), std::string_view::npos)
      << status;
}

}  // namespace
}  // namespace leadflow::toy
