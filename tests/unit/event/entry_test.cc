#include "operators/event/entry.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"

#include "operators/event/event.h"

namespace leadflow {
namespace {

using Random = std::mt19937_64;

constexpr std::uint64_t kAll = ~std::uint64_t{0};
const KeyedHash kHash({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});

std::string RandomText(Random& random, std::size_t most) {
  std::string text(random() % (most + 1), ' ');
  for (char& c : text) c = static_cast<char>(random() & 0xff);
  return text;
}

// An event with its strings: what it borrows lives here.
struct Made {
  std::vector<std::pair<Field, std::string>> texts;
  std::vector<std::pair<Field, std::int64_t>> numbers;
  std::vector<std::pair<std::string, std::string>> labels, traits;

  explicit Made(Random& random) {
    for (const Field field : AllFields()) {
      if (random() % 4 != 0) continue;
      if (TypeOfField(field) == FieldType::kString) {
        texts.emplace_back(field, "x" + RandomText(random, 300));
      } else {
        numbers.emplace_back(field, static_cast<std::int64_t>(random()) >> (random() % 64));
      }
    }
    for (std::size_t i = random() % 17; i > 0; --i) {
      labels.emplace_back("label" + std::to_string(i), "v" + RandomText(random, 5));
    }
    for (std::size_t i = random() % 50; i > 0; --i) {
      traits.emplace_back("trait" + std::to_string(i), "v" + RandomText(random, 5));
    }
  }

  void Shuffle(Random& random) {
    std::shuffle(texts.begin(), texts.end(), random);
    std::shuffle(numbers.begin(), numbers.end(), random);
    std::shuffle(labels.begin(), labels.end(), random);
    std::shuffle(traits.begin(), traits.end(), random);
  }

