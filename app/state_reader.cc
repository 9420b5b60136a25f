#include "app/state_reader.h"

#include <filesystem>

#include "app/identity_key.h"
#include "engine/runtime/exchange.h"
#include "engine/runtime/stream_thread.h"
#include "engine/state/rocks_store.h"
#include "operators/event/event.h"
#include "operators/ingest/normalize.h"

namespace leadflow::app {

StateReader::~StateReader() = default;

std::unique_ptr<StateReader> StateReader::Open(const StateOptions& options, int* code) {
  PipelineFileOptions load{.use_environment = true, .set = options.set};
  if (!options.state_dir.empty()) {
    load.set.emplace_back("engine.state_dir",
                          std::filesystem::absolute(options.state_dir).string());
  }
  auto reader = std::make_unique<StateReader>();
  reader->loaded_ = LoadPipelineFile(options.file, load);
  if (!reader->loaded_.pipeline) {
    *code = BadConfig(reader->loaded_);
    return nullptr;
  }
  if (const Status status = reader->OpenStores(); !status.ok()) {
    *code = Failed(status);
    return nullptr;
  }
  return reader;
}

// The engine's own start and end, without inputs: that completes the stores and makes them durable.
Status StateReader::OpenStores() {
  const StateLayout layout(pipeline().engine.state_dir);
  LEADFLOW_ASSIGN_OR_RETURN(key_, IdentifierKey(pipeline(), layout, false));
  if (pipeline().engine.log == EngineOptions::Log::kKafka) {
    LEADFLOW_ASSIGN_OR_RETURN(member_, Member::Of(layout.directory));
  }
  LEADFLOW_ASSIGN_OR_RETURN(log_, OpenLog(pipeline(), layout));
  factory_ = std::make_unique<RocksStoreFactory>(
      leadflow::StateOptions{.directory = layout.stores, .memory_bytes = std::uint64_t{64} << 20});
  const std::vector<SourceMessages> nothing;
  LEADFLOW_ASSIGN_OR_RETURN(const Plan plan,
                            MakePlan(pipeline(), {.key = key_, .inputs = &nothing}));
  {
    LEADFLOW_ASSIGN_OR_RETURN(const std::unique_ptr<Exchange> exchange,
                              Exchange::Create(plan, *log_, 1));
    StreamThread thread(plan, *log_, *exchange, Clock::System(),
                        [this](const std::string& name, const StoreFactory::Keep& keep) {
                          return factory_->OpenKept(name, keep);
                        },
                        {}, 0, {.partitions = plan.AllPartitions(), .writer_id = plan.app + "-0"});
    LEADFLOW_RETURN_IF_ERROR(thread.Start());
    LEADFLOW_RETURN_IF_ERROR(thread.Close());
    watermark_ms_ = exchange->progress(0).watermark_ms.load();
  }
  for (std::uint32_t p = 0; p < plan.partitions; ++p) {
    LEADFLOW_ASSIGN_OR_RETURN(auto journeys, factory_->Open("events-" + std::to_string(p)));
    LEADFLOW_ASSIGN_OR_RETURN(auto rows, factory_->Open("facts-" + std::to_string(p)));
    journeys_.push_back(std::move(journeys));
    rows_.push_back(std::move(rows));
  }
  return {};
}

std::vector<KeyedStore*> StateReader::journeys() const {
  std::vector<KeyedStore*> out;
  for (const auto& store : journeys_) out.push_back(store.get());
  return out;
}

std::vector<const KeyedStore*> StateReader::rows() const {
  std::vector<const KeyedStore*> out;
  for (const auto& store : rows_) out.push_back(store.get());
  return out;
}

std::optional<LeadName> ParseLeadName(std::string_view text) {
  LeadName name;
  const std::size_t colon = text.find(':');
  std::string_view value = text;
  if (colon != std::string_view::npos) {
    std::string_view type = text.substr(0, colon);
    if (const std::size_t at = type.find('@'); at != std::string_view::npos) {
      name.space = std::string(type.substr(at + 1));
      type = type.substr(0, at);
    }
    const std::optional<IdentifierType> known = IdentifierTypeFromName(type);
    if (!known) return std::nullopt;
    name.type = *known;
    value = text.substr(colon + 1);
  }
  Event event;
  value = Trim(value);
  if (name.type == IdentifierType::kEmail) value = Lower(value, event);
  name.value = std::string(value);
  return name;
}

}  // namespace leadflow::app
