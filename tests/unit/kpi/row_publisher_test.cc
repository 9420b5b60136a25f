// What subscribers of topics see: against rows rendered from the committed state.
#include "operators/kpi/row_publisher.h"

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
#include "operators/facts/measure_unit.h"
#include "operators/kpi/kpi_operator.h"
#include "operators/kpi/row_record.h"
#include "operators/kpi/row_text.h"
#include "operators/kpi/scan_rows.h"
#include "tests/unit/facts/fact_cells.h"
#include "tests/unit/kpi/fake_task.h"

namespace leadflow {
namespace {

using ::testing::ElementsAre;
using Envelope = RowTopicSpec::Envelope;
using Of = Subject::Of;
using Type = Measure::Type;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// A topic as a subscriber has read it.
struct Topic {
  struct Sent {
    std::optional<std::string> value;
    std::uint64_t revision = 0;
    std::int64_t wall_ms = 0;
  };
  std::map<std::string, Sent> last;
  int records = 0;
};

RowTopicSpec TopicNamed(std::string name) {
  RowTopicSpec topic;
  topic.topic = std::move(name);
  return topic;
}

// A partition of the kpis stage, and the process that holds it.
class Partition {
 public:
  explicit Partition(RowPublisher::Limits limits = {}) : limits_(limits), context_(&store_) {
    pipeline_.name = "shop";
    pipeline_.lateness_ms = kDayMs;
    context_.wall = 1'000'000;
  }

  Pipeline& pipeline() { return pipeline_; }
  FakeContext& context() { return context_; }
  Topic& topic(const std::string& name) { return topics_[name]; }

  // A process begins, with the pipeline as it is now.
  void Open() {
    store_.DropStaged();
    context_.published.clear();
    operator_ = std::make_unique<KpiOperator>(pipeline_, 1000, limits_);
    ASSERT_TRUE(operator_->Open(context_).ok());
    feeds_ = RowFeedsOf(pipeline_);
  }
  bool Due() const {
    const std::int64_t due_ms = operator_->due_ms();
    return due_ms != kNever && (context_.at_end || due_ms <= context_.wall);
  }

  void Add(const KpiSpec& kpi, std::int64_t day, const std::vector<std::string>& texts,
           const Component& component, std::int64_t delta) {
    std::string group, bytes, message;
    AppendGroupHead(Hash64(kpi.name), kpi.window == WindowUnit::kTotal ? 0 : day * kDayMs, &group);
    for (const std::string& text : texts) WireWriter(&group).Bytes(text);
    AppendComponent(component, AlongOf(kpi.measure) >= 0, &bytes);
    AppendFact(group, bytes, delta, &message);
    MessageView view;
    view.value = message;
    ASSERT_TRUE(operator_->Process(std::span(&view, 1)).ok());
  }
  void Count(std::int64_t day, const std::string& channel, std::int64_t by = 1) {
    Component component;
    Add(pipeline_.kpis[0], day, {channel}, component, by);
  }

