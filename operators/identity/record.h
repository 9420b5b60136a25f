// Records: orders and deals as their owner knows them, from all deliveries of versions, refunds and
// cancellations in any order; and standalone entries (costs, counts), of which the newest stands.
//
// A record is put to the identifier that its newest version names; without one, its owner
// contributes it itself. Records link nobody. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/operator.h"
#include "operators/identity/contribution.h"
#include "operators/identity/message.h"

namespace leadflow {

struct ComputedRecord {
  std::optional<Record>
      record;  // none: no version of the order or deal is known yet (refunds wait)
  // Keys of refunds that mean nothing: in another currency than the version in force.
  std::vector<std::uint64_t> refused;
};

// What a set of entries with distinct keys says about a record; their order means nothing.
//
//   in force       the version with the newest `updated` (missing: its time), then time, then bytes
//   home           of the newest version that names an identifier
//   cancelled      by an `order_cancel`, or by any version with status cancelled, canceled, voided,
//                  refunded; for ever
//   refunds        by refund id (else event id), the newest version of each; in order of (time,
//   id),
//                  each takes at most what is left; none takes effect before the order's own time
//   a deal's time  if it is won or lost: since when it is so, without a break; else the version's
ComputedRecord ComputeRecord(std::string_view id, std::span<const Entry> entries);

// What the bytes that RecordOwner stores under 'R' + key say; kCorruption: they mean nothing here.
Result<std::optional<Record>> StoredRecord(std::string_view key, std::string_view bytes);

class RecordOwner {
 public:
  static constexpr std::size_t kMaxEntries = 256;  // per record

  // All outlive it. `source_names`: by rank, for dead letters.
  RecordOwner(OperatorContext* context, Contribution* contribution,
              const std::vector<std::string>* source_names, FactSink* facts)
      : context_(*context), f_(*contribution), source_names_(*source_names), facts_(*facts) {}

  Status OnRecordEvent(const KeyedMessage& message);
  Status OnStandalone(const KeyedMessage& message);

 private:
  struct State;
  Status Load(std::string_view key, State* state);
  void Publish(const std::optional<Record>& before, const std::optional<Record>& after);

  OperatorContext& context_;
  Contribution& f_;
  const std::vector<std::string>& source_names_;
  FactSink& facts_;
  std::string out_;  // reused
};

}  // namespace leadflow
