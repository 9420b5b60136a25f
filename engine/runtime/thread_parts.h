// The parts of a StreamThread that only its own source files see.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/api/source.h"
#include "engine/runtime/block.h"
#include "engine/runtime/stream_thread.h"

namespace leadflow {

struct StreamThread::Source {
  Task* task = nullptr;
  const SourcePlan* plan = nullptr;
  const SourcePartition* partition = nullptr;
  std::unique_ptr<SourceReader> reader;
};

// What goes to a partition through the log: one of another thread, one with a detour, or rows.
struct StreamThread::Outbox {
  TopicPartition to;
  Stage stage = Stage::kEvents;
  bool counted = false;  // Whether a thread of this process will handle it.
  BlockBuilder blocks;
};

// A partition of this thread whose messages go through the log until it has handled what lies there.
struct StreamThread::Detour {
  Task* task = nullptr;
  Outbox* outbox = nullptr;
  std::int64_t until = 0;  // Offset of its topic.
};

}  // namespace leadflow