  std::string Encode(std::uint64_t keep = kAll) const {
    Event event;
    for (const auto& [field, text] : texts) event.SetText(field, text);
    for (const auto& [field, number] : numbers) event.SetNumber(field, number);
    for (const auto& [name, value] : labels) event.labels.push_back({name, value});
    for (const auto& [name, value] : traits) event.profile.push_back({name, value});
    std::string out;
    AppendFields(event, keep, &out);
    return out;
  }
};

TEST(FieldsTest, RandomEventsRoundTrip) {
  Random random(7);
  for (int round = 0; round < 500; ++round) {
    const Made made(random);
    const std::string bytes = made.Encode();
    const FieldsView view(bytes);
    for (const auto& [field, text] : made.texts) EXPECT_EQ(view.Text(field), text);
    for (const auto& [field, number] : made.numbers) {
      EXPECT_EQ(view.Number(field, 42), number);
      EXPECT_TRUE(view.Has(field));
    }
    for (const auto& [name, value] : made.labels) EXPECT_EQ(view.Label(name), value);
    for (const auto& [name, value] : made.traits) EXPECT_EQ(view.Trait(name), value);
    std::size_t count = 0;
    view.ForEach([&](int, std::string_view, std::string_view, std::int64_t) { ++count; });
    EXPECT_EQ(count,
              made.texts.size() + made.numbers.size() + made.labels.size() + made.traits.size());
  }
}

TEST(FieldsTest, EqualEventsHaveEqualBytesWhateverTheOrder) {
  Random random(8);
  for (int round = 0; round < 200; ++round) {
    Made made(random);
    const std::string bytes = made.Encode();
    made.Shuffle(random);
    EXPECT_EQ(made.Encode(), bytes);
  }
}

TEST(FieldsTest, KeepDropsFieldsLabelsAndTraits) {
  Event event;
  event.SetText(Field::kCompany, "Acme");
  event.SetText(Field::kUserAgent, "curl");
  event.labels.push_back({"a", "b"});
  event.profile.push_back({"c", "d"});
  std::string out;
  AppendFields(event, FieldBit(Field::kCompany) | std::uint64_t{1} << FieldsView::kTraitTag, &out);
  const FieldsView view(out);
  EXPECT_EQ(view.Text(Field::kCompany), "Acme");
  EXPECT_FALSE(view.Has(Field::kUserAgent));
  EXPECT_EQ(view.Label("a"), "");
  EXPECT_EQ(view.Trait("c"), "d");
}

TEST(FieldsTest, AbsentFieldsAreEmptyOrTheDefault) {
  std::string out;
  FieldsWriter writer(&out);
  writer.Text(Field::kUtmSource, "google");
  writer.Number(Field::kCount, -3);
  const FieldsView view(out);
  EXPECT_EQ(view.Text(Field::kCompany), "");
  EXPECT_EQ(view.Text(Field::kUtmMedium), "");
  EXPECT_EQ(view.Number(Field::kRating, 9), 9);
  EXPECT_EQ(view.Number(Field::kCount), -3);
  EXPECT_FALSE(view.Has(Field::kHard));
}

TEST(FieldsTest, WriterAndEventGiveTheSameBytes) {
  Event event;
  event.SetNumber(Field::kAmount, 1000);
  event.SetText(Field::kCurrency, "EUR");
  event.SetText(Field::kOrderId, "o-1");
  event.labels.push_back({"shop", "de"});
  std::string from_event, written;
  AppendFields(event, kAll, &from_event);
  FieldsWriter writer(&written);
  writer.Text(Field::kOrderId, "o-1");
  writer.Number(Field::kAmount, 1000);
  writer.Text(Field::kCurrency, "EUR");
  writer.Label("shop", "de");
  EXPECT_EQ(from_event, written);
}

TEST(FieldsTest, BrokenBytesAreFieldsUpToTheBreak) {
  Random random(9);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = Made(random).Encode();
    bytes.resize(bytes.empty() ? 0 : random() % bytes.size());
    if (!bytes.empty()) bytes[random() % bytes.size()] = static_cast<char>(random());
    std::size_t seen = 0;
    FieldsView(bytes).ForEach([&](int, std::string_view name, std::string_view text, std::int64_t) {
      seen += name.size() + text.size() + 1;
    });
    EXPECT_LE(seen, bytes.size());
  }
}

Identifier Hashed(IdentifierType type, std::string_view space, std::string_view value) {
  return HashIdentifier(kHash, {type, space, value});
}

TEST(IdentifierTest, TypeSpaceAndValueAreAllPartOfTheHash) {
  const Identifier email = Hashed(IdentifierType::kEmail, "", "ann@example.com");
  EXPECT_EQ(email.type(), IdentifierType::kEmail);
  EXPECT_EQ(email, Hashed(IdentifierType::kEmail, "", "ann@example.com"));
  EXPECT_EQ(Identifier::From(email.view()), email);
  const Identifier others[] = {
      Hashed(IdentifierType::kUserId, "", "ann@example.com"),
      Hashed(IdentifierType::kEmail, "", "bob@example.com"),
      Hashed(IdentifierType::kEmail, "a", "nn@example.com"),
      Hashed(IdentifierType::kEmail, "shop", "ann@example.com"),
      HashIdentifier(KeyedHash({}), {IdentifierType::kEmail, "", "ann@example.com"})};
  for (const Identifier& other : others) EXPECT_NE(email.view().substr(1), other.view().substr(1));
}

TEST(IdentifierTest, LongValuesAreHashedWhole) {
  const std::string longest(5000, 'x');
  EXPECT_NE(Hashed(IdentifierType::kEmail, "", longest + "a"),
            Hashed(IdentifierType::kEmail, "", longest + "b"));
}

struct Stored {
  std::string id, fields, others;
  Entry entry;
};

void MakeEntry(Random& random, Stored* stored) {
  stored->id = RandomText(random, 20);
  stored->fields = Made(random).Encode();
  Entry& entry = stored->entry;
  entry.key = random();
  entry.time_ms = static_cast<std::int64_t>(random()) >> (random() % 64);
  entry.updated_ms = random() % 2 == 0 ? kNoTime : static_cast<std::int64_t>(random() >> 20);
  entry.kind = AllKinds()[random() % AllKinds().size()];
  entry.source = static_cast<std::uint8_t>(random());
  entry.flags = random() % 8;
  entry.links = random() % 16;
  if (random() % 4 != 0) entry.home = Hashed(IdentifierType::kEmail, "", stored->id);
  for (int i = 0; i < entry.links; ++i) {
    stored->others += Hashed(IdentifierType::kUserId, "", std::to_string(i)).view();
  }
  entry.others = stored->others.data();
  entry.id = stored->id;
  entry.fields = stored->fields;
}

TEST(EntryTest, RandomEntriesRoundTripOneBehindTheOther) {
  Random random(10);
  std::vector<Stored> all(300);
  std::string bytes;
  for (Stored& stored : all) {
    MakeEntry(random, &stored);
    AppendEntry(stored.entry, &bytes);
  }
  std::string_view rest = bytes;
  for (const Stored& stored : all) {
    Entry read;
    ASSERT_TRUE(ReadEntry(&rest, &read));
    EXPECT_EQ(read.key, stored.entry.key);
    EXPECT_EQ(read.time_ms, stored.entry.time_ms);
    EXPECT_EQ(read.updated_ms, stored.entry.updated_ms);
    EXPECT_EQ(read.kind, stored.entry.kind);
    EXPECT_EQ(read.source, stored.entry.source);
    EXPECT_EQ(read.flags, stored.entry.flags);
    EXPECT_EQ(read.home, stored.entry.home);
    ASSERT_EQ(read.links, stored.entry.links);
    for (int i = 0; i < read.links; ++i) EXPECT_EQ(read.Other(i), stored.entry.Other(i));
    EXPECT_EQ(read.id, stored.id);
    EXPECT_EQ(read.fields, stored.fields);
  }
  EXPECT_TRUE(rest.empty());
}

TEST(EntryTest, EveryPrefixIsNoEntry) {
  Random random(11);
  Stored stored;
  MakeEntry(random, &stored);
  std::string bytes;
  AppendEntry(stored.entry, &bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::string_view cut(bytes.data(), size);
    Entry read;
    EXPECT_FALSE(ReadEntry(&cut, &read)) << size;
    EXPECT_EQ(cut.size(), size);
  }
}

Entry At(std::int64_t time, Kind kind, std::uint8_t source, std::string_view id) {
  Entry entry;
  entry.time_ms = time;
  entry.kind = kind;
  entry.source = source;
  entry.id = id;
  return entry;
}

TEST(EntryTest, OrderIsTimeThenEraseLastThenSourceThenId) {
  const Entry ascending[] = {At(1, Kind::kErase, 9, "z"),    At(2, Kind::kOrder, 0, "b"),
                             At(2, Kind::kPageView, 1, "a"), At(2, Kind::kPageView, 1, "aa"),
                             At(2, Kind::kPageView, 1, "b"), At(2, Kind::kErase, 0, "a")};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    for (std::size_t j = 0; j < std::size(ascending); ++j) {
      EXPECT_EQ(Before(ascending[i], ascending[j]), i < j) << i << " " << j;
    }
  }
}

