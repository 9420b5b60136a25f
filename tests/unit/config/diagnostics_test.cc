#include "engine/config/diagnostics.h"

#include <string>

#include <gtest/gtest.h>

#include "engine/base/unicode.h"

namespace leadflow {
namespace {

TEST(DiagnosticsTest, ShowsLineCaretAndHintSortedByLine) {
  Diagnostics diagnostics("p.yaml", "version: 1\nby: [channel, campain]\nname: [\n");
  diagnostics.Error("unknown-field", {2, 15, 7}, "no field `campain` in email_click",
                    "did you mean `campaign`?");
  diagnostics.Error("type", {1, 10, 1}, "`version` must be 2");
  EXPECT_EQ(diagnostics.Text(),
            "p.yaml:1:10: error: `version` must be 2\n"
            "    1 | version: 1\n"
            "      |          ^\n"
            "p.yaml:2:15: error: no field `campain` in email_click\n"
            "    2 | by: [channel, campain]\n"
            "      |               ^^^^^^^ did you mean `campaign`?\n"
            "2 errors in 1 file. Nothing was started.\n");
  EXPECT_FALSE(diagnostics.ok());
  EXPECT_EQ(diagnostics.errors(), 2);
}

TEST(DiagnosticsTest, WarningsAloneStopNothing) {
  Diagnostics diagnostics("p.yaml", "a: 1\n");
  EXPECT_EQ(diagnostics.Text(), "");
  diagnostics.Warning("old", {1, 1, 1}, "`a` is deprecated", "write `b`");
  EXPECT_TRUE(diagnostics.ok());
  EXPECT_EQ(diagnostics.Text(),
            "p.yaml:1:1: warning: `a` is deprecated\n"
            "    1 | a: 1\n"
            "      | ^ write `b`\n"
            "1 warning in 1 file.\n");
}

TEST(DiagnosticsTest, WithoutAPlaceTheHintStandsBelow) {
  Diagnostics diagnostics("p.yaml", "");
  diagnostics.Error("yaml", {}, "no such file", "write one");
  EXPECT_EQ(diagnostics.Text(),
            "p.yaml: error: no such file\n"
            "  write one\n"
            "1 error in 1 file. Nothing was started.\n");
}

TEST(DiagnosticsTest, CaretsCountCharactersAndKeepTabs) {
  Diagnostics diagnostics("p.yaml", "n: \"Größe\"\tx\r\n");
  diagnostics.Error("type", {1, 12, 9}, "bad");
  EXPECT_EQ(diagnostics.Text(),
            "p.yaml:1:12: error: bad\n"
            "    1 | n: \"Größe\"\tx\n"
            "      |           \t^\n"
            "1 error in 1 file. Nothing was started.\n");
}

TEST(DiagnosticsTest, LongLinesAreShownAroundTheMistake) {
  const std::string line = std::string(500, 'a') + "X" + std::string(500, 'b');
  Diagnostics diagnostics("p.yaml", line);
  diagnostics.Error("type", {1, 501, 1}, "bad");
  EXPECT_EQ(diagnostics.Text(), "p.yaml:1:501: error: bad\n    1 | ..." + std::string(60, 'a') +
                                    "X" + std::string(99, 'b') + "...\n      |    " +
                                    std::string(60, ' ') +
                                    "^\n1 error in 1 file. Nothing was started.\n");
}

TEST(DiagnosticsTest, PlacesOutsideTheTextDoNoHarm) {
  Diagnostics diagnostics("p.yaml", "a\n");
  diagnostics.Error("type", {1, 50, 1000}, "far right");
  diagnostics.Error("type", {99, 1, 1}, "far below", "hint");
  EXPECT_NE(diagnostics.Text().find("p.yaml:99:1: error: far below\n  hint\n"), std::string::npos);
}

TEST(DiagnosticsTest, KeepsABoundedNumberAndCountsAll) {
  Diagnostics diagnostics("p.yaml", "a\n");
  for (int i = 0; i < 250; ++i) diagnostics.Error("type", {1, 1, 1}, "bad");
  EXPECT_EQ(diagnostics.all().size(), 200U);
  EXPECT_EQ(diagnostics.errors(), 250);
  EXPECT_NE(diagnostics.Text().find("... and 50 more\n250 errors in 1 file."), std::string::npos);
}

TEST(DiagnosticsTest, JsonIsEscaped) {
  Diagnostics diagnostics("p.yaml", "");
  diagnostics.Error("type", {3, 4, 5}, "a \"b\" \\ \n \xff ü", "h");
  EXPECT_EQ(
      diagnostics.Json(),
      "[\n {\"file\":\"p.yaml\",\"line\":3,\"column\":4,\"width\":5,\"severity\":\"error\","
      "\"id\":\"type\",\"message\":\"a \\\"b\\\" \\\\ \\u000a \xEF\xBF\xBD ü\",\"hint\":\"h\"}\n"
      "]\n");
  EXPECT_EQ(Diagnostics("p.yaml", "").Json(), "[]\n");
}

TEST(DiagnosticsTest, GithubCommandsAreEscaped) {
  Diagnostics diagnostics("a,b.yaml", "");
  diagnostics.Error("type", {3, 4, 1}, "100% wrong\nhere", "fix");
  diagnostics.Warning("old", {}, "old: key");
  EXPECT_EQ(diagnostics.Github(),
            "::warning file=a%2Cb.yaml::old: key\n"
            "::error file=a%2Cb.yaml,line=3,col=4::100%25 wrong%0Ahere: fix\n");
}

TEST(NearestTest, FindsTyposAndNothingElse) {
  const std::vector<std::string_view> names = {"campaign", "channel", "email", "kind",
                                               "utm.source"};
  struct Case {
    const char* word;
    const char* nearest;
  };
  const Case cases[] = {
      {"campain", "campaign"},
      {"campiagn", "campaign"},
      {"chanel", "channel"},
      {"knid", "kind"},
      {"KIND", "kind"},
      {"utm.sorce", "utm.source"},
      {"emial", "email"},
      {"xy", ""},
      {"kxyd", ""},
      {"amount", ""},
      {"", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(Nearest(c.word, names), c.nearest) << c.word;
  EXPECT_EQ(Nearest(std::string(1000, 'x'), names), "");
}

TEST(UnicodeTest, CountsAndChecks) {
  EXPECT_EQ(CodePointCount("aü€😀"), 4U);
  EXPECT_EQ(FindInvalidUtf8("aü€😀"), std::string_view::npos);
  for (const char* bad :
       {"\x80", "a\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    EXPECT_NE(FindInvalidUtf8(bad), std::string_view::npos);
  }
  EXPECT_EQ(FindInvalidUtf8("ab\xFFz"), 2U);
}

TEST(UnicodeTest, CasesOfEuropeanLetters) {
  const auto map = [](std::string_view text, std::uint32_t (*change)(std::uint32_t)) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint point = CodePointAt(text, at);
      AppendUtf8(change(point.value), &out);
      at += point.size;
    }
    return out;
  };
  EXPECT_EQ(map("ÄÖÜ×ß ŁÓDŹ ČŠŽ ŸĐĦĲ ΑΩΣΆΏ ПРИВЕТЁЂ", ToLower),
            "äöü×ß łódź čšž ÿđħĳ αωσάώ приветёђ");
  EXPECT_EQ(map("äöü÷ß łódź čšž ÿđħĳ αωςάώ приветёђ", ToUpper),
            "ÄÖÜ÷ß ŁÓDŹ ČŠŽ ŸĐĦĲ ΑΩΣΆΏ ПРИВЕТЁЂ");
  EXPECT_EQ(map("日本 😀", ToLower), "日本 😀");
  for (std::uint32_t c = 0; c < 0x600; ++c) {
    const std::uint32_t lower = ToLower(c);
    EXPECT_EQ(ToLower(lower), lower) << c;
    if (lower != c && c != 0x130) {
      EXPECT_EQ(ToUpper(lower), c) << c;
    }
  }
}

}  // namespace
}  // namespace leadflow
