#include "engine/runtime/savepoint.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/log/read_ranges.h"
#include "engine/runtime/complete_stores.h"
#include "engine/runtime/store_copy.h"
#include "engine/runtime/store_place.h"
#include "engine/runtime/task_meta.h"

namespace leadflow {
namespace {

constexpr std::string_view kManifest = "MANIFEST";
constexpr std::size_t kTransactionBytes = std::size_t{4} << 20;
constexpr int kSavesMax = 3;
constexpr int kAttemptsMax = 100;  // Of one transaction that the log asks to send again.
// Longer than any transaction may stay open.
constexpr std::int64_t kPatienceNs = std::int64_t{120} * 1'000'000'000;

// What a savepoint holds of each partition.
constexpr std::array<std::string_view, 5> kTopics = {"changelog.ingest", "changelog.events",
                                                     "changelog.facts", "events", "facts"};

std::string TopicOf(const Plan& plan, std::string_view kind) {
  return plan.app + "." + std::string(kind);
}

std::string FileOf(std::string_view kind, std::uint32_t partition) {
  return std::string(kind) + "-" + std::to_string(partition);
}

// Of all partitions of a topic that is there.
Result<std::vector<std::int64_t>> WrittenOf(const Plan& plan, Log& log, std::string_view kind) {
  std::vector<std::int64_t> written;
  for (std::uint32_t p = 0; p < plan.partitions; ++p) {
    LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t one, log.WrittenOffset({TopicOf(plan, kind), p}));
    written.push_back(one);
  }
  return written;
}

using Written = std::map<std::string_view, std::vector<std::int64_t>>;  // By topic.

Result<Written> AllWritten(const Plan& plan, Log& log) {
  Written written;
  for (const std::string_view kind : kTopics) {
    LEADFLOW_ASSIGN_OR_RETURN(written[kind], WrittenOf(plan, log, kind));
  }
  return written;
}

// The committed records of all partitions of a topic, from `from` up to `end`, by partition.
Status ReadTopic(Log& log, Clock& clock, const std::string& topic,
                 const std::vector<std::int64_t>& from, const std::vector<std::int64_t>& end,
                 const std::function<Status(std::uint32_t, const LogRecord&)>& take) {
  std::vector<LogRange> ranges;
  for (std::uint32_t p = 0; p < from.size(); ++p) ranges.push_back({{topic, p}, from[p], end[p]});
  std::int64_t last_progress_ns = clock.MonotonicNanos();
  return ReadRanges(
      log, ranges,
      [&](const TopicPartition& name, std::span<const LogRecord> records) {
        Status status;
        for (const LogRecord& record : records) {
          if (status.ok()) status = take(name.partition, record);
        }
        return status;
      },
      [&](const TopicPartition& open, bool moved) {
        if (moved) last_progress_ns = clock.MonotonicNanos();
        if (clock.MonotonicNanos() - last_progress_ns <= kPatienceNs) return Status();
        return Status::Unavailable(NameOf(open) +
                                   ": a transaction is neither committed nor aborted for minutes");
      });
}

// One savepoint while it is written.
class Saving {
 public:
  Saving(const Plan& plan, Log& log, StoreFactory& stores, Clock& clock, FileSystem& files,
         const std::string& directory)
      : plan_(plan),
        log_(log),
        stores_(stores),
        clock_(clock),
        files_(files),
        directory_(directory) {}

  // Transactions that dead processes left open are decided while stores are completed, and the log
  // may say so to some topics a moment later.
  Result<std::vector<SavedFile>> Save() {
    LEADFLOW_RETURN_IF_ERROR(CompleteStores(plan_, log_, stores_, clock_).status());
    for (int attempt = 0; attempt < kSavesMax; ++attempt) {
      LEADFLOW_ASSIGN_OR_RETURN(const Written before, AllWritten(plan_, log_));
      LEADFLOW_RETURN_IF_ERROR(CompleteStores(plan_, log_, stores_, clock_).status());
      LEADFLOW_RETURN_IF_ERROR(SaveAll(before));
      LEADFLOW_ASSIGN_OR_RETURN(const Written after, AllWritten(plan_, log_));
      if (after == before) return std::move(saved_);
    }
    return Status(ErrorCode::kFailedPrecondition,
                  "the pipeline went on while it was saved: stop all its processes first");
  }