TEST(EntryTest, NewerUpdateStandsElseLargerContent) {
  Entry plain = At(1, Kind::kOrder, 0, "o");
  Entry updated = plain;
  updated.updated_ms = -5;
  EXPECT_TRUE(Stands(updated, plain));
  EXPECT_FALSE(Stands(plain, updated));
  Entry newer = plain;
  newer.updated_ms = -4;
  EXPECT_TRUE(Stands(newer, updated));
  Entry larger = plain;
  larger.fields = "x";
  EXPECT_TRUE(Stands(larger, plain));
  Entry machine = plain;
  machine.flags = Entry::kMachine;
  EXPECT_TRUE(Stands(machine, plain));
  EXPECT_FALSE(Stands(plain, plain));
}

TEST(EntryTest, ErasedEntriesNeverLose) {
  Entry erased = At(1, Kind::kOrder, 0, "o");
  erased.flags = Entry::kErased;
  Entry newer = At(1, Kind::kOrder, 0, "o");
  newer.updated_ms = 100;
  EXPECT_TRUE(Stands(erased, newer));
  EXPECT_FALSE(Stands(newer, erased));
}

TEST(EntryTest, OfTwoDifferentDeliveriesExactlyOneStands) {
  Random random(12);
  std::vector<Stored> all(60);
  for (Stored& stored : all) {
    MakeEntry(random, &stored);
    stored.entry.updated_ms = random() % 2 == 0 ? kNoTime : 5;
    stored.entry.flags = 0;
  }
  for (const Stored& a : all) {
    for (const Stored& b : all) {
      if (&a == &b) continue;
      EXPECT_NE(Stands(a.entry, b.entry), Stands(b.entry, a.entry));
    }
  }
}

