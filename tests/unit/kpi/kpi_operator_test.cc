#include "operators/kpi/kpi_operator.h"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/base/hash.h"
#include "engine/base/wire.h"
#include "operators/facts/fact.h"
#include "operators/kpi/scan_rows.h"
#include "tests/unit/facts/fact_cells.h"
#include "tests/unit/kpi/fake_task.h"

namespace leadflow {
namespace {

using ::testing::ElementsAre;
using Of = Subject::Of;
using Type = Measure::Type;

std::string GroupOf(std::string_view kpi, std::int64_t day, const std::vector<std::string>& texts) {
  std::string group;
  AppendGroupHead(Hash64(kpi), day * kDayMs, &group);
  for (const std::string& text : texts) WireWriter(&group).Bytes(text);
  return group;
}

std::string PlainComponent(std::uint64_t slot = 0) {
  Component component;
  component.slot = slot;
  std::string bytes;
  AppendComponent(component, false, &bytes);
  return bytes;
}

class KpiOperatorTest : public testing::Test {
 protected:
  KpiOperatorTest() : context_(&store_) {
    AddKpi(&pipeline_, "clicks", MeasureOf(Type::kCount, Of::kEvent, Kind::kAdClick),
           {By(Dimension::kChannel)});
  }

  void Open(std::size_t cache_bytes = KpiOperator::kCacheBytes) {
    operator_ = std::make_unique<KpiOperator>(pipeline_, cache_bytes);
    ASSERT_TRUE(operator_->Open(context_).ok());
  }
  void Fact(std::string_view group, std::string_view component, std::int64_t delta) {
    std::string message;
    AppendFact(group, component, delta, &message);
    Send(message);
  }
  void Send(std::string_view message) {
    MessageView view;
    view.value = message;
    ASSERT_TRUE(operator_->Process(std::span(&view, 1)).ok());
  }
  void Click(std::int64_t day, const std::string& channel, std::int64_t by = 1) {
    Fact(GroupOf("clicks", day, {channel}), PlainComponent(), by);
  }
  void Commit() {
    ASSERT_TRUE(operator_->Prepare().ok());
    ASSERT_TRUE(store_.Apply(0).ok());
    operator_->Committed();
  }
  void Abort() {
    store_.DropStaged();
    operator_->Aborted();
  }

  // "day/dimensions value revision", in order.
  std::vector<std::string> Shown(std::string_view kpi = "clicks") {
    const KeyedStore* stores[] = {&store_};
    const Result<std::vector<KpiRow>> rows = CollectRows(stores, pipeline_, kpi, 0);
    EXPECT_TRUE(rows.ok());
    std::vector<std::string> shown;
    for (const KpiRow& row : *rows) {
      std::string text = std::to_string(row.window_start_ms / kDayMs);
      for (const std::string& dimension : row.dimensions) text += "/" + dimension;
      text += " " + row.value.value_or("null") + " r" + std::to_string(row.revision);
      if (!row.cause.empty()) text += " " + std::string(row.cause);
      shown.push_back(text);
    }
    return shown;
  }

