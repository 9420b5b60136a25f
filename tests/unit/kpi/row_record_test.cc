#include "operators/kpi/row_record.h"

#include <optional>
#include <string>

#include "gtest/gtest.h"

#include "tests/unit/facts/fact_cells.h"

namespace leadflow {
namespace {

using Of = Subject::Of;
using Type = Measure::Type;

class RowRecordTest : public testing::Test {
 protected:
  RowRecordTest() {
    pipeline_.name = "shop";
    Measure sum = MeasureOf(Type::kSum, Of::kOrder);
    sum.field = "amount";
    AddKpi(&pipeline_, "revenue", sum, {By(Dimension::kChannel)}).money = true;
    feed_.output = &output_;
    feed_.kpi = &pipeline_.kpis[0];
    row_.kpi = &pipeline_.kpis[0];
    row_.window_start_ms = kDayMs;
    row_.window_end_ms = 2 * kDayMs;
    row_.dimensions = {"E\"mail"};
    row_.value = "12.50";
    row_.currency = "EUR";
    row_.revision = 3;
    row_.updated_at_ms = 1000;
  }
  std::optional<std::string> Value(const KpiRow* before, const KpiRow* after) {
    return RowValue(feed_, before, after, pipeline_, 777);
  }

  Pipeline pipeline_;
  RowTopicSpec output_;
  RowFeed feed_;
  KpiRow row_;
};

constexpr const char* kPlain =
    R"({"kpi":"revenue","window":"1d","window_start":"1970-01-02T00:00:00+00:00",)"
    R"("window_end":"1970-01-03T00:00:00+00:00","d1":"E\"mail","value":12.50,"currency":"EUR",)"
    R"("unit":"","settled":false,"revision":3,"cause":"","updated_at":"1970-01-01T00:00:01+00:00"})";

TEST_F(RowRecordTest, AnUpsertIsTheRowAndARowThatVanishedATombstone) {
  EXPECT_EQ(RowKey(feed_, row_, pipeline_),
            R"({"window_start":"1970-01-02T00:00:00+00:00","d1":"E\"mail","currency":"EUR"})");
  EXPECT_EQ(Value(nullptr, &row_), kPlain);
  EXPECT_EQ(Value(&row_, &row_), kPlain);
  EXPECT_EQ(Value(&row_, nullptr), std::nullopt);
}

TEST_F(RowRecordTest, DebeziumTellsWhatWasAndWhatIs) {
  output_.envelope = RowTopicSpec::Envelope::kDebezium;
  const std::string row = kPlain;
  const std::string rest =
      R"(,"ts_ms":777,"source":{"connector":"leadflow","name":"shop","kpi":"revenue"}})";
  EXPECT_EQ(Value(nullptr, &row_), R"({"before":null,"after":)" + row + R"(,"op":"c")" + rest);
  EXPECT_EQ(Value(&row_, &row_),
            R"({"before":)" + row + R"(,"after":)" + row + R"(,"op":"u")" + rest);
  EXPECT_EQ(Value(&row_, nullptr), R"({"before":)" + row + R"(,"after":null,"op":"d")" + rest);
}

TEST_F(RowRecordTest, ADeltaIsHowMuchTheValueHasChanged) {
  output_.envelope = RowTopicSpec::Envelope::kDelta;
  const auto delta = [&](const KpiRow* before, const KpiRow* after) {
    const std::string text = Value(before, after).value_or("");
    return text.substr(text.find("\"delta\":"));
  };
  KpiRow before = row_;
  before.value = "20.00";
  EXPECT_EQ(delta(nullptr, &row_), R"("delta":12.50})");
  EXPECT_EQ(delta(&before, &row_), R"("delta":-7.50})");
  EXPECT_EQ(delta(&before, nullptr), R"("delta":-20.00})");
  before.value.reset();
  EXPECT_EQ(delta(&before, &row_), R"("delta":12.50})");
}

TEST_F(RowRecordTest, ConnectBringsItsSchema) {
  output_.format = RowTopicSpec::Format::kConnect;
  const std::string timestamp =
      R"("type":"int64","name":"org.apache.kafka.connect.data.Timestamp","version":1)";
  EXPECT_EQ(RowKey(feed_, row_, pipeline_),
            R"({"schema":{"type":"struct","optional":false,"fields":[{)" + timestamp +
                R"(,"optional":false,"field":"window_start"},)"
                R"({"type":"string","optional":false,"field":"d1"},)"
                R"({"type":"string","optional":false,"field":"currency"}]},)"
                R"("payload":{"window_start":86400000,"d1":"E\"mail","currency":"EUR"}})");
  const std::string value = Value(nullptr, &row_).value_or("");
  const std::size_t payload = value.find("\"payload\":");
  EXPECT_EQ(value.substr(payload),
            R"("payload":{"kpi":"revenue","window":"1d","window_start":86400000,)"
            R"("window_end":172800000,"d1":"E\"mail","value":12.500000,"currency":"EUR",)"
            R"("unit":"","settled":false,"revision":3,"cause":"","updated_at":1000}})");
  EXPECT_NE(value.find(R"("parameters":{"scale":"6"},"optional":true,"field":"value")"),
            std::string::npos);
  row_.value.reset();
  EXPECT_NE(Value(nullptr, &row_)->find(R"("value":null)"), std::string::npos);
}

TEST_F(RowRecordTest, CountsAreWholeInConnect) {
  AddKpi(&pipeline_, "visits", MeasureOf(Type::kCount, Of::kVisit), {By(Dimension::kChannel)});
  row_.kpi = &pipeline_.kpis[1];
  row_.value = "7";
  output_.format = RowTopicSpec::Format::kConnect;
  const std::string value = Value(nullptr, &row_).value_or("");
  EXPECT_NE(value.find(R"({"type":"int64","optional":true,"field":"value"})"), std::string::npos);
  EXPECT_NE(value.find(R"("value":7,)"), std::string::npos);
}

TEST(DecimalDifferenceTest, IsExact) {
  const struct {
    std::optional<std::string> a, b;
    const char* difference;
  } cases[] = {
      {"1", "3", "-2"},
      {"0.1", "0.3", "-0.2"},
      {"10", "0.000001", "9.999999"},
      {"-5.00", "5", "-10.00"},
      {std::nullopt, "2.5", "-2.5"},
      {"9223372036854775807", "-9223372036854775808", "18446744073709551615"},
      {"12345678901234567890.123456", std::nullopt, "12345678901234567890.123456"},
      {"1.50", "1.5", "0.00"},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(DecimalDifference(one.a, one.b), one.difference);
  }
}

}  // namespace
}  // namespace leadflow
