// Fact: a signed change of one integer of one row group. What the journeys stage sends to the kpis
// stage, and the only thing that crosses that border.
//
//   group      kpi, window, the dimensions that the row runs not along, currency of money rows
//   component  which integer of the group: a slot of the measure, a bucket of a histogram, ...
//
// A message is one or more facts, one behind the other. Its hash is Hash64(group): facts of groups
// that differ may share a message only if they go to the same partition.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace leadflow {

// Where facts go. Adds up; the order of calls means nothing.
class FactSink {
 public:
  virtual ~FactSink() = default;
  // The bytes are borrowed for the call.
  virtual void Add(std::string_view group, std::string_view component, std::int64_t delta) = 0;
};

// Takes back what is added to it.
class NegatedFacts final : public FactSink {
 public:
  // `sink` outlives it.
  explicit NegatedFacts(FactSink* sink) : sink_(*sink) {}
  void Add(std::string_view group, std::string_view component, std::int64_t delta) override {
    sink_.Add(group, component, -delta);
  }

 private:
  FactSink& sink_;
};

// Appends the wire form: group and component (length and bytes), delta (zigzag).
void AppendFact(std::string_view group, std::string_view component, std::int64_t delta,
                std::string* out);

struct Fact {
  std::string_view group;  // borrowed from the message
  std::string_view component;
  std::int64_t delta = 0;
};
// Takes one fact off the front of `bytes`. False: these bytes are no fact.
bool ReadFact(std::string_view* bytes, Fact* fact);

// The head of every group: Hash64 of the KPI's name, start of the window. What follows are the
// dimensions in the order of `by` (length and bytes; without the one that shares run along), then
// the currency of money rows.
void AppendGroupHead(std::uint64_t kpi, std::int64_t window_start_ms, std::string* out);
bool ReadGroupHead(std::string_view* bytes, std::uint64_t* kpi, std::int64_t* window_start_ms);

// A component: slot of the leaf (varint), kind (byte), the value that shares run along (length and
// bytes; only in KPIs that have one), payload.
enum class ComponentKind : std::uint8_t {
  kSum = 0,      // no payload: the count or the sum
  kCount = 1,    // no payload: how many values a mean is made of
  kBucket = 2,   // payload zigzag: how many values round to this one, see QuantileBucket
  kAccount = 3,  // payload text: how often this account occurs
};
struct Component {
  std::uint64_t slot = 0;
  ComponentKind kind = ComponentKind::kSum;
  std::string_view along;
  std::int64_t bucket = 0;   // kBucket
  std::string_view account;  // kAccount
};
void AppendComponent(const Component& component, bool with_along, std::string* out);
bool ReadComponent(std::string_view bytes, bool with_along, Component* component);

// What quantiles remember of a value: its 8 highest bits, the rest 0; negative values like
// positive.
std::int64_t QuantileBucket(std::int64_t value);

}  // namespace leadflow
