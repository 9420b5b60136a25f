// The plan as a value: what it refuses and how it looks.
#include "engine/runtime/plan.h"

#include "tests/unit/runtime/toy_job.h"

namespace leadflow::toy {
namespace {

TEST(PlanTest, AcceptsAWholeJob) { EXPECT_OK(Machine({{"a=1"}, {"b=1"}}).MakePlan().Check()); }

TEST(PlanTest, NamesWhatIsMissingOrDoubled) {
  const struct {
    const char* part_of_message;
    void (*damage)(Plan*);
  } cases[] = {
      {"no name", [](Plan* plan) { plan->app.clear(); }},
      {"no partitions", [](Plan* plan) { plan->partitions = 0; }},
      {"lacks a stage", [](Plan* plan) { plan->events.make = nullptr; }},
      {"lacks a stage", [](Plan* plan) { plan->facts.make = nullptr; }},
      {"`lists` has no ingest", [](Plan* plan) { plan->sources[0].ingest = nullptr; }},
      {"`list 1`", [](Plan* plan) { plan->sources[0].partitions[1].open = nullptr; }},
      {"`list 0`", [](Plan* plan) { plan->sources[0].partitions[1].name = "list 0"; }},
      {"`list 0`", [](Plan* plan) { plan->sources.push_back(plan->sources[0]); }},
  };
  const Machine machine({{}, {}});
  for (const auto& one : cases) {
    Plan plan = machine.MakePlan();
    one.damage(&plan);
    const Status status = plan.Check();
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(status.message().find(one.part_of_message), std::string_view::npos) << status;
  }
}

TEST(PlanTest, TopicsOfStatesAreCompacted) {
  for (const TopicSpec& topic : Machine(std::vector<Messages>()).MakePlan().Topics()) {
    const bool state = topic.name.find("changelog") != std::string::npos;
    EXPECT_EQ(topic.cleanup == Cleanup::kCompact, state) << topic.name;
    EXPECT_EQ(topic.partitions, topic.name == "toy.dead_letters" ? 1u : 4u) << topic.name;
  }
}

TEST(PlanTest, TopicsOfOutputsAreForSubscribers) {
  Plan plan = Machine(std::vector<Messages>()).MakePlan();
  const std::size_t without = plan.Topics().size();
  plan.output_topics = {{"toy.kpi.visits"}, {"toy.changes", Cleanup::kDelete, 3}};
  EXPECT_TRUE(plan.Check().ok());
  const std::vector<TopicSpec> topics = plan.Topics();
  ASSERT_EQ(topics.size(), without + 2);
  EXPECT_EQ(topics[without].name, "toy.kpi.visits");
  EXPECT_EQ(topics[without].cleanup, Cleanup::kCompact);
  EXPECT_EQ(topics[without].partitions, 1u);
  EXPECT_TRUE(topics[without].for_subscribers);
  EXPECT_EQ(topics[without + 1].cleanup, Cleanup::kDelete);
  EXPECT_EQ(topics[without + 1].partitions, 3u);
  EXPECT_FALSE(topics[0].for_subscribers);
}

TEST(PlanTest, NoTopicIsWrittenInTwoWays) {
  Plan plan = Machine(std::vector<Messages>()).MakePlan();
  plan.output_topics = {{"toy.events"}};
  EXPECT_EQ(plan.Check().code(), ErrorCode::kInvalidArgument);
}

// "a" + "bc" and "ab" + "c" are two partitions.
TEST(PlanTest, IdsOfSourcePartitionsCannotCollide) {
  EXPECT_NE(SourcePartitionId("a", "bc"), SourcePartitionId("ab", "c"));
}

TEST(PlanTest, PrintsAsText) {
  EXPECT_EQ(Machine(std::vector<Messages>(1)).MakePlan().Print(Plan::Format::kText),
            "job toy: 4 partitions\n"
            "source lists: numbers\n"
            "  reads list 0\n"
            "  writes toy.events\n"
            "stage sums: per key\n"
            "  reads toy.events\n"
            "  writes toy.events, toy.facts\n"
            "  remembers in toy.changelog.events\n"
            "stage totals: per letter\n"
            "  reads toy.facts\n"
            "  remembers in toy.changelog.facts\n"
            "output out/totals.csv\n"
            "dead letters toy.dead_letters\n");
}

TEST(PlanTest, NamesAreQuotedInGraphs) {
  Plan plan = Machine(std::vector<Messages>(1)).MakePlan();
  plan.sources[0].name = "a\"b\\c\nd";
  const std::string dot = plan.Print(Plan::Format::kDot);
  EXPECT_NE(dot.find("label=\"a\\\"b\\\\c d x1\""), std::string::npos) << dot;
  const std::string mermaid = plan.Print(Plan::Format::kMermaid);
  EXPECT_NE(mermaid.find("[\"a#quot;b\\c d x1\"]"), std::string::npos) << mermaid;
}

TEST(PlanTest, GraphsShowTheWayOfAnEvent) {
  const std::string dot = Machine(std::vector<Messages>(1)).MakePlan().Print(Plan::Format::kDot);
  for (const char* edge :
       {"source0 -> events_topic", "events_topic -> events;", "events -> events_topic",
        "events -> facts_topic", "facts_topic -> facts;", "facts -> output0"}) {
    EXPECT_NE(dot.find(edge), std::string::npos) << edge;
  }
}

}  // namespace
}  // namespace leadflow::toy