  void Prepare() { ASSERT_TRUE(operator_->Prepare().ok()); }
  void Abort() {
    store_.DropStaged();
    context_.published.clear();
    operator_->Aborted();
  }
  void Commit() {
    Prepare();
    ASSERT_TRUE(store_.Apply(0).ok());
    operator_->Committed();
    for (auto& [name, record] : context_.published) Take(record);
    context_.published.clear();
  }
  // What waits, at the end of the run.
  void End() {
    context_.at_end = true;
    in_peace = false;
    for (int i = 0; Due() && i < 10'000; ++i) Commit();
    ASSERT_FALSE(Due());
  }

  // Rows of the committed state, as `output` sends them.
  std::map<std::string, std::string> Rows(const RowFeed& feed) {
    std::map<std::string, std::string> rows;
    const Status status =
        ScanRows(store_, pipeline_, feed.kpi->name, context_.watermark, [&](const KpiRow& row) {
          if (feed.Carries(row.settled)) {
            rows[RowKey(feed, row, pipeline_)] = ObjectOf(row);
          }
          return true;
        });
    EXPECT_TRUE(status.ok()) << status;
    return rows;
  }
  const std::vector<RowFeed>& feeds() const { return feeds_; }
  bool in_peace = true;  // No topic has come, and it is not the end: intervals are kept.

  // What a subscriber has made of the records of a topic, row by row.
  std::map<std::string, std::string> Read(const RowFeed& feed) {
    std::map<std::string, std::string> rows;
    for (const auto& [key, sent] : topics_[feed.topic].last) {
      if (!sent.value) continue;
      if (feed.output->envelope != Envelope::kDelta) rows[key] = *sent.value;
    }
    return rows;
  }

  // Deltas of a row add up to its value now, of one that is gone to nothing.
  void ExpectSums(const RowFeed& feed) {
    std::map<std::string, std::string> values;
    for (const auto& [key, sent] : topics_[feed.topic].last) values[key] = "0";
    for (const auto& [key, row] : Rows(feed)) values[key] = FieldOf(row, "value");
    for (const auto& [key, value] : values) {
      ExpectIs(topics_[feed.topic].last[key].value.value_or("0"), value);
    }
  }

  std::string ObjectOf(const KpiRow& row) {
    std::string text;
    AppendJsonObject(RowFields(row, pipeline_.zone), &text);
    return text;
  }

 private:
  void Take(const Published& record) {
    const RowFeed& feed = feeds_[record.topic];
    Topic& topic = topics_[feed.topic];
    ++topic.records;
    Topic::Sent& last = topic.last[record.key];
    if (feed.output->envelope == Envelope::kUpsert) TakeUpsert(feed, record, last);
    if (feed.output->envelope == Envelope::kDebezium) TakeChange(feed, record, last);
    if (feed.output->envelope == Envelope::kDelta) TakeDelta(feed, record, last);
  }

  // Every value is what this very commit says, and newer than the one before.
  void TakeUpsert(const RowFeed& feed, const Published& record, Topic::Sent& last) {
    const auto rows = Rows(feed);
    const auto row = rows.find(record.key);
    if (!record.value) {
      EXPECT_TRUE(last.value) << "nothing to take back: " << record.key;
      EXPECT_EQ(row, rows.end()) << record.key;
      last.value.reset();
      return;
    }
    ASSERT_NE(row, rows.end()) << record.key;
    EXPECT_EQ(*record.value, row->second);
    const std::string id = record.headers.at("ce_id");
    const std::uint64_t revision = std::stoull(id.substr(id.rfind('/') + 1));
    if (last.value) {
      EXPECT_GT(revision, last.revision) << *record.value;
      if (in_peace) {
        EXPECT_GE(context_.wall - last.wall_ms, feed.output->every_ms);
      }
    }
    last = {record.value, revision, context_.wall};
  }

  // `before` is what `after` was, to the byte.
  void TakeChange(const RowFeed& feed, const Published& record, Topic::Sent& last) {
    ASSERT_TRUE(record.value);
    const std::string& text = *record.value;
    const std::size_t after = text.find(",\"after\":");
    const std::size_t op = text.find(",\"op\":\"", after);
    EXPECT_EQ(text.substr(10, after - 10), last.value.value_or("null")) << record.key;
    const std::string now = text.substr(after + 9, op - after - 9);
    const std::string_view wanted = !last.value ? "c" : now == "null" ? "d" : "u";
    EXPECT_EQ(text.substr(op + 7, 1), wanted);
    const auto rows = Rows(feed);
    const auto row = rows.find(record.key);
    EXPECT_EQ(now, row == rows.end() ? "null" : row->second);
    last.value.reset();
    if (now != "null") last.value = now;
  }

  // Deltas add up to the value.
  void TakeDelta(const RowFeed&, const Published& record, Topic::Sent& last) {
    ASSERT_TRUE(record.value);
    last.value = DecimalDifference(
        last.value, DecimalDifference(std::nullopt, FieldOf(*record.value, "delta")));
    ExpectIs(*last.value, FieldOf(*record.value, "value"));
  }

  static std::string FieldOf(const std::string& object, const std::string& name) {
    const std::size_t at = object.find("\"" + name + "\":");
    EXPECT_NE(at, std::string::npos) << object;
    const std::size_t begin = at + name.size() + 3;
    return object.substr(begin, object.find_first_of(",}", begin) - begin);
  }
  static void ExpectIs(const std::string& sum, const std::string& value) {
    EXPECT_EQ(DecimalDifference(sum, value == "null" ? "0" : value).find_first_of("123456789"),
              std::string::npos)
        << sum << " is not " << value;
  }

  const RowPublisher::Limits limits_;
  Pipeline pipeline_;
  PlainStore store_;
  FakeContext context_;
  std::unique_ptr<KpiOperator> operator_;
  std::vector<RowFeed> feeds_;
  std::map<std::string, Topic> topics_;
};

void AddClicks(Pipeline* pipeline) {
  AddKpi(pipeline, "clicks", MeasureOf(Type::kCount, Of::kEvent, Kind::kAdClick),
         {By(Dimension::kChannel)});
}

class RowPublisherTest : public testing::Test {
 protected:
  RowPublisherTest() {
    AddClicks(&partition_.pipeline());
    partition_.pipeline().row_topics.push_back(TopicNamed("rows"));
  }
  // "key value" of the last commit, in order.
  std::vector<std::string> Values() {
    std::vector<std::string> values;
    for (const auto& [key, sent] : partition_.topic("rows").last) {
      const std::string text = sent.value.value_or("gone");
      const std::size_t at = text.find("\"value\":");
      values.push_back(at == std::string::npos ? text
                                               : text.substr(at + 8, text.find(',', at) - at - 8));
    }
    return values;
  }
  int records() { return partition_.topic("rows").records; }
  // A row that is sent with 1, and then is 2.
  void SendOneAndOweOne() {
    partition_.Open();
    partition_.Count(1, "a");
    partition_.Commit();
    partition_.Count(1, "a");
    partition_.Commit();
    EXPECT_EQ(records(), 1);
  }

