// Real payloads as users have them, in files: read as files and guessed by name they give what the
// whole message gives.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "connectors/file/file_reader.h"
#include "connectors/formats/formats.h"
#include "tests/unit/connectors/decoded.h"

namespace leadflow {
namespace {

namespace fs = std::filesystem;

// The bytes of a file without the line break at its end.
std::string Whole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  bytes.erase(bytes.find_last_not_of('\n') + 1);
  return bytes;
}

std::vector<std::string> Messages(const fs::path& path, const std::string& format) {
  VirtualClock clock;
  FileReader reader({path.string(), format, false, &clock});
  std::vector<std::string> messages;
  while (!reader.AtEnd()) {
    const auto count = reader.Read(
        1 << 20,
        [&](std::span<const MessageView> batch) {
          for (const MessageView& message : batch) messages.emplace_back(message.value);
        },
        [&](std::string_view, std::int64_t line, std::string_view reason, std::string_view) {
          ADD_FAILURE() << path << ":" << line << ": " << reason;
        });
    if (!count.ok()) {
      ADD_FAILURE() << count.status().message();
      break;
    }
  }
  return messages;
}

TEST(PayloadFilesTest, AFileGivesWhatItsMessageGives) {
  int with_events = 0;
  for (const FormatInfo& format : AllFormats()) {
    if (!format.preset) continue;
    const std::string preset(format.name);
    const auto mapping = LoadPreset(preset);
    ASSERT_TRUE(mapping.ok());
    for (const auto& entry : fs::directory_iterator("tests/reference/payloads/" + preset)) {
      const std::string extension = entry.path().extension();
      if (extension != ".json" && extension != ".tsv") continue;
      SCOPED_TRACE(entry.path());
      const auto decoder = MakeMappedDecoder(*mapping, TimeZone::Utc());
      ASSERT_TRUE(decoder.ok());
      const std::string whole = Whole(entry.path());
      const Decoded one = DecodeAll(**decoder, {whole});
      const Decoded file = DecodeAll(**decoder, Messages(entry.path(), preset));
      EXPECT_EQ(file.events, one.events);
      EXPECT_EQ(file.refused, std::vector<std::string>());
      if (one.events.empty()) continue;
      ++with_events;
      const auto guessed = GuessFormat(whole);
      EXPECT_EQ(guessed.ok() ? *guessed : std::string(guessed.status().message()), preset);
    }
  }
  EXPECT_EQ(with_events, 36);
}

}  // namespace
}  // namespace leadflow
