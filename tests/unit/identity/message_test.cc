#include "operators/identity/message.h"

#include <gtest/gtest.h>

#include "tests/unit/identity/world.h"

namespace leadflow {
namespace {

Identifier Id(IdentifierType type, std::uint8_t value) {
  Identifier id;
  id.bytes.fill(value);
  id.bytes[0] = static_cast<std::uint8_t>(type);
  return id;
}
const Identifier kMail = Id(IdentifierType::kEmail, 1);
const Identifier kCookie = Id(IdentifierType::kAnonymousId, 9);
const Identifier kContact = Id(IdentifierType::kCrmContactId, 5);

// Every message to an identifier that there is.
std::vector<std::string> AllMessages() {
  Delivery delivery{"e1", 5, Kind::kFormSubmit, {kMail, kCookie}, 7, "", ""};
  Record record;
  record.id = "order/1";
  record.version = 3;
  record.home = kMail;
  std::vector<std::string> all(7);
  AppendEventMessage(kCookie, EntryOf(&delivery), &all[0]);
  AppendLink(kCookie, {kMail, kContact, true, 12}, &all[1]);
  AppendJoin(kContact, kCookie.view(), {kMail, kMail, kCookie, 300}, &all[2]);
  AppendMove(kMail, {}, {kCookie, 4, 1, 3, "content"}, &all[3]);
  AppendVoid(kMail, {kMail, kCookie, VoidMessage::Why::kCapacity}, &all[4]);
  AppendPut(record, &all[5]);
  AppendTakeBack(kMail, {"order/1", 3}, &all[6]);
  return all;
}

bool ReadsBody(const MessageHead& head) {
  EventMessage event;
  LinkMessage link;
  JoinMessage join;
  MoveMessage move;
  VoidMessage refused;
  Record record;
  TakeBackMessage take_back;
  switch (head.type) {
    case MessageType::kEvent: return ReadEventBody(head.body, &event);
    case MessageType::kLink: return ReadLinkBody(head.body, &link);
    case MessageType::kJoin: return ReadJoinBody(head.body, &join);
    case MessageType::kMove: return ReadMoveBody(head.body, &move);
    case MessageType::kVoid: return ReadVoidBody(head.body, &refused);
    case MessageType::kPut: return ReadPutBody(head.body, &record);
    case MessageType::kTakeBack: return ReadTakeBackBody(head.body, &take_back);
    default: return false;
  }
}

TEST(MessageTest, EventSaysWhetherItGoesToItsHome) {
  Delivery delivery{"e1", 5, Kind::kFormSubmit, {kMail, kCookie}, 7, "", ""};
  for (const Identifier& to : {kMail, kCookie}) {
    std::string bytes;
    AppendEventMessage(to, EntryOf(&delivery), &bytes);
    MessageHead head;
    EventMessage event;
    ASSERT_TRUE(ReadMessageHead(bytes, &head) && ReadEventBody(head.body, &event));
    EXPECT_EQ(head.to, to);
    EXPECT_EQ(event.homed, to == kMail);
    EXPECT_FALSE(event.home_shared);
    EXPECT_EQ(event.entry.id, "e1");
    EXPECT_EQ(event.entry.Other(0), kCookie);
  }
}

TEST(MessageTest, FieldsComeBack) {
  const auto all = AllMessages();
  MessageHead head;
  LinkMessage link;
  ASSERT_TRUE(ReadMessageHead(all[1], &head) && ReadLinkBody(head.body, &link));
  EXPECT_EQ(link.home, kMail);
  EXPECT_EQ(link.root, kContact);
  EXPECT_TRUE(link.join);
  EXPECT_EQ(link.size, 12u);
  JoinMessage join;
  ASSERT_TRUE(ReadMessageHead(all[2], &head) && ReadJoinBody(head.body, &join));
  ASSERT_EQ(head.via_count(), 1u);
  EXPECT_EQ(head.Via(0), kCookie);
  EXPECT_EQ(join.weak, kCookie);
  EXPECT_EQ(join.size, 300u);
  MoveMessage move;
  ASSERT_TRUE(ReadMessageHead(all[3], &head) && ReadMoveBody(head.body, &move));
  EXPECT_EQ(move.from, kCookie);
  EXPECT_EQ(move.number, 4u);
  EXPECT_EQ(move.part, 1u);
  EXPECT_EQ(move.parts, 3u);
  EXPECT_EQ(move.content, "content");
  VoidMessage refused;
  ASSERT_TRUE(ReadMessageHead(all[4], &head) && ReadVoidBody(head.body, &refused));
  EXPECT_EQ(refused.why, VoidMessage::Why::kCapacity);
  Record record;
  ASSERT_TRUE(ReadMessageHead(all[5], &head) && ReadPutBody(head.body, &record));
  EXPECT_EQ(head.to, kMail);
  EXPECT_EQ(record.version, 3u);
  TakeBackMessage take_back;
  ASSERT_TRUE(ReadMessageHead(all[6], &head) && ReadTakeBackBody(head.body, &take_back));
  EXPECT_EQ(take_back.id, "order/1");
}

TEST(MessageTest, ForwardedKeepsTheBodyAndRemembersThePath) {
  for (const std::string& message : AllMessages()) {
    MessageHead before, after;
    ASSERT_TRUE(ReadMessageHead(message, &before));
    std::string forwarded;
    AppendForwarded(before, kContact, &forwarded);
    ASSERT_TRUE(ReadMessageHead(forwarded, &after));
    EXPECT_EQ(after.type, before.type);
    EXPECT_EQ(after.to, kContact);
    ASSERT_EQ(after.via_count(), before.via_count() + 1);
    EXPECT_EQ(after.Via(after.via_count() - 1), before.to);
    EXPECT_EQ(after.body, before.body);
  }
}

TEST(MessageTest, CutMessagesAreNone) {
  for (const std::string& message : AllMessages()) {
    MessageHead head;
    ASSERT_TRUE(ReadMessageHead(message, &head) && ReadsBody(head));
    if (head.type == MessageType::kMove) continue;  // its content reaches to the end
    for (std::size_t size = 0; size < message.size(); ++size) {
      const std::string_view cut = std::string_view(message).substr(0, size);
      EXPECT_FALSE(ReadMessageHead(cut, &head) && ReadsBody(head))
          << "type " << static_cast<int>(message[0]) << " cut to " << size;
    }
  }
}

TEST(MessageTest, UnknownTypesAreRefused) {
  MessageType type;
  EXPECT_FALSE(ReadMessageType("", &type));
  EXPECT_FALSE(ReadMessageType(std::string_view("\0", 1), &type));
  EXPECT_FALSE(ReadMessageType("\x0b", &type));
}

TEST(MessageTest, KeyedMessageCarriesKeyAndEntry) {
  Delivery delivery{"c1", 5, Kind::kCost, {}, kNoTime, "", ""};
  std::string bytes;
  AppendKeyedMessage(MessageType::kStandalone, "cost/ads/7", EntryOf(&delivery), &bytes);
  KeyedMessage keyed;
  ASSERT_TRUE(ReadKeyedMessage(bytes, &keyed));
  EXPECT_EQ(keyed.key, "cost/ads/7");
  EXPECT_EQ(keyed.entry.id, "c1");
  bytes.pop_back();
  EXPECT_FALSE(ReadKeyedMessage(bytes, &keyed));
}

TEST(PlacementTest, MailIsHighestThenStrengthThenHash) {
  constexpr IdentifierType kOrder[] = {IdentifierType::kEmail,      IdentifierType::kCrmContactId,
                                       IdentifierType::kCustomerId, IdentifierType::kUserId,
                                       IdentifierType::kPhone,      IdentifierType::kCardId,
                                       IdentifierType::kAnonymousId};
  for (std::size_t i = 0; i + 1 < std::size(kOrder); ++i) {
    EXPECT_TRUE(HigherInPlacement(Id(kOrder[i], 0), Id(kOrder[i + 1], 255))) << i;
    EXPECT_FALSE(HigherInPlacement(Id(kOrder[i + 1], 255), Id(kOrder[i], 0))) << i;
  }
  EXPECT_TRUE(HigherInPlacement(Id(IdentifierType::kEmail, 2), kMail));
  EXPECT_FALSE(HigherInPlacement(kMail, kMail));
}

}  // namespace
}  // namespace leadflow
