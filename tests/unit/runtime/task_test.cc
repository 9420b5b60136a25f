// One task alone: what an operator may do, and what an abort takes back.
#include "engine/runtime/task.h"

#include <limits>

#include "engine/base/hash.h"
#include "tests/support/plain_operator.h"
#include "tests/unit/runtime/toy_job.h"

namespace leadflow::toy {
namespace {

class TaskTest : public testing::Test {
 protected:
  TaskTest() {
    routes_[static_cast<std::size_t>(OutputId::kFacts)] = {{nullptr, &blocks_}};
    Open();
  }
  // The process begins (again).
  void Open() {
    task_.reset();
    task_ = std::make_unique<Task>(
        TaskSpec{
            .stage = Stage::kEvents,
            .name = "sums, partition 0",
            .place = {.store = "toy-0", .changelog = {"toy.changelog.events", 0}, .key_prefix = {}},
            .partition = 0,
            .partitions = 1,
            .rules_hash = rules_hash_,
            .source_ids = {11, 12},
            .senders = 1,
            .disorder_ms = 0},
        routes_, clock_);
    task_->Hold(std::make_unique<MemoryStore>(data_));
    opened_ = task_->Open(MakeSums());
  }
  Status Process(const Messages& messages) {
    std::vector<MessageView> views;
    for (const std::string& message : messages) views.push_back({.value = message});
    return task_->Process(views);
  }
  void Commit(std::int64_t offset) {
    task_->TookInput(offset);
    EXPECT_OK(task_->Prepare(false));
    task_->StageMeta();
    EXPECT_OK(task_->Committed(offset));
  }
  Sums Stored() {
    Sums sums;
    AddSums(task_->committed_store(), &sums);
    return sums;
  }

  std::uint64_t rules_hash_ = 7;
  BlockBuilder blocks_;
  Routes routes_;
  VirtualClock clock_{1000};
  std::shared_ptr<MemoryStore::Data> data_ = std::make_shared<MemoryStore::Data>();
  std::unique_ptr<Task> task_;
  Status opened_;
};

TEST_F(TaskTest, GoesOnAfterARestart) {
  ASSERT_TRUE(opened_.ok()) << opened_;
  EXPECT_OK(Process({"a=1", "a=2"}));
  task_->Count("seen", "x", 2);
  task_->SetMark(0, 11, {.watermark_ms = 50, .active = true});
  task_->SetMark(0, 12, {.watermark_ms = 40, .active = true});
  Commit(5);
  Open();
  ASSERT_TRUE(opened_.ok()) << opened_;
  EXPECT_EQ(task_->input_offset(), 5);
  EXPECT_EQ(task_->watermark_ms(), 40);
  EXPECT_EQ(task_->counters().values().at({"seen", "x"}).committed, 2);
  EXPECT_EQ(Stored(), (Sums{{"a", 3}}));
  EXPECT_FALSE(task_->NeedsCommit());
}

TEST_F(TaskTest, AnAbortTakesEverythingBack) {
  EXPECT_OK(Process({"a=1"}));
  Commit(5);
  EXPECT_OK(Process({"a=10"}));
  task_->Count("seen", "x", 2);
  task_->Reject("s", "p", "r", "b");
  task_->SetMark(0, 11, {.watermark_ms = 50, .active = true});
  task_->TookInput(9);
  EXPECT_OK(task_->Prepare(false));
  task_->Aborted();
  EXPECT_FALSE(task_->NeedsCommit());
  EXPECT_EQ(task_->input_offset(), 5);
  EXPECT_EQ(task_->counters().values().at({"seen", "x"}).delta, 0);
  EXPECT_TRUE(task_->dead_letters().empty());
  EXPECT_EQ(task_->marks().mark(0, 0), SourceMark{});
  Commit(6);
  EXPECT_EQ(Stored(), (Sums{{"a", 1}}));
}

// Prepares when its time has come, and publishes twice.
class Waiting final : public PlainOperator {
 public:
  explicit Waiting(int* prepared) : prepared_(*prepared) {}
  Status Process(std::span<const MessageView>) override { return {}; }
  Status Prepare() override {
    ++prepared_;
    context_->Publish(0, "k", "first", {});
    context_->Publish(1, "k", "other", {});
    const RecordHeader header{"n", "v"};
    context_->Publish(0, "k", std::nullopt, {&header, 1});
    return {};
  }
  std::int64_t due_ms() const override {
    return prepared_ > 0 ? std::numeric_limits<std::int64_t>::max() : 2000;
  }