 private:
  Status SaveAll(const Written& written) {
    saved_.clear();
    LEADFLOW_RETURN_IF_ERROR(SaveSources(written.at("changelog.ingest")));
    LEADFLOW_RETURN_IF_ERROR(SaveStage("events", written.at("events"), PlaceOfEvents));
    return SaveStage("facts", written.at("facts"), PlaceOfFacts);
  }

  Status Finish(SavepointWriter& writer) {
    LEADFLOW_ASSIGN_OR_RETURN(saved_.emplace_back(), writer.Finish());
    return {};
  }

  // The last value per key: a changelog that nothing is purged from.
  Status SaveSources(const std::vector<std::int64_t>& written) {
    constexpr std::string_view kKind = "changelog.ingest";
    std::vector<std::map<std::string, std::string>> last(plan_.partitions);
    std::vector<std::int64_t> from;
    for (std::uint32_t p = 0; p < plan_.partitions; ++p) {
      LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t start,
                                log_.StartOffset({TopicOf(plan_, kKind), p}));
      from.push_back(start);
    }
    LEADFLOW_RETURN_IF_ERROR(ReadTopic(log_, clock_, TopicOf(plan_, kKind), from, written,
                                       [&](std::uint32_t p, const LogRecord& record) -> Status {
                                         if (record.tombstone) {
                                           last[p].erase(std::string(record.key));
                                         } else {
                                           last[p][std::string(record.key)] = record.value;
                                         }
                                         return {};
                                       }));
    for (std::uint32_t p = 0; p < plan_.partitions; ++p) {
      LEADFLOW_ASSIGN_OR_RETURN(const auto writer,
                                SavepointWriter::Create(files_, directory_, FileOf(kKind, p)));
      for (const auto& [key, value] : last[p]) LEADFLOW_RETURN_IF_ERROR(writer->Add(key, value));
      LEADFLOW_RETURN_IF_ERROR(Finish(*writer));
    }
    return {};
  }

  // The stores of a stage, and what lies in its topic and is not handled.
  Status SaveStage(const std::string& kind, const std::vector<std::int64_t>& written,
                   StorePlace (*place_of)(const Plan&, std::uint32_t)) {
    std::vector<std::int64_t> handled;
    std::vector<std::unique_ptr<SavepointWriter>> messages;
    for (std::uint32_t p = 0; p < plan_.partitions; ++p) {
      LEADFLOW_ASSIGN_OR_RETURN(const auto store, stores_.Open(place_of(plan_, p).store));
      LEADFLOW_RETURN_IF_ERROR(SaveStore(*store, FileOf("changelog." + kind, p)));
      LEADFLOW_ASSIGN_OR_RETURN(const std::optional<TaskMeta> meta, MetaOf(*store));
      handled.push_back(meta ? meta->input_offset : 0);
      LEADFLOW_ASSIGN_OR_RETURN(messages.emplace_back(),
                                SavepointWriter::Create(files_, directory_, FileOf(kind, p)));
    }
    LEADFLOW_RETURN_IF_ERROR(ReadTopic(log_, clock_, TopicOf(plan_, kind), handled, written,
                                       [&](std::uint32_t p, const LogRecord& record) {
                                         return messages[p]->Add(record.key, record.value);
                                       }));
    for (const auto& writer : messages) LEADFLOW_RETURN_IF_ERROR(Finish(*writer));
    return {};
  }

  Status SaveStore(KeyedStore& store, const std::string& name) {
    LEADFLOW_ASSIGN_OR_RETURN(const auto writer, SavepointWriter::Create(files_, directory_, name));
    Status added;
    LEADFLOW_RETURN_IF_ERROR(store.Scan("", [&](std::string_view key, std::string_view value) {
      added = writer->Add(key, value);
      return added.ok();
    }));
    LEADFLOW_RETURN_IF_ERROR(added);
    return Finish(*writer);
  }

