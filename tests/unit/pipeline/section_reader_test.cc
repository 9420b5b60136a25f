#include "operators/pipeline/section_reader.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operators/pipeline/csv_table.h"
#include "operators/pipeline/expression_reader.h"
#include "operators/pipeline/measure_reader.h"
#include "operators/pipeline/schema.h"

namespace leadflow {
namespace {

using testing::ElementsAre;

TEST(DurationTest, ReadsUnitsAndSums) {
  const std::pair<std::string_view, std::int64_t> cases[] = {
      {"200ms", 200},      {"1s", 1000},         {"2m", 120'000},    {"2min", 120'000},
      {"3h", 10'800'000},  {"1d", 86'400'000},   {"2w", 14 * kDayMs}, {"3y", 3 * kYearMs},
      {"1h30m", 5'400'000}, {"0s", 0}};
  for (const auto& [text, ms] : cases) EXPECT_EQ(ParseDurationMs(text), ms) << text;
}

TEST(DurationTest, RefusesEverythingElse) {
  for (const std::string_view text :
       {"", "5", "d", "-1d", "1.5h", "1 d", "1mo", "99999999999999999999d", "9223372036854775807y",
        "2000y", "1d "}) {
    EXPECT_EQ(ParseDurationMs(text), std::nullopt) << text;
  }
}

TEST(SizeTest, ReadsBinaryAndDecimalUnits) {
  EXPECT_EQ(ParseSize("4096"), 4096);
  EXPECT_EQ(ParseSize("2KiB"), 2048);
  EXPECT_EQ(ParseSize("1GiB"), std::int64_t{1} << 30);
  EXPECT_EQ(ParseSize("5MB"), 5'000'000);
  for (const std::string_view text : {"", "GiB", "1 GiB", "1gib", "-1", "9223372036854775807TiB"}) {
    EXPECT_EQ(ParseSize(text), std::nullopt) << text;
  }
}

TEST(NameTest, LettersDigitsDashAndUnderscore) {
  for (const std::string_view name : {"a", "web", "cost_per_lead", "a-1"}) {
    EXPECT_TRUE(IsPlainName(name)) << name;
  }
  for (const std::string_view name : {"", "1a", "_a", "a b", "a/b", "a.b", "ä"}) {
    EXPECT_FALSE(IsPlainName(name)) << name;
  }
}

TEST(CsvTableTest, ReadsQuotesCommasAndEmptyLines) {
  const auto rows = ReadCsvTable("\xef\xbb\xbf" "a,b\r\n\n\"x, \"\"y\"\"\",\"line\nbreak\"\n,z");
  ASSERT_TRUE(rows.has_value());
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_THAT((*rows)[0].values, ElementsAre("a", "b"));
  EXPECT_THAT((*rows)[1].values, ElementsAre("x, \"y\"", "line\nbreak"));
  EXPECT_EQ((*rows)[1].line, 3);
  EXPECT_THAT((*rows)[2].values, ElementsAre("", "z"));
  EXPECT_EQ((*rows)[2].line, 5);
}

TEST(CsvTableTest, AnOpenQuoteIsNoTable) { EXPECT_FALSE(ReadCsvTable("a,\"b\nc,d\n").has_value()); }

TEST(TokenTest, NamesTextsAndSymbols) {
  std::vector<std::string> texts;
  for (const ExpressionToken& token : TokensOf("utm.source in [\"a \\\" b\", 'c'] && !has(x)")) {
    texts.emplace_back(token.text);
  }
  EXPECT_THAT(texts, ElementsAre("utm.source", "in", "[", "a \\\" b", ",", "c", "]", "&&", "!", "has",
                                 "(", "x", ")"));
}

TEST(TokenTest, AnOpenQuoteEndsWithTheText) {
  for (const std::string_view text : {"\"", "a == \"", "'\\", "\"\\\""}) {
    for (const ExpressionToken& token : TokensOf(text)) {
      EXPECT_LE(token.offset + token.text.size(), text.size()) << text;
    }
  }
}

TEST(QuantileTest, ColumnsAreNamedInPercent) {
  EXPECT_EQ(QuantileColumn(0.5), "p50");
  EXPECT_EQ(QuantileColumn(0.9), "p90");
  EXPECT_EQ(QuantileColumn(0.125), "p12_5");
  EXPECT_EQ(QuantileColumn(0.999), "p99_9");
}

TEST(SchemaTest, NamesEverySectionAndNoLackingKey) {
  const std::string schema = PipelineJsonSchema();
  for (const std::string_view key : {"version", "sources", "half_life", "commit_interval",
                                     "share_of", "window_start", "brokers", "registry"}) {
    EXPECT_NE(schema.find(key), std::string::npos) << key;
  }
  for (const std::string_view key : {"\"users\":{", "\"conversion\":{"}) {
    EXPECT_EQ(schema.find(key), std::string::npos) << key;
  }
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < schema.size(); ++i) {
    if (schema[i] == '\\') {
      ++i;
    } else if (schema[i] == '"') {
      quoted = !quoted;
    } else if (!quoted) {
      depth += schema[i] == '{' ? 1 : schema[i] == '}' ? -1 : 0;
    }
  }
  EXPECT_FALSE(quoted);
  EXPECT_EQ(depth, 0);
}

}  // namespace
}  // namespace leadflow
