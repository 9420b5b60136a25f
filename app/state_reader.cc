#include "app/state_reader.h"

#include "engine/runtime/complete_stores.h"
#include "engine/runtime/store_place.h"
#include "operators/event/event.h"
#include "operators/ingest/normalize.h"

namespace leadflow::app {

StateReader::~StateReader() = default;

std::unique_ptr<StateReader> StateReader::Open(const StateOptions& options, int* code) {
  auto reader = std::make_unique<StateReader>();
  reader->state_ = StoppedState::Take(options, code);
  if (reader->state_ == nullptr) return nullptr;
  if (const Status status = reader->OpenStores(); !status.ok()) {
    *code = Failed(status);
    return nullptr;
  }
  return reader;
}

Status StateReader::OpenStores() {
  const Plan& plan = state_->plan;
  StoreFactory& stores = *state_->stores;
  LEADFLOW_ASSIGN_OR_RETURN(watermark_ms_,
                            CompleteStores(plan, *state_->log, stores, Clock::System()));
  for (std::uint32_t p = 0; p < plan.partitions; ++p) {
    LEADFLOW_ASSIGN_OR_RETURN(auto journeys, stores.Open(PlaceOfEvents(plan, p).store));
    LEADFLOW_ASSIGN_OR_RETURN(auto rows, stores.Open(PlaceOfFacts(plan, p).store));
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