TEST(EntryFieldsTest, SlotsReadWhatTheEntryHolds) {
  NameTable names;
  const int label = kSlotNamed + names.Intern("labels.test");
  const int trait = kSlotNamed + names.Intern("profile.job_title");
  EXPECT_EQ(kSlotNamed + names.Intern("labels.test"), label);
  std::string fields;
  FieldsWriter writer(&fields);
  writer.Text(Field::kUtmSource, "google");
  writer.Number(Field::kAmount, 1250);
  writer.Text(Field::kCurrency, "USD");
  writer.Number(Field::kDay, 2);
  writer.Number(Field::kRate, 1'500'000'000);
  writer.Label("test", "true");
  writer.Trait("job_title", "Buyer");
  Entry entry = At(1234, Kind::kOrder, 1, "o-1");
  entry.fields = fields;
  const std::vector<std::string> sources = {"web", "shop"};
  const EntryFields view(entry, names, sources);

  EXPECT_EQ(view.Field(static_cast<int>(Field::kUtmSource)).string(), "google");
  const Value amount = view.Field(static_cast<int>(Field::kAmount));
  EXPECT_EQ(amount.type, ValueType::kMoney);
  EXPECT_EQ(amount.integer, 1250);
  EXPECT_EQ(std::string(amount.currency.begin(), amount.currency.end()), "USD");
  const Value day = view.Field(static_cast<int>(Field::kDay));
  EXPECT_EQ(day.type, ValueType::kTime);
  EXPECT_EQ(day.integer, 2 * 86'400'000);
  const Value rate = view.Field(static_cast<int>(Field::kRate));
  EXPECT_EQ(rate.type, ValueType::kDecimal);
  EXPECT_TRUE(rate.decimal == Decimal{1'500'000'000});
  EXPECT_EQ(view.Field(label).string(), "true");
  EXPECT_EQ(view.Field(trait).string(), "Buyer");
  EXPECT_EQ(view.Field(kSlotKind).string(), "order");
  EXPECT_EQ(view.Field(kSlotId).string(), "o-1");
  EXPECT_EQ(view.Field(kSlotTime).integer, 1234);
  EXPECT_EQ(view.Field(kSlotTime).type, ValueType::kTime);
  EXPECT_EQ(view.Field(kSlotSource).string(), "shop");
  EXPECT_EQ(view.Field(static_cast<int>(Field::kMachine)).type, ValueType::kBool);
}

TEST(EntryFieldsTest, WhatIsNotThereIsNull) {
  NameTable names;
  const int label = kSlotNamed + names.Intern("labels.test");
  const Entry entry = At(1, Kind::kOrder, 7, "o");
  const std::vector<std::string> sources = {"web"};
  const EntryFields view(entry, names, sources);
  for (const int slot : {static_cast<int>(Field::kCompany), static_cast<int>(Field::kAmount),
                         static_cast<int>(Field::kCount), label, label + 1, kSlotScore, kSlotBounce,
                         kSlotSource, 0, -1}) {
    EXPECT_TRUE(view.Field(slot).is_null()) << slot;
  }
}

TEST(EntryFieldsTest, MoneyWithoutCurrencyIsNull) {
  EXPECT_TRUE(FieldValue(Field::kAmount, {}, 5, "").is_null());
  EXPECT_EQ(FieldValue(Field::kAmount, {}, 5, "EUR").type, ValueType::kMoney);
}

}  // namespace
}  // namespace leadflow
