#include "connectors/file/file_reader.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include <sys/resource.h>
#include <zlib.h>

namespace leadflow {
namespace {

namespace fs = std::filesystem;

class FileReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("file_reader_" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& bytes, bool append = false) {
    const std::string path = (folder_ / name).string();
    std::ofstream file(path, append ? std::ios::app | std::ios::binary : std::ios::binary);
    file << bytes;
    return path;
  }

  std::unique_ptr<FileReader> Open(const std::string& path, const std::string& format,
                                   bool follow = false) {
    auto reader = std::make_unique<FileReader>(FileReader::Options{path, format, follow, &clock_});
    reader->set_header_sink([this](std::string_view header) {
      headers_.emplace_back(header);
      return header == "bad" ? Status::InvalidArgument("no good") : Status();
    });
    return reader;
  }

  struct Seen {
    std::vector<std::string> messages;
    std::vector<std::string> bad;
  };
  // Reads what is there now.
  Seen ReadAll(FileReader& reader, std::size_t at_once = 1 << 20) {
    Seen seen;
    for (int idle = 0; !reader.AtEnd() && idle < 3;) {
      const auto count = reader.Read(
          at_once,
          [&](std::span<const MessageView> batch) {
            for (const MessageView& message : batch) {
              seen.messages.push_back(std::to_string(message.line) + ":" +
                                      std::string(message.value));
            }
          },
          [&](std::string_view, std::int64_t line, std::string_view reason,
              std::string_view bytes) {
            EXPECT_LE(bytes.size(), 64u * 1024);
            seen.bad.push_back(std::to_string(line) + ":" + std::string(reason));
          });
      if (!count.ok()) {
        seen.bad.push_back(std::string(count.status().message()));
        break;
      }
      idle = *count == 0 ? idle + 1 : 0;
    }
    return seen;
  }

  static std::string Gzip(const std::string& bytes) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(bytes.size() + 1000, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
  }

