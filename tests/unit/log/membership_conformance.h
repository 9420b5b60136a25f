// What the groups of any Log must do. For those who include conformance.h.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "tests/unit/log/conformance.h"

namespace leadflow {

class MembershipConformanceTest : public LogConformanceTest {
 protected:
  using State = Membership::State;

  std::unique_ptr<Membership> Join(std::string_view member) {
    Result<std::unique_ptr<Membership>> joined =
        log().Join(Name("group"), Name("events"), Name(member));
    LOG_EXPECT_OK(joined.status());
    return *std::move(joined);
  }

  static State Poll(Membership& member) {
    const Result<State> state = member.Poll();
    LOG_EXPECT_OK(state.status());
    return state.ok() ? *state : State::kNothing;
  }

  static std::vector<std::uint32_t> Held(const Membership& member) {
    return {member.partitions().begin(), member.partitions().end()};
  }

  // Lets go what is asked back until all are assigned and hold three partitions together.
  static testing::AssertionResult Settle(const std::vector<Membership*>& members) {
    const auto settled = [&] {
      std::vector<std::uint32_t> held;
      bool all = true;
      for (Membership* const member : members) {
        const State state = Poll(*member);
        if (state == State::kRevoked || state == State::kLost) member->Release();
        all = all && state == State::kAssigned;
        held.insert(held.end(), member->partitions().begin(), member->partitions().end());
      }
      std::sort(held.begin(), held.end());
      return all && held == std::vector<std::uint32_t>{0, 1, 2};
    };
    if (Eventually(settled)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "the group does not settle";
  }
};

TEST_P(MembershipConformanceTest, OneMemberHoldsEverything) {
  const auto member = Join("a");
  ASSERT_TRUE(Settle({member.get()}));
  EXPECT_EQ(Held(*member), (std::vector<std::uint32_t>{0, 1, 2}));
}

TEST_P(MembershipConformanceTest, NobodyGetsWhatAnotherHasNotReleased) {
  const auto first = Join("a");
  ASSERT_TRUE(Settle({first.get()}));
  const auto second = Join("b");
  ASSERT_TRUE(Eventually([&] {
    EXPECT_EQ(Poll(*second), State::kNothing);
    return Poll(*first) == State::kRevoked;
  }));
  EXPECT_EQ(Held(*first).size(), 3u);
  EXPECT_EQ(Poll(*second), State::kNothing);
  ASSERT_TRUE(Settle({first.get(), second.get()}));
  EXPECT_FALSE(Held(*first).empty());
  EXPECT_FALSE(Held(*second).empty());
}

TEST_P(MembershipConformanceTest, MoreMembersThanPartitions) {
  std::vector<std::unique_ptr<Membership>> members;
  std::vector<Membership*> all;
  for (const std::string_view name : {"a", "b", "c", "d"}) {
    all.push_back(members.emplace_back(Join(name)).get());
  }
  ASSERT_TRUE(Settle(all));
}

TEST_P(MembershipConformanceTest, WhatAMemberThatEndedHeldGoesToTheOthers) {
  const auto first = Join("a");
  auto second = Join("b");
  ASSERT_TRUE(Settle({first.get(), second.get()}));
  second = nullptr;
  ASSERT_TRUE(Settle({first.get()}));
  EXPECT_EQ(Held(*first).size(), 3u);
}

TEST_P(MembershipConformanceTest, AMemberMayComeBackUnderItsName) {
  auto member = Join("a");
  ASSERT_TRUE(Settle({member.get()}));
  member = nullptr;
  member = Join("a");
  ASSERT_TRUE(Settle({member.get()}));
}

TEST_P(MembershipConformanceTest, AWriterEndsWithWhatItsMemberHeld) {
  const auto first = Join("a");
  ASSERT_TRUE(Settle({first.get()}));
  const std::string id = Name("writer");
  Result<std::unique_ptr<LogWriter>> writer = log().NewWriter(id, first.get());
  LOG_ASSERT_OK(writer.status());
  const auto commit = [&](LogWriter& by, std::int64_t offset) -> Status {
    LEADFLOW_RETURN_IF_ERROR(by.Begin());
    LEADFLOW_RETURN_IF_ERROR(by.Append(state0_, "key", std::to_string(offset)));
    LEADFLOW_RETURN_IF_ERROR(by.SendOffset(Name("group"), events0_, offset));
    return Commit(by);
  };
  LOG_EXPECT_OK(commit(**writer, 1));

  const auto second = Join("b");
  ASSERT_TRUE(Eventually([&] { return Poll(*first) == State::kRevoked; }));
  LOG_EXPECT_OK(commit(**writer, 2));  // What is asked back may still be committed.
  ASSERT_TRUE(Settle({first.get(), second.get()}));

  EXPECT_EQ(commit(**writer, 3).code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(Committed("group", events0_), 2);
  writer = log().NewWriter(id, first.get());
  LOG_ASSERT_OK(writer.status());
  LOG_EXPECT_OK(commit(**writer, 4));
  EXPECT_EQ(Committed("group", events0_), 4);
  std::vector<std::string> values;
  for (const ReadRecord& record : ReadFrom(log(), state0_, 0)) values.push_back(record.value);
  EXPECT_EQ(values.back(), "4");
  EXPECT_EQ(std::count(values.begin(), values.end(), "3"), 0);
}

TEST_P(MembershipConformanceTest, OffsetsOfManyPartitionsAreAskedForAtOnce) {
  const auto writer = NewWriter();
  LOG_ASSERT_OK(writer->Begin());
  LOG_ASSERT_OK(writer->SendOffset(Name("group"), events1_, 5));
  LOG_ASSERT_OK(writer->SendOffset(Name("group"), facts_, 7));
  LOG_ASSERT_OK(Commit(*writer));
  const std::vector<TopicPartition> asked = {facts_, events0_, events1_};
  const auto offsets = log().CommittedOffsets(Name("group"), asked);
  LOG_ASSERT_OK(offsets.status());
  EXPECT_EQ(*offsets, (std::vector<std::int64_t>{7, -1, 5}));
}

TEST_P(MembershipConformanceTest, NothingCommittedLiesBehindWhatIsWritten) {
  const auto writer = NewWriter();
  CommitValues(writer.get(), events0_, {"a", "b"});
  const Result<std::int64_t> written = log().WrittenOffset(events0_);
  LOG_ASSERT_OK(written.status());
  EXPECT_GE(*written, End(events0_));
}

}  // namespace leadflow
