#include "engine/config/expression.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/config/expression_testing.h"

namespace leadflow {
namespace {

struct Case {
  const char* text;
  const char* value;
};

std::string Evaluated(std::string_view text, ValueType expected = ValueType::kAny,
                      std::string_view zone = "Europe/Berlin") {
  TestFields fields;
  Diagnostics problems("e", std::string(text));
  const auto compiled = Expression::Compile(text, {1, 1, 1}, fields, expected, zone, &problems);
  if (compiled == nullptr) return problems.Text();
  EvalArena arena;
  const Value value = compiled->Evaluate(fields, arena);
  const bool fits = value.is_null() || compiled->type() == ValueType::kAny ||
                    compiled->type() == ValueType::kNull || compiled->type() == value.type;
  return fits ? Show(value) : "the type was to be " + std::string(ValueTypeName(compiled->type()));
}

template <std::size_t kCount>
void Expect(const Case (&cases)[kCount]) {
  for (const Case& c : cases) EXPECT_EQ(Evaluated(c.text), c.value) << c.text;
}

TEST(ExpressionTest, ConstantsAndFields) {
  Expect({
      {"42", "int 42"},
      {"-42", "int -42"},
      {"9223372036854775807", "int 9223372036854775807"},
      {"1.5", "decimal 1.5"},
      {"0.0000000015", "decimal 0.000000002"},  // nine digits, half to even
      {"0.0000000025", "decimal 0.000000002"},
      {"250ms", "duration 250ms"},
      {"1w", "duration 604800000ms"},
      {"2min", "duration 120000ms"},
      {"2m", "duration 120000ms"},
      {R"("a\"b\n\d")", "string a\"b\n\\d"},
      {"'it\\'s'", "string it's"},
      {"true", "bool true"},
      {"null", "null"},
      {"kind", "string order"},
      {"utm.source", "string google"},
      {"price", "decimal 1.25"},
      {"amount", "money 12.34 EUR"},
      {"time", "time 2026-03-01T10:00:00+00:00"},
      {"email", "null"},
      {"$.n", "int 7"},
      {R"($.a["b-c"][0])", "string deep"},
      {"$.nothing.here", "null"},
  });
}

TEST(ExpressionTest, Comparisons) {
  Expect({
      {R"(kind == "order")", "bool true"},
      {R"(kind != "order")", "bool false"},
      {R"("a" < "b")", "bool true"},
      {R"("Z" < "a")", "bool true"},
      {R"("" < "a")", "bool true"},
      {R"(kind >= "p")", "bool false"},
      {"score == 50.0", "bool true"},
      {"score <= 49.999999999", "bool false"},
      {"price > 1", "bool true"},
      {"gap == 90min", "bool true"},
      {"gap < 2h", "bool true"},
      {R"(time >= parse_time("2026-03-01T11:00:00+01:00"))", "bool true"},
      {"bounce == true", "bool true"},
      {R"(amount > money("12.33", "EUR"))", "bool true"},
      {"amount == discount", "bool false"},  // two currencies
      {"amount != discount", "bool false"},
      {"$.n == 7", "bool true"},
      {R"($.n == "7")", "bool false"},
      {R"($.n != "7")", "bool false"},  // a text and a number cannot be compared
      {"$.text > 12", "bool false"},
      {"$.n == $.half", "bool false"},
  });
}

TEST(ExpressionTest, Logic) {
  Expect({
      {"true && false", "bool false"},
      {"true || false && false", "bool true"},
      {"!bounce", "bool false"},
      {"!(bounce && kind == \"visit\")", "bool true"},
      {"false || false || bounce", "bool true"},
      {"bounce ? 1 : 2", "int 1"},
      {"false ? 1 : true ? 2 : 3", "int 2"},
      {"bounce ? 1 : 2.5", "decimal 1"},  // the type does not depend on the event
      {"$.yes && $.n == 7", "bool true"},
      {"$.n && true", "bool false"},  // 7 is not true
  });
}

TEST(ExpressionTest, NullIsNeverComparedAndNeverTrue) {
  Expect({
      {R"(email == "a")", "bool false"},
      {R"(email != "a")", "bool false"},
      {R"(!(email == "a"))", "bool true"},
      {"rating < 5", "bool false"},
      {"rating >= 5", "bool false"},
      {"updated < time", "bool false"},
      {"machine", "null"},
      {"!machine", "bool true"},
      {"machine || true", "bool true"},
      {"machine && true", "bool false"},
      {"machine ? 1 : 2", "int 2"},
      {"bounce ? null : 2", "null"},
      {"rating + 1", "null"},
      {"-rating", "null"},
      {"updated + 1d", "null"},
      {R"(email in ["a", "b"])", "bool false"},
      {R"(email matches ".*")", "bool false"},
      {"lower(email)", "null"},
      {"len(email)", "null"},
      {"max(rating, 1)", "null"},
      {"has(email)", "bool false"},
      {"has(kind)", "bool true"},
      {"has($.n) && !has($.m)", "bool true"},
      {R"(coalesce(email, $.m, "x", kind))", "string x"},
      {"coalesce(rating, null)", "null"},
      {"coalesce(score, 1.5)", "decimal 50"},
      {R"(concat("a", email, "b"))", "string ab"},
      {"null", "null"},
  });
}

TEST(ExpressionTest, Arithmetic) {
  Expect({
      {"1 + 2 * 3", "int 7"},
      {"(1 + 2) * 3", "int 9"},
      {"10 - 4 - 3", "int 3"},
      {"7 / 2", "decimal 3.5"},
      {"2 / 3", "decimal 0.666666667"},
      {"-1 / 3", "decimal -0.333333333"},
      {"1 / 0", "null"},
      {"8 / 2 / 2", "decimal 2"},
      {"0.1 + 0.2", "decimal 0.3"},
      {"1.5 * 1.5", "decimal 2.25"},
      {"0.000000001 * 0.5", "decimal 0"},
      {"0.000000003 * 0.5", "decimal 0.000000002"},
      {"price - 1", "decimal 0.25"},
      {"--2", "int 2"},
      {"-price", "decimal -1.25"},
      {"9223372036854775807 + 1", "null"},
      {"-9223372036854775807 - 2", "null"},
      {"9223372036854775807 * 2", "null"},
      {"gap + 30min", "duration 7200000ms"},
      {"gap * 2", "duration 10800000ms"},
      {"gap / 30min", "decimal 3"},
      {"gap / 4", "duration 1350000ms"},
      {"time + 1d", "time 2026-03-02T10:00:00+00:00"},
      {"1d + time", "time 2026-03-02T10:00:00+00:00"},
      {"time - 90min", "time 2026-03-01T08:30:00+00:00"},
      {"time - time", "duration 0ms"},
      {"amount + amount", "money 24.68 EUR"},
      {"amount - discount", "null"},
      {"amount * 0.5", "money 6.17 EUR"},
      {"amount / 8", "money 1.54 EUR"},  // 154.25
      {"amount / amount", "decimal 1"},
      {"-amount", "money -12.34 EUR"},
      {"$.n * $.half", "decimal 3.5"},
      {"$.n + $.text", "null"},
  });
}

TEST(ExpressionTest, ListsAndPatterns) {
  Expect({
      {R"(kind in ["visit", "order"])", "bool true"},
      {R"(!(kind in ["visit"]))", "bool true"},
      {"kind in []", "bool false"},
      {"score in [1, 50.0]", "bool true"},
      {"gap in [1h, 90min]", "bool true"},
      {"$.n in [7]", "bool true"},
      {R"("b" in split("a,b,c", ","))", "bool true"},
      {R"("d" in split("a,b,c", ","))", "bool false"},
      {R"($.text in split("12.5;13", ";"))", "bool true"},
      {R"(kind matches "^ord")", "bool true"},
      {R"(kind matches "^rd")", "bool false"},
      {R"(matches(kind, "r.e"))", "bool true"},
      {R"("A@Acme.Example" matches "(?i)@acme[.]example$")", "bool true"},
      {R"("a1" matches "\d")", "bool true"},
      {R"("Größe" matches "^\pL+$")", "bool true"},
      {R"($.n matches "7")", "bool false"},  // a number is no text
  });
}

TEST(ExpressionTest, TextFunctions) {
  Expect({
      {R"(lower("ÄRGER Straße"))", "string ärger straße"},
      {"upper(company)", "string MÜLLER & SÖHNE"},
      {R"(trim("  a b\t"))", "string a b"},
      {R"(trim("  "))", "string "},
      {R"(len("Größe"))", "int 5"},
      {R"(len(split("a,b,,", ",")))", "int 4"},
      {R"(concat(kind, "-", score, "-", price, "-", bounce))", "string order-50-1.25-true"},
      {R"(concat(time, " ", gap, " ", amount))",
       "string 2026-03-01T10:00:00+00:00 5400000ms 12.34 EUR"},
      {R"(split("a,b,c", ",")[1])", "string b"},
      {R"(split("a,b,c", ",")[-1])", "string c"},
      {R"(split("a,b,c", ",")[3])", "null"},
      {R"(split("a,b,c", ",")[-4])", "null"},
      {R"(split("abc", "")[0])", "string abc"},
      {R"(split("a--b", "--")[1])", "string b"},
      {"string(1.50)", "string 1.5"},
      {"string(amount)", "string 12.34 EUR"},
      {"string($.yes)", "string true"},
      {"string(rating)", "null"},
  });
}

TEST(ExpressionTest, HashIsOfPartsAndNotOfTheirJoin) {
  const std::string one = Evaluated(R"(hash("ab", "c"))");
  EXPECT_EQ(one.size(), std::string("string ").size() + 32);
  EXPECT_EQ(one, Evaluated(R"(hash(concat("a", "b"), "c"))"));
  EXPECT_NE(one, Evaluated(R"(hash("a", "bc"))"));
  EXPECT_NE(one, Evaluated(R"(hash("abc"))"));
  EXPECT_EQ(Evaluated("hash(7)"), Evaluated("hash(\"7\")"));
  EXPECT_EQ(Evaluated("hash(email)"), Evaluated("hash(\"\")"));  // null is an empty part
}

TEST(ExpressionTest, NumberAndMoneyFunctions) {
  Expect({
      {R"(int(" 42 "))", "int 42"},
      {R"(int("+42"))", "int 42"},
      {R"(int("4.2"))", "null"},
      {R"(int("9223372036854775808"))", "null"},
      {"int(-1.9)", "int -1"},
      {R"(decimal("12.50"))", "decimal 12.5"},
      {R"(decimal("1,5"))", "null"},
      {"decimal(3)", "decimal 3"},
      {"decimal($.text) + 1", "decimal 13.5"},
      {"abs(-3)", "int 3"},
      {"abs(-price)", "decimal 1.25"},
      {"abs(0min - gap)", "duration 5400000ms"},
      {"min(3, 1.5, 2)", "decimal 1.5"},
      {"max(3, 1.5)", "decimal 3"},
      {"max(gap, 2h)", "duration 7200000ms"},
      {"max(amount, discount)", "null"},
      {R"(money("12.34", "EUR"))", "money 12.34 EUR"},
      {R"(money(12.345, "eur"))", "money 12.34 EUR"},
      {R"(money(12.355, "EUR"))", "money 12.36 EUR"},
      {R"(money(-0.005, "EUR"))", "money 0.00 EUR"},
      {R"(money("1000", "JPY"))", "money 1000 JPY"},
      {R"(money("1.2345", "KWD"))", "money 1.234 KWD"},
      {R"(money("12,34", "EUR"))", "null"},
      {R"(money("12.34", "XXY"))", "null"},
      {R"(money(rating, "EUR"))", "null"},
      {"money(1, email)", "null"},
  });
}

TEST(ExpressionTest, TimeFunctions) {
  Expect({
      {R"(parse_time("2026-03-01T10:00:00Z"))", "time 2026-03-01T10:00:00+00:00"},
      {R"(parse_time("2026-03-01T10:00:00.123+02:00"))", "time 2026-03-01T08:00:00.123+00:00"},
      {R"(parse_time("2026-07-01 10:00"))", "time 2026-07-01T08:00:00+00:00"},  // Berlin, summer
      {R"(parse_time("2026-01-31"))", "time 2026-01-30T23:00:00+00:00"},
      {R"(parse_time("2026-02-30"))", "null"},
      {R"(parse_time("31.01.2026 08:15", "%d.%m.%Y %H:%M"))", "time 2026-01-31T07:15:00+00:00"},
      {R"(parse_time("31.01.2026 08:15", "%d.%m.%Y %H:%M", "America/New_York"))",
       "time 2026-01-31T13:15:00+00:00"},
      {R"(parse_time("Jan 5, 2026 3:04 PM", "%b %d, %Y %I:%M %p", "UTC"))",
       "time 2026-01-05T15:04:00+00:00"},
      {R"(parse_time("2026-01-05 10:00 +0100", "%Y-%m-%d %H:%M %z"))",
       "time 2026-01-05T09:00:00+00:00"},
      {R"(parse_time("5 January", "%d %B %Y"))", "null"},
      {"parse_time(email)", "null"},
      {"parse_time($.n)", "null"},
      {"epoch_s(1772359200)", "time 2026-03-01T10:00:00+00:00"},
      {"epoch_ms(1772359200123)", "time 2026-03-01T10:00:00.123+00:00"},
      {"epoch_s(9223372036854775807)", "null"},
      {"epoch_s($.text)", "null"},
      {"epoch_ms(-1)", "time 1969-12-31T23:59:59.999+00:00"},
  });
}

TEST(ExpressionTest, UrlFunctions) {
  Expect({
      {R"(url_part($.url, "host"))", "string shop.example.com"},
      {R"(url_part($.url, "path"))", "string /a/b"},
      {R"(url_part($.url, "query"))", "string x=1&q=a%20b+c&x=2"},
      {R"(url_part("/only/path", "host"))", "null"},
      {R"(url_part("https://a.b", "path"))", "null"},
      {R"(url_part("//cdn.example.com/x", "host"))", "string cdn.example.com"},
      {R"(url_part("https://u:p@[::1]:8080/x", "host"))", "string [::1]"},
      {R"(query_param($.url, "x"))", "string 1"},
      {R"(query_param($.url, "q"))", "string a b c"},
      {R"(query_param($.url, "y"))", "null"},
      {R"(query_param("/?utm_source=g", "utm_source"))", "string g"},
      {R"(query_param("/?a&b=%zz", "b"))", "string %zz"},
      {R"(query_param("/?a=%FF", "a"))", "null"},
      {"domain($.url)", "string shop.example.com"},
      {R"(domain("Ann@Mail.Example.com"))", "string mail.example.com"},
      {R"(domain("www.example.com"))", "string www.example.com"},
      {R"(domain("no domain"))", "null"},
  });
}

TEST(ExpressionTest, AskedForADecimalAnIntBecomesOne) {
  EXPECT_EQ(Evaluated("score", ValueType::kDecimal), "decimal 50");
  EXPECT_EQ(Evaluated("null", ValueType::kBool), "null");
  EXPECT_EQ(Evaluated("$.n", ValueType::kDecimal), "int 7");  // known when it runs
}

TEST(ExpressionTest, ATextThatWouldBeTooLongIsNull) {
  struct Big final : FieldSource {
    std::string text = std::string(32 * 1024, 'y');
    Value Field(int) const override { return Value::String(text); }
  } source;
  TestFields fields;
  Diagnostics problems("e", "");
  EvalArena arena;
  const auto two =
      Expression::Compile("concat($.a, $.a)", {1, 1, 1}, fields, ValueType::kString, "", &problems);
  EXPECT_EQ(two->Evaluate(source, arena).string().size(), 64 * 1024U);
  const auto more = Expression::Compile(R"(concat($.a, $.a, "z"))", {1, 1, 1}, fields,
                                        ValueType::kString, "", &problems);
  EXPECT_TRUE(more->Evaluate(source, arena).is_null());
}

TEST(ExpressionTest, NamesItsSlotsOnce) {
  TestFields fields;
  Diagnostics problems("e", "");
  const auto compiled = Expression::Compile(R"(kind == "a" || (has($.n) && $.n > score))",
                                            {1, 1, 1}, fields, ValueType::kBool, "", &problems);
  ASSERT_NE(compiled, nullptr);
  EXPECT_EQ(compiled->slots(), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(compiled->text(), R"(kind == "a" || (has($.n) && $.n > score))");
  EXPECT_EQ(compiled->type(), ValueType::kBool);
}

}  // namespace
}  // namespace leadflow
