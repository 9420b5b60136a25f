// A message that no operator can handle is found, put aside once, and everything else counts.
#include "engine/runtime/dead_letter.h"
#include "tests/unit/runtime/toy_job.h"

namespace leadflow::toy {
namespace {

// `count` numbers with `poison` somewhere among them.
Messages With(std::size_t count, const Messages& poison) {
  Messages messages;
  for (std::size_t i = 0; i < count; ++i) {
    messages.push_back("k" + std::to_string(i % 9) + "=1");
    if (i % 10 == 4 && i / 10 < poison.size()) messages.push_back(poison[i / 10]);
  }
  return messages;
}

std::int64_t Total(const Sums& sums) {
  std::int64_t total = 0;
  for (const auto& [key, sum] : sums) total += sum;
  return total;
}

struct Case {
  const char* name;
  std::size_t batch;
  std::uint32_t threads;
  Messages poison;
  std::size_t letters;
};

TEST(PoisonTest, IsPutAsideOnceAndNothingElseIsLost) {
  const Case cases[] = {
      {"alone in its batch", 1, 1, {"a=poison"}, 1},
      {"among others", 7, 1, {"a=poison"}, 1},
      {"many", 7, 1, {"a=poison", "b=poison", "c=poison", "d=poison", "e=poison"}, 5},
      {"many in one batch", 100, 1, {"a=poison", "b=poison", "c=poison"}, 3},
      {"the same again and again", 7, 1, {"a=poison", "a=poison", "a=poison"}, 3},
      {"behind a chain", 7, 1, {"x=>y=>a=poison", "y=>b=poison"}, 2},
      {"from another thread", 7, 3, {"a=poison", "b=poison", "x=>y=>a=poison"}, 3},
  };
  for (std::size_t i = 0; i < 2 * std::size(cases); ++i) {
    const Case& one = cases[i / 2];
    Machine machine({With(60, one.poison), With(60, {})});
    machine.batch = one.batch;
    machine.ahead = i % 2 == 1;
    if (machine.ahead) machine.options.commit_bytes = 40;
    EXPECT_OK(machine.Run(one.threads));
    EXPECT_EQ(Total(machine.sums), 120) << one.name;
    EXPECT_EQ(Total(machine.totals), 120) << one.name;
    EXPECT_EQ(machine.DeadLetters().size(), one.letters) << one.name;
    std::int64_t bugs = 0;
    for (const auto& [key, value] : machine.counters) {
      if (key.first == "dead_letters" && key.second.ends_with(": bug")) bugs += value;
    }
    EXPECT_EQ(bugs, static_cast<std::int64_t>(one.letters)) << one.name;
    EXPECT_EQ((machine.counters[{"messages_read", "lists"}]),
              static_cast<std::int64_t>(120 + one.poison.size()))
        << one.name;
    EXPECT_EQ(machine.messages_read, static_cast<std::int64_t>(120 + one.poison.size()))
        << one.name;
  }
}

TEST(PoisonTest, TheLetterNamesTheTaskAndHoldsTheMessage) {
  Machine machine({{"a=poison"}});
  machine.partitions = 1;
  ASSERT_TRUE(machine.Run().ok());
  EXPECT_EQ(machine.DeadLetters(),
            Messages{"{\"source\":\"sums, partition 0\",\"position\":\"sums, partition 0\","
                     "\"reason\":\"bug\",\"bytes\":\"" +
                     Base64("a=poison") + "\"}"});
}

TEST(PoisonTest, ALaterRunDoesNotMeetItAgain) {
  Machine machine({With(20, {"a=poison"})});
  ASSERT_TRUE(machine.Run().ok());
  machine.inputs[0].push_back("k=1");
  ASSERT_TRUE(machine.Run().ok());
  EXPECT_EQ(machine.DeadLetters().size(), 1u);
  EXPECT_EQ(Total(machine.sums), 21);
}

// When one message after the other fails, it is not the messages.
TEST(PoisonTest, AnOperatorThatHandlesNothingEndsTheRun) {
  Messages messages;
  for (int i = 0; i < 1100; ++i) messages.push_back("a" + std::to_string(i) + "=poison");
  Machine machine({messages});
  machine.partitions = 1;
  EXPECT_EQ(machine.Run().code(), ErrorCode::kInternal);
}

}  // namespace
}  // namespace leadflow::toy
