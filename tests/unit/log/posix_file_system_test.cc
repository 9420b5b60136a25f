// Appends of all sizes, for large ones take another way than small ones.
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/log/file_system.h"

namespace leadflow {
namespace {

TEST(PosixFileSystemTest, AppendsOfAnySizeAreReadBack) {
  const std::string folder = testing::TempDir() + "leadflow_append";
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/file";
  std::mt19937 random(7);
  std::string expected;
  {
    auto file = PosixFileSystem().Create(path);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{4096}, std::size_t{3} << 20, std::size_t{17},
          (std::size_t{1} << 20) - 1, std::size_t{1} << 20, (std::size_t{9} << 20) + 4095,
          std::size_t{0}, (std::size_t{4} << 20) + 1, std::size_t{4} << 20}) {
      std::string bytes(size, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      std::vector<std::string_view> parts;
      for (std::string_view rest = bytes; !rest.empty();) {
        const std::size_t part = std::min<std::size_t>(rest.size(), random() % 700'000);
        parts.push_back(rest.substr(0, part));
        rest.remove_prefix(part);
      }
      ASSERT_TRUE((*file)->Append(parts).ok());
      expected += bytes;
      if (size % 2 == 1) {  // as the log does with what it cannot keep
        expected.resize(expected.size() - size / 3);
        ASSERT_TRUE((*file)->Truncate(expected.size()).ok());
      }
      ASSERT_EQ(*(*file)->Size(), expected.size());
      std::string read(expected.size() + 1, '\0');
      const auto got = (*file)->Read(0, read.size(), read.data());
      ASSERT_TRUE(got.ok());
      read.resize(*got);
      ASSERT_TRUE(read == expected) << "after an append of " << size << " bytes";
    }
    ASSERT_TRUE((*file)->Sync().ok());
  }
  auto again = PosixFileSystem().Open(path);
  ASSERT_TRUE(again.ok());
  std::string read(expected.size(), '\0');
  ASSERT_EQ(*(*again)->Read(0, read.size(), read.data()), expected.size());
  EXPECT_TRUE(read == expected);
  std::filesystem::remove_all(folder);
}

TEST(PosixFileSystemTest, AFileThatWasRenamedIsAppendedToAndNotWhatStandsAtItsPath) {
  const std::string folder = testing::TempDir() + "leadflow_renamed";
  std::filesystem::create_directories(folder);
  FileSystem& files = PosixFileSystem();
  auto old = files.Create(folder + "/a");
  ASSERT_TRUE(old.ok());
  ASSERT_TRUE(files.Rename(folder + "/a", folder + "/b").ok());
  auto other = files.Create(folder + "/a");
  ASSERT_TRUE(other.ok());
  const std::string bytes(2'000'000, 'x');
  const std::string_view part = bytes;
  ASSERT_TRUE((*old)->Append({&part, 1}).ok());
  EXPECT_EQ(*(*old)->Size(), bytes.size());
  EXPECT_EQ(*(*other)->Size(), 0u);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace leadflow
