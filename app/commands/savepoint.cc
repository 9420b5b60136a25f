// leadflow savepoint: the whole state of a stopped pipeline as files, and a fresh pipeline that
// goes on from them.
#include "engine/runtime/savepoint.h"

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include "app/commands/commands.h"
#include "app/identity_key.h"
#include "app/job.h"
#include "app/kafka_options.h"
#include "app/member.h"
#include "app/stopped_state.h"
#include "connectors/kafka/forget.h"
#include "engine/log/embedded_log.h"
#include "operators/kpi/row_feed.h"

namespace leadflow::app {
namespace {

constexpr const char* kKeyNote = "key";          // FingerprintOf the key of the identifier hash.
constexpr const char* kClusterNote = "cluster";  // Whose offsets the positions of sources are.
constexpr const char* kReleaseNote = "release";

std::string KeyFileOf(const std::string& directory) { return directory + "/identity.key"; }

bool NamesKey(const Pipeline& pipeline) {
  return pipeline.identity.key.from != SecretSpec::From::kNowhere;
}

bool ReadsTopics(const Pipeline& pipeline) {
  for (const SourceSpec& source : pipeline.sources) {
    if (source.input == SourceSpec::Input::kKafka) return true;
  }
  return false;
}

Result<std::string> ClusterOf(const Pipeline& pipeline) {
  LEADFLOW_ASSIGN_OR_RETURN(const KafkaOptions kafka, MakeKafkaOptions(*pipeline.kafka));
  return ClusterIdOf(kafka);
}

void Print(const char* done, const SavepointManifest& savepoint, const std::string& directory) {
  std::uint64_t entries = 0, bytes = 0;
  for (const SavedFile& file : savepoint.files) {
    entries += file.entries;
    bytes += file.bytes;
  }
  std::printf("%s `%s`: %llu entries, %llu bytes in %s\n", done, savepoint.app.c_str(),
              static_cast<unsigned long long>(entries), static_cast<unsigned long long>(bytes),
              directory.c_str());
}

// The key that a pipeline keeps by itself goes with the savepoint; one that it is given it has to
// be given again.
Result<SavepointManifest> Create(StoppedState& state, const std::string& directory) {
  const Pipeline& pipeline = state.pipeline();
  FileSystem& files = PosixFileSystem();
  LEADFLOW_RETURN_IF_ERROR(files.CreateDirectory(directory));
  std::error_code ignored;
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all, ignored);
  LEADFLOW_ASSIGN_OR_RETURN(
      SavepointManifest manifest,
      SaveState(state.plan, *state.log, *state.stores, Clock::System(), files, directory));
  manifest.notes = {{kKeyNote, FingerprintOf(state.key)}, {kReleaseNote, LEADFLOW_VERSION}};
  if (ReadsTopics(pipeline)) {
    LEADFLOW_ASSIGN_OR_RETURN(manifest.notes[kClusterNote], ClusterOf(pipeline));
  }
  if (!NamesKey(pipeline)) {
    LEADFLOW_RETURN_IF_ERROR(WriteKeyFile(state.key, KeyFileOf(directory)));
  }
  LEADFLOW_RETURN_IF_ERROR(WriteManifest(files, directory, manifest));
  return manifest;
}

// One restore: what it is of and where it goes.
class Restore {
 public:
  Restore(const Pipeline& pipeline, const SavepointOptions& options)
      : pipeline_(pipeline),
        options_(options),
        layout_(pipeline.engine.state_dir),
        on_kafka_(pipeline.engine.log == EngineOptions::Log::kKafka) {}

  Result<SavepointManifest> Run() {
    LEADFLOW_ASSIGN_OR_RETURN(savepoint_, CheckSavepoint(PosixFileSystem(), options_.directory));
    const std::vector<SourceMessages> nothing;
    LEADFLOW_ASSIGN_OR_RETURN(plan_, MakePlan(pipeline_, {.inputs = &nothing}));
    LEADFLOW_RETURN_IF_ERROR(CheckFits(savepoint_, plan_));
    LEADFLOW_RETURN_IF_ERROR(CheckDirectory());
    LEADFLOW_RETURN_IF_ERROR(CheckCluster());
    LEADFLOW_ASSIGN_OR_RETURN(const std::optional<KeyedHash::Key> saved, SavedKey());
    LEADFLOW_RETURN_IF_ERROR(PosixFileSystem().CreateDirectory(layout_.directory));
    LEADFLOW_RETURN_IF_ERROR(on_kafka_ ? ToKafka(saved) : ToDirectory(saved));
    return savepoint_;
  }

 private:
  // An older log.restoring is what is left of another restore.
  Status CheckDirectory() const {
    for (const std::string& path : {layout_.restoring, layout_.log, layout_.stores}) {
      if (std::error_code error; !std::filesystem::exists(path, error)) continue;
      return {ErrorCode::kFailedPrecondition,
              "the state directory is not empty (" + path +
                  "): `leadflow reset` removes what is there, or name a new one"};
    }
    return {};
  }

  Status CheckCluster() const {
    if (options_.sources_anew || !ReadsTopics(pipeline_)) return {};
    LEADFLOW_ASSIGN_OR_RETURN(const std::string here, ClusterOf(pipeline_));
    const auto there = savepoint_.notes.find(kClusterNote);
    if (there != savepoint_.notes.end() && there->second == here) return {};
    return {ErrorCode::kFailedPrecondition,
            "the positions in topics are those of another Kafka cluster: with --sources-anew the "
            "sources are read from their start, and what the state has of them is not counted "
            "again"};
  }

