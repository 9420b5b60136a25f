#include "operators/identity/record.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "tests/unit/identity/world.h"

namespace leadflow {
namespace {

Identifier Mail(std::uint8_t value) {
  Identifier id;
  id.bytes.fill(value);
  id.bytes[0] = static_cast<std::uint8_t>(IdentifierType::kEmail);
  return id;
}

// Number fields and texts in field order.
std::string Fields(std::string_view status, std::string_view refund_id,
                   std::optional<std::int64_t> amount, std::string_view currency) {
  std::string bytes;
  FieldsWriter writer(&bytes);
  if (!status.empty()) writer.Text(Field::kStatus, status);
  if (!refund_id.empty()) writer.Text(Field::kRefundId, refund_id);
  if (amount) writer.Number(Field::kAmount, *amount);
  if (!currency.empty()) writer.Text(Field::kCurrency, currency);
  return bytes;
}

Delivery Order(std::string id, std::int64_t time, std::int64_t amount,
               std::int64_t updated = kNoTime, std::string_view status = "",
               std::vector<Identifier> ids = {Mail(1)}) {
  return {std::move(id),
          time,
          Kind::kOrder,
          std::move(ids),
          updated,
          Fields(status, "", amount, "EUR"),
          ""};
}
Delivery Refund(std::string id, std::int64_t time, std::optional<std::int64_t> amount,
                std::string_view currency = "EUR") {
  std::string fields = Fields("", id, amount, currency);
  return {std::move(id), time, Kind::kRefund, {}, kNoTime, std::move(fields), ""};
}
Delivery Cancel(std::string id, std::int64_t time) {
  return {std::move(id), time, Kind::kOrderCancel, {}, kNoTime, "", ""};
}
Delivery Deal(std::string id, std::int64_t time, std::string_view status) {
  return {std::move(id),
          time,
          Kind::kDealChange,
          {Mail(1)},
          kNoTime,
          Fields(status, "", 500, "EUR"),
          ""};
}

ComputedRecord Compute(std::vector<Delivery>* all, std::string_view id = "order/1") {
  std::vector<Entry> entries;
  for (Delivery& delivery : *all) entries.push_back(EntryOf(&delivery));
  return ComputeRecord(id, entries);
}

TEST(RecordTest, NetIsWhatRefundsAndCancelsLeave) {
  struct {
    const char* what;
    std::vector<Delivery> entries;
    std::int64_t net;
    bool counts;
    std::size_t takings;
  } cases[] = {
      {"an order", {Order("a", 10, 100)}, 100, true, 0},
      {"a partial refund", {Order("a", 10, 100), Refund("r", 20, 30)}, 70, true, 1},
      {"all of it", {Order("a", 10, 100), Refund("r", 20, 100)}, 0, false, 1},
      {"more than is left",
       {Order("a", 10, 100), Refund("r", 20, 60), Refund("s", 30, 60)},
       0,
       false,
       2},
      {"nothing is left",
       {Order("a", 10, 100), Refund("r", 20, 100), Refund("s", 30, 5)},
       0,
       false,
       1},
      {"one refund twice",
       {Order("a", 10, 100), Refund("r", 20, 30), Refund("r", 25, 40)},
       60,
       true,
       1},
      {"a refund without amount",
       {Order("a", 10, 100), Refund("r", 20, std::nullopt)},
       0,
       false,
       1},
      {"a cancel", {Order("a", 10, 100), Cancel("c", 15)}, 0, false, 1},
      {"cancel after a refund",
       {Order("a", 10, 100), Refund("r", 12, 30), Cancel("c", 15)},
       0,
       false,
       2},
      {"a negative order is cancelled", {Order("a", 10, -100), Cancel("c", 15)}, 0, false, 1},
      {"a negative order is not refunded",
       {Order("a", 10, -100), Refund("r", 15, 10)},
       -100,
       true,
       0},
      {"its status", {Order("a", 10, 100, 20, "cancelled")}, 0, false, 1},
      {"an earlier status, for ever",
       {Order("a", 10, 100, 20, "cancelled"), Order("b", 10, 100, 30, "paid")},
       0,
       false,
       1},
  };
  for (auto& test : cases) {
    const ComputedRecord computed = Compute(&test.entries);
    ASSERT_TRUE(computed.record) << test.what;
    EXPECT_EQ(computed.record->net_minor, test.net) << test.what;
    EXPECT_EQ(computed.record->counts, test.counts) << test.what;
    EXPECT_EQ(computed.record->refunds.size(), test.takings) << test.what;
  }
}

TEST(RecordTest, RefundBeforeItsOrderWaits) {
  std::vector<Delivery> all = {Refund("r", 5, 30)};
  EXPECT_FALSE(Compute(&all).record);
  all.push_back(Order("a", 10, 100));
  const ComputedRecord computed = Compute(&all);
  EXPECT_EQ(computed.record->net_minor, 70);
  ASSERT_EQ(computed.record->refunds.size(), 1u);
  EXPECT_EQ(computed.record->refunds[0].time_ms, 10);
}

TEST(RecordTest, RefundInAnotherCurrencyIsRefused) {
  std::vector<Delivery> all = {Order("a", 10, 100), Refund("r", 20, 30, "USD")};
  const ComputedRecord computed = Compute(&all);
  EXPECT_EQ(computed.record->net_minor, 100);
  EXPECT_EQ(computed.refused, std::vector<std::uint64_t>{all[1].key()});
}

TEST(RecordTest, NewestVersionIsInForceAndTheNewestNameCounts) {
  std::vector<Delivery> all = {Order("a", 10, 100, 50, "", {Mail(2)}), Order("b", 10, 300, 40),
                               Order("c", 10, 200, 60, "", {})};
  const ComputedRecord computed = Compute(&all);
  EXPECT_EQ(computed.record->gross_minor, 200);
  EXPECT_EQ(computed.record->event_id, "c");
  EXPECT_EQ(computed.record->home, Mail(2));
}

TEST(RecordTest, DealClosesWhenItsStatusBegan) {
  std::vector<Delivery> all = {Deal("a", 10, "open"), Deal("b", 20, "won"), Deal("c", 30, "lost"),
                               Deal("d", 40, "won"), Deal("e", 50, "won")};
  EXPECT_EQ(Compute(&all, "deal/1").record->time_ms, 40);
  all.push_back(Deal("f", 60, "open"));
  EXPECT_EQ(Compute(&all, "deal/1").record->time_ms, 60);
}

TEST(RecordTest, OrderOfEntriesMeansNothing) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<Delivery> all;
    const int count = 2 + static_cast<int>(random() % 7);
    for (int i = 0; i < count; ++i) {
      const auto time = static_cast<std::int64_t>(random() % 5);
      const std::string id(1, static_cast<char>('a' + i));
      const auto amount = static_cast<std::int64_t>(random() % 50);
      switch (random() % 5) {
        case 0: all.push_back(Cancel(id, time)); break;
        case 1:
          all.push_back(
              Refund(std::string(1, static_cast<char>('r' + random() % 2)), time + i, amount));
          break;
        default:
          all.push_back(Order(id, time, amount, static_cast<std::int64_t>(random() % 3),
                              random() % 6 == 0 ? "voided" : "",
                              {Mail(static_cast<std::uint8_t>(1 + random() % 3))}));
      }
    }
    std::string first;
    for (int shuffle = 0; shuffle < 6; ++shuffle) {
      std::shuffle(all.begin(), all.end(), random);
      const ComputedRecord computed = Compute(&all);
      std::string bytes = "none";
      if (computed.record) AppendRecord(*computed.record, &bytes);
      if (shuffle == 0) first = bytes;
      ASSERT_EQ(bytes, first) << "round " << round;
    }
  }
}

