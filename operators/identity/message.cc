#include "operators/identity/message.h"

#include "engine/base/check.h"
#include "engine/base/wire.h"

namespace leadflow {
namespace {

constexpr std::uint8_t kHomed = 1;
constexpr std::uint8_t kHomeShared = 2;

// By IdentifierType; bigger is higher.
constexpr std::uint8_t kPlacement[kIdentifierTypes] = {0, 6, 5, 7, 4, 3, 2, 1};

int PlacementOf(const Identifier& identifier) {
  const auto type = static_cast<std::size_t>(identifier.bytes[0]);
  return type < kIdentifierTypes ? kPlacement[type] : 0;
}

void AppendHead(MessageType type, const Identifier& to, std::string_view via, std::string* out) {
  WireWriter writer(out);
  writer.Byte(static_cast<std::uint8_t>(type));
  writer.Raw(to.view());
  writer.Varint(via.size() / 16);
  writer.Raw(via);
}

bool ReadIdentifier(WireReader* reader, Identifier* identifier) {
  std::string_view bytes;
  if (!reader->Raw(16, &bytes)) return false;
  *identifier = Identifier::From(bytes);
  return true;
}

}  // namespace

bool HigherInPlacement(const Identifier& a, const Identifier& b) {
  const int left = PlacementOf(a), right = PlacementOf(b);
  return left != right ? left > right : a.bytes > b.bytes;
}

void AppendEventMessage(const Identifier& to, const Entry& entry, std::string* out) {
  EventMessage message;
  message.homed = to == entry.home;
  message.entry = entry;
  AppendEventTo(to, {}, message, out);
}

void AppendKeyedMessage(MessageType type, std::string_view key, const Entry& entry,
                        std::string* out) {
  LEADFLOW_CHECK(type == MessageType::kRecordEvent || type == MessageType::kStandalone);
  WireWriter writer(out);
  writer.Byte(static_cast<std::uint8_t>(type));
  writer.Bytes(key);
  AppendEntry(entry, out);
}

bool ReadMessageType(std::string_view message, MessageType* type) {
  if (message.empty()) return false;
  const auto byte = static_cast<std::uint8_t>(message[0]);
  if (byte < static_cast<std::uint8_t>(MessageType::kEvent) ||
      byte > static_cast<std::uint8_t>(MessageType::kStandalone)) {
    return false;
  }
  *type = static_cast<MessageType>(byte);
  return true;
}

bool ReadMessageHead(std::string_view message, MessageHead* head) {
  if (!ReadMessageType(message, &head->type) || message.size() < 18) return false;
  head->to = Identifier::From(message.substr(1, 16));
  WireReader reader(message.substr(17));
  std::uint64_t count = 0;
  if (!reader.Varint(&count) || count > MessageHead::kMaxVia) return false;
  if (!reader.Raw(static_cast<std::size_t>(count) * 16, &head->via)) return false;
  head->body = reader.Rest();
  return true;
}

void AppendForwarded(const MessageHead& head, const Identifier& next, std::string* out) {
  WireWriter writer(out);
  writer.Byte(static_cast<std::uint8_t>(head.type));
  writer.Raw(next.view());
  writer.Varint(head.via_count() + 1);
  writer.Raw(head.via);
  writer.Raw(head.to.view());
  writer.Raw(head.body);
}

bool ReadEventBody(std::string_view body, EventMessage* message) {
  if (body.empty()) return false;
  const auto flags = static_cast<std::uint8_t>(body[0]);
  message->homed = (flags & kHomed) != 0;
  message->home_shared = (flags & kHomeShared) != 0;
  body.remove_prefix(1);
  return ReadEntry(&body, &message->entry) && body.empty();
}

void AppendEventTo(const Identifier& to, std::string_view via, const EventMessage& message,
                   std::string* out) {
  AppendHead(MessageType::kEvent, to, via, out);
  out->push_back(
      static_cast<char>((message.homed ? kHomed : 0) | (message.home_shared ? kHomeShared : 0)));
  AppendEntry(message.entry, out);
}

bool ReadLinkBody(std::string_view body, LinkMessage* message) {
  WireReader reader(body);
  std::uint8_t join = 0;
  if (!ReadIdentifier(&reader, &message->home) || !ReadIdentifier(&reader, &message->root) ||
      !reader.Byte(&join) || !reader.Varint(&message->size)) {
    return false;
  }
  message->join = join != 0;
  return reader.AtEnd();
}

void AppendLink(const Identifier& to, const LinkMessage& message, std::string* out) {
  AppendHead(MessageType::kLink, to, {}, out);
  WireWriter writer(out);
  writer.Raw(message.home.view());
  writer.Raw(message.root.view());
  writer.Byte(message.join ? 1 : 0);
  writer.Varint(message.size);
}

bool ReadJoinBody(std::string_view body, JoinMessage* message) {
  WireReader reader(body);
  return ReadIdentifier(&reader, &message->root) && ReadIdentifier(&reader, &message->home) &&
         ReadIdentifier(&reader, &message->weak) && reader.Varint(&message->size) && reader.AtEnd();
}

void AppendJoin(const Identifier& to, std::string_view via, const JoinMessage& message,
                std::string* out) {
  AppendHead(MessageType::kJoin, to, via, out);
  WireWriter writer(out);
  writer.Raw(message.root.view());
  writer.Raw(message.home.view());
  writer.Raw(message.weak.view());
  writer.Varint(message.size);
}

bool ReadMoveBody(std::string_view body, MoveMessage* message) {
  WireReader reader(body);
  std::uint64_t part = 0, parts = 0;
  if (!ReadIdentifier(&reader, &message->from) || !reader.Varint(&message->number) ||
      !reader.Varint(&part) || !reader.Varint(&parts) || parts > 1'000'000 || part >= parts) {
    return false;
  }
  message->part = static_cast<std::uint32_t>(part);
  message->parts = static_cast<std::uint32_t>(parts);
  message->content = reader.Rest();
  return true;
}

void AppendMove(const Identifier& to, std::string_view via, const MoveMessage& message,
                std::string* out) {
  AppendHead(MessageType::kMove, to, via, out);
  WireWriter writer(out);
  writer.Raw(message.from.view());
  writer.Varint(message.number);
  writer.Varint(message.part);
  writer.Varint(message.parts);
  writer.Raw(message.content);
}

bool ReadVoidBody(std::string_view body, VoidMessage* message) {
  WireReader reader(body);
  std::uint8_t why = 0;
  if (!ReadIdentifier(&reader, &message->home) || !ReadIdentifier(&reader, &message->weak) ||
      !reader.Byte(&why) || (why != 1 && why != 2)) {
    return false;
  }
  message->why = static_cast<VoidMessage::Why>(why);
  return reader.AtEnd();
}

void AppendVoid(const Identifier& to, const VoidMessage& message, std::string* out) {
  AppendHead(MessageType::kVoid, to, {}, out);
  WireWriter writer(out);
  writer.Raw(message.home.view());
  writer.Raw(message.weak.view());
  writer.Byte(static_cast<std::uint8_t>(message.why));
}

bool ReadPutBody(std::string_view body, Record* record) {
  return ReadRecord(&body, record) && body.empty();
}

void AppendPut(const Record& record, std::string* out) {
  AppendHead(MessageType::kPut, record.home, {}, out);
  AppendRecord(record, out);
}

bool ReadTakeBackBody(std::string_view body, TakeBackMessage* message) {
  WireReader reader(body);
  return reader.Bytes(&message->id) && reader.Varint(&message->version) && reader.AtEnd();
}

void AppendTakeBack(const Identifier& to, const TakeBackMessage& message, std::string* out) {
  AppendHead(MessageType::kTakeBack, to, {}, out);
  WireWriter writer(out);
  writer.Bytes(message.id);
  writer.Varint(message.version);
}

bool ReadKeyedMessage(std::string_view message, KeyedMessage* keyed) {
  MessageType type;
  if (!ReadMessageType(message, &type)) return false;
  if (type != MessageType::kRecordEvent && type != MessageType::kStandalone) return false;
  WireReader reader(message.substr(1));
  if (!reader.Bytes(&keyed->key) || keyed->key.empty()) return false;
  std::string_view rest = reader.Rest();
  return ReadEntry(&rest, &keyed->entry) && rest.empty();
}

}  // namespace leadflow
