// KpiSpec: one KPI of the file, resolved: KPI names inside ratios are replaced by their measures,
// and each leaf measure has a slot. What the measures mean is SEMANTICS (docs/kpis.md).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/civil_time.h"
#include "engine/config/diagnostics.h"
#include "engine/config/expression.h"
#include "operators/event/kind.h"

namespace leadflow {

// What is counted, summed or timed.
struct Subject {
  enum class Of : std::uint8_t {
    kEvent,  // events of `kind`; orders and deals: see kOrder, kDealWon, kDealLost
    kVisit,
    kLeadCreation,
    kStageFirst,  // `stage`
    kStageEntry,  // `stage`
    kOrder,       // the version in force of an order record, net of refunds
    kDealWon,
    kDealLost,
    kGoal,        // `goal`: conversions
    kFirstTouch,  // only as `from:` of a duration
    kTrust,       // `trust`: refused dead_letter excluded machine shared no_rate overflow
  };
  Of of = Of::kEvent;
  Kind kind = Kind::kNone;
  int stage = -1;
  int goal = -1;
  std::string trust;
  bool operator==(const Subject&) const = default;
};

enum class Credit : std::uint8_t { kDefault, kOwn, kFirst, kLast, kLastNonDirect };
enum class Ledger : std::uint8_t { kRestated, kBooked };

struct Measure {
  enum class Type : std::uint8_t {
    kCount,
    kDistinctLeads,
    kDistinctAccounts,
    kSum,
    kMean,        // a pair of components: sum and count
    kQuantile,    // buckets of a field or a duration
    kMeanTime,    // mean of a duration
    kAttributed,  // conversions in millionths
    kAttributedValue,
    kRatio,    // operands[0] / operands[1]
    kMinus,    // operands[0] - operands[1]
    kShareOf,  // operands[0] / its sum along `along`
  };
  Type type = Type::kCount;
  Position at;
  int slot = 0;  // leaves: number within the KPI, from 0
  Subject subject;
  std::string field;                          // kSum kMean kQuantile: "amount", "dwell_time", ...
  int at_least = 1;                           // kDistinct*
  std::vector<double> quantiles;              // kQuantile, in (0, 1)
  std::vector<std::string> quantile_columns;  // "p50", "p12_5"
  // Durations (kQuantile, kMeanTime): from -> to, or time in stage `from.stage` if `time_in`.
  bool duration = false;
  bool time_in = false;
  Subject from, to;
  std::shared_ptr<const Expression> where;
  bool machine = false;  // include machine events
  Credit credit = Credit::kDefault;
  Ledger ledger = Ledger::kRestated;
  std::vector<int> models;  // indexes into AttributionOptions::models; empty: all
  int along = -1;           // kShareOf: index into KpiSpec::by
  std::vector<Measure> operands;

  bool IsLeaf() const { return operands.empty(); }
};

enum class Dimension : std::uint8_t {
  kModel,
  // touch
  kChannel,
  kCampaign,
  kSource,
  kMedium,
  kLandingPage,
  kFair,
  // lead
  kPersona,
  kAccount,
  kOwner,
  kCountry,
  // conversion
  kProductLine,
  kDiscountCode,
  kOffer,
  // event
  kName,
  kForm,
  kAsset,
  kLink,
  kNetwork,
  kVariant,
  kLabel,
  kKind,
  // trust
  kTrustSource,
  kTrustReason,
};

struct DimensionSpec {
  Dimension dimension = Dimension::kChannel;
  std::string name;   // the column: "channel", "labels.x"
  std::string label;  // kLabel
};

struct KpiSpec {
  std::string name;
  int index = 0;  // position in the file; on disk rows are named by Hash64(name), never by it
  Position at;
  Measure measure;
  int slots = 1;  // leaves in `measure`
  std::vector<DimensionSpec> by;
  WindowUnit window = WindowUnit::kTotal;
  bool money = false;  // rows carry a currency column
  std::string unit;    // durations: ms s min h d; money: "" ; else ""
  std::int64_t unit_ms = 1000;
  std::int64_t keep_ms = 0;  // 0: for ever
  std::int64_t max_cells = 100'000;
};

}  // namespace leadflow