  Partition partition_;
};

TEST_F(RowPublisherTest, ExactlyTheRowsThatHaveChangedAreSent) {
  partition_.Open();
  partition_.Count(1, "a", 2);
  partition_.Count(1, "b", 3);
  partition_.Commit();
  EXPECT_EQ(records(), 2);
  partition_.context().wall += 1000;
  partition_.Count(1, "a", 1);
  partition_.Count(1, "b", 1);
  partition_.Count(1, "b", -1);
  partition_.Commit();
  EXPECT_EQ(records(), 3);
  EXPECT_THAT(Values(), ElementsAre("3", "3"));
}

TEST_F(RowPublisherTest, KeyValueAndHeadersOfARecord) {
  partition_.Open();
  partition_.Count(1, "a \"b\"", 2);
  partition_.Prepare();
  ASSERT_EQ(partition_.context().published.size(), 1u);
  const Published& record = partition_.context().published.begin()->second;
  EXPECT_EQ(record.key, R"({"window_start":"1970-01-02T00:00:00+00:00","d1":"a \"b\""})");
  EXPECT_EQ(*record.value,
            R"({"kpi":"clicks","window":"1d","window_start":"1970-01-02T00:00:00+00:00",)"
            R"("window_end":"1970-01-03T00:00:00+00:00","d1":"a \"b\"","value":2,"unit":"",)"
            R"("settled":false,"revision":1,"cause":"","updated_at":"1970-01-01T00:16:40+00:00"})");
  EXPECT_EQ(record.headers.at("ce_specversion"), "1.0");
  EXPECT_EQ(record.headers.at("ce_source"), "/leadflow/shop");
  EXPECT_EQ(record.headers.at("ce_type"), "leadflow.kpi.row.v1");
  EXPECT_EQ(record.headers.at("ce_time"), "1970-01-01T00:16:40+00:00");
  EXPECT_EQ(record.headers.at("content-type"), "application/json");
}

TEST_F(RowPublisherTest, ARowIsSentOncePerIntervalAndNeverForgotten) {
  partition_.Open();
  partition_.Count(1, "a");
  partition_.Commit();
  partition_.context().wall += 400;
  partition_.Count(1, "a");
  partition_.Commit();
  partition_.Count(1, "a");
  partition_.Commit();
  EXPECT_EQ(records(), 1);
  EXPECT_FALSE(partition_.Due());
  partition_.Open();  // A crash loses nothing.
  EXPECT_TRUE(partition_.Due());
  partition_.Commit();
  EXPECT_EQ(records(), 1);
  partition_.context().wall += 599;
  EXPECT_FALSE(partition_.Due());
  partition_.context().wall += 1;
  EXPECT_TRUE(partition_.Due());
  partition_.Commit();
  EXPECT_EQ(records(), 2);
  EXPECT_THAT(Values(), ElementsAre("3"));
  EXPECT_FALSE(partition_.Due());
}

TEST_F(RowPublisherTest, AClockThatWasSetBackDelaysNothing) {
  SendOneAndOweOne();
  partition_.context().wall -= 100'000;
  partition_.Open();
  partition_.Prepare();
  EXPECT_EQ(partition_.context().published.size(), 1u);
}

TEST_F(RowPublisherTest, RowsAreSentAgainWhenTheirWindowSettles) {
  partition_.Open();
  partition_.Count(1, "a");
  partition_.Count(1, "b");
  partition_.Count(2, "a");
  partition_.Commit();
  partition_.context().wall += 5000;
  partition_.context().watermark = 3 * kDayMs - 1;
  partition_.Commit();
  EXPECT_EQ(records(), 3);
  partition_.context().watermark = 3 * kDayMs;
  partition_.Commit();
  EXPECT_EQ(records(), 5);
  partition_.context().wall += 5000;
  partition_.Commit();
  EXPECT_EQ(records(), 5);
  for (const RowFeed& feed : partition_.feeds()) {
    EXPECT_EQ(partition_.Read(feed), partition_.Rows(feed));
  }
}

TEST_F(RowPublisherTest, SettledRowsAloneIfWanted) {
  partition_.pipeline().row_topics[0].settled_only = true;
  partition_.Open();
  partition_.Count(1, "a");
  partition_.Commit();
  partition_.context().wall += 5000;
  partition_.Count(1, "a");
  partition_.Commit();
  EXPECT_EQ(records(), 0);
  partition_.context().watermark = 3 * kDayMs;
  partition_.Commit();
  EXPECT_THAT(Values(), ElementsAre("2"));
  partition_.context().wall += 5000;
  partition_.Count(1, "a");  // Late.
  partition_.Commit();
  EXPECT_THAT(Values(), ElementsAre("3"));
  EXPECT_EQ(records(), 2);
}

TEST_F(RowPublisherTest, ATopicThatWantsSettledRowsFromNowOnIsOwedNoOthers) {
  SendOneAndOweOne();
  partition_.pipeline().row_topics[0].settled_only = true;
  partition_.Open();
  partition_.context().wall += 5000;
  partition_.Commit();
  EXPECT_FALSE(partition_.Due());
  EXPECT_EQ(records(), 1);
  partition_.context().watermark = 3 * kDayMs;
  partition_.Commit();
  EXPECT_THAT(Values(), ElementsAre("2"));
}

TEST_F(RowPublisherTest, ARowThatIsOwedWhileItExpiresIsSentOnce) {
  partition_.pipeline().kpis[0].keep_ms = kDayMs / 2;
  partition_.context().watermark = 2 * kDayMs;  // The day's look at what has expired.
  SendOneAndOweOne();
  partition_.context().watermark += kDayMs / 2;
  partition_.Count(1, "a");  // Too late.
  partition_.context().wall += 5000;
  partition_.Commit();
  EXPECT_FALSE(partition_.Due());
  EXPECT_EQ(records(), 2);
  EXPECT_THAT(Values(), ElementsAre("2"));
}

TEST_F(RowPublisherTest, ATopicThatIsNewIsSentWhatIsThere) {
  partition_.pipeline().row_topics.clear();
  partition_.Open();
  for (int i = 0; i < 30; ++i) partition_.Count(i % 3, "c" + std::to_string(i));
  partition_.Commit();
  EXPECT_FALSE(partition_.Due());
  partition_.pipeline().row_topics.push_back(TopicNamed("rows"));
  partition_.Open();
  EXPECT_TRUE(partition_.Due());
  partition_.Commit();
  EXPECT_EQ(records(), 30);
  EXPECT_FALSE(partition_.Due());
  EXPECT_EQ(partition_.Read(partition_.feeds()[0]), partition_.Rows(partition_.feeds()[0]));
}

TEST_F(RowPublisherTest, ATopicThatComesBackIsSentEverythingAgain) {
  partition_.Open();
  partition_.Count(1, "a");
  partition_.Count(1, "b");
  partition_.Commit();
  const std::vector<RowTopicSpec> topics = std::exchange(partition_.pipeline().row_topics, {});
  partition_.Open();
  partition_.Count(1, "a", 10);
  partition_.Commit();
  EXPECT_EQ(records(), 2);
  partition_.pipeline().row_topics = topics;
  partition_.context().wall += 5000;
  partition_.Open();
  partition_.Prepare();
  EXPECT_EQ(partition_.context().published.size(), 2u);
}

TEST_F(RowPublisherTest, RowsThatAreNotKeptVanish) {
  partition_.pipeline().kpis[0].keep_ms = 10 * kDayMs;
  partition_.Open();
  partition_.Count(1, "a");
  partition_.Count(5, "b");
  partition_.Commit();
  partition_.context().wall += 5000;
  partition_.context().watermark = 12 * kDayMs;
  partition_.Commit();
  EXPECT_THAT(Values(), ElementsAre("gone", "1"));
}

// Everything at once, against the rows of the committed state: see Partition::Take.
class RandomRun {
 public:
  explicit RandomRun(std::uint64_t seed)
      : random_(seed), partition_({.bytes = 1 + random_() % 4000, .groups = 1 + random_() % 8}) {
    Pipeline& pipeline = partition_.pipeline();
    AddClicks(&pipeline);
    Measure sum = MeasureOf(Type::kSum, Of::kOrder);
    sum.field = "amount";
    AddKpi(&pipeline, "revenue", sum, {By(Dimension::kChannel)}).money = true;
    AddKpi(&pipeline, "rate",
           Combine(Type::kRatio,
                   {MeasureOf(Type::kCount, Of::kOrder), MeasureOf(Type::kCount, Of::kVisit)}),
           {}, WindowUnit::kTotal);
    Measure share = Combine(Type::kShareOf, {MeasureOf(Type::kCount, Of::kVisit)});
    share.along = 0;
    AddKpi(&pipeline, "share", share, {By(Dimension::kChannel), By(Dimension::kOwner)});
    pipeline.kpis[0].keep_ms = 6 * kDayMs;
    pipeline.kpis[0].max_cells = 5;
    MakeTopics();
    partition_.Open();
  }

