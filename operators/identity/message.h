// The messages of `<app>.events`: events on their way to the owner of an identifier, the identity
// protocol between owners, and events of records (orders, deals) and standalone things (costs, counts).
// First byte: type. Bytes are borrowed from the message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "operators/event/entry.h"
#include "operators/journey/journey.h"

namespace leadflow {

enum class MessageType : std::uint8_t {
  kEvent = 1,
  kLink = 2,
  kJoin = 3,
  kMove = 4,
  kVoid = 5,
  kPut = 6,
  kTakeBack = 7,
  kPoint = 8,
  kRecordEvent = 9,  // to the owner of "order/<id>", "deal/<id>"
  kStandalone = 10,  // to the owner of "cost/<source>/<id>", "count/<source>/<id>", ...
};

// What ingest writes. `to`: the identifier that is highest in placement; its hash() is the partition.
void AppendEventMessage(const Identifier& to, const Entry& entry, std::string* out);
// `key` as above; Hash64(key) is the partition. `type`: kRecordEvent or kStandalone.
void AppendKeyedMessage(MessageType type, std::string_view key, const Entry& entry,
                        std::string* out);

// Placement order (speed only, never changes): e-mail first, then crm_contact_id, customer_id,
// user_id, phone, card_id, anonymous_id; then hash. True if `a` is higher than `b`.
bool HigherInPlacement(const Identifier& a, const Identifier& b);

}  // namespace leadflow
