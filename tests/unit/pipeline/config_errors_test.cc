// Every file of tests/config_errors is a pipeline with mistakes and says which: a comment line
// `# expect: LINE:COLUMN ID` for each diagnostic, no more and no less.
#include <algorithm>
#include <filesystem>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/pipeline/loading.h"

namespace leadflow {
namespace {

std::vector<std::string> ExpectedPlaces(const std::string& text) {
  constexpr std::string_view kExpect = "# expect: ";
  std::vector<std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kExpect)) out.push_back(line.substr(kExpect.size()));
  }
  return out;
}

class ConfigErrorsTest : public testing::TestWithParam<std::string> {};

TEST_P(ConfigErrorsTest, GivesExactlyTheProblemsThatTheFileNames) {
  const std::string text = *ReadTestFile(GetParam());
  const Loaded loaded = Loading().Load(text);
  EXPECT_EQ(loaded.pipeline, nullptr);
  EXPECT_THAT(loaded.Places(), testing::UnorderedElementsAreArray(ExpectedPlaces(text)))
      << loaded.diagnostics->Text();
  for (const Diagnostic& one : loaded.diagnostics->all()) {
    EXPECT_FALSE(one.message.empty());
    EXPECT_EQ(one.message.find("  "), std::string::npos) << one.message;
  }
}

std::vector<std::string> Files() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator("tests/config_errors")) {
    if (entry.path().extension() == ".yaml") out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

INSTANTIATE_TEST_SUITE_P(Files, ConfigErrorsTest, testing::ValuesIn(Files()),
                         [](const testing::TestParamInfo<std::string>& file) {
                           return std::filesystem::path(file.param).stem().string();
                         });

}  // namespace
}  // namespace leadflow
