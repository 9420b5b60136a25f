#include "operators/ingest/event_checks.h"

#include <initializer_list>

namespace leadflow {
namespace {

// 9999-12-31T23:59:59.999Z and the year 1: beyond them calendars have nothing to say.
constexpr std::int64_t kLastTime = 253'402'300'799'999;
constexpr std::int64_t kFirstTime = -62'135'596'800'000;
constexpr std::int64_t kDayMs = 86'400'000;

std::string Without(Kind kind, std::string_view field) {
  return std::string(KindName(kind)) + " without `" + std::string(field) + "`";
}

std::string Need(const Event& event, std::initializer_list<Field> fields) {
  for (const Field field : fields) {
    if (!event.Has(field)) return Without(event.kind, FieldName(field));
  }
  return {};
}

std::string Negative(const Event& event, std::initializer_list<Field> fields) {
  for (const Field field : fields) {
    if (event.Number(field) < 0) return "negative `" + std::string(FieldName(field)) + "`";
  }
  return {};
}

bool IsDay(std::int64_t day) { return day >= kFirstTime / kDayMs && day <= kLastTime / kDayMs; }

std::string CheckPeriod(const Event& event) {
  if (event.Has(Field::kPeriodStart) != event.Has(Field::kPeriodEnd)) {
    return "`period` needs start and end";
  }
  const std::int64_t start = event.Number(Field::kPeriodStart);
  const std::int64_t end = event.Number(Field::kPeriodEnd);
  if (!IsDay(start) || !IsDay(end)) return "`period` is out of range";
  if (end < start) return "`period` ends before it starts";
  if (end - start >= EventChecks::kMaxPeriodDays) return "`period` is longer than ten years";
  return {};
}

std::string CheckCost(const Event& event) {
  if (!event.Has(Field::kAmount) && !event.Has(Field::kClicks) && !event.Has(Field::kImpressions)) {
    return Without(event.kind, "amount");
  }
  if (event.Number(Field::kAmount) < 0) return "negative `amount` of a cost";
  return CheckPeriod(event);
}

std::string CheckKind(const Event& event) {
  switch (event.kind) {
    case Kind::kOrder: return Need(event, {Field::kOrderId, Field::kAmount});
    case Kind::kOrderCancel: return Need(event, {Field::kOrderId});
    case Kind::kRefund: {
      std::string why = Need(event, {Field::kRefundId, Field::kOrderId, Field::kAmount});
      if (why.empty() && event.Number(Field::kAmount) < 0) why = "negative `amount` of a refund";
      return why;
    }
    case Kind::kDealChange: {
      const std::string_view status = event.Text(Field::kStatus);
      if (!status.empty() && status != "open" && status != "won" && status != "lost") {
        return "`status` of a deal is open, won or lost, not `" + std::string(status) + "`";
      }
      return Need(event, {Field::kDealId});
    }
    case Kind::kCost: return CheckCost(event);
    case Kind::kRate: {
      std::string why = Need(event, {Field::kCurrency, Field::kDay, Field::kRate});
      if (why.empty() && event.Number(Field::kRate) <= 0) why = "`rate` must be above 0";
      if (why.empty() && !IsDay(event.Number(Field::kDay))) why = "`day` is out of range";
      return why;
    }
    case Kind::kFollowerCount: return Need(event, {Field::kNetwork, Field::kFollowers});
    case Kind::kDiscountIssued: return Need(event, {Field::kDiscountCode});
    case Kind::kStageChange: return Need(event, {Field::kStage});
    case Kind::kAction: return Need(event, {Field::kName});
    default: return {};
  }
}

// Exactly two identifiers, which are not one given twice.
bool HasTwo(const Event& event) {
  if (event.identifiers.size() != 2) return false;
  const PlainIdentifier &a = event.identifiers[0], &b = event.identifiers[1];
  return a.type != b.type || a.space != b.space || a.value != b.value;
}

}  // namespace

bool IsRecord(Kind kind) {
  return kind == Kind::kOrder || kind == Kind::kOrderCancel || kind == Kind::kRefund ||
         kind == Kind::kDealChange;
}

Route RouteOf(const Event& event) {
  switch (event.kind) {
    case Kind::kCost:
    case Kind::kRate:
    case Kind::kFollowerCount: return Route::kStandalone;
    case Kind::kDiscountIssued:
      return event.identifiers.empty() ? Route::kStandalone : Route::kPeople;
    default: break;
  }
  const Phase phase = KindPhase(event.kind);
  const bool countable = phase == Phase::kReach || phase == Phase::kInteraction;
  return countable && event.identifiers.empty() && event.Has(Field::kCount) ? Route::kStandalone
                                                                            : Route::kPeople;
}

std::string EventChecks::CheckFields(const Event& event) {
  if (event.time_ms < kFirstTime || event.time_ms > kLastTime) return "`time` is out of range";
  const std::int64_t updated = event.Number(Field::kUpdated);
  if (updated < kFirstTime || updated > kLastTime) return "`updated` is out of range";
  if (std::string why = CheckKind(event); !why.empty()) return why;
  return Negative(event, {Field::kDiscount, Field::kCount, Field::kClicks, Field::kImpressions,
                          Field::kFollowers});
}

std::string EventChecks::CheckIdentifiers(const Event& event, bool ignored) {
  if (event.kind == Kind::kUnlink && !HasTwo(event)) return "unlink needs two identifiers";
  if (!event.identifiers.empty() || IsRecord(event.kind) || RouteOf(event) == Route::kStandalone) {
    return {};
  }
  return ignored ? "ignored" : std::string(KindName(event.kind)) + " without an identifier";
}

}  // namespace leadflow