  fs::path folder_;
  VirtualClock clock_{1'000};
  std::vector<std::string> headers_;
};

using Texts = std::vector<std::string>;

TEST_F(FileReaderTest, EveryLayoutGivesItsMessages) {
  struct Case {
    std::string format, bytes;
    Texts messages;
  };
  const Case cases[] = {
      {"leadflow",
       "{\"a\":1}\n{\"b\":2}\r\n\n{\"c\":3}",
       {"1:{\"a\":1}", "2:{\"b\":2}", "4:{\"c\":3}"}},
      {"json", "\xEF\xBB\xBF{\"a\":1}\n", {"1:{\"a\":1}"}},
      {"json",
       "[{\"a\":1},\n {\"b\":[2,\"]\"]} , 7]\n",
       {"1:{\"a\":1}", "2:{\"b\":[2,\"]\"]}", "2:7"}},
      {"json", "[{\"a\":1}]\n[{\"b\":2}]\n", {"1:{\"a\":1}", "2:{\"b\":2}"}},
      {"json", "{\n \"a\": 1\n}\n", {"1:{\n \"a\": 1\n}"}},
      {"json", "", {}},
      {"json", "\n\n", {}},
      {"json", "[]", {}},
      {"csv",
       "a,b\n1,\"x\ny\"\n2,5\" disk\n3,\"q\"\"\"\n",
       {"2:1,\"x\ny\"", "4:2,5\" disk", "5:3,\"q\"\"\""}},
      {"csv", "a,b\r\n1,2", {"2:1,2"}},
      {"tsv", "a\tb\n1\t\"2\n", {"2:1\t\"2"}},
      {"form", "a=b\nc=d\n", {"1:a=b", "2:c=d"}},
  };
  for (const Case& c : cases) {
    const auto reader = Open(Write("file", c.bytes), c.format);
    const Seen seen = ReadAll(*reader);
    EXPECT_EQ(seen.messages, c.messages) << c.format << ": " << c.bytes;
    EXPECT_EQ(seen.bad, Texts()) << c.bytes;
    EXPECT_TRUE(reader->AtEnd());
  }
}

TEST_F(FileReaderTest, HeaderGoesToTheDecoder) {
  const auto reader = Open(Write("f.csv", "\xEF\xBB\xBFname,\"the day\"\n1,2\n"), "csv");
  ReadAll(*reader);
  EXPECT_EQ(headers_, Texts{"name,\"the day\""});
}

TEST_F(FileReaderTest, AFileWithABadHeaderIsOneBadInput) {
  const auto reader = Open(Write("f.csv", "bad\n1\n2\n"), "csv");
  const Seen seen = ReadAll(*reader);
  EXPECT_EQ(seen.messages, Texts());
  EXPECT_EQ(seen.bad, Texts{"1:header: no good"});
  EXPECT_TRUE(reader->AtEnd());
}

TEST_F(FileReaderTest, GoesOnBehindALineThatIsTooLong) {
  for (const std::string format : {"json", "csv", "tsv"}) {
    const std::string path = Write("f", "head\n1\n" + std::string(1'000'000, 'x') + "\n2\n");
    const auto reader = Open(path, format);
    const Seen seen = ReadAll(*reader);
    EXPECT_EQ(seen.messages.back(), "4:2") << format;
    EXPECT_EQ(seen.bad, Texts{"3:line too long"}) << format;
  }
}

TEST_F(FileReaderTest, AHundredMegabytesInOneLineTakeLittleMemory) {
  const std::string path = Write("f", "{\"a\":1}\n");
  const std::string part(1 << 20, 'x');
  for (int i = 0; i < 100; ++i) Write("f", part, true);
  Write("f", "\n{\"b\":2}\n", true);
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const auto reader = Open(path, "json");
  const Seen seen = ReadAll(*reader);
  getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(seen.messages, (Texts{"1:{\"a\":1}", "3:{\"b\":2}"}));
  EXPECT_EQ(seen.bad, Texts{"2:line too long"});
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 * 1024) << "KiB";
}

TEST_F(FileReaderTest, AQuoteThatIsNotClosedCostsItsLineOnly) {
  const auto reader = Open(Write("f.csv", "a,b\n1,2\n3,\"x\n4,5\n6,7\n"), "csv");
  const Seen seen = ReadAll(*reader);
  EXPECT_EQ(seen.messages, (Texts{"2:1,2", "4:4,5", "5:6,7"}));
  EXPECT_EQ(seen.bad, Texts{"3:a quote is not closed"});
}

TEST_F(FileReaderTest, AListThatBreaksOffIsReportedAndWhatWasReadIsKept) {
  const auto reader = Open(Write("f", "[{\"a\":1},{\"b\":"), "json");
  const Seen seen = ReadAll(*reader);
  EXPECT_EQ(seen.messages, (Texts{"1:{\"a\":1}", "1:{\"b\":"}));
  EXPECT_EQ(seen.bad, Texts{"1:the file ends inside of a list"});
}

TEST_F(FileReaderTest, AnElementThatIsTooLongIsPassed) {
  const auto reader = Open(
      Write("f", "[{\"a\":1},{\"x\":\"" + std::string(700'000, ']') + "\"},{\"b\":2}]"), "json");
  const Seen seen = ReadAll(*reader);
  EXPECT_EQ(seen.messages, (Texts{"1:{\"a\":1}", "1:{\"b\":2}"}));
  EXPECT_EQ(seen.bad, Texts{"1:element larger than 64 KiB"});
}

TEST_F(FileReaderTest, GzipIsKnownByItsFirstBytes) {
  const std::string first = Gzip("{\"a\":1}\n");
  const auto reader = Open(Write("f", first + Gzip("{\"b\":2}\n")), "json");
  EXPECT_EQ(ReadAll(*reader).messages, (Texts{"1:{\"a\":1}", "2:{\"b\":2}"}));
}

TEST_F(FileReaderTest, TruncatedGzipKeepsWhatWasRead) {
  std::mt19937 random(3);
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += "{\"a\":" + std::to_string(random()) + "}\n";
  const std::string packed = Gzip(lines);
  const auto reader = Open(Write("f.gz", packed.substr(0, packed.size() / 2)), "json");
  const Seen seen = ReadAll(*reader);
  EXPECT_GT(seen.messages.size(), 1000u);
  ASSERT_EQ(seen.bad.size(), 1u);
  EXPECT_NE(seen.bad[0].find("gzip ends in the middle"), std::string::npos);
  EXPECT_TRUE(reader->AtEnd());
}

TEST_F(FileReaderTest, BrokenGzipIsReported) {
  std::string packed = Gzip(std::string(100'000, 'x') + "\n");
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
  const auto reader = Open(Write("f.gz", packed), "json");
  const Seen seen = ReadAll(*reader);
  EXPECT_FALSE(seen.bad.empty());
  EXPECT_TRUE(reader->AtEnd());
}

// However often a run stops, the messages are those of one run.
TEST_F(FileReaderTest, GoesOnFromEveryPosition) {
  struct Case {
    std::string format, bytes;
  };
  std::string list = "[";
  std::string table = "a,b\n";
  std::string lines = "\xEF\xBB\xBF";
  for (int i = 0; i < 300; ++i) {
    list += (i == 0 ? "{\"n\":\n" : ",\n {\"n\":") + std::to_string(i) + "}";
    table += std::to_string(i) + ",\"x\ny\"\n";
    lines += "{\"n\":" + std::to_string(i) + "}\n" + (i % 7 == 0 ? "\n" : "");
  }
  const Case cases[] = {{"json", list + "]"},
                        {"csv", table},
                        {"json", lines},
                        {"json", Gzip(lines)},
                        {"csv", Gzip(table)}};
  for (const Case& c : cases) {
    const std::string path = Write("f", c.bytes);
    const Seen whole = ReadAll(*Open(path, c.format));
    Seen parts;
    std::string position;
    for (int round = 0; round < 1000; ++round) {
      const auto reader = Open(path, c.format);
      ASSERT_TRUE(reader->Seek(position).ok()) << reader->Seek(position).ToString();
      const auto count = reader->Read(
          50,
          [&](std::span<const MessageView> batch) {
            for (const MessageView& message : batch) {
              parts.messages.push_back(std::to_string(message.line) + ":" +
                                       std::string(message.value));
            }
          },
          [&](std::string_view, std::int64_t, std::string_view reason, std::string_view) {
            parts.bad.emplace_back(reason);
          });
      ASSERT_TRUE(count.ok());
      position = reader->position();
      if (reader->AtEnd()) break;
    }
    EXPECT_EQ(parts.messages, whole.messages) << c.format;
    EXPECT_EQ(parts.bad, Texts());
    EXPECT_EQ(whole.messages.size(), 300u);
  }
}

// Large files are read ahead by a thread of their own.
TEST_F(FileReaderTest, ALargeFileGoesOnFromAnywhereAndGrows) {
  constexpr int kLines = 200'000;
  std::string lines;
  for (int i = 0; i < kLines; ++i) {
    const std::string n = std::to_string(i);
    lines +=
        "{\"n\":" + n + ",\"pad\":\"" + std::string((7 * n.size() + n.back()) % 120, 'x') + "\"}\n";
  }
  ASSERT_GT(lines.size(), std::size_t{16} << 20);
  for (const std::string& bytes : {lines, Gzip(lines)}) {
    const std::string path = Write("f", bytes);
    std::string read, position;
    std::unique_ptr<FileReader> reader;
    for (std::size_t slice = 1; read.size() < lines.size(); slice *= 3) {
      reader = Open(path, "json", true);
      ASSERT_TRUE(reader->Seek(position).ok());
      for (std::size_t count = 1, reads = 0; count > 0 && reads < slice; ++reads) {
        const auto got = reader->Read(
            slice,
            [&](std::span<const MessageView> batch) {
              for (const MessageView& message : batch) read.append(message.value).append("\n");
            },
            [](std::string_view, std::int64_t, std::string_view, std::string_view) { FAIL(); });
        ASSERT_TRUE(got.ok());
        count = *got;
      }
      position = reader->position();
      ASSERT_TRUE(lines.starts_with(read)) << "slice of " << slice << " bytes";
    }
    if (bytes.size() < lines.size()) continue;
    Write("f", "{\"more\":1}\n", true);
    EXPECT_EQ(ReadAll(*reader).messages, Texts{std::to_string(kLines + 1) + ":{\"more\":1}"});
  }
}

TEST_F(FileReaderTest, ACutOrReplacedFileIsAnError) {
  const std::string path = Write("f", "{\"a\":1}\n{\"b\":2}\n");
  const auto reader = Open(path, "json");
  ReadAll(*reader);
  const std::string position = reader->position();
  Write("f", "{\"a\":1}\n");
  Status status = Open(path, "json")->Seek(position);
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("was cut"), std::string::npos);
  Write("f", "{\"x\":1}\n{\"y\":2}\n{\"z\":3}\n");
  status = Open(path, "json")->Seek(position);
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("was replaced"), std::string::npos);
}

TEST_F(FileReaderTest, AFileThatGrewGoesOn) {
  const std::string path = Write("f", "{\"a\":1}\n");
  const auto reader = Open(path, "json");
  ReadAll(*reader);
  Write("f", "{\"b\":2}\n", true);
  const auto later = Open(path, "json");
  ASSERT_TRUE(later->Seek(reader->position()).ok());
  EXPECT_EQ(ReadAll(*later).messages, Texts{"2:{\"b\":2}"});
}

TEST_F(FileReaderTest, NonsensePositionsAreRefused) {
  const std::string path = Write("f", "{\"a\":1}\n");
  std::mt19937 random(5);
  for (int i = 0; i < 200; ++i) {
    std::string position;
    for (std::size_t n = 1 + random() % 40; n > 0; --n)
      position.push_back(static_cast<char>(random()));
    EXPECT_FALSE(Open(path, "json")->Seek(position).ok());
  }
}

TEST_F(FileReaderTest, FollowsWhatIsAddedAndWaitsForWholeLines) {
  const std::string path = Write("f", "{\"a\":1}\n{\"b\"");
  const auto reader = Open(path, "json", true);
  EXPECT_EQ(ReadAll(*reader).messages, Texts{"1:{\"a\":1}"});
  EXPECT_FALSE(reader->AtEnd());
  Write("f", ":2}\n", true);
  EXPECT_EQ(ReadAll(*reader).messages, Texts{"2:{\"b\":2}"});
  EXPECT_EQ(ReadAll(*reader).messages, Texts());
}

TEST_F(FileReaderTest, FollowsARotationToTheLastByte) {
  const std::string path = Write("f", "{\"a\":1}\n");
  const auto reader = Open(path, "json", true);
  ReadAll(*reader);
  Write("f", "{\"late\":1}\n{\"cut\":1}", true);
  fs::rename(path, path + ".1");
  Write("f", "{\"b\":2}\n");
  EXPECT_EQ(ReadAll(*reader).messages, (Texts{"2:{\"late\":1}", "3:{\"cut\":1}", "1:{\"b\":2}"}));
}

TEST_F(FileReaderTest, AFollowedFileThatIsCutIsAnError) {
  const std::string path = Write("f", "{\"a\":1}\n{\"b\":2}\n");
  const auto reader = Open(path, "json", true);
  ReadAll(*reader);
  fs::resize_file(path, 4);
  const Seen seen = ReadAll(*reader);
  ASSERT_EQ(seen.bad.size(), 1u);
  EXPECT_NE(seen.bad[0].find("was cut while it is followed"), std::string::npos);
}

TEST_F(FileReaderTest, GlobsAreSortedAndEachFileStandsOnce) {
  Write("b.csv", "");
  Write("a.csv", "");
  fs::create_directories(folder_ / "dir.csv");
  const std::string glob = (folder_ / "*.csv").string();
  const auto files = ExpandPaths({glob, (folder_ / "a.csv").string()});
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(*files, (Texts{(folder_ / "a.csv").string(), (folder_ / "b.csv").string()}));
  EXPECT_EQ(ExpandPaths({(folder_ / "none-*").string()}).status().code(), ErrorCode::kNotFound);
}

TEST_F(FileReaderTest, AnyBytesAreReadToTheEnd) {
  std::mt19937 random(11);
  constexpr std::string_view kBytes = "{}[]\",\\\n\r\t ;a1\xEF\xBB\xBF\x1f\x8b";
  for (int round = 0; round < 600; ++round) {
    std::string bytes;
    for (std::size_t n = random() % 300; n > 0; --n)
      bytes.push_back(kBytes[random() % kBytes.size()]);
    const char* const formats[] = {"json", "csv", "tsv", "form", "snowplow"};
    const auto reader = Open(Write("f", bytes), formats[round % 5]);
    ReadAll(*reader);
    EXPECT_TRUE(reader->AtEnd()) << bytes;
  }
}

}  // namespace
}  // namespace leadflow
