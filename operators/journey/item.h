// Item: an entry of a journey with what its own fields say: channel, campaign, source and so on.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "operators/attribution/conversion.h"
#include "operators/event/entry.h"
#include "operators/journey/derivation_rules.h"
#include "operators/journey/journey.h"

namespace leadflow {

// Place in the order of entries. A record stands right behind the event that it has its id from.
struct Moment {
  std::int64_t time_ms = kNoTime;
  std::uint8_t source = 0;
  EventId id;
  std::uint64_t key = 0;

  static Moment Of(const Entry& entry) {
    return {entry.time_ms, entry.source, entry.id, entry.key};
  }
  static Moment Of(const Record& record) {
    return {record.time_ms, record.source, EventIdView(record.event_id), ~std::uint64_t{0}};
  }
  auto operator<=>(const Moment&) const = default;
};

// Whether a position lies before an entry, without making another.
bool IsBefore(const Moment& position, const Entry& entry);

struct Item {
  Entry entry;
  TouchDimensions own;
  bool has_origin = false;  // own campaign, medium or click id
  bool machine = false;     // by its flag or by the rule on deliveries
  bool web = false;         // may be part of a visit
  int visit = -1;           // number of the visit that it is an event of
  int absorbed = -1;        // number of the visit that it belongs to as a touch
  std::string_view session;
  std::string_view message;
  std::string_view variant;

  bool direct() const { return own.channel == "Direct"; }
};

// Fills an item. `note`: the journey's note beside the entry; remembers the channel.
void ReadItem(const DerivationRules& rules, const Entry& entry, std::uint16_t* note,
              EvalArena& arena, Item* item);

// The entry that a record stands for: its fields, place and home. Borrows from the record.
Entry EntryOf(const Record& record);

// The device of a web event: its anonymous id; all zero: the lead itself.
Identifier DeviceOf(const Entry& entry);
bool HasContactable(const Entry& entry);

}  // namespace leadflow