 private:
  int& prepared_;
};

TEST_F(TaskTest, PreparesWhenSomethingIsDueAndPublishesTheLastValueOfAKey) {
  for (const bool ending : {false, true}) {
    int prepared = 0;
    const Routes none;
    VirtualClock clock{1000};
    TaskSpec spec;
    spec.stage = Stage::kFacts;
    Task task(spec, none, clock);
    task.Hold(std::make_unique<MemoryStore>(std::make_shared<MemoryStore::Data>()));
    ASSERT_TRUE(task.Open(std::make_unique<Waiting>(&prepared)).ok());
    EXPECT_OK(task.Prepare(false));
    EXPECT_FALSE(task.Due());
    EXPECT_EQ(prepared, 0);
    if (ending) {
      task.End();
    } else {
      clock.Advance(1'000);
    }
    EXPECT_TRUE(task.Due());
    EXPECT_OK(task.Prepare(false));
    EXPECT_EQ(prepared, 1);
    EXPECT_FALSE(task.Due());
    EXPECT_TRUE(task.NeedsCommit());
    ASSERT_EQ(task.published().size(), 2u);
    EXPECT_EQ(task.published()[0].value, std::nullopt);
    EXPECT_EQ(task.published()[0].headers, "\1n\1v");
    EXPECT_EQ(task.published()[1].value, "other");
    task.StageMeta();
    EXPECT_OK(task.Committed(1));
    EXPECT_TRUE(task.published().empty());
  }
}

TEST_F(TaskTest, AnOutputThatThePlanDoesNotHaveIsAnError) {
  const Status status = Process({"a=>b=1"});  // There is no way to the events stage.
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(task_->poisoned());
}

TEST_F(TaskTest, AFailureInABatchIsSoughtMessageByMessage) {
  EXPECT_FALSE(Process({"a=1", "a=poison", "a=2"}).ok());
  EXPECT_TRUE(task_->poisoned());
  EXPECT_EQ(task_->culprits(), 0u);
  task_->Aborted();
  EXPECT_FALSE(Process({"a=1", "a=poison", "a=2"}).ok());
  EXPECT_EQ(task_->culprits(), 1u);
  task_->Aborted();
  EXPECT_OK(Process({"a=1", "a=poison", "a=2"}));
  EXPECT_EQ(task_->dead_letters().size(), 1u);
  Commit(3);
  EXPECT_EQ(Stored(), (Sums{{"a", 3}}));
}

TEST_F(TaskTest, AFailureOutsideIsNobodysFault) {
  EXPECT_EQ(Process({"a=away"}).code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(task_->poisoned());
}

TEST_F(TaskTest, StateWithoutMetaIsDamaged) {
  data_->committed["Sa"] = "1";
  data_->applied = 1;
  Open();
  EXPECT_EQ(opened_.code(), ErrorCode::kCorruption);
}

TEST_F(TaskTest, MarksOfSourcesThatAreGoneAreForgotten) {
  task_->SetMark(0, 99, {.watermark_ms = 1, .active = true});
  task_->SetMark(7, 11, {.watermark_ms = 1, .active = true});
  EXPECT_FALSE(task_->marks_changed());
}

TEST_F(TaskTest, ADeadLetterIsCutAt64KiB) {
  const std::string large(200'000, 'x');
  task_->Reject("s", "p", "r", large);
  ASSERT_EQ(task_->dead_letters().size(), 1u);
  EXPECT_LT(task_->dead_letters()[0].size(), 90'000u);
  EXPECT_EQ(task_->counters().values().at({"dead_letters", "s: r"}).delta, 1);
}

}  // namespace
}  // namespace leadflow::toy
