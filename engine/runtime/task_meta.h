// TaskMeta: what a task has to know to go on after a restart, beside its state. It lies in the
// store (and so in the changelog) under one key, and moves with every commit of the task.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/runtime/block.h"
#include "engine/state/keyed_store.h"

namespace leadflow {

// The engine's part of the key space begins with a zero byte.
inline constexpr std::string_view kMetaKey{"\0meta", 5};

struct TaskMeta {
  std::uint64_t rules_hash = 0;
  std::int64_t input_offset = 0;  // Keyed stages: the next record to read.
  std::string source_position;    // Ingest: SourceReader::position.
  std::int64_t watermark_ms = kNoWatermark;
  std::int64_t committed_ms = 0;  // Wall clock of the commit.
  // Wall clock of the task's first commit: tells its changelog from another one of the same name.
  std::int64_t begun_ms = 0;
  std::vector<BlockMark> marks;
  struct Counter {
    std::string name;
    std::string label;
    std::int64_t value = 0;
  };
  std::vector<Counter> counters;
};

std::string EncodeMeta(const TaskMeta& meta);
// kCorruption: not a meta record. kFailedPrecondition: another release wrote it.
Result<TaskMeta> DecodeMeta(std::string_view bytes);

// That of a store; nullopt: it has none yet.
Result<std::optional<TaskMeta>> MetaOf(KeyedStore& store);

}  // namespace leadflow
