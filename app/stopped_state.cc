#include "app/stopped_state.h"

#include <filesystem>

#include "app/identity_key.h"
#include "engine/state/rocks_store.h"

namespace leadflow::app {

std::unique_ptr<StoppedState> StoppedState::Take(const StateOptions& options, int* code) {
  PipelineFileOptions load{.use_environment = true, .set = options.set};
  if (!options.state_dir.empty()) {
    load.set.emplace_back("engine.state_dir",
                          std::filesystem::absolute(options.state_dir).string());
  }
  auto state = std::make_unique<StoppedState>();
  state->loaded = LoadPipelineFile(options.file, load);
  if (!state->loaded.pipeline) {
    *code = BadConfig(state->loaded);
    return nullptr;
  }
  if (const Status status = state->Open(); !status.ok()) {
    *code = Failed(status);
    return nullptr;
  }
  return state;
}

Status StoppedState::Open() {
  const StateLayout layout(pipeline().engine.state_dir);
  LEADFLOW_ASSIGN_OR_RETURN(key, IdentifierKey(pipeline(), layout, false));
  if (pipeline().engine.log == EngineOptions::Log::kKafka) {
    LEADFLOW_ASSIGN_OR_RETURN(member, Member::Of(layout.directory));
  }
  LEADFLOW_ASSIGN_OR_RETURN(log, OpenLog(pipeline(), layout));
  stores = std::make_unique<RocksStoreFactory>(
      leadflow::StateOptions{.directory = layout.stores, .memory_bytes = std::uint64_t{64} << 20});
  const std::vector<SourceMessages> nothing;
  LEADFLOW_ASSIGN_OR_RETURN(plan, MakePlan(pipeline(), {.key = key, .inputs = &nothing}));
  return {};
}

}  // namespace leadflow::app
