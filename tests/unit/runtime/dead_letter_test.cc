// Dead letters: one JSON object per line, and the file that they are copied to.
#include "engine/runtime/dead_letter.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include "tests/unit/runtime/toy_job.h"

namespace leadflow::toy {
namespace {

TEST(DeadLetterLineTest, TellsWhereItCameFromAndWhy) {
  EXPECT_EQ(DeadLetterLine("crm", "crm.jsonl:17", "bad time", "abc"),
            R"({"source":"crm","position":"crm.jsonl:17","reason":"bad time","bytes":"YWJj"})");
}

TEST(DeadLetterLineTest, IsJsonWhateverTheTexts) {
  EXPECT_EQ(DeadLetterLine("a\"b\\", "\n", "\xff\xc3\xa4", ""),
            "{\"source\":\"a\\\"b\\\\\",\"position\":\"\\u000a\",\"reason\":"
            "\"\xef\xbf\xbd\xc3\xa4\","
            "\"bytes\":\"\"}");
}

TEST(DeadLetterLineTest, KeepsTheFirst64KiB) {
  const std::string full(kDeadLetterBytesMax, 'x');
  EXPECT_EQ(DeadLetterLine("", "", "", full + "more"), DeadLetterLine("", "", "", full));
  EXPECT_NE(DeadLetterLine("", "", "", full), DeadLetterLine("", "", "", full.substr(1)));
}

TEST(Base64Test, PadsLikeRfc4648) {
  const struct {
    const char* bytes;
    const char* text;
  } cases[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
  for (const auto& one : cases) EXPECT_EQ(Base64(one.bytes), one.text);
  EXPECT_EQ(Base64("\xff\xfe\xfd"), "//79");
}

class DeadLetterExportTest : public testing::Test {
 protected:
  DeadLetterExportTest() : machine_({}) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "leadflow-letters-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ + "/dead_letters.jsonl";
    machine_.OpenLog();
    EXPECT_OK(machine_.log->EnsureTopics(std::vector<TopicSpec>{{"dead", 1, Cleanup::kDelete}}));
  }
  ~DeadLetterExportTest() override { std::filesystem::remove_all(folder_); }

  void Commit(const Messages& lines) {
    const auto writer = machine_.log->NewWriter("w");
    EXPECT_OK(writer.status());
    EXPECT_OK((*writer)->Begin());
    for (const std::string& line : lines) EXPECT_OK((*writer)->Append({"dead", 0}, "", line));
    EXPECT_OK((*writer)->Commit());
  }
  // A process begins, copies and ends.
  void Export() {
    DeadLetterExport letters(*machine_.log, "dead", path_);
    EXPECT_OK(letters.Open());
    EXPECT_OK(letters.Pump());
  }
  std::string File() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  void Append(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }

  Machine machine_;
  std::string folder_, path_;
};

TEST_F(DeadLetterExportTest, CopiesEachLineOnce) {
  Commit({"a", "b"});
  Export();
  Commit({"c"});
  Export();
  Export();
  EXPECT_EQ(File(), "a\nb\nc\n");
}

TEST_F(DeadLetterExportTest, DropsFromTheTopicWhatIsInTheFile) {
  Commit({"a", "b"});
  Export();
  const Result<std::int64_t> start = machine_.log->StartOffset({"dead", 0});
  ASSERT_TRUE(start.ok());
  EXPECT_EQ(*start, 2);
}

// The process died between the lines and their offset.
TEST_F(DeadLetterExportTest, CutsOffWhatItDoesNotKnowOf) {
  Commit({"a"});
  Export();
  Append("b\nhalf a li");
  Commit({"b"});
  Export();
  EXPECT_EQ(File(), "a\nb\n");
}

TEST_F(DeadLetterExportTest, GoesOnInAFileThatSomeoneEmptied) {
  Commit({"a"});
  Export();
  std::filesystem::resize_file(path_, 0);
  Commit({"b"});
  Export();
  Commit({"c"});
  Export();
  EXPECT_EQ(File(), "b\nc\n");
}

TEST_F(DeadLetterExportTest, GoesOnWithoutTheFile) {
  Commit({"a"});
  Export();
  std::filesystem::remove(path_);
  Commit({"b"});
  Export();
  EXPECT_EQ(File(), "b\n");
}

TEST_F(DeadLetterExportTest, RefusesADamagedOffset) {
  std::ofstream(path_ + ".offset") << "what";
  DeadLetterExport letters(*machine_.log, "dead", path_);
  EXPECT_EQ(letters.Open().code(), ErrorCode::kCorruption);
}

TEST_F(DeadLetterExportTest, SaysThatTheFileCannotBeWritten) {
  Commit({"a"});
  DeadLetterExport letters(*machine_.log, "dead", folder_ + "/missing/file");
  EXPECT_OK(letters.Open());
  const Status status = letters.Pump();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("missing/file"), std::string_view::npos) << status;
}

}  // namespace
}  // namespace leadflow::toy