  Pipeline pipeline_;
  PlainStore store_;
  FakeContext context_;
  std::unique_ptr<KpiOperator> operator_;
};

TEST_F(KpiOperatorTest, FactsAddUpAndARevisionIsACommitThatChanged) {
  Open();
  Click(2, "b");
  Click(1, "a", 4);
  Click(2, "b");
  Commit();
  EXPECT_THAT(Shown(), ElementsAre("1/a 4 r1", "2/b 2 r1"));
  Click(2, "b", 5);
  Click(1, "a", 3);
  Click(1, "a", -3);
  Commit();
  EXPECT_THAT(Shown(), ElementsAre("1/a 4 r1", "2/b 7 r2"));
}

TEST_F(KpiOperatorTest, ARowThatFellToZeroStaysAndOneThatNeverWasIsNone) {
  Open();
  Click(1, "a");
  Click(1, "never");
  Click(1, "never", -1);
  Commit();
  Click(1, "a", -1);
  Commit();
  EXPECT_THAT(Shown(), ElementsAre("1/a 0 r2"));
}

TEST_F(KpiOperatorTest, AbortedFactsAreForgotten) {
  Open();
  Click(1, "a");
  Commit();
  Click(1, "a", 10);
  Click(1, "new", 10);
  ASSERT_TRUE(operator_->Prepare().ok());
  Click(1, "a", 100);
  Abort();
  Click(1, "a");
  Commit();
  EXPECT_THAT(Shown(), ElementsAre("1/a 2 r2"));
}

TEST_F(KpiOperatorTest, FactsAfterAPrepareJoinTheSameCommit) {
  Open();
  Click(1, "a");
  Click(1, "b");
  ASSERT_TRUE(operator_->Prepare().ok());
  Click(1, "a");
  Click(1, "c");
  Commit();
  EXPECT_THAT(Shown(), ElementsAre("1/a 2 r1", "1/b 1 r1", "1/c 1 r1"));
}

TEST_F(KpiOperatorTest, ReopenedItGoesOnFromTheStore) {
  Open();
  Click(1, "a", 4);
  Commit();
  Open();
  Click(1, "a", 1);
  Commit();
  EXPECT_THAT(Shown(), ElementsAre("1/a 5 r2"));
}

TEST_F(KpiOperatorTest, NothingIsReadWhileFactsComeInNorAgainLater) {
  Open();
  for (int i = 0; i < 100; ++i) Click(i % 10, "a");
  EXPECT_EQ(store_.reads, 0);
  Commit();
  const int reads = store_.reads;
  for (int i = 0; i < 100; ++i) Click(i % 10, "a");
  Commit();
  EXPECT_EQ(store_.reads, reads);
}

TEST_F(KpiOperatorTest, BytesThatAreNoFactAreRejectedAndTheRestCounts) {
  Open();
  std::string message;
  AppendFact(GroupOf("clicks", 1, {"a"}), PlainComponent(), 2, &message);
  Send(message + "\xff");
  Send("\x05");
  Click(1, "a");
  Commit();
  EXPECT_THAT(context_.rejected, ElementsAre("not a fact", "not a fact"));
  EXPECT_THAT(Shown(), ElementsAre("1/a 3 r1"));
}

TEST_F(KpiOperatorTest, FactsOfAKpiThatIsNoMoreAreCounted) {
  Open();
  Fact(GroupOf("gone", 1, {"a"}), PlainComponent(), 1);
  Fact("x", PlainComponent(), 1);
  Commit();
  EXPECT_EQ(context_.counted["facts_of_no_kpi/"], 2);
  EXPECT_THAT(Shown(), ElementsAre());
}

TEST_F(KpiOperatorTest, ChangesOfSettledRowsAreLate) {
  pipeline_.lateness_ms = 7 * kDayMs;
  Open();
  context_.watermark = 9 * kDayMs - 1;
  Click(1, "a");
  Commit();
  context_.watermark = 9 * kDayMs;
  Click(2, "b");
  Commit();
  EXPECT_THAT(Shown(), ElementsAre("1/a 1 r1", "2/b 1 r1"));
  Click(1, "a");
  Commit();
  EXPECT_THAT(Shown(), ElementsAre("1/a 2 r2 late", "2/b 1 r1"));
}

TEST_F(KpiOperatorTest, RowsAboveTheLimitAreSummedInOther) {
  pipeline_.kpis[0].max_cells = 2;
  Open();
  Click(1, "a");
  Commit();
  for (const char* channel : {"b", "c", "d"}) Click(1, channel);
  Click(2, "c");  // another window has a limit of its own
  Commit();
  const std::vector<std::string> first = Shown();
  std::int64_t sum = 0;
  for (const std::string& row : first) sum += std::stoll(row.substr(row.find(' ')));
  EXPECT_EQ(first.size(), 4u);
  EXPECT_EQ(sum, 5);
  EXPECT_THAT(first, ::testing::Contains("1/(other) 2 r1"));
  EXPECT_EQ(context_.counted["overflow/clicks"], 2);
  // Taking back what is in (other) is found there again, after a restart too.
  Open();
  for (const char* channel : {"b", "c", "d"}) Click(1, channel, -1);
  Click(1, "a", -1);
  Click(2, "c", -1);
  Commit();
  for (const std::string& row : Shown()) EXPECT_NE(row.find(" 0 r"), std::string::npos) << row;
}

TEST_F(KpiOperatorTest, AbortGivesTheCellsBack) {
  pipeline_.kpis[0].max_cells = 1;
  Open();
  Click(1, "a");
  ASSERT_TRUE(operator_->Prepare().ok());
  Abort();
  Click(1, "b");
  Commit();
  EXPECT_THAT(Shown(), ElementsAre("1/b 1 r1"));
}

TEST_F(KpiOperatorTest, KeptRowsEndWithTheWatermark) {
  pipeline_.kpis[0].keep_ms = 10 * kDayMs;
  Open();
  context_.watermark = 0;
  Click(1, "a");
  Click(5, "b");
  Commit();
  context_.watermark = 12 * kDayMs;  // the window of day 1 ended 10 days ago
  Click(5, "b");
  Commit();
  EXPECT_THAT(Shown(), ElementsAre("5/b 2 r2"));
  Click(1, "a");
  Commit();
  EXPECT_THAT(Shown(), ElementsAre("5/b 2 r2"));
  EXPECT_EQ(context_.counted["expired_rows/clicks"], 1);
}

TEST_F(KpiOperatorTest, ManyComponentsOfOneGroupAreKeptApart) {
  AddKpi(&pipeline_, "accounts", MeasureOf(Type::kDistinctAccounts, Of::kVisit), {});
  Open(1);
  const std::string group = GroupOf("accounts", 0, {});
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 500; ++i) {
      const std::string account = "account " + std::to_string(i);
      Component component;
      component.kind = ComponentKind::kAccount;
      component.account = account;
      std::string bytes;
      AppendComponent(component, false, &bytes);
      Fact(group, bytes, round < 2 || i % 2 == 0 ? 1 : -2);
    }
    Commit();
  }
  EXPECT_THAT(Shown("accounts"), ElementsAre("0 250 r3"));
}

