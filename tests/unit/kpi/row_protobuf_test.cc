// Rows as Protobuf, as Google's library reads them by the text of their schema.
#include "operators/kpi/row_protobuf.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "operators/kpi/row_record.h"
#include "tests/support/protobuf_reader.h"
#include "tests/unit/facts/fact_cells.h"

namespace leadflow {
namespace {

using Of = Subject::Of;
using Type = Measure::Type;
using Envelope = RowTopicSpec::Envelope;

class RowProtobufTest : public testing::Test {
 protected:
  RowProtobufTest() {
    pipeline_.name = "shop";
    pipeline_.kpis.reserve(8);
    Measure sum = MeasureOf(Type::kSum, Of::kOrder);
    sum.field = "amount";
    KpiSpec& kpi = AddKpi(&pipeline_, "net_revenue", sum, {});
    kpi.money = true;
    kpi.by = {{Dimension::kChannel, "channel", ""}, {Dimension::kLabel, "labels.plan", "plan"}};
    output_.format = RowTopicSpec::Format::kProtobuf;
    feed_.output = &output_;
    feed_.kpi = row_.kpi = &kpi;
    feed_.schemas = {0x01020304, 7};
    row_.window_start_ms = kDayMs;
    row_.window_end_ms = 2 * kDayMs;
    row_.dimensions = {"E\"mail", ""};
    row_.value = "12.50";
    row_.currency = "EUR";
    row_.revision = 300;
    row_.updated_at_ms = 1000;
  }

  RowSchemas Schemas() const {
    const Result<RowSchemas> schemas = RowSchemasOf(feed_);
    EXPECT_TRUE(schemas.ok()) << schemas.status();
    return schemas.ok() ? *schemas : RowSchemas();
  }
  // Reads it by the schema, which has the id `schema_id`.
  static std::string Read(const std::string& schema, std::uint32_t schema_id,
                          const std::optional<std::string>& record) {
    std::string error;
    const auto reader = ProtobufReader::Of(schema, &error);
    if (reader == nullptr) return error + schema;
    std::uint32_t id = 0;
    std::string_view message;
    if (!record || !ProtobufReader::Split(*record, &id, &message)) return "no record";
    EXPECT_EQ(id, schema_id);
    const auto read = (*reader)(message);
    if (!read) return "no message";
    EXPECT_FALSE(read->unknown) << read->json;
    EXPECT_EQ(read->bytes, message) << "not as the library writes it";
    return read->json;
  }
  std::string ReadKey() const {
    return Read(Schemas().key, 0x01020304, RowKey(feed_, row_, pipeline_));
  }
  std::string ReadValue(const KpiRow* before, const KpiRow* after) const {
    return Read(Schemas().value, 7, RowValue(feed_, before, after, pipeline_, 777));
  }

  Pipeline pipeline_;
  RowTopicSpec output_;
  RowFeed feed_;
  KpiRow row_;
};

constexpr const char* kRow =
    R"({"kpi":"net_revenue","window":"1d","window_start":"1970-01-02T00:00:00+00:00",)"
    R"("window_end":"1970-01-03T00:00:00+00:00","value":"12.50","value_double":12.5,)"
    R"("currency":"EUR","revision":"300","updated_at":"1970-01-01T00:00:01+00:00",)"
    R"("channel":"E\"mail"})";

