// StoppedState: the state of a pipeline that nothing runs, taken for a command: its lock, its log
// and its stores.
#pragma once

#include <memory>
#include <optional>

#include "app/commands/commands.h"
#include "app/job.h"
#include "app/member.h"
#include "app/pipeline_file.h"
#include "engine/log/log.h"
#include "engine/state/store_factory.h"

namespace leadflow::app {

struct StoppedState {
  LoadedPipeline loaded;
  std::optional<Member> member;  // Of a state that processes share.
  std::unique_ptr<Log> log;
  std::unique_ptr<StoreFactory> stores;
  KeyedHash::Key key{};
  Plan plan;  // Without sources. Borrows the pipeline.

  const Pipeline& pipeline() const { return *loaded.pipeline; }

  // Prints what is wrong and sets *code.
  static std::unique_ptr<StoppedState> Take(const StateOptions& options, int* code);

 private:
  Status Open();
};

}  // namespace leadflow::app