  void Run() {
    for (int step = 0; step < 400 && !testing::Test::HasFailure(); ++step) Step();
    if (!testing::Test::HasFailure()) partition_.End();
    for (const RowFeed& feed : partition_.feeds()) {
      if (testing::Test::HasFailure()) return;
      if (feed.output->envelope == Envelope::kDelta) {
        partition_.ExpectSums(feed);
      } else {
        EXPECT_EQ(partition_.Read(feed), partition_.Rows(feed)) << feed.topic;
      }
    }
  }

 private:
  void MakeTopics() {
    auto& topics = partition_.pipeline().row_topics;
    for (const char* name : {"all.{kpi}", "settled.{kpi}", "change.{kpi}", "delta.{kpi}"}) {
      topics.push_back(TopicNamed(name));
    }
    topics[1].settled_only = true;
    topics[2].envelope = Envelope::kDebezium;
    topics[3].envelope = Envelope::kDelta;
    later_ = topics.back();
    if (random_() % 2 == 0) topics.pop_back();  // It comes later.
    if (random_() % 2 == 0) topics[2].settled_only = true;
  }

  void AddFact() {
    const Pipeline& pipeline = partition_.pipeline();
    const KpiSpec& kpi = pipeline.kpis[random_() % pipeline.kpis.size()];
    Component component;
    component.slot = random_() % static_cast<std::uint64_t>(kpi.slots);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < kpi.by.size(); ++i) {
      const std::string text(1, static_cast<char>('a' + random_() % 4));
      if (static_cast<int>(i) == AlongOf(kpi.measure)) {
        along_ = text;
        component.along = along_;
      } else {
        texts.push_back(text);
      }
    }
    if (kpi.money) texts.emplace_back(random_() % 3 == 0 ? "JPY" : "EUR");
    const std::int64_t delta = static_cast<std::int64_t>(random_() % 5) - 2;
    partition_.Add(kpi, day_ + static_cast<std::int64_t>(random_() % 3), texts, component, delta);
  }

  void Step() {
    FakeContext& context = partition_.context();
    switch (random_() % 12) {
      case 0: partition_.Abort(); break;
      case 1: partition_.Prepare(), partition_.Abort(); break;
      case 2: partition_.Open(); break;
      case 3:
        if (random_() % 10 == 0) ++day_;
        context.watermark = std::max(context.watermark, day_ * kDayMs);
        break;
      case 4: context.wall += static_cast<std::int64_t>(random_() % 1500); break;
      case 5:
      case 6:
      case 7: partition_.Commit(); break;
      case 8:
        if (partition_.pipeline().row_topics.size() == 3 && random_() % 20 == 0) {
          partition_.pipeline().row_topics.push_back(later_);
          partition_.in_peace = false;
          partition_.Open();
        }
        break;
      default: AddFact(); break;
    }
  }

  std::mt19937_64 random_;
  Partition partition_;
  RowTopicSpec later_;
  std::string along_;
  std::int64_t day_ = 10;
};

TEST(RowPublisherPropertyTest, SubscribersSeeWhatIsCommittedWhateverHappens) {
  for (std::uint64_t seed = 1; seed <= 200 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomRun(seed).Run();
  }
}

}  // namespace
}  // namespace leadflow