// Texts of schemas and bytes of keys are what topics and registries hold: a change of either makes
// other keys of all rows that exist.
TEST_F(RowProtobufTest, SchemasAndKeysStayAsTheyAre) {
  const RowSchemas schemas = Schemas();
  EXPECT_EQ(schemas.key, R"(syntax = "proto3";
package leadflow.kpi;

message NetRevenueKey {
  string window_start = 3;
  string currency = 9;
  string channel = 21;
  string labels_plan = 20313774;
}
)");
  EXPECT_EQ(schemas.value, R"(syntax = "proto3";
package leadflow.kpi;

message NetRevenue {
  string kpi = 1;
  string window = 2;
  string window_start = 3;
  optional string window_end = 4;
  optional string value = 5;
  optional double value_double = 6;
  string currency = 9;
  string unit = 10;
  bool settled = 11;
  uint64 revision = 12;
  string cause = 13;
  string updated_at = 14;
  string channel = 21;
  string labels_plan = 20313774;
}
)");
  row_.dimensions = {"Email", "b"};
  const std::string head("\0\1\2\3\4\0", 6);
  EXPECT_EQ(RowKey(feed_, row_, pipeline_), head +
                                                "\x1a\x19"
                                                "1970-01-02T00:00:00+00:00"
                                                "\x4a\x03"
                                                "EUR"
                                                "\xaa\x01\x05"
                                                "Email"
                                                "\xf2\xea\xbe\x4d\x01"
                                                "b");
}

// Old records of topics are read by them.
TEST(FieldNumberTest, NumbersStayAsTheyAre) {
  std::uint32_t number = 0;
  for (const char* column :
       {"kpi", "window", "window_start", "window_end", "value", "value_double", "numerator",
        "denominator", "currency", "unit", "settled", "revision", "cause", "updated_at", "delta"}) {
    EXPECT_EQ(FieldNumber(column), ++number) << column;
  }
  number = 19;
  for (const char* column :
       {"model",         "channel", "campaign", "source", "medium",  "landing_page",
        "fair",          "persona", "account",  "owner",  "country", "product_line",
        "discount_code", "offer",   "name",     "form",   "asset",   "link",
        "network",       "variant", "kind",     "reason"}) {
    EXPECT_EQ(FieldNumber(column), ++number) << column;
  }
  EXPECT_EQ(FieldNumber("p50"), 24715739u);
}

TEST_F(RowProtobufTest, AnUpsertIsTheRowAndARowThatVanishedATombstone) {
  EXPECT_EQ(ReadKey(),
            R"({"window_start":"1970-01-02T00:00:00+00:00","currency":"EUR","channel":"E\"mail"})");
  EXPECT_EQ(ReadValue(&row_, &row_), kRow);
  EXPECT_EQ(RowValue(feed_, &row_, nullptr, pipeline_, 777), std::nullopt);
}

TEST_F(RowProtobufTest, NullIsNotThereAndZeroIs) {
  row_.value.reset();
  row_.window_end_ms = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(ReadValue(nullptr, &row_).find("value"), std::string::npos);
  EXPECT_EQ(ReadValue(nullptr, &row_).find("window_end"), std::string::npos);
  row_.value = "0";
  EXPECT_NE(ReadValue(nullptr, &row_).find(R"("value":"0","value_double":0,)"), std::string::npos);
  row_.value = "-170141183460469231731687303715884105.73";
  EXPECT_NE(ReadValue(nullptr, &row_).find(R"("value":"-170141183460469231731687303715884105.73")"),
            std::string::npos);
}

TEST_F(RowProtobufTest, TextsOfUnknownBytesAreReadable) {
  row_.dimensions[0] =
      "a\xff"
      "b";
  EXPECT_NE(ReadKey().find("a\xef\xbf\xbd"
                           "b"),
            std::string::npos);
}

TEST_F(RowProtobufTest, DebeziumTellsWhatWasAndWhatIs) {
  output_.envelope = Envelope::kDebezium;
  const std::string row = kRow;
  const std::string rest =
      R"(,"ts_ms":"777","source":{"connector":"leadflow","name":"shop","kpi":"net_revenue"}})";
  EXPECT_EQ(ReadValue(nullptr, &row_), R"({"after":)" + row + R"(,"op":"c")" + rest);
  EXPECT_EQ(ReadValue(&row_, &row_),
            R"({"before":)" + row + R"(,"after":)" + row + R"(,"op":"u")" + rest);
  EXPECT_EQ(ReadValue(&row_, nullptr), R"({"before":)" + row + R"(,"op":"d")" + rest);
}

