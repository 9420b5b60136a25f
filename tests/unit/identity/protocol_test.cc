// Named cases of the identity protocol.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/unit/identity/world.h"

namespace leadflow {
namespace {

Identifier Id(IdentifierType type, std::uint8_t value) {
  Identifier id;
  id.bytes.fill(static_cast<std::uint8_t>(value * 37 + 11));
  id.bytes[0] = static_cast<std::uint8_t>(type);
  return id;
}
Identifier Mail(int n) { return Id(IdentifierType::kEmail, static_cast<std::uint8_t>(n)); }
Identifier Cookie(int n) { return Id(IdentifierType::kAnonymousId, static_cast<std::uint8_t>(n)); }
Identifier Contact(int n) {
  return Id(IdentifierType::kCrmContactId, static_cast<std::uint8_t>(n));
}

Delivery Event(std::string id, std::int64_t time, std::vector<Identifier> ids,
               Kind kind = Kind::kPageView) {
  return {std::move(id), time, kind, std::move(ids), kNoTime, "", ""};
}

using Leads = std::set<std::set<std::string>>;

std::size_t Sent(const World& world) { return world.messages(); }

void Send(World* world, const Delivery& event) {
  Identifier highest = event.ids[0];
  for (const Identifier& id : event.ids) {
    if (HigherInPlacement(id, highest)) highest = id;
  }
  world->SendEvent(highest, event);
}

TEST(ProtocolTest, FormMergesCookieIntoMailByTwoMessages) {
  World world({});
  Send(&world, Event("view", 1, {Cookie(1)}));
  world.Drain();
  const std::size_t before = Sent(world);
  Send(&world, Event("form", 2, {Mail(1), Cookie(1)}, Kind::kFormSubmit));
  world.Drain();
  EXPECT_EQ(Sent(world) - before, 3u);  // the event, LINK, MOVE
  EXPECT_EQ(world.LeadsById(), (Leads{{"view", "form"}}));
  Send(&world, Event("later", 3, {Cookie(1)}));
  world.Drain();
  EXPECT_EQ(world.LeadsById(), (Leads{{"view", "form", "later"}}));
  EXPECT_EQ(world.Check(), "");
}

TEST(ProtocolTest, SingleIdentifierSendsNothing) {
  World world({});
  for (int i = 0; i < 5; ++i) Send(&world, Event(Numbered("e", i), i, {Cookie(1)}));
  world.Drain();
  EXPECT_EQ(Sent(world), 5u);
  EXPECT_EQ(world.LeadsById(), (Leads{{"e0", "e1", "e2", "e3", "e4"}}));
}

TEST(ProtocolTest, UnlinkSplitsAndIdentifyUnitesAgain) {
  World world({});
  Send(&world, Event("view", 1, {Cookie(1)}));
  Send(&world, Event("form", 2, {Mail(1), Cookie(1)}));
  world.Drain();
  Send(&world, Event("unlink", 3, {Mail(1), Cookie(1)}, Kind::kUnlink));
  world.Drain();
  EXPECT_EQ(world.LeadsById(), (Leads{{"view"}, {"form"}}));
  EXPECT_EQ(world.Counter("refused_links", "unlinked"), 1);
  Send(&world, Event("identify", 4, {Mail(1), Cookie(1)}, Kind::kIdentify));
  world.Drain();
  EXPECT_EQ(world.LeadsById(), (Leads{{"view", "form", "identify"}}));
  EXPECT_EQ(world.Counter("refused_links", "unlinked"), 0);
  EXPECT_EQ(world.Check(), "");
}

TEST(ProtocolTest, UnlinkMayComeBeforeItsLink) {
  World world({});
  Send(&world, Event("unlink", 3, {Mail(1), Cookie(1)}, Kind::kUnlink));
  Send(&world, Event("view", 1, {Cookie(1)}));
  Send(&world, Event("form", 2, {Mail(1), Cookie(1)}));
  world.Drain();
  EXPECT_EQ(world.LeadsById(), (Leads{{"view"}, {"form"}}));
}

TEST(ProtocolTest, EraseCoversWhatArrivesLaterByAnOlderLink) {
  const std::vector<Delivery> all = {
      Event("view", 1, {Cookie(1)}), Event("form", 2, {Mail(1), Cookie(1)}),
      Event("erase", 3, {Mail(1)}, Kind::kErase), Event("new", 9, {Cookie(1)})};
  std::vector<std::size_t> order = {0, 1, 2, 3};
  do {
    for (const bool drained : {false, true}) {
      World world({});
      for (const std::size_t i : order) {
        Send(&world, all[i]);
        if (drained) world.Drain();
      }
      world.Drain();
      EXPECT_EQ(world.LeadsById(), (Leads{{"new"}}));
      EXPECT_EQ(world.CheckEnd(all), "");
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(ProtocolTest, ErasureMayKeepTheCounts) {
  WorldOptions options;
  options.limits.erase_keeps_counts = true;
  World world(options);
  Send(&world, Event("view", 1, {Mail(1)}));
  world.Drain();
  const auto before = world.facts.cells;
  Send(&world, Event("erase", 3, {Mail(1)}, Kind::kErase));
  world.Drain();
  EXPECT_EQ(world.facts.cells, before);
  Send(&world, Event("new", 9, {Mail(1)}));
  world.Drain();
  EXPECT_EQ(world.LeadsById(), (Leads{{"view"}, {"new"}}));
}

TEST(ProtocolTest, KioskCookieLinksNobodyInTheEnd) {
  WorldOptions options;
  options.limits.max_shared = 3;
  World world(options);
  Leads want{{"kiosk"}};
  Send(&world, Event("kiosk", 0, {Cookie(1)}));
  for (int i = 0; i < 6; ++i) {
    const std::string id = Numbered("form", i);
    Send(&world, Event(id, i + 1, {Mail(i), Cookie(1)}));
    want.insert({id});
    world.Drain();
    if (i < 3) {
      EXPECT_EQ(world.LeadsById().size(), 1u);  // still taken for one person
    }
  }
  EXPECT_EQ(world.LeadsById(), want);
  EXPECT_EQ(world.Counter("refused_links", "shared"), 6);
  EXPECT_EQ(world.Check(), "");
}

TEST(ProtocolTest, TwoContactsOfTheCrmStayTwo) {
  WorldOptions options;
  options.limits.guards.unique_types = 1u << static_cast<int>(IdentifierType::kCrmContactId);
  for (const bool reversed : {false, true}) {
    World world(options);
    std::vector<Delivery> all = {Event("first", 1, {Contact(1), Mail(1)}),
                                 Event("second", 2, {Contact(2), Mail(1)}),
                                 Event("mail", 3, {Mail(1)})};
    if (reversed) std::reverse(all.begin(), all.end());
    for (const Delivery& event : all) {
      Send(&world, event);
      world.Drain();
    }
    EXPECT_EQ(world.LeadsById(), (Leads{{"first", "mail"}, {"second"}})) << reversed;
    EXPECT_EQ(world.Counter("refused_links", "unique"), 1);
  }
}

TEST(ProtocolTest, ClusterTooLargeToMoveIsRefused) {
  WorldOptions options;
  options.limits.max_move_bytes = 200;
  World world(options);
  for (int i = 0; i < 20; ++i) Send(&world, Event(Numbered("view", i), i, {Cookie(1)}));
  Send(&world, Event("form", 30, {Mail(1), Cookie(1)}));
  world.Drain();
  EXPECT_EQ(world.LeadsById().size(), 2u);
  EXPECT_EQ(world.Counter("refused_links", "capacity"), 1);
  EXPECT_EQ(world.Check(), "");
}

TEST(ProtocolTest, FullClusterRefusesEntries) {
  WorldOptions options;
  options.limits.max_entries = 2;
  World world(options);
  for (int i = 0; i < 5; ++i) Send(&world, Event(Numbered("view", i), i, {Cookie(1)}));
  world.Drain();
  EXPECT_EQ(world.LeadsById(), (Leads{{"view0", "view1"}}));
}

TEST(JourneysOperatorTest, EventsBeyondTheHorizonAreExpired) {
  IdentityLimits limits;
  limits.horizon_ms = 100;
  FakeContext context(0, 1);
  JourneysOperator journeys(std::make_unique<JourneyIsTheCell>(), limits, 1 << 20);
  ASSERT_TRUE(journeys.Open(context).ok());
  context.watermark = 1000;
  for (const std::int64_t time : {899, 900}) {
    Delivery delivery = Event("e", time, {Cookie(1)});
    std::string bytes;
    AppendEventMessage(Cookie(1), EntryOf(&delivery), &bytes);
    const MessageView view{bytes, 0, {}, 0};
    ASSERT_TRUE(journeys.Process({&view, 1}).ok());
  }
  EXPECT_EQ(context.rejected, std::vector<std::string>{"expired"});
}

TEST(JourneysOperatorTest, MalformedMessagesAreInternalErrors) {
  FakeContext context(0, 1);
  JourneysOperator journeys(std::make_unique<JourneyIsTheCell>(), {}, 1 << 20);
  ASSERT_TRUE(journeys.Open(context).ok());
  for (const std::string_view bytes :
       {std::string_view(""), std::string_view("\x01garbage"), std::string_view("\x0a\xff\xff"),
        std::string_view("\x63")}) {
    const MessageView view{bytes, 0, {}, 0};
    EXPECT_EQ(journeys.Process({&view, 1}).code(), ErrorCode::kInternal);
  }
}

TEST(JourneysOperatorTest, FactsOfOneCommitAddUp) {
  FakeContext context(0, 1);
  JourneysOperator journeys(std::make_unique<JourneyIsTheCell>(), {}, 1 << 20);
  ASSERT_TRUE(journeys.Open(context).ok());
  for (int i = 0; i < 10; ++i) {
    Delivery delivery = Event(Numbered("e", i), i, {Cookie(1)});
    std::string bytes;
    AppendEventMessage(Cookie(1), EntryOf(&delivery), &bytes);
    const MessageView view{bytes, 0, {}, 0};
    ASSERT_TRUE(journeys.Process({&view, 1}).ok());
  }
  EXPECT_TRUE(context.sent.empty());
  ASSERT_TRUE(journeys.Prepare().ok());
  EXPECT_EQ(context.sent.size(), 1u);  // nine journeys came and went in between
}

TEST(NodeStoreTest, KeepsToItsBudgetAndFindsEverythingAgain) {
  FakeContext context(0, 1);
  NodeStore nodes(&context.store(), {}, 20'000);
  constexpr int kNodes = 200;
  for (int i = 0; i < kNodes; ++i) {
    Node* node = *nodes.Get(Cookie(i));
    node->address.moves = static_cast<std::uint64_t>(i) + 1;
    node->head_dirty = true;
    nodes.Touch(node);
    ASSERT_TRUE(nodes.WriteSmall().ok());
    ASSERT_TRUE(nodes.Trim().ok());
    EXPECT_LE(nodes.bytes(),
              30'000u);  // what was just used may be kept, up to a half beyond the budget
  }
  EXPECT_LT(nodes.size(), static_cast<std::size_t>(kNodes));
  for (int i = 0; i < kNodes; ++i) {
    EXPECT_EQ((*nodes.Get(Cookie(i)))->address.moves, static_cast<std::uint64_t>(i) + 1);
  }
}

TEST(NodeStoreTest, AbortForgetsChangesThatWereWritten) {
  FakeContext context(0, 1);
  NodeStore nodes(&context.store(), {}, 1 << 20);
  Node* node = *nodes.Get(Cookie(1));
  node->address.moves = 7;
  node->head_dirty = true;
  nodes.Touch(node);
  ASSERT_TRUE(nodes.Write().ok());
  context.store().DropStaged();
  nodes.Aborted();
  EXPECT_EQ((*nodes.Get(Cookie(1)))->address.moves, 0u);
}

}  // namespace
}  // namespace leadflow
