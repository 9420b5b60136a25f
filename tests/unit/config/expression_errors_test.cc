#include <string>

#include <gtest/gtest.h>

#include "engine/config/expression.h"
#include "tests/unit/config/expression_testing.h"

namespace leadflow {
namespace {

struct Case {
  const char* text;
  int column;  // of the mistake in the text, from 1
  int width;
  const char* id;
  const char* message;  // a part of it
  ValueType expected = ValueType::kAny;
};

std::vector<Diagnostic> Mistakes(std::string_view text, Position at, ValueType expected,
                                 bool message = true, std::string_view zone = "UTC") {
  TestFields fields;
  fields.has_message = message;
  Diagnostics problems("e", std::string(text));
  const auto compiled = Expression::Compile(text, at, fields, expected, zone, &problems);
  EXPECT_EQ(compiled == nullptr, !problems.ok()) << text;
  return problems.all();
}

TEST(ExpressionErrorsTest, EachHasItsPlace) {
  const auto condition = ValueType::kBool;
  const Case cases[] = {
      // Text.
      {"", 1, 1, "syntax", "a value is missing at the end"},
      {"kind ==", 8, 1, "syntax", "a value is missing at the end"},
      {"kind = \"a\"", 6, 1, "syntax", "`=` means nothing here"},
      {"bounce & bounce", 8, 1, "syntax", "`&` means nothing here"},
      {"kind == \"order", 9, 1, "syntax", "a text without an end"},
      {"(bounce", 8, 1, "syntax", "`)` is missing at the end"},
      {"bounce)", 7, 1, "syntax", "`)` is too much here"},
      {"kind \"a\"", 6, 3, "syntax", "`\"a\"` is too much here"},
      {"bounce ? 1", 11, 1, "syntax", "`:` is missing at the end"},
      {"kind in \"a\"", 12, 1, "syntax", "behind `in` stands a list"},
      {"kind in [\"a\" \"b\"]", 14, 3, "syntax", "`,` or `]` is missing before `\"b\"`"},
      {"lower(kind", 11, 1, "syntax", "`,` or `)` is missing at the end"},
      {"$.", 3, 1, "syntax", "a name is missing at the end"},
      {"$.a[b]", 5, 1, "syntax", "an index or a \"name\""},
      {"5 @ 6", 3, 1, "syntax", "`@` means nothing here"},
      {"\"Größe\" § 1", 9, 1, "syntax", "`§` means nothing here"},
      {"gap > 5y", 7, 2, "number", "no unit `y`"},
      {"gap > 1.5h", 7, 4, "number", "a duration has whole units"},
      {"99999999999999999999", 1, 20, "number", "too large"},
      {"split(kind, \",\")[x]", 18, 1, "syntax", "a number is missing before `x`"},
      // Names.
      {"knd == \"order\"", 1, 3, "unknown-field", "no field `knd`"},
      {"kind == order", 9, 5, "unknown-field", "no field `order`"},
      {"has(utm.sorce)", 5, 9, "unknown-field", "no field `utm.sorce`"},
      {"lowr(kind)", 1, 4, "unknown-function", "no function `lowr`"},
      {"lower(kind, kind)", 1, 17, "arguments", "`lower` does not take 2 arguments"},
      {"query_param(kind)", 1, 17, "arguments", "`query_param` does not take 1 argument"},
      {"has(1)", 5, 1, "type", "has() asks for a field"},
      // Types.
      {"kind", 1, 4, "type", "a condition must be true or false, and this is string", condition},
      {"kind && bounce", 1, 4, "type", "this is string and no condition"},
      {"score == \"50\"", 1, 13, "type", "`==` compares int with string"},
      {"time > 5", 1, 8, "type", "`>` compares time with int"},
      {"bounce < true", 1, 13, "type", "`<` compares bool with bool"},
      {"email == null", 1, 13, "type", "a comparison with null is always false"},
      {"kind + \"x\"", 1, 10, "type", "`+` of string and string"},
      {"time + time", 1, 11, "type", "`+` of time and time"},
      {"amount * amount", 1, 15, "type", "`*` of money and money"},
      {"-kind", 2, 4, "type", "`-` of string"},
      {"lower(score)", 7, 5, "type", "`lower` wants a string here, and this is int"},
      {"epoch_s(\"5\")", 9, 3, "type", "`epoch_s` wants an int here, and this is string"},
      {"abs(kind)", 5, 4, "type", "a number, duration or money here, and this is string"},
      {"bounce ? 1 : kind", 14, 4, "type", "the alternatives are int and string"},
      {"coalesce(email, 5)", 17, 1, "type", "the alternatives are string and int"},
      {"score ? 1 : 2", 1, 5, "type", "this is int and no condition"},
      {"score in [1, \"a\"]", 14, 3, "type", "the list has string, and int is looked up"},
      {"kind in [kind]", 10, 4, "type", "the members of a list are constants"},
      {"score matches \"a\"", 1, 5, "type", "`matches` looks at strings"},
      {"kind matches kind", 14, 4, "type", "is a string in quotes"},
      {"kind matches \"(a\"", 14, 4, "pattern", "no regular expression"},
      {"split(kind, \",\")", 1, 16, "type", "a list is no value"},
      {"lower(split(kind, \",\"))", 7, 16, "type", "a list is no value"},
      {"lower(kind)[0]", 1, 11, "type", "only split(...) has parts"},
      {"url_part(kind, \"port\")", 16, 6, "type", "no part `port` of a url"},
      {"url_part(kind, kind)", 16, 4, "type", "`url_part` wants a string in quotes here"},
      {"parse_time(kind, \"%Y\", \"Mars/Base\")", 24, 11, "zone", "no time zone `Mars/Base`"},
      {"score", 1, 5, "type", "this is int, and string is needed", ValueType::kString},
  };
  for (const Case& c : cases) {
    const auto mistakes = Mistakes(c.text, {1, 1, 1}, c.expected);
    ASSERT_EQ(mistakes.size(), 1U) << c.text;
    EXPECT_EQ(mistakes[0].at.line, 1) << c.text;
    EXPECT_EQ(mistakes[0].at.column, c.column) << c.text << ": " << mistakes[0].message;
    EXPECT_EQ(mistakes[0].at.width, c.width) << c.text << ": " << mistakes[0].message;
    EXPECT_EQ(mistakes[0].id, c.id) << c.text;
    EXPECT_NE(mistakes[0].message.find(c.message), std::string::npos)
        << c.text << ": " << mistakes[0].message;
  }
}

TEST(ExpressionErrorsTest, HintsSayWhatToDo) {
  const struct {
    const char* text;
    const char* hint;
  } cases[] = {
      {"knd == \"order\"", "did you mean `kind`?"},
      {"kind == shop", "a text stands in quotes: \"shop\""},
      {"kind = \"a\"", "equality is =="},
      {"bounce | bounce", "or is ||"},
      {"lowr(kind)", "did you mean `lower`?"},
      {"score == \"50\"", "write 50 without quotes"},
      {"time > \"2026\"", "a time is written parse_time("},
      {"email == null", "write has(x) or !has(x)"},
      {"kind + \"x\"", "concat(a, b) joins strings"},
      {"gap > 5y", "durations are written 90s, 30min, 12h, 7d"},
  };
  for (const auto& c : cases) {
    const auto mistakes = Mistakes(c.text, {1, 1, 1}, ValueType::kAny);
    ASSERT_EQ(mistakes.size(), 1U) << c.text;
    EXPECT_NE(mistakes[0].hint.find(c.hint), std::string::npos) << c.text << mistakes[0].hint;
  }
}

TEST(ExpressionErrorsTest, PlacesStartWhereTheTextStands) {
  const auto mistakes = Mistakes("knd == \"a\" &&\n  bounc", {7, 20, 1}, ValueType::kBool);
  ASSERT_EQ(mistakes.size(), 2U);
  EXPECT_EQ(mistakes[0].at.line, 7);
  EXPECT_EQ(mistakes[0].at.column, 20);
  EXPECT_EQ(mistakes[1].at.line, 8);
}

TEST(ExpressionErrorsTest, AllMistakesAtOnceAndNothingThatFollowsFromOne) {
  const auto mistakes =
      Mistakes("knd == 1 && lowr(kind) == 2 && score > \"a\"", {1, 1, 1}, ValueType::kBool);
  ASSERT_EQ(mistakes.size(), 3U);
  EXPECT_EQ(mistakes[0].id, "unknown-field");
  EXPECT_EQ(mistakes[1].id, "unknown-function");
  EXPECT_EQ(mistakes[2].id, "type");
}

TEST(ExpressionErrorsTest, PathsNeedAMessageAndTimesAZone) {
  auto mistakes = Mistakes("$.a == 1", {1, 1, 1}, ValueType::kAny, false);
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(mistakes[0].message, "there is no message to read `$` from here");
  mistakes = Mistakes("parse_time(kind)", {1, 1, 1}, ValueType::kAny, true, "");
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(mistakes[0].message, "parse_time needs a time zone");
}

TEST(ExpressionErrorsTest, LimitsHold) {
  std::string members, sum = "1", conditions = "bounce", path;
  for (int i = 0; i < 5000; ++i) members += "1,";
  for (int i = 0; i < 100; ++i) sum = "(" + sum + "+1)";
  for (int i = 0; i < 33; ++i) path += "[0]";
  for (int i = 0; i < 300; ++i) conditions += "||bounce";
  const std::string cases[] = {
      std::string(8 * 1024, ' ') + "1",
      sum,
      std::string(200, '!') + "bounce",
      std::string(200, '-') + "1",
      std::string(200, '(') + "1",
      "1 in [" + members + "]",
      conditions,
      "concat(" + members.substr(0, 66) + "1)",
      "concat(" + members.substr(0, 40) + "1)",
      "$" + path,
  };
  for (const std::string& text : cases) {
    EXPECT_EQ(Mistakes(text, {1, 1, 1}, ValueType::kAny).size(), 1U) << text.substr(0, 60);
  }
}

}  // namespace
}  // namespace leadflow
