// Whole jobs on the embedded log: every message counts once, over restarts and any number of
// threads.
#include "tests/unit/runtime/toy_job.h"

namespace leadflow::toy {
namespace {

std::string Key(std::size_t i) {
  return std::string(1, static_cast<char>('a' + i % 7)) + std::to_string(i % 40);
}

// Numbers from 1 to `count` for 40 keys; every fifth goes on from one key to another.
Messages Numbers(std::size_t count) {
  Messages messages;
  for (std::size_t i = 1; i <= count; ++i) {
    const std::string add = Key(i) + "=" + std::to_string(i);
    messages.push_back(i % 5 == 0 ? Key(i + 3) + "=>" + Key(i + 9) + "=>" + add : add);
  }
  return messages;
}

Sums SumsOf(std::size_t count, std::size_t times) {
  Sums sums;
  for (std::size_t i = 1; i <= count; ++i) sums[Key(i)] += static_cast<std::int64_t>(times * i);
  return sums;
}

Sums TotalsOf(const Sums& sums) {
  Sums totals;
  for (const auto& [key, sum] : sums) totals[key.substr(0, 1)] += sum;
  return totals;
}

RuntimeOptions Options(const Machine& machine, std::uint32_t threads) {
  RuntimeOptions options;
  options.threads = threads;
  options.thread = machine.options;
  return options;
}

TEST(JobTest, CountsEveryMessageOnce) {
  Machine machine({Numbers(500)});
  ASSERT_TRUE(machine.Run().ok());
  EXPECT_EQ(machine.sums, SumsOf(500, 1));
  EXPECT_EQ(machine.totals, TotalsOf(SumsOf(500, 1)));
  EXPECT_EQ((machine.counters[{"messages_read", "lists"}]), 500);
  EXPECT_EQ((machine.counters[{"events", ""}]), 500);
}

TEST(JobTest, GivesTheSameWithAnyNumberOfThreads) {
  for (const std::uint32_t threads : {1u, 2u, 3u, 4u}) {
    Machine machine({Numbers(300), Numbers(300), Numbers(300), Numbers(300), Numbers(300)});
    EXPECT_OK(machine.Run(threads));
    EXPECT_EQ(machine.sums, SumsOf(300, 5)) << threads;
    EXPECT_EQ(machine.totals, TotalsOf(SumsOf(300, 5))) << threads;
    EXPECT_EQ((machine.counters[{"events", ""}]), 1500) << threads;
  }
}

TEST(JobTest, ALaterRunGoesOnWhereTheLastOneStopped) {
  Machine machine({Numbers(200), Numbers(100)});
  ASSERT_TRUE(machine.Run().ok());
  const Messages more = Numbers(300);
  machine.inputs[0].insert(machine.inputs[0].end(), more.begin(), more.end());
  ASSERT_TRUE(machine.Run().ok());
  Sums expected = SumsOf(200, 1);
  for (const auto& [key, sum] : SumsOf(100, 1)) expected[key] += sum;
  for (const auto& [key, sum] : SumsOf(300, 1)) expected[key] += sum;
  EXPECT_EQ(machine.sums, expected);
  EXPECT_EQ((machine.counters[{"messages_read", "lists"}]), 600);
}

TEST(JobTest, TheNumberOfThreadsMayChangeBetweenRuns) {
  Machine machine({{}, {}, {}});
  for (const std::uint32_t threads : {2u, 1u, 4u, 3u}) {
    for (Messages& input : machine.inputs) {
      for (const std::string& message : Numbers(100)) input.push_back(message);
    }
    EXPECT_OK(machine.Run(threads));
  }
  EXPECT_EQ(machine.sums, SumsOf(100, 12));
  EXPECT_EQ(machine.totals, TotalsOf(SumsOf(100, 12)));
}

TEST(JobTest, ARunWithNothingNewChangesNothing) {
  Machine machine({Numbers(50)});
  ASSERT_TRUE(machine.Run().ok());
  const Sums sums = machine.sums;
  const auto counters = machine.counters;
  ASSERT_TRUE(machine.Run(2).ok());
  EXPECT_EQ(machine.sums, sums);
  EXPECT_EQ(machine.counters, counters);
}

TEST(JobTest, AnInputWithoutMessagesIsFine) {
  for (const std::size_t partitions : {0u, 1u, 3u}) {
    Machine machine{std::vector<Messages>(partitions)};
    EXPECT_OK(machine.Run(2));
    EXPECT_TRUE(machine.sums.empty());
  }
}

TEST(JobTest, BadInputGoesToTheDeadLetters) {
  Machine machine({{"a=1", "what", "a=2"}});
  ASSERT_TRUE(machine.Run().ok());
  EXPECT_EQ(machine.sums, (Sums{{"a", 3}}));
  EXPECT_EQ(
      machine.DeadLetters(),
      Messages{R"({"source":"list","position":"2","reason":"no number","bytes":"d2hhdA=="})"});
  EXPECT_EQ((machine.counters[{"dead_letters", "list: no number"}]), 1);
}

// A followed input never ends; what was read until the request is committed.
TEST(JobTest, StopsWhenAskedTo) {
  Machine machine({Numbers(100), Numbers(100)});
  machine.followed = true;
  machine.options.until_end = false;
  machine.options.commit_interval_ms = 1;
  machine.OpenLog();
  const Plan plan = machine.MakePlan();
  Runtime runtime(plan, *machine.log, machine.stores, Clock::System(),
                  Options(machine, 2));
  Sums totals;
  EXPECT_OK(runtime.Run([&](const Runtime::Progress& progress) -> Status {
    if (progress.messages_read == 200) runtime.RequestStop();
    if (!progress.last) return {};
    return runtime.WithFacts([&](const std::vector<const KeyedStore*>& facts) -> Status {
      for (const KeyedStore* const store : facts) AddSums(*store, &totals);
      return {};
    });
  }));
  EXPECT_EQ((runtime.counters()[{"messages_read", "lists"}]), 200);
  // Messages for the other thread may still be on their way: the next run handles them.
  machine.followed = false;
  machine.options.until_end = true;
  ASSERT_TRUE(machine.Run().ok());
  EXPECT_EQ(machine.sums, SumsOf(100, 2));
  EXPECT_EQ(machine.totals, TotalsOf(SumsOf(100, 2)));
}

TEST(JobTest, ShowsWhatItDoesAndCountsWhatThisProcessDid) {
  Machine machine({Numbers(100)});
  ASSERT_TRUE(machine.Run().ok());
  machine.inputs[0].push_back("a=1");
  machine.OpenLog();
  const Plan plan = machine.MakePlan();
  Runtime runtime(plan, *machine.log, machine.stores, Clock::System(), Options(machine, 2));
  Exposition before;
  runtime.Expose(&before);
  EXPECT_EQ(before.Text().find("leadflow_restored"), std::string::npos);
  ASSERT_TRUE(runtime.Run([](const Runtime::Progress&) { return Status(); }).ok());
  const Exchange::Published published = runtime.published();
  EXPECT_EQ(published.counters.at({"messages_read", "lists"}), 101);
  EXPECT_EQ(published.counted.at({"messages_read", "lists"}), 1);
  EXPECT_EQ(published.sources.at("lists").read, 101);
  Exposition after;
  runtime.Expose(&after);
  const std::string text = after.Text();
  for (const std::string line :
       {"leadflow_restored 1", "leadflow_source_lag_bytes{source=\"lists\"} 0",
        "leadflow_commit_retries_total 0", "leadflow_rewinds_total{cause=\"message\"} 0",
        "leadflow_restore_remaining_records 0"}) {
    EXPECT_NE(text.find("\n" + line + "\n"), std::string::npos) << line << "\n" << text;
  }
}

TEST(JobTest, TheFailureOfAnOperatorEndsTheRunAndNamesTheTask) {
  for (const std::uint32_t threads : {1u, 2u}) {
    Machine machine({{"a=1", "b=away"}, {"c=1"}});
    const Status status = machine.Run(threads);
    EXPECT_EQ(status.code(), ErrorCode::kUnavailable);
    EXPECT_NE(status.message().find("sums, partition"), std::string_view::npos) << status;
    EXPECT_NE(status.message().find("nobody there"), std::string_view::npos) << status;
  }
}

TEST(JobTest, ARunAfterAFailureDoesEverything) {
  Machine machine({Numbers(200)});
  machine.inputs[0].push_back("b=away");
  machine.options.commit_bytes = 100;
  EXPECT_EQ(machine.Run().code(), ErrorCode::kUnavailable);
  machine.inputs[0].back() = "b=1";
  ASSERT_TRUE(machine.Run().ok());
  Sums expected = SumsOf(200, 1);
  expected["b"] = 1;
  EXPECT_EQ(machine.sums, expected);
}

TEST(JobTest, AnErrorOfTheOutputsEndsTheRun) {
  Machine machine({Numbers(10)});
  machine.OpenLog();
  const Plan plan = machine.MakePlan();
  Runtime runtime(plan, *machine.log, machine.stores, Clock::System(),
                  Options(machine, 2));
  const Status status = runtime.Run(
      [](const Runtime::Progress&) { return Status::Unavailable("the disk of the rows is away"); });
  EXPECT_EQ(status.code(), ErrorCode::kUnavailable);
}

TEST(JobTest, StateOfOtherRulesIsRefused) {
  Machine machine({Numbers(10)});
  ASSERT_TRUE(machine.Run().ok());
  machine.rules_hash = 8;
  const Status status = machine.Run();
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("rules changed"), std::string_view::npos) << status;
}

}  // namespace
}  // namespace leadflow::toy
