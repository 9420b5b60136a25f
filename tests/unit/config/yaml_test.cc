#include "engine/config/yaml.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace leadflow {
namespace {

std::optional<std::string> Variables(std::string_view name) {
  const std::map<std::string, std::string, std::less<>> values = {
      {"HOST", "kafka:9092"}, {"EMPTY", ""}, {"PORT", "8080"}, {"LINES", "a: 1\nb: 2"}};
  const auto found = values.find(name);
  if (found == values.end()) return std::nullopt;
  return found->second;
}

struct Parsed {
  explicit Parsed(const std::string& text, const Environment& environment = Variables)
      : diagnostics("t.yaml", text), root(ParseYaml(text, environment, &diagnostics)) {}
  const YamlNode& at(std::string_view key) const {
    static const YamlNode missing;
    const YamlNode* node = root ? root->Find(key) : nullptr;
    EXPECT_NE(node, nullptr) << key << "\n" << diagnostics.Text();
    return node != nullptr ? *node : missing;
  }
  Diagnostics diagnostics;
  std::optional<YamlNode> root;
};

TEST(YamlTest, KnowsWhereEverythingStands) {
  const Parsed parsed(
      "plain: word here\n"
      "single: 'it''s'\n"
      "ü: \"dou\\tble\"\n"
      "list: [1, {a: b}]\n"
      "literal: |\n"
      "    kind == 1\n"
      "    && x\n"
      "block:\n"
      "  - x\n"
      "empty:\n");
  ASSERT_TRUE(parsed.root) << parsed.diagnostics.Text();
  struct Case {
    const char* key;
    Position at;
    int content_column;
    const char* scalar;
    bool quoted;
  };
  const Case cases[] = {
      {"plain", {1, 8, 9}, 8, "word here", false},
      {"single", {2, 9, 7}, 10, "it's", true},
      {"ü", {3, 4, 9}, 5, "dou\tble", true},
      {"literal", {6, 5, 9}, 5, "kind == 1\n&& x\n", true},
  };
  for (const Case& c : cases) {
    const YamlNode& node = parsed.at(c.key);
    EXPECT_EQ(node.at.line, c.at.line) << c.key;
    EXPECT_EQ(node.at.column, c.at.column) << c.key;
    EXPECT_EQ(node.ContentAt().column, c.content_column) << c.key;
    EXPECT_EQ(node.scalar, c.scalar) << c.key;
    EXPECT_EQ(node.quoted, c.quoted) << c.key;
  }
  const YamlNode& list = parsed.at("list");
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_EQ(list.at.column, 7);
  EXPECT_EQ(list.items[0].at.column, 8);
  ASSERT_EQ(list.items[1].members.size(), 1U);
  EXPECT_EQ(list.items[1].members[0].key_at.column, 12);
  EXPECT_EQ(list.items[1].members[0].value.at.column, 15);
  EXPECT_EQ(parsed.at("block").items[0].at.line, 9);
  EXPECT_EQ(parsed.at("block").items[0].at.column, 5);
  EXPECT_EQ(parsed.at("empty").type, YamlNode::Type::kNull);
  EXPECT_EQ(parsed.at("empty").at.line, 10);
  EXPECT_EQ(parsed.root->members[0].key_at.width, 5);
}

TEST(YamlTest, ReadsScalarsByTheCoreSchema) {
  const Parsed parsed(
      "no: NO\nyes: yes\nyes2: true\noff: FALSE\noctal: 010\no8: 0o17\nhex: 0xFF\nminus: -5\n"
      "plus: +5\nbig: 9223372036854775808\nquoted: \"1\"\nfloat: 1.5\nnone: ~\nnull2: null\n"
      "empty: ''\nbad: +-5\n");
  EXPECT_EQ(parsed.at("no").scalar, "NO");
  EXPECT_FALSE(parsed.at("no").AsBool());
  EXPECT_FALSE(parsed.at("yes").AsBool());
  EXPECT_EQ(parsed.at("yes2").AsBool(), true);
  EXPECT_EQ(parsed.at("off").AsBool(), false);
  EXPECT_EQ(parsed.at("octal").AsInt(), 10);
  EXPECT_EQ(parsed.at("o8").AsInt(), 15);
  EXPECT_EQ(parsed.at("hex").AsInt(), 255);
  EXPECT_EQ(parsed.at("minus").AsInt(), -5);
  EXPECT_EQ(parsed.at("plus").AsInt(), 5);
  for (const char* key : {"big", "quoted", "float", "none", "empty", "bad"}) {
    EXPECT_FALSE(parsed.at(key).AsInt()) << key;
  }
  EXPECT_EQ(parsed.at("none").type, YamlNode::Type::kNull);
  EXPECT_EQ(parsed.at("null2").type, YamlNode::Type::kNull);
  EXPECT_EQ(parsed.at("empty").type, YamlNode::Type::kScalar);
}

TEST(YamlTest, ExpandsVariablesInsideScalarsOnly) {
  const Parsed parsed(
      "# ${UNSET} in a comment\n"
      "host: ${HOST}\n"
      "default: ${UNSET:-localhost:9092}\n"
      "empty: ${EMPTY:-x}\n"
      "inside: 'a ${PORT} b ${PORT}'\n"
      "number: ${PORT}\n"
      "lines: ${LINES}\n"
      "text: $${HOST}\n"
      "path: $.a\n"
      "${HOST}: key\n");
  ASSERT_TRUE(parsed.diagnostics.ok()) << parsed.diagnostics.Text();
  EXPECT_EQ(parsed.at("host").scalar, "kafka:9092");
  EXPECT_EQ(parsed.at("default").scalar, "localhost:9092");
  EXPECT_EQ(parsed.at("empty").scalar, "x");
  EXPECT_EQ(parsed.at("inside").scalar, "a 8080 b 8080");
  EXPECT_EQ(parsed.at("number").AsInt(), 8080);
  EXPECT_EQ(parsed.at("lines").scalar, "a: 1\nb: 2");
  EXPECT_EQ(parsed.at("text").scalar, "${HOST}");
  EXPECT_EQ(parsed.at("path").scalar, "$.a");
  EXPECT_EQ(parsed.at("${HOST}").scalar, "key");
}

TEST(YamlTest, WithoutEnvironmentVariablesStayAsTheyStand) {
  const Parsed parsed("host: ${HOST:?needed}\n", nullptr);
  ASSERT_TRUE(parsed.diagnostics.ok());
  EXPECT_EQ(parsed.at("host").scalar, "${HOST:?needed}");
}

TEST(YamlTest, ReportsMistakesWithTheirPlace) {
  struct Case {
    const char* text;
    int line;
    int column;
    const char* message;  // part of it
    bool tree;            // is there a tree all the same?
  };
  const Case cases[] = {
      {"a: 1\nb: 2\na: 3\n", 3, 1, "key `a` stands twice", true},
      {"x: {k: 1, k: 2}\n", 1, 11, "key `k` stands twice", true},
      {"a: {type: kafka\nb: 1\n", 2, 2, "missing comma in flow mapping", false},
      {"\ta: 1\n", 1, 1, "invalid tab as indentation", false},
      {"a:\n  - x\n - y\n", 3, 2, "wrong indentation", false},
      {"a: \"x\n", 1, 5, "without closing quote", false},
      {"a: @x\n", 1, 4, "cannot start with '@'", false},
      {"a: 1\n---\nb: 2\n", 2, 1, "second document", false},
      {"a: *x\n", 1, 5, "no anchor `&x`", true},
      {"a: !!str 5\n", 1, 4, "tags", true},
      {"<<: {a: 1}\n", 1, 1, "merge keys", true},
      {"? [a, b]\n: c\n", 1, 3, "a key must be one word", false},
      {"a: ${UNSET}\n", 1, 4, "environment variable `UNSET` is not set", true},
      {"a: 'x ${UNSET:?the broker}'\n", 1, 7, "is not set: the broker", true},
      {"ü: \"ü ${UNSET}\"\n", 1, 7, "`UNSET` is not set", true},
      {"a: ${1X}\n", 1, 4, "begins no variable", true},
      {"a: ${X\n", 1, 4, "begins no variable", true},
      {"a: ${X-y}\n", 1, 4, "begins no variable", true},
      {"a: \xff\n", 1, 4, "no UTF-8", false},
      {"a: \x01\n", 1, 4, "no UTF-8", false},
  };
  for (const Case& c : cases) {
    const Parsed parsed(c.text);
    ASSERT_EQ(parsed.diagnostics.all().size(), 1U) << c.text << parsed.diagnostics.Text();
    const Diagnostic& found = parsed.diagnostics.all()[0];
    EXPECT_NE(found.message.find(c.message), std::string::npos) << found.message;
    EXPECT_EQ(found.at.line, c.line) << c.text;
    EXPECT_EQ(found.at.column, c.column) << c.text;
    EXPECT_EQ(parsed.root.has_value(), c.tree) << c.text;
  }
}

TEST(YamlTest, ReportsEveryDuplicateAndVariableAtOnce) {
  const Parsed parsed("a: 1\na: ${U1}\nb: ${U2}\nb: 1\n");
  EXPECT_EQ(parsed.diagnostics.errors(), 4);
  EXPECT_EQ(parsed.at("a").scalar, "1");
}

TEST(YamlTest, AliasesAreCopies) {
  const Parsed parsed("a: &x {k: [1, 2]}\nb: *x\n");
  ASSERT_TRUE(parsed.diagnostics.ok()) << parsed.diagnostics.Text();
  ASSERT_EQ(parsed.at("b").members.size(), 1U);
  EXPECT_EQ(parsed.at("b").members[0].value.items.size(), 2U);
}

TEST(YamlTest, EmptyTextIsNull) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "\xEF\xBB\xBF"}) {
    const Parsed parsed(text);
    ASSERT_TRUE(parsed.root.has_value()) << text;
    EXPECT_EQ(parsed.root->type, YamlNode::Type::kNull) << text;
    EXPECT_TRUE(parsed.diagnostics.ok()) << text;
  }
}

TEST(YamlTest, SizesAreBounded) {
  const Parsed deep(std::string(200, '[') + std::string(200, ']'));
  EXPECT_FALSE(deep.root.has_value());
  EXPECT_EQ(deep.diagnostics.errors(), 1);

  std::string many = "a: [";
  for (int i = 0; i < 100'001; ++i) many += "1,";
  const Parsed wide(many + "]\n");
  EXPECT_FALSE(wide.root.has_value());
  EXPECT_NE(wide.diagnostics.Text().find("more than 100000 values"), std::string::npos);

  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    const std::string name = "a" + std::to_string(i);
    laughs += name + ": &" + name + " [" + below;
    for (int k = 0; k < 9; ++k) laughs += ", " + below;
    laughs += "]\n";
  }
  EXPECT_FALSE(Parsed(laughs).root.has_value());

  EXPECT_FALSE(Parsed(std::string((4U << 20) + 1, ' ')).root.has_value());
}

}  // namespace
}  // namespace leadflow