std::map<std::pair<std::string, std::string>, std::int64_t> Cells(const World& world) {
  return world.facts.cells;
}

TEST(RecordOwnerTest, RecordFollowsTheIdentifierThatItsNewestVersionNames) {
  World world({});
  world.SendKeyed(MessageType::kRecordEvent, "order/1", Order("a", 10, 100));
  world.Drain();
  EXPECT_EQ(Cells(world).size(), 1u);
  EXPECT_EQ(Cells(world).begin()->first,
            std::pair(std::string("lead"), std::string("<order/1=100>")));
  world.SendKeyed(MessageType::kRecordEvent, "order/1", Order("b", 10, 70, 20, "", {Mail(2)}));
  world.SendEvent(Mail(1), {"e1", 1, Kind::kPageView, {Mail(1)}, kNoTime, "", ""});
  world.SendEvent(Mail(2), {"e2", 1, Kind::kPageView, {Mail(2)}, kNoTime, "", ""});
  world.Drain();
  EXPECT_EQ(Cells(world), (std::map<std::pair<std::string, std::string>, std::int64_t>{
                              {{"lead", "[e1:]"}, 1}, {{"lead", "[e2:]<order/1=70>"}, 1}}));
  EXPECT_EQ(world.Check(), "");
}

TEST(RecordOwnerTest, RecordWithoutNameIsItsOwners) {
  World world({});
  world.SendKeyed(MessageType::kRecordEvent, "order/1", Order("a", 10, 100, kNoTime, "", {}));
  world.Drain();
  EXPECT_EQ(Cells(world).count({"unowned", "<order/1=100>"}), 1u);
  world.SendKeyed(MessageType::kRecordEvent, "order/1", Order("b", 10, 100, 20));
  world.Drain();
  EXPECT_EQ(Cells(world).count({"unowned", "<order/1=100>"}), 0u);
  EXPECT_EQ(Cells(world).count({"lead", "<order/1=100>"}), 1u);
}

TEST(RecordOwnerTest, DuplicateChangesNothing) {
  World world({});
  for (int i = 0; i < 3; ++i)
    world.SendKeyed(MessageType::kRecordEvent, "order/1", Order("a", 10, 100));
  world.Drain();
  EXPECT_EQ(world.Counter("duplicates", ""), 2);
  EXPECT_EQ(Cells(world).begin()->second, 1);
}

TEST(StandaloneTest, NewestRowStandsWhateverTheOrder) {
  for (const bool reversed : {false, true}) {
    World world({});
    std::vector<Delivery> rows = {{"old", 10, Kind::kCost, {}, 20, "", ""},
                                  {"new", 9, Kind::kCost, {}, 30, "", ""},
                                  {"new", 9, Kind::kCost, {}, 30, "", ""}};
    if (reversed) std::reverse(rows.begin(), rows.end());
    for (const Delivery& row : rows) world.SendKeyed(MessageType::kStandalone, "cost/ads/1", row);
    world.Drain();
    EXPECT_EQ(
        Cells(world),
        (std::map<std::pair<std::string, std::string>, std::int64_t>{{{"standalone", "new:"}, 1}}));
  }
}

}  // namespace
}  // namespace leadflow
