#include "operators/event/kind.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace leadflow {
namespace {

TEST(KindTest, EveryNameLeadsBackToItsKind) {
  std::set<std::string_view> names;
  for (const Kind kind : AllKinds()) {
    EXPECT_EQ(KindFromName(KindName(kind)), kind);
    EXPECT_TRUE(names.insert(KindName(kind)).second) << KindName(kind);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kKindCount - 1));
}

TEST(KindTest, UnknownNamesAreNoKinds) {
  for (const std::string_view name : {"", "page_vie", "page_view ", "Order", "visit"}) {
    EXPECT_EQ(KindFromName(name), std::nullopt) << name;
  }
}

TEST(KindTest, PhasesFollowTheList) {
  EXPECT_EQ(KindPhase(Kind::kPageView), Phase::kReach);
  EXPECT_EQ(KindPhase(Kind::kCardCollected), Phase::kInteraction);
  EXPECT_EQ(KindPhase(Kind::kOrder), Phase::kTransaction);
  EXPECT_EQ(KindPhase(Kind::kErase), Phase::kOther);
  EXPECT_EQ(KindPhase(Kind::kNone), Phase::kOther);
}

TEST(FieldTest, EveryNameLeadsBackToItsField) {
  std::set<std::string_view> names;
  for (const Field field : AllFields()) {
    EXPECT_EQ(FieldFromName(FieldName(field)), field);
    EXPECT_TRUE(names.insert(FieldName(field)).second) << FieldName(field);
    EXPECT_EQ((kTextFields & FieldBit(field)) != 0, TypeOfField(field) == FieldType::kString);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kFieldCount - 1));
}

TEST(FieldTest, CurrencyStandsBehindItsAmount) {
  for (const Field field : AllFields()) {
    if (TypeOfField(field) != FieldType::kMoney) continue;
    const auto next = static_cast<Field>(static_cast<int>(field) + 1);
    EXPECT_NE(FieldName(next).find("currency"), std::string_view::npos) << FieldName(field);
  }
}

TEST(IdentifierTypeTest, NumbersAreTheOrderOfStrength) {
  const std::string_view strongest_first[] = {
      "crm_contact_id", "customer_id", "email", "user_id", "phone", "card_id", "anonymous_id"};
  int number = 1;
  for (const std::string_view name : strongest_first) {
    const auto type = IdentifierTypeFromName(name);
    ASSERT_TRUE(type.has_value()) << name;
    EXPECT_EQ(static_cast<int>(*type), number++);
    EXPECT_EQ(IdentifierTypeName(*type), name);
  }
  EXPECT_EQ(IdentifierTypeFromName("order_id"), std::nullopt);
}

}  // namespace
}  // namespace leadflow