  // nullopt: the pipeline names its key, and it is the right one.
  Result<std::optional<KeyedHash::Key>> SavedKey() const {
    std::optional<KeyedHash::Key> saved;
    if (NamesKey(pipeline_)) {
      LEADFLOW_ASSIGN_OR_RETURN(const KeyedHash::Key key, IdentifierKey(pipeline_, layout_, false));
      LEADFLOW_RETURN_IF_ERROR(CheckKey(key, "`identity.key` names another key than the one"));
      return saved;
    }
    const Result<KeyedHash::Key> key = ReadKeyFile(KeyFileOf(options_.directory));
    if (key.status().code() == ErrorCode::kNotFound) {
      return Status::NotFound(
          "the savepoint has no key: name the one of the pipeline that wrote it, `identity: {key: "
          "...}`");
    }
    LEADFLOW_RETURN_IF_ERROR(key.status());
    LEADFLOW_RETURN_IF_ERROR(
        CheckKey(*key, KeyFileOf(options_.directory) + " is damaged: it is not the key"));
    saved = *key;
    return saved;
  }

  Status CheckKey(const KeyedHash::Key& key, const std::string& otherwise) const {
    const auto note = savepoint_.notes.find(kKeyNote);
    if (note != savepoint_.notes.end() && note->second == FingerprintOf(key)) return {};
    return {ErrorCode::kFailedPrecondition,
            otherwise + " under which the savepoint keeps identifiers"};
  }

  Status Fill(Log& log) const {
    RestoreOptions options;
    options.sources = !options_.sources_anew;
    // Topics of rows may be empty where the pipeline goes on: they are sent every row.
    options.without = [](std::string_view key) { return key.starts_with(kFeedKey); };
    return leadflow::RestoreSavepoint(savepoint_, plan_, log, Clock::System(), PosixFileSystem(),
                                      options_.directory, options);
  }

  // The log gets its name when it is complete.
  Status ToDirectory(const std::optional<KeyedHash::Key>& saved) const {
    if (std::error_code error; saved && std::filesystem::exists(layout_.key_file, error)) {
      LEADFLOW_ASSIGN_OR_RETURN(const KeyedHash::Key key, ReadKeyFile(layout_.key_file));
      LEADFLOW_RETURN_IF_ERROR(CheckKey(key, layout_.key_file + " is another key than the one"));
    } else if (saved) {
      LEADFLOW_RETURN_IF_ERROR(WriteKeyFile(*saved, layout_.key_file));
    }
    {
      LEADFLOW_ASSIGN_OR_RETURN(const auto log,
                                EmbeddedLog::Open({.directory = layout_.restoring}));
      LEADFLOW_RETURN_IF_ERROR(Fill(*log));
    }
    LEADFLOW_RETURN_IF_ERROR(PosixFileSystem().Rename(layout_.restoring, layout_.log));
    return PosixFileSystem().SyncDirectory(layout_.directory);
  }

  Status ToKafka(const std::optional<KeyedHash::Key>& saved) const {
    LEADFLOW_ASSIGN_OR_RETURN(const Member member, Member::Of(layout_.directory));
    LEADFLOW_ASSIGN_OR_RETURN(const auto log, OpenLog(pipeline_, layout_));
    LEADFLOW_RETURN_IF_ERROR(CheckEmpty(plan_, *log));
    LEADFLOW_ASSIGN_OR_RETURN(const KeyedHash::Key key,
                              SharedIdentifierKey(pipeline_, layout_, *log, saved));
    LEADFLOW_RETURN_IF_ERROR(CheckKey(
        key, "topic `" + IdentityTopic(pipeline_.name).name + "` has another key than the one"));
    LEADFLOW_ASSIGN_OR_RETURN(const KafkaOptions kafka, MakeKafkaOptions(*pipeline_.kafka));
    LEADFLOW_RETURN_IF_ERROR(BeginAnew(kafka, pipeline_.name));
    LEADFLOW_RETURN_IF_ERROR(
        Fill(*log).WithContext("the restore has not ended; `leadflow reset` removes what is left"));
    return EndAnew(kafka, pipeline_.name);
  }

  const Pipeline& pipeline_;
  const SavepointOptions& options_;
  const StateLayout layout_;
  const bool on_kafka_;
  SavepointManifest savepoint_;
  Plan plan_;
};

}  // namespace

int CreateSavepoint(const SavepointOptions& options) {
  int code = kDone;
  const std::unique_ptr<StoppedState> state = StoppedState::Take(options.state, &code);
  if (state == nullptr) return code;
  const auto created = Create(*state, options.directory);
  if (!created.ok()) return Failed(created.status());
  Print("Saved", *created, options.directory);
  return kDone;
}

int RestoreSavepoint(const SavepointOptions& options) {
  const LoadedPipeline loaded =
      LoadPipelineFile(options.state.file, {.use_environment = true, .set = options.state.set});
  if (!loaded.pipeline) return BadConfig(loaded);
  const auto restored = Restore(*loaded.pipeline, options).Run();
  if (!restored.ok()) return Failed(restored.status());
  Print("Restored", *restored, options.directory);
  return kDone;
}

}  // namespace leadflow::app