  const Plan& plan_;
  Log& log_;
  StoreFactory& stores_;
  Clock& clock_;
  FileSystem& files_;
  const std::string& directory_;
  std::vector<SavedFile> saved_;
};

// Fills topics in transactions of a few megabytes.
class Filling {
 public:
  Filling(std::unique_ptr<LogWriter> writer, std::int64_t now_ms)
      : writer_(std::move(writer)), now_ms_(now_ms) {}

  Status Add(const TopicPartition& to, std::string_view key, std::string_view value) {
    if (bytes_ == 0) LEADFLOW_RETURN_IF_ERROR(writer_->Begin());
    LEADFLOW_RETURN_IF_ERROR(writer_->Append(to, key, value));
    bytes_ += key.size() + value.size() + 1;
    return bytes_ < kTransactionBytes ? Status() : Commit();
  }

  // A task that goes on with what its topic holds now, as a new one of its name.
  Status AddMeta(const TopicPartition& to, std::string_view key, std::string_view bytes) {
    LEADFLOW_ASSIGN_OR_RETURN(TaskMeta meta, DecodeMeta(bytes));
    meta.input_offset = 0;
    meta.begun_ms = meta.committed_ms = now_ms_;
    return Add(to, key, EncodeMeta(meta));
  }

  Status Commit() {
    if (bytes_ == 0) return {};
    bytes_ = 0;
    Status status = writer_->Commit();
    for (int attempt = 1; status.retryable() && attempt < kAttemptsMax; ++attempt) {
      status = writer_->Commit();
    }
    return status;
  }

 private:
  const std::unique_ptr<LogWriter> writer_;
  const std::int64_t now_ms_;
  std::size_t bytes_ = 0;  // Of the open transaction; 0: none is open.
};

// Of all partitions of a topic.
Result<std::vector<const SavedFile*>> FilesOf(const SavepointManifest& savepoint,
                                              std::string_view kind) {
  std::map<std::string_view, const SavedFile*> by_name;
  for (const SavedFile& file : savepoint.files) by_name[file.name] = &file;
  std::vector<const SavedFile*> files;
  for (std::uint32_t p = 0; p < savepoint.partitions; ++p) {
    const auto file = by_name.find(FileOf(kind, p));
    if (file == by_name.end()) {
      return Status::Corruption("the manifest does not name " + FileOf(kind, p));
    }
    files.push_back(file->second);
  }
  return files;
}

}  // namespace

Result<SavepointManifest> SaveState(const Plan& plan, Log& log, StoreFactory& stores, Clock& clock,
                                    FileSystem& files, const std::string& directory) {
  LEADFLOW_RETURN_IF_ERROR(files.CreateDirectory(directory));
  LEADFLOW_ASSIGN_OR_RETURN(const std::vector<std::string> there, files.List(directory));
  if (!there.empty()) {
    return Status(ErrorCode::kFailedPrecondition,
                  directory + " is not empty: name a new directory for the savepoint");
  }
  SavepointManifest manifest{.app = plan.app,
                             .rules_hash = plan.rules_hash,
                             .partitions = plan.partitions,
                             .created_ms = clock.WallMillis(),
                             .notes = {},
                             .files = {}};
  LEADFLOW_ASSIGN_OR_RETURN(manifest.files,
                            Saving(plan, log, stores, clock, files, directory).Save());
  return manifest;
}

Status WriteManifest(FileSystem& files, const std::string& directory,
                     const SavepointManifest& manifest) {
  const std::string path = directory + "/" + std::string(kManifest);
  const std::string text = EncodeManifest(manifest);
  const std::string_view part = text;
  {
    LEADFLOW_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files.Create(path + ".tmp"));
    LEADFLOW_RETURN_IF_ERROR(file->Append({&part, 1}));
    LEADFLOW_RETURN_IF_ERROR(file->Sync());
  }
  LEADFLOW_RETURN_IF_ERROR(files.SyncDirectory(directory));
  LEADFLOW_RETURN_IF_ERROR(files.Rename(path + ".tmp", path));
  return files.SyncDirectory(directory);
}