// What the rows must be: plain sums of what was committed.
struct Plain {
  std::map<std::string, std::int64_t> committed, open;
  void Commit() {
    for (const auto& [key, value] : open) committed[key] += value;
    open.clear();
  }
};

TEST_F(KpiOperatorTest, RandomFactsEqualPlainSumsThroughAbortsAndRestarts) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    PlainStore store;
    FakeContext context(&store);
    const std::size_t cache = seed % 3 == 0 ? 1 : seed % 3 == 1 ? 30'000 : KpiOperator::kCacheBytes;
    auto kpi_operator = std::make_unique<KpiOperator>(pipeline_, cache);
    ASSERT_TRUE(kpi_operator->Open(context).ok());
    Plain plain;
    for (int step = 0; step < 300; ++step) {
      std::vector<std::string> messages(1 + random() % 5);
      for (std::string& message : messages) {
        for (unsigned i = random() % 50; i > 0; --i) {
          const std::int64_t day = static_cast<std::int64_t>(random() % 9);
          const std::string channel = "c" + std::to_string(random() % 12);
          const std::int64_t delta = static_cast<std::int64_t>(random() % 5) - 2;
          AppendFact(GroupOf("clicks", day, {channel}), PlainComponent(), delta, &message);
          plain.open[std::to_string(day) + "/" + channel] += delta;
        }
      }
      std::vector<MessageView> batch(messages.size());
      for (std::size_t i = 0; i < messages.size(); ++i) batch[i].value = messages[i];
      ASSERT_TRUE(kpi_operator->Process(batch).ok());
      const unsigned dice = random() % 10;
      if (dice < 3) {
        ASSERT_TRUE(kpi_operator->Prepare().ok());
      }
      if (dice < 2) {
        store.DropStaged();
        kpi_operator->Aborted();
        plain.open.clear();
      } else if (dice < 6) {
        ASSERT_TRUE(kpi_operator->Prepare().ok());
        ASSERT_TRUE(store.Apply(0).ok());
        kpi_operator->Committed();
        plain.Commit();
      } else if (dice == 6) {  // a crash
        store.DropStaged();
        plain.open.clear();
        kpi_operator = std::make_unique<KpiOperator>(pipeline_, cache);
        ASSERT_TRUE(kpi_operator->Open(context).ok());
      }
    }
    std::map<std::string, std::int64_t> found;
    ASSERT_TRUE(ScanRows(store, pipeline_, "", 0, [&](const KpiRow& row) {
                  found[std::to_string(row.window_start_ms / kDayMs) + "/" + row.dimensions[0]] =
                      std::stoll(*row.value);
                  return true;
                }).ok());
    std::erase_if(plain.committed, [](const auto& cell) { return cell.second == 0; });
    std::erase_if(found, [](const auto& cell) { return cell.second == 0; });
    ASSERT_FALSE(found.empty());
    ASSERT_EQ(found, plain.committed) << "seed " << seed;
  }
}

TEST_F(KpiOperatorTest, ScanSaysWhatIsWrong) {
  EXPECT_EQ(ScanRows(store_, pipeline_, "nope", 0, [](const KpiRow&) { return true; }).code(),
            ErrorCode::kNotFound);
  store_.Put("R" + GroupOf("clicks", 1, {"a"}), "junk");
  ASSERT_TRUE(store_.Apply(0).ok());
  EXPECT_EQ(ScanRows(store_, pipeline_, "clicks", 0, [](const KpiRow&) { return true; }).code(),
            ErrorCode::kCorruption);
  Open();
  Click(1, "a");
  EXPECT_EQ(operator_->Prepare().code(), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace leadflow
