// LeadState: what f keeps of a lead between events, so that one event costs the same whatever the
// lead has behind it. Opaque bytes in the journey's head.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "operators/journey/emission.h"

namespace leadflow {

class LeadState final : public DecodedState {
 public:
  explicit LeadState(const DerivationRules& derivation_rules)
      : rules(&derivation_rules), fold(derivation_rules) {}

  const DerivationRules* rules;
  MilestoneFold fold;
  Profile profile;
  SeenMap seen;                       // of the newest journey of the lead
  std::uint32_t journeys = 0;         // gaps longer than the time to live, plus one
  std::int64_t floor_ms = INT64_MIN;  // first entry of the newest journey
  std::uint64_t kinds = 0;            // bit per Kind that was ever there; bit 0: a web event
  // Mailing -> first and last of its events; kept only if leads of mailings are counted.
  std::map<std::uint64_t, std::pair<std::int64_t, std::int64_t>> mailings;
  // The records of the newest journey, in order. Not written: made from the journey's records.
  std::vector<RecordPlace> records;
  Owed owed;  // Not written either: it is settled before.

  void NoteKind(const Item& item);
  void NoteMailing(const Item& item);
  void PlaceRecords(const Journey& journey);
  void Place(const Record* record);
  void Displace(const Record* record);  // before it changes or goes
  // Newest creation, stage, goal or record; INT64_MIN if there is none.
  std::int64_t NewestHappening(const Milestones& marks) const;

  void Encode(std::string* out) const override;
  std::size_t memory_bytes() const override;
  bool Read(std::string_view bytes);
};

// Names a mailing: the campaign, mails and letters apart.
std::uint64_t MailingOf(const Item& item);

// The lead's dimensions from its state; what was true earlier is looked up in the journey.
class StateDimensions final : public Dimensions {
 public:
  StateDimensions(const DerivationRules& rules, Journey& journey, const LeadState& state)
      : rules_(rules), journey_(journey), state_(state) {}
  Result<LeadDimensions> At(std::int64_t time_ms) override;

 private:
  Result<std::string_view> Text(Field field, std::int64_t time_ms);
  Result<std::string_view> Account(std::int64_t time_ms);
  Result<std::string_view> Persona(std::int64_t time_ms);

  const DerivationRules& rules_;
  Journey& journey_;
  const LeadState& state_;
  std::deque<std::string> kept_;
};

}  // namespace leadflow
