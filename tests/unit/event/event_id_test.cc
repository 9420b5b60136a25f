#include "operators/event/event_id.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace leadflow {
namespace {

constexpr std::string_view kHex = "8b58c7f9a2af4ba238d265b6aa6cc4ea";
constexpr std::string_view kUuid = "8b58c7f9-a2af-4ba2-38d2-65b6aa6cc4ea";

std::string Wire(EventIdView id) {
  std::string bytes;
  WireWriter writer(&bytes);
  id.Append(&writer);
  return bytes;
}

TEST(EventIdTest, HexAndUuidTakeSixteenBytes) {
  EXPECT_EQ(Wire(kHex).size(), 17u);
  EXPECT_EQ(Wire(kUuid).size(), 17u);
  EXPECT_EQ(Wire("order-1").size(), 8u);
  EXPECT_EQ(Wire("").size(), 1u);
  // One digit of another case, or a dash elsewhere, and it is a text like any other.
  EXPECT_EQ(Wire("8B58c7f9a2af4ba238d265b6aa6cc4ea").size(), 34u);
  EXPECT_EQ(Wire("8b58c7f9a-2af-4ba2-38d2-65b6aa6cc4ea").size(), 38u);
}

// Near each other and near both forms: digits, dashes, what lies just beside digits.
std::string RandomId(std::mt19937_64& random) {
  static constexpr std::string_view kCharacters = "0123456789abcdef0123456789abcdef-/:`gAF";
  std::string id(random() % 2 == 0 ? kHex : kUuid);
  for (std::uint64_t changes = random() % 3; changes > 0; --changes) {
    id[random() % id.size()] = kCharacters[random() % kCharacters.size()];
  }
  if (random() % 8 == 0) id.resize(random() % (id.size() + 1));
  if (random() % 8 == 0) id += 'a';
  return id;
}

TEST(EventIdTest, OrdersAndEqualsLikeItsTextInEveryForm) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const std::string a = RandomId(random);
    const std::string b = random() % 4 == 0 ? a : RandomId(random);
    const std::string wire_a = Wire(a), wire_b = Wire(b);
    EventIdView read_a, read_b;
    WireReader reader_a(wire_a), reader_b(wire_b);
    ASSERT_TRUE(read_a.Read(&reader_a) && reader_a.AtEnd());
    ASSERT_TRUE(read_b.Read(&reader_b) && reader_b.AtEnd());
    ASSERT_EQ(read_a.ToString(), a);
    const EventId kept_a(read_a), kept_b = EventIdView(b);
    ASSERT_EQ(kept_b.view().ToString(), b);
    const std::vector<EventIdView> forms_a = {a, read_a, kept_a};
    const std::vector<EventIdView> forms_b = {b, read_b, kept_b};
    for (const EventIdView left : forms_a) {
      for (const EventIdView right : forms_b) {
        ASSERT_EQ(left == right, a == b) << a << " " << b;
        ASSERT_EQ(left <=> right, a <=> b) << a << " " << b;
      }
    }
  }
}

TEST(EventIdTest, RefusesBytesThatAreNone) {
  for (const std::string& bytes : {std::string(), Wire(kHex).substr(0, 16), std::string("\x03"),
                                   std::string("\x05") + "text", Wire("text").substr(0, 4)}) {
    EventIdView id;
    WireReader reader(bytes);
    EXPECT_FALSE(id.Read(&reader)) << bytes.size();
  }
}

TEST(EventIdTest, OwnsWhatItKeeps) {
  EventId kept;
  {
    const std::string text = "an id that is neither: " + std::string(1000, 'x');
    kept = EventIdView(text);
  }
  EXPECT_EQ(kept.view().ToString().size(), 1023u);
  const EventId copy = kept;
  kept = EventIdView(kHex);
  EXPECT_EQ(kept.view().ToString(), kHex);
  EXPECT_NE(copy, kept);
  EXPECT_TRUE(EventId().view().empty());
}

}  // namespace
}  // namespace leadflow
