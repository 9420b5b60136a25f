// What every event must be, whatever format it came in: fields of its kind, amounts, identifiers.
#pragma once

#include <cstdint>
#include <string>

#include "operators/event/event.h"

namespace leadflow {

// How an event leaves ingest.
enum class Route : std::uint8_t {
  kPeople,      // to the owner of an identifier
  kStandalone,  // costs, rates, follower counts, issued codes, counts without people
};

// True for order, order_cancel, refund, deal_change: their record's owner gets them too, and they
// need no identifiers.
bool IsRecord(Kind kind);

Route RouteOf(const Event& event);

class EventChecks {
 public:
  // The longest period a cost is spread over.
  static constexpr std::int64_t kMaxPeriodDays = 3660;

  // Empty: fine. Else why the event is none: "order without `amount`". Looks at everything but
  // identifiers.
  static std::string CheckFields(const Event& event);

  // The same for what identifiers are left after `ignore`. `ignored`: it had some before.
  static std::string CheckIdentifiers(const Event& event, bool ignored);
};

}  // namespace leadflow
