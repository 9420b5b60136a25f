// The messages of `<app>.events`: events on their way to the owner of an identifier, the identity
// protocol between owners, and events of records (orders, deals) and standalone things (costs,
// counts). First byte: type. Bytes are borrowed from the message.
//
// Messages to an identifier share one head: type, `to` (16 bytes), the path they took (`via`),
// body. So passing one on to where a pointer leads copies the body unread.
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
  kPoint = 8,        // reserved
  kRecordEvent = 9,  // to the owner of "order/<id>", "deal/<id>"
  kStandalone = 10,  // to the owner of "cost/<source>/<id>", "count/<source>/<id>", ...
};

// What ingest writes. `to`: the identifier that is highest in placement; its hash() is the
// partition.
void AppendEventMessage(const Identifier& to, const Entry& entry, std::string* out);
// `key` as above; Hash64(key) is the partition. `type`: kRecordEvent or kStandalone.
void AppendKeyedMessage(MessageType type, std::string_view key, const Entry& entry,
                        std::string* out);

// Placement order (speed only, never changes): e-mail first, then crm_contact_id, customer_id,
// user_id, phone, card_id, anonymous_id; then hash. True if `a` is higher than `b`.
bool HigherInPlacement(const Identifier& a, const Identifier& b);

// The type of a message; false: none, or of a newer release.
bool ReadMessageType(std::string_view message, MessageType* type);

// The head of every message to an identifier (all but kRecordEvent and kStandalone).
struct MessageHead {
  // Far longer than any path that the placement order leads along.
  static constexpr std::size_t kMaxVia = 100'000;

  MessageType type = MessageType::kEvent;
  Identifier to;
  std::string_view via;  // 16 bytes per identifier passed, in order of passing
  std::string_view body;

  std::size_t via_count() const { return via.size() / 16; }
  Identifier Via(std::size_t i) const { return Identifier::From(via.substr(16 * i, 16)); }
};
bool ReadMessageHead(std::string_view message, MessageHead* head);
// Appends `head` as it is but for its goal: `to` is added to the path, and `next` is the new goal.
void AppendForwarded(const MessageHead& head, const Identifier& next, std::string* out);

// The bodies. Read* take MessageHead::body; Append* write a whole message with an empty path,
// unless one is given.
struct EventMessage {
  bool homed = false;        // addressed to the event's home
  bool home_shared = false;  // the home links nobody, says its owner
  Entry entry;
};
bool ReadEventBody(std::string_view body, EventMessage* message);
void AppendEventTo(const Identifier& to, std::string_view via, const EventMessage& message,
                   std::string* out);

// From the root where `home` lives to the owner of `weak` (the message's goal).
struct LinkMessage {
  Identifier home;
  Identifier root;         // of the sender's cluster
  bool join = false;       // the link is accepted: bring the clusters together
  std::uint64_t size = 0;  // identifiers that live in the sender's cluster
};
bool ReadLinkBody(std::string_view body, LinkMessage* message);
void AppendLink(const Identifier& to, const LinkMessage& message, std::string* out);

struct JoinMessage {
  Identifier root;  // the other root
  Identifier home;  // the link that asks for it
  Identifier weak;
  std::uint64_t size = 0;  // identifiers that live at `root`
};
bool ReadJoinBody(std::string_view body, JoinMessage* message);
void AppendJoin(const Identifier& to, std::string_view via, const JoinMessage& message,
                std::string* out);

// A part of a cluster on its way to another root. (from, number) names the move.
struct MoveMessage {
  Identifier from;
  std::uint64_t number = 0;
  std::uint32_t part = 0;
  std::uint32_t parts = 1;
  std::string_view content;  // see cluster.h
};
bool ReadMoveBody(std::string_view body, MoveMessage* message);
void AppendMove(const Identifier& to, std::string_view via, const MoveMessage& message,
                std::string* out);

// The link (home, weak) is refused by the other side.
struct VoidMessage {
  enum class Why : std::uint8_t { kShared = 1, kCapacity = 2 };
  Identifier home;
  Identifier weak;
  Why why = Why::kShared;
};
bool ReadVoidBody(std::string_view body, VoidMessage* message);
void AppendVoid(const Identifier& to, const VoidMessage& message, std::string* out);

// A record for the identifier that its newest version names; REQUIRES: record.home is not zero.
bool ReadPutBody(std::string_view body, Record* record);
void AppendPut(const Record& record, std::string* out);

// Takes a record back from where it was put, unless a newer version stands there.
struct TakeBackMessage {
  std::string_view id;
  std::uint64_t version = 0;  // the newest that was put there
};
bool ReadTakeBackBody(std::string_view body, TakeBackMessage* message);
void AppendTakeBack(const Identifier& to, const TakeBackMessage& message, std::string* out);

// kRecordEvent and kStandalone.
struct KeyedMessage {
  std::string_view key;
  Entry entry;
};
bool ReadKeyedMessage(std::string_view message, KeyedMessage* keyed);

}  // namespace leadflow
