#include "engine/runtime/savepoint.h"

#include <memory>
#include <utility>

#include "tests/unit/runtime/toy_job.h"

namespace leadflow::toy {
namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kFolder = "savepoint";

std::string Bytes(FileSystem& files, const std::string& path) {
  const auto file = files.Open(path);
  if (!file.ok()) return {};
  std::string bytes(*(*file)->Size(), '\0');
  EXPECT_EQ(*(*file)->Read(0, bytes.size(), bytes.data()), bytes.size());
  return bytes;
}

void Write(FileSystem& files, const std::string& path, std::string_view bytes) {
  const auto file = files.Create(path);
  ASSERT_TRUE(file.ok());
  EXPECT_OK((*file)->Append({&bytes, 1}));
}

SavedFile Save(FileSystem& files, const Entries& entries) {
  EXPECT_OK(files.CreateDirectory(kFolder));
  const auto writer = SavepointWriter::Create(files, kFolder, "some");
  for (const auto& [key, value] : entries) EXPECT_OK((*writer)->Add(key, value));
  return *(*writer)->Finish();
}

Status Read(FileSystem& files, const SavedFile& saved, Entries* entries) {
  return ReadSavedFile(files, kFolder, saved, [&](std::string_view key, std::string_view value) {
    entries->emplace_back(key, value);
    return Status();
  });
}

TEST(SavepointFileTest, GivesBackWhatItWasGiven) {
  const std::string large(3'000'000, 'x');
  for (const Entries& entries :
       {Entries{}, Entries{{"", ""}}, Entries{{"a", "1"}, {"a", ""}, {std::string("\0b", 2), "2"}},
        Entries{{"a", large}, {large, "b"}, {"c", "d"}}}) {
    MemoryFileSystem files;
    const SavedFile saved = Save(files, entries);
    Entries read;
    EXPECT_OK(Read(files, saved, &read));
    EXPECT_EQ(read, entries);
    EXPECT_EQ(saved.entries, entries.size());
  }
}

TEST(SavepointFileTest, FindsEveryDamage) {
  MemoryFileSystem files;
  const SavedFile saved = Save(files, {{"key", "value"}, {"another", "one"}});
  const std::string path = std::string(kFolder) + "/some";
  const std::string good = Bytes(files, path);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    Entries read;
    Write(files, path, bad);
    EXPECT_EQ(Read(files, saved, &read).code(), ErrorCode::kCorruption) << "byte " << i;
    Write(files, path, good.substr(0, i));
    EXPECT_EQ(Read(files, saved, &read).code(), ErrorCode::kCorruption) << "cut at " << i;
  }
  Entries read;
  Write(files, path, good + good);
  EXPECT_EQ(Read(files, saved, &read).code(), ErrorCode::kCorruption);
}

SavepointManifest SomeManifest() {
  return {.app = "acme",
          .rules_hash = 0xfedcba9876543210,
          .partitions = 3,
          .created_ms = 1772366400000,
          .notes = {{"release", "1.2.3"}, {"key", "ab cd"}},
          .files = {{"events-0", 12, 3, 0x12}, {"facts-0", 0, 0, 0}}};
}

TEST(SavepointManifestTest, GivesBackWhatItWasGiven) {
  const SavepointManifest manifest = SomeManifest();
  const auto decoded = DecodeManifest(EncodeManifest(manifest));
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(decoded->app, manifest.app);
  EXPECT_EQ(decoded->rules_hash, manifest.rules_hash);
  EXPECT_EQ(decoded->partitions, manifest.partitions);
  EXPECT_EQ(decoded->created_ms, manifest.created_ms);
  EXPECT_EQ(decoded->notes, manifest.notes);
  EXPECT_EQ(decoded->files, manifest.files);
}

TEST(SavepointManifestTest, FindsEveryDamage) {
  const std::string good = EncodeManifest(SomeManifest());
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    EXPECT_FALSE(DecodeManifest(bad).ok()) << "byte " << i;
    EXPECT_FALSE(DecodeManifest(good.substr(0, i)).ok()) << "cut at " << i;
  }
  EXPECT_FALSE(DecodeManifest(good + "\n").ok());
}

TEST(SavepointManifestTest, ANewerFormatIsNamed) {
  const Status status = DecodeManifest("leadflow savepoint 2\nwhatever\n").status();
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("format 2"), std::string::npos);
}

// What runs here looks at no sources.
Plan WithoutSources(const Machine& machine) {
  Plan plan = machine.MakePlan();
  plan.sources.clear();
  return plan;
}

Result<SavepointManifest> SaveMachine(Machine& machine) {
  machine.OpenLog();
  LEADFLOW_ASSIGN_OR_RETURN(SavepointManifest manifest,
                            SaveState(WithoutSources(machine), *machine.log, machine.stores,
                                      Clock::System(), machine.files, kFolder));
  LEADFLOW_RETURN_IF_ERROR(WriteManifest(machine.files, kFolder, manifest));
  return manifest;
}

// `from` is where the savepoint lies.
Status RestoreMachine(Machine& from, Machine& machine) {
  machine.OpenLog();
  const Plan plan = WithoutSources(machine);
  LEADFLOW_ASSIGN_OR_RETURN(const SavepointManifest manifest, CheckSavepoint(from.files, kFolder));
  LEADFLOW_RETURN_IF_ERROR(CheckFits(manifest, plan));
  LEADFLOW_RETURN_IF_ERROR(CheckEmpty(plan, *machine.log));
  return RestoreSavepoint(manifest, plan, *machine.log, Clock::System(), from.files, kFolder, {});
}

std::vector<Messages> Inputs(int count) {
  std::vector<Messages> lists(2);
  for (int i = 0; i < count; ++i) {
    const std::string key(1, static_cast<char>('a' + i % 7));
    const std::string from = key + std::to_string(i % 5);
    lists[static_cast<std::size_t>(i % 2)].push_back(
        i % 3 == 0 ? from + "=>" + key + "9=" + std::to_string(i) : from + "=" + std::to_string(i));
  }
  return lists;
}

TEST(SavepointTest, WhatWasSavedGoesOnElsewhere) {
  Machine whole(Inputs(200));
  EXPECT_OK(whole.Run());
  Machine first(Inputs(90));
  EXPECT_OK(first.Run(2));
  ASSERT_TRUE(SaveMachine(first).ok());
  Machine second(Inputs(200));
  EXPECT_OK(RestoreMachine(first, second));
  EXPECT_OK(second.Run(2));
  EXPECT_EQ(second.sums, whole.sums);
  EXPECT_EQ(second.totals, whole.totals);
}

TEST(SavepointTest, AStateIsNotOverwritten) {
  Machine first(Inputs(20));
  EXPECT_OK(first.Run());
  ASSERT_TRUE(SaveMachine(first).ok());
  EXPECT_EQ(SaveMachine(first).status().code(), ErrorCode::kFailedPrecondition);
  Machine second(Inputs(20));
  EXPECT_OK(second.Run());
  EXPECT_EQ(RestoreMachine(first, second).code(), ErrorCode::kFailedPrecondition);
}

TEST(SavepointTest, OtherRulesAndPartitionsAreRefused) {
  Machine first(Inputs(20));
  EXPECT_OK(first.Run());
  ASSERT_TRUE(SaveMachine(first).ok());
  Machine rules(Inputs(20));
  rules.rules_hash = 8;
  EXPECT_EQ(RestoreMachine(first, rules).code(), ErrorCode::kFailedPrecondition);
  Machine partitions(Inputs(20));
  partitions.partitions = 5;
  EXPECT_EQ(RestoreMachine(first, partitions).code(), ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace leadflow::toy