Result<SavepointManifest> CheckSavepoint(FileSystem& files, const std::string& directory) {
  const std::string path = directory + "/" + std::string(kManifest);
  const Result<std::unique_ptr<File>> file = files.Open(path);
  if (!file.ok()) {
    return Status(file.status().code(),
                  "no savepoint in " + directory + " (" + std::string(file.status().message()) +
                      "): name the directory of one; what was broken off has no manifest");
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::uint64_t size, (*file)->Size());
  std::string text(std::min<std::uint64_t>(size, std::uint64_t{64} << 20), '\0');
  LEADFLOW_ASSIGN_OR_RETURN(const std::size_t read, (*file)->Read(0, text.size(), text.data()));
  text.resize(read);
  auto manifest = DecodeManifest(text);
  if (!manifest.ok()) return manifest.status().WithContext(path);
  for (const std::string_view kind : kTopics) {
    LEADFLOW_ASSIGN_OR_RETURN(const auto saved, FilesOf(*manifest, kind));
    for (const SavedFile* one : saved) {
      LEADFLOW_RETURN_IF_ERROR(ReadSavedFile(
          files, directory, *one, [](std::string_view, std::string_view) { return Status(); }));
    }
  }
  return manifest;
}

Status CheckFits(const SavepointManifest& savepoint, const Plan& plan) {
  if (savepoint.rules_hash != plan.rules_hash) {
    return {ErrorCode::kFailedPrecondition,
            "the savepoint was written under other rules: restore it with the pipeline file that "
            "wrote it, or compute everything anew from the sources"};
  }
  if (savepoint.partitions != plan.partitions) {
    return {ErrorCode::kFailedPrecondition,
            "the savepoint has " + std::to_string(savepoint.partitions) +
                " partitions, the pipeline " + std::to_string(plan.partitions) +
                ": write `engine: {partitions: " + std::to_string(savepoint.partitions) + "}`"};
  }
  return {};
}

Status CheckEmpty(const Plan& plan, Log& log) {
  for (const std::string_view kind : kTopics) {
    const std::string topic = TopicOf(plan, kind);
    const Result<std::uint32_t> partitions = log.Partitions(topic);
    if (partitions.status().code() == ErrorCode::kNotFound) continue;
    LEADFLOW_RETURN_IF_ERROR(partitions.status());
    for (std::uint32_t p = 0; p < *partitions; ++p) {
      LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t written, log.WrittenOffset({topic, p}));
      if (written == 0) continue;
      return {ErrorCode::kFailedPrecondition,
              "the pipeline has a state already (topic `" + topic +
                  "`): `leadflow reset` removes it, or restore under a new `name`"};
    }
  }
  return {};
}

Status RestoreSavepoint(const SavepointManifest& savepoint, const Plan& plan, Log& log,
                        Clock& clock, FileSystem& files, const std::string& directory,
                        const RestoreOptions& options) {
  LEADFLOW_RETURN_IF_ERROR(log.EnsureTopics(plan.Topics()));
  LEADFLOW_ASSIGN_OR_RETURN(auto writer, log.NewWriter(plan.app + "-restore"));
  Filling filling(std::move(writer), clock.WallMillis());
  for (const std::string_view kind : kTopics) {
    if (kind == "changelog.ingest" && !options.sources) continue;
    const bool changelog = kind.starts_with("changelog.");
    const bool facts = kind == "changelog.facts";
    LEADFLOW_ASSIGN_OR_RETURN(const auto saved, FilesOf(savepoint, kind));
    for (std::uint32_t p = 0; p < savepoint.partitions; ++p) {
      const TopicPartition to{TopicOf(plan, kind), p};
      LEADFLOW_RETURN_IF_ERROR(ReadSavedFile(
          files, directory, *saved[p], [&](std::string_view key, std::string_view value) {
            // Each source has its own part of the keys of one changelog.
            if (changelog && (key == kMetaKey || (kind == kTopics[0] && key.ends_with(kMetaKey)))) {
              return filling.AddMeta(to, key, value);
            }
            if (facts && options.without && options.without(key)) return Status();
            return filling.Add(to, key, value);
          }));
    }
  }
  return filling.Commit();
}

}  // namespace leadflow
