#include "connectors/file/record_splitter.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace leadflow {
namespace {

// All records of `text`, of which `piece` bytes more are there each time; bad ones as "why".
std::vector<std::string> Records(Layout layout, std::string_view text, std::size_t piece) {
  RecordSplitter splitter(layout);
  std::vector<std::string> records;
  std::size_t begin = 0, end = std::min(piece, text.size());
  for (;;) {
    const RecordSplitter::Step step =
        splitter.Next(text.substr(begin, end - begin), end == text.size());
    splitter.Accept(step);
    begin += step.consumed;
    if (step.found == RecordSplitter::Found::kRecord) {
      records.emplace_back(step.record.substr(0, 20));
    } else if (step.found == RecordSplitter::Found::kBad) {
      records.emplace_back(step.why);
      for (bool over = false; !over;) {
        std::size_t consumed = 0;
        std::int64_t lines = 0;
        over = splitter.SkipRest(text.substr(begin, end - begin), &consumed, &lines);
        begin += consumed;
        if (!over && end == text.size()) break;
        end = std::min(end + (over ? 0 : piece), text.size());
      }
    } else if (end == text.size()) {
      return records;
    } else {
      end = std::min(end + piece, text.size());
    }
  }
}

TEST(RecordSplitterTest, TheSameRecordsHoweverMuchIsThereAtATime) {
  const std::string big(kMaxRecord, 'x');
  const struct {
    Layout layout;
    std::string text;
    std::vector<std::string> records;
  } cases[] = {
      {Layout::kLines, "a\r\n\n b\nc", {"a", " b", "c"}},
      {Layout::kLines, big + "\n" + big + "y\nz\n", {big.substr(0, 20), "line too long", "z"}},
      {Layout::kTable, "a,\"b\nc\"\r\nd\n", {"a,\"b\nc\"", "d"}},
      {Layout::kTable, "a,\"b\"\"\n\"\nd", {"a,\"b\"\"\n\"", "d"}},
      {Layout::kTable, "a\"b\nc", {"a\"b", "c"}},
      {Layout::kTable, std::string("a\0\"b\nc", 6), {std::string("a\0\"b", 4), "c"}},
      {Layout::kTable, "\"a\nb\nc", {"a quote is not closed", "b", "c"}},
      {Layout::kTable, big + "y\nz", {"line too long", "z"}},
      // The quote is closed, but only behind the limit.
      {Layout::kTable, "\"" + big + big + "\"\nz\n", {"a quote is not closed", "z"}},
      {Layout::kJson, "[1, {\"a\":[2]}\n,\"b]\"]{}", {"1", "{\"a\":[2]}", "\"b]\"", "{}"}},
      {Layout::kJson, "[\"" + big + "\",2]", {"element larger than 64 KiB", "2"}},
  };
  for (const auto& c : cases) {
    for (const std::size_t piece : {std::size_t{1'000'000}, std::size_t{3}, std::size_t{50'000}}) {
      if (c.text.size() > 1000 && piece == 3) continue;
      EXPECT_EQ(Records(c.layout, c.text, piece), c.records) << c.text.substr(0, 50) << piece;
    }
  }
}

}  // namespace
}  // namespace leadflow
