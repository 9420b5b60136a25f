// Savepoint: the whole state of a pipeline at one moment as plain files, to go on with elsewhere:
// what the topics of a fresh log have to hold for that.
//
//   MANIFEST             see savepoint_manifest.h
//   changelog.ingest-P   where the sources go on
//   changelog.events-P, changelog.facts-P   what the stores hold
//   events-P, facts-P    messages under way between the stages, in blocks
//
// It knows neither a version of RocksDB nor offsets of the log that it comes from.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/log/file_system.h"
#include "engine/log/log.h"
#include "engine/runtime/plan.h"
#include "engine/runtime/savepoint_manifest.h"
#include "engine/state/store_factory.h"

namespace leadflow {

// Writes all but the manifest into an empty directory, and returns that. The plan is one without
// sources. kFailedPrecondition: something else writes to the log meanwhile.
Result<SavepointManifest> SaveState(const Plan& plan, Log& log, StoreFactory& stores, Clock& clock,
                                    FileSystem& files, const std::string& directory);

// Makes the directory a savepoint.
Status WriteManifest(FileSystem& files, const std::string& directory,
                     const SavepointManifest& manifest);

// Reads all of it. kNotFound: there is none. kCorruption names a damaged file.
Result<SavepointManifest> CheckSavepoint(FileSystem& files, const std::string& directory);

// kFailedPrecondition: the savepoint is of other rules or of another number of partitions.
Status CheckFits(const SavepointManifest& savepoint, const Plan& plan);

// kFailedPrecondition names a topic of the plan that is there and not empty.
Status CheckEmpty(const Plan& plan, Log& log);

struct RestoreOptions {
  bool sources = true;  // False: they begin anew.
  // What the facts stage shall not find again, by key; null: nothing.
  std::function<bool(std::string_view key)> without;
};

// Fills the topics of a plan without sources. What it has written is no state until it has returned
// OK: whoever calls it keeps others from taking it for one.
// REQUIRES: CheckSavepoint, CheckFits and CheckEmpty
Status RestoreSavepoint(const SavepointManifest& savepoint, const Plan& plan, Log& log,
                        Clock& clock, FileSystem& files, const std::string& directory,
                        const RestoreOptions& options);

}  // namespace leadflow
