// StateReader: the state directory of a stopped run, opened for commands that look into it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/commands/commands.h"
#include "app/stopped_state.h"

namespace leadflow::app {

class StateReader {
 public:
  // Brings the stores up to date as a run would (a run that was killed left their last changes in
  // the log). Prints what is wrong and sets *code.
  static std::unique_ptr<StateReader> Open(const StateOptions& options, int* code);
  StateReader() = default;  // Empty; use Open.
  ~StateReader();

  const Pipeline& pipeline() const { return state_->pipeline(); }
  const KeyedHash::Key& key() const { return state_->key; }
  std::int64_t watermark_ms() const { return watermark_ms_; }
  std::vector<KeyedStore*> journeys() const;  // by partition
  std::vector<const KeyedStore*> rows() const;

 private:
  Status OpenStores();

  std::unique_ptr<StoppedState> state_;
  std::int64_t watermark_ms_ = 0;
  std::vector<std::unique_ptr<KeyedStore>> journeys_, rows_;
};

// "ann@example.com" is an e-mail; "crm_contact_id:17" names its type, "user_id@shop:9" its space.
// Normalized as ingest does. nullopt: no such type.
struct LeadName {
  IdentifierType type = IdentifierType::kEmail;
  std::string space, value;
};
std::optional<LeadName> ParseLeadName(std::string_view text);

}  // namespace leadflow::app