TEST_F(RowProtobufTest, ADeltaIsHowMuchTheValueHasChanged) {
  output_.envelope = Envelope::kDelta;
  KpiRow before = row_;
  before.value = "20.00";
  EXPECT_NE(ReadValue(&before, &row_).find(R"("delta":"-7.50")"), std::string::npos);
  EXPECT_NE(ReadValue(&before, nullptr).find(R"("delta":"-20.00")"), std::string::npos);
}

TEST_F(RowProtobufTest, HeadersSayWhatItIs) {
  const RowHeaders headers(feed_, row_, false, "key", pipeline_);
  EXPECT_EQ(headers.views().back().value, "application/x-protobuf");
}

TEST_F(RowProtobufTest, TheOrderOfDimensionsChangesNeitherKeyNorSchema) {
  const RowSchemas schemas = Schemas();
  const std::string key = RowKey(feed_, row_, pipeline_);
  std::swap(pipeline_.kpis[0].by[0], pipeline_.kpis[0].by[1]);
  std::swap(row_.dimensions[0], row_.dimensions[1]);
  EXPECT_EQ(Schemas().key, schemas.key);
  EXPECT_EQ(Schemas().value, schemas.value);
  EXPECT_EQ(RowKey(feed_, row_, pipeline_), key);
}

TEST_F(RowProtobufTest, QuantilesAndPartsAreColumns) {
  Measure quantile = MeasureOf(Type::kQuantile, Of::kOrder);
  quantile.field = "amount";
  quantile.quantiles = {0.5, 0.125};
  quantile.quantile_columns = {"p50", "p12_5"};
  row_.kpi = feed_.kpi = &AddKpi(&pipeline_, "a-B2b", quantile, {});
  row_.dimensions.clear();
  row_.quantiles = {"4", std::nullopt};
  EXPECT_NE(Schemas().value.find("message AB2b {"), std::string::npos);
  EXPECT_NE(ReadValue(nullptr, &row_).find(R"("p50":"4")"), std::string::npos);

  row_.kpi = feed_.kpi = &AddKpi(&pipeline_, "mean", MeasureOf(Type::kMean, Of::kOrder), {});
  row_.quantiles.clear();
  row_.numerator = "25";
  row_.denominator = "2";
  EXPECT_NE(ReadValue(nullptr, &row_).find(R"("numerator":"25","denominator":"2")"),
            std::string::npos);
}

TEST_F(RowProtobufTest, ColumnsThatWouldBeOneFieldAreRefused) {
  std::map<std::uint32_t, std::string> numbers;
  std::string twin, other;
  for (int i = 0; twin.empty(); ++i) {
    other = "labels.l" + std::to_string(i);
    const auto [at, added] = numbers.try_emplace(FieldNumber(other), other);
    if (!added) twin = at->second;
  }
  const struct {
    std::string a, b;
  } cases[] = {{"labels.a-b", "labels.a_b"}, {"labels.aB", "labels.a_b"}, {twin, other}};
  for (const auto& one : cases) {
    pipeline_.kpis[0].by = {{Dimension::kLabel, one.a, ""}, {Dimension::kLabel, one.b, ""}};
    const auto schemas = RowSchemasOf(feed_);
    ASSERT_FALSE(schemas.ok()) << one.a << " and " << one.b;
    EXPECT_EQ(schemas.status().message(), "the columns `" + one.a + "` and `" + one.b +
                                              "` would be one field of a Protobuf message");
  }
}

TEST_F(RowProtobufTest, AnotherKeySchemaIsAnotherFeed) {
  pipeline_.row_topics = {output_};
  pipeline_.row_topics[0].topic = "rows";
  const auto id = [&](RowSchemaIds ids) { return RowFeedsOf(pipeline_, {{"rows", ids}})[0].id; };
  EXPECT_EQ(id({1, 2}), id({1, 3}));
  EXPECT_NE(id({1, 2}), id({2, 2}));
}

}  // namespace
}  // namespace leadflow
