// Milestones: what happens to a lead a few times only: creation, stages, goals on events. A fold
// over the entries and the standing orders of a journey in their order (SEMANTICS 2 and 7).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operators/attribution/decay.h"
#include "operators/journey/item.h"

namespace leadflow {

// A stage that was entered, a goal that an event reached, or the creation of the lead.
struct Mark {
  Moment at;
  std::string record;    // id of the order that did it; empty: an entry
  int number = -1;       // of the stage or goal
  bool first = false;    // the stage was never entered before
  bool implied = false;  // it was skipped: the lead went on in the same moment
  bool operator==(const Mark&) const = default;
};

struct Milestones {
  std::optional<Moment> contactable;  // of the first entry that makes the lead known
  std::optional<Mark> creation;
  std::vector<Mark> stages;  // in order
  std::vector<Mark> goals;   // in order
  const Mark* First(int stage) const;
  bool operator==(const Milestones&) const = default;
};

class MilestoneFold {
 public:
  explicit MilestoneFold(const DerivationRules& rules);

  // Begins a new journey of the lead: all but `contactable` starts anew.
  void Restart();
  // REQUIRES: in order; not erased. `machine`: it links, and that is all.
  void AddEntry(const Entry& entry, bool machine);
  // A standing order.
  void AddOrder(const Record& record);

  Milestones marks;
  Moment last;  // of what was added

  // What an entry or order that is not the newest would change, as far as the fold can tell
  // without going through the journey again. REQUIRES: it does not move `contactable`.
  enum class Late : std::uint8_t { kNothing, kChanged, kUnknown };
  Late AddLateEntry(const Entry& entry, bool machine);
  Late AddLateOrder(const Record& record);
  // Whether taking away this order, or changing what its fields say, could change a mark.
  bool Uses(const std::string& record) const;
  // The highest stage that an order enters; -1: none.
  int StageOf(const Record& record) const;

  void Append(std::string* out) const;
  bool Read(WireReader* reader);

 private:
  struct Cap {
    std::int64_t window = 0;
    std::int64_t used = 0;
    bool operator==(const Cap&) const = default;
  };

  std::int64_t Decayed(std::int64_t time_ms) const;
  bool Score(const Entry& entry, const FieldSource& fields);
  bool Scores(const FieldSource& fields) const;
  void Stages(const Entry& entry, const FieldSource& fields, bool created,
              const std::string& record, bool scored, std::int64_t score_before);
  void Enter(int stage, const Entry& entry, const std::string& record);
  bool CanCreate(const Entry& entry) const;
  void Goals(const Entry& entry, const FieldSource& fields);
  Late LateStages(const Entry& entry, const FieldSource& fields, bool created,
                  const std::string& record);
  bool ScoreMatters(const Moment& at) const;

  const DerivationRules* rules_;
  std::shared_ptr<const DecayTable> decay_;
  int current_ = -1;
  std::uint64_t entered_ = 0;  // bit per stage
  std::int64_t score_ = 0;     // x 2^20, as of score_hour_
  std::int64_t score_hour_ = 0;
  std::vector<Cap> caps_;
};

}  // namespace leadflow
