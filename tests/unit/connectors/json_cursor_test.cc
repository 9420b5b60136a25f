#include "connectors/formats/json_cursor.h"

#include <simdjson.h>

#include <random>
#include <string>

#include "connectors/formats/json_paths.h"
#include "connectors/formats/number_text.h"
#include "gtest/gtest.h"

namespace leadflow {
namespace {

bool IsJson(std::string_view text) {
  JsonCursor json(text);
  return json.Skip() && json.End();
}

TEST(JsonCursorTest, AcceptsJsonAndNothingElse) {
  struct Case {
    std::string_view text;
    bool json;
  };
  const Case cases[] = {
      {R"({})", true},         {R"([])", true},          {R"("")", true},
      {R"({"a":[1,{"b":null}],"c":true})", true},        {R"( [ 1 , 2 ] )", true},
      {R"(-0.5e+10)", true},   {R"("\u00e9\n\"")", true}, {R"(0)", true},
      {R"()", false},          {R"({"a":1,})", false},   {R"([1,])", false},
      {R"({"a" 1})", false},   {R"({"a":1 "b":2})", false}, {R"([1 2])", false},
      {R"(01)", false},        {R"(1.)", false},         {R"(.5)", false},
      {R"(+1)", false},        {R"("\x")", false},       {R"("\u12g4")", false},
      {R"("open)", false},     {"\"a\nb\"", false},      {R"({a:1})", false},
      {R"(tru)", false},       {R"({} {})", false},      {R"({"a":1}})", false},
      {R"(nul)", false},       {R"(])", false},          {R"({,"a":1})", false},
  };
  for (const Case& c : cases) EXPECT_EQ(IsJson(c.text), c.json) << c.text;
}

TEST(JsonCursorTest, RefusesWhatIsNestedTooDeep) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_TRUE(IsJson(nested(JsonCursor::kMaxDepth)));
  EXPECT_FALSE(IsJson(nested(JsonCursor::kMaxDepth + 1)));
  EXPECT_FALSE(IsJson(std::string(100'000, '[')));
  EXPECT_FALSE(IsJson(std::string(100'000, '{')));
}

TEST(JsonCursorTest, ErrorsNameThePlace) {
  JsonCursor json(R"({"a" 1})");
  EXPECT_FALSE(json.Skip());
  EXPECT_EQ(json.Error(), "expected `:` at byte 6");
}

TEST(JsonCursorTest, DecodesEscapes) {
  struct Case {
    std::string_view text, decoded;
  };
  const Case cases[] = {
      {R"("plain")", "plain"},
      {R"("a\"b\\c\/d\b\f\n\r\t")", "a\"b\\c/d\b\f\n\r\t"},
      {R"("\u0041\u00fc\u20ac")", "A\u00fc\u20ac"},
      {R"("\ud83d\ude00")", "\U0001F600"},
      {R"("\ud83d!")", "\uFFFD!"},
      {R"("\ude00")", "\uFFFD"},
  };
  for (const Case& c : cases) {
    JsonCursor json(c.text);
    JsonText text;
    EvalArena arena;
    ASSERT_TRUE(json.String(&text)) << c.text;
    EXPECT_EQ(text.Decode(arena), c.decoded) << c.text;
    EXPECT_TRUE(json.End());
  }
}

// What another parser takes for JSON, this one does too, and the other way round.
TEST(JsonCursorTest, AgreesWithSimdjsonOnMutatedMessages) {
  const std::string seeds[] = {
      R"({"id":"e-1","kind":"page_view","time":"2026-03-01T10:00:00Z","utm":{"source":"google"},"n":[1,-2.5e3,true,null]})",
      R"([{"a":"\u00e9\\\"x","b":{"c":[[],{}]}},0,false,"long text of more than sixteen bytes"])",
  };
  constexpr std::string_view kBytes = "{}[]\",:\\ 0123456789.eE+-truefalsn\n\t\x01u";
  std::mt19937 random(7);
  simdjson::dom::parser parser;
  int valid = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seeds[round % 2];
    const int edits = 1 + static_cast<int>(random() % 3);
    for (int edit = 0; edit < edits; ++edit) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = kBytes[random() % kBytes.size()]; break;
        case 1: text.erase(at, 1); break;
        default: text.insert(at, 1, kBytes[random() % kBytes.size()]);
      }
    }
    // Numbers beyond a double and halves of surrogates are judged differently, on purpose.
    const auto error = parser.parse(simdjson::padded_string(text)).error();
    if (error == simdjson::NUMBER_ERROR) continue;
    ASSERT_EQ(IsJson(text), error == simdjson::SUCCESS) << text << "\n" << error;
    valid += error == simdjson::SUCCESS ? 1 : 0;
  }
  EXPECT_GT(valid, 1000);
}

TEST(NumberTextTest, DecimalsAreExact) {
  struct Case {
    std::string_view text;
    std::optional<std::int64_t> nano;
  };
  const Case cases[] = {
      {"0", 0},           {"1.5", 1'500'000'000}, {"-0.25", -250'000'000}, {"19.99", 19'990'000'000},
      {"1e3", 1'000'000'000'000}, {"12e-1", 1'200'000'000}, {"0.0000000005", 0},
      {"0.0000000015", 2},        {"0.00000000050001", 1},  {"", std::nullopt},
      {"1,5", std::nullopt},      {"abc", std::nullopt},    {"1e99", std::nullopt},
      {"99999999999999999999999", std::nullopt},
  };
  for (const Case& c : cases) {
    const auto decimal = ParseDecimal(c.text);
    ASSERT_EQ(decimal.has_value(), c.nano.has_value()) << c.text;
    if (decimal) {
      EXPECT_EQ(static_cast<std::int64_t>(*decimal), *c.nano) << c.text;
    }
  }
}

TEST(NumberTextTest, TextOfADecimalReadsBack) {
  EvalArena arena;
  for (const std::string_view text : {"0", "1.5", "-0.25", "120.000000001", "100"}) {
    EXPECT_EQ(DecimalText(*ParseDecimal(text), arena), text);
  }
}

TEST(JsonPathsTest, ReadsManyPathsInOnePass) {
  JsonPaths paths;
  paths.Add(std::vector<PathStep>{{"a", -1}, {"b-c", -1}, {"", 1}}, 0);
  paths.Add(std::vector<PathStep>{{"n", -1}}, 1);
  paths.Add(std::vector<PathStep>{{"n", -1}}, 2);
  paths.Add(std::vector<PathStep>{{"missing", -1}}, 3);
  std::vector<Value> values(4);
  EvalArena arena;
  std::string why;
  ASSERT_TRUE(paths.Read(R"({"x":{"n":1},"a":{"b-c":["no","yes",{}]},"n":1,"n":19.99})", values,
                         arena, &why))
      << why;
  EXPECT_EQ(values[0].string(), "yes");
  EXPECT_EQ(values[1].type, ValueType::kDecimal);
  EXPECT_EQ(static_cast<std::int64_t>(values[2].decimal), 19'990'000'000);
  EXPECT_TRUE(values[3].is_null());
}

TEST(JsonPathsTest, BrokenPartsThatNobodyReadsAreRefusedToo) {
  JsonPaths paths;
  paths.Add(std::vector<PathStep>{{"a", -1}}, 0);
  std::vector<Value> values(1);
  EvalArena arena;
  std::string why;
  EXPECT_FALSE(paths.Read(R"({"a":1,"b":{"c":[}})", values, arena, &why));
  EXPECT_EQ(why, "no JSON: expected a value at byte 18");
}

TEST(SplitTest, WalksListsInLists) {
  SplitPath path;
  std::string why;
  ASSERT_TRUE(ParseSplit("$.r[*].t[*]", &path, &why));
  std::vector<std::string> seen;
  const int count = ForEachElement(R"({"r":[{"t":[1,2]},{"x":0},{"t":3},{"t":null}]})", path,
                                   [&](std::string_view e) { seen.emplace_back(e); });
  EXPECT_EQ(count, 3);
  EXPECT_EQ(seen, (std::vector<std::string>{"1", "2", "3"}));
}

TEST(SplitTest, RefusesWhatIsNoPath) {
  SplitPath path;
  std::string why;
  for (const std::string_view text : {"", "items", "$.", "$[", "$[0]", "$.a b", "$[\"\"]"}) {
    EXPECT_FALSE(ParseSplit(text, &path, &why)) << text;
    EXPECT_NE(why.find("split"), std::string::npos);
  }
  EXPECT_TRUE(ParseSplit("$[\"a b\"][*]", &path, &why));
}

}  // namespace
}  // namespace leadflow
