// The parts of a StreamThread that only its own source files see.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

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
  bool counted = false;  // Whether a thread, here or elsewhere, will handle it.
  BlockBuilder blocks;
  std::int64_t sealed_bytes = 0;  // Of blocks that are on their way.
};

// A partition of this thread whose messages go through the log.
struct StreamThread::Detour {
  Task* task = nullptr;
  Outbox* outbox = nullptr;
  std::int64_t before = 0;  // Offset of its topic: what was sent before this thread lies below.
  std::int64_t sent = 0;    // What this thread sent lies below.
};

// A partition of this thread whose messages are handed over in memory again, but not handled before
// all is that lies below `until` in its topic.
struct StreamThread::Handover {
  Task* task = nullptr;
  std::int64_t until = 0;
};

// What the keyed tasks of a thread read, and how far the group says that it is handled.
struct StreamThread::Inputs {
  std::vector<TopicPartition> inputs;
  std::vector<std::int64_t> committed;
};

template <class F>
Status StreamThread::ForEachTask(const F& f) {
  for (auto* tasks : {&ingest_, &events_, &facts_}) {
    for (auto& task : *tasks) LEADFLOW_RETURN_IF_ERROR(f(*task));
  }
  return {};
}

}  // namespace leadflow
