// What stands in for the engine and for f in the tests of the identity protocol.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/operator.h"
#include "engine/base/hash.h"
#include "operators/identity/contribution.h"
#include "tests/support/plain_store.h"

namespace leadflow {

class FakeContext final : public OperatorContext {
 public:
  struct Sent {
    OutputId output;
    std::uint32_t partition;
    std::string value;
  };
  FakeContext(std::uint32_t partition, std::uint32_t partitions)
      : partition_(partition), partitions_(partitions) {}

  PlainStore& fake_store() { return store_; }
  KeyedStore& store() override { return store_; }
  std::uint32_t partition() const override { return partition_; }
  std::uint32_t partitions() const override { return partitions_; }
  void Emit(OutputId output, std::uint64_t hash, std::string_view value) override {
    sent.push_back({output, PartitionOf(hash, partitions_), std::string(value)});
  }
  void Reject(std::string_view, std::string_view, std::string_view reason,
              std::string_view) override {
    rejected.emplace_back(reason);
  }
  void Count(std::string_view name, std::string_view label, std::int64_t by) override {
    counters[{std::string(name), std::string(label)}] += by;
  }
  std::int64_t watermark_ms() const override { return watermark; }
  std::int64_t wall_ms() const override { return 0; }

  std::vector<Sent> sent;
  std::vector<std::string> rejected;
  std::map<std::pair<std::string, std::string>, std::int64_t> counters;
  std::int64_t watermark = std::numeric_limits<std::int64_t>::min();

 private:
  PlainStore store_;
  std::uint32_t partition_, partitions_;
};

class FactMap final : public FactSink {
 public:
  void Add(std::string_view group, std::string_view component, std::int64_t delta) override {
    std::int64_t& cell = cells[{std::string(group), std::string(component)}];
    cell += delta;
    if (cell == 0) cells.erase({std::string(group), std::string(component)});
  }
  std::map<std::pair<std::string, std::string>, std::int64_t> cells;
};

// The strongest f there is: the journey itself is the cell. If the multiset of journeys is right,
// every other pure f of a journey is. Its "incremental" half needs the state that it left, as the
// real one, and adds nothing before Settle.
class JourneyIsTheCell final : public Contribution {
 public:
  Status Batch(Journey& journey, const HomeFilter& in, int sign, FactSink& sink) const override {
    if (Owes(journey)) return {ErrorCode::kFailedPrecondition, "the journey is not settled"};
    Add(journey, in, sign, sink);
    return Status();
  }
  Result<bool> ApplyEntry(Journey& journey, const Entry& entry, FactSink& sink) override {
    auto stored = journey.Find(entry.key, entry.time_ms);
    if (!stored.ok()) return stored.status();
    if (stored->has_value() && !Stands(entry, **stored)) return false;
    LEADFLOW_RETURN_IF_ERROR(Apply(journey, sink, [&] { return journey.Insert(entry); }));
    return true;
  }
  Status ApplyRecord(Journey& journey, const Record& record, FactSink& sink) override {
    return Apply(journey, sink, [&] {
      journey.PutRecord(record);
      return Status();
    });
  }
  Status TakeBackRecord(Journey& journey, const std::string& id, FactSink& sink) override {
    return Apply(journey, sink, [&] {
      journey.RemoveRecord(id);
      return Status();
    });
  }
  Status Settle(Journey& journey, FactSink& sink) override {
    if (!Owes(journey)) return Status();
    Add(journey, nullptr, 1, sink);
    return Rebuild(journey);
  }
  Status Rebuild(Journey& journey) override {
    *journey.mutable_state() = CellOf(journey, nullptr);
    return Status();
  }
  void Unowned(const Record& record, int sign, FactSink& sink) const override {
    sink.Add("unowned", CellOf(record), sign);
  }
  void Standalone(const Entry& entry, int sign, FactSink& sink) const override {
    std::string cell = entry.id.ToString();
    cell.append(":").append(entry.fields);
    sink.Add("standalone", cell, sign);
  }

  static std::string CellOf(const Entry& entry) {
    if (entry.erased() || entry.kind == Kind::kErase || entry.kind == Kind::kUnlink) return {};
    std::string cell = "[";
    cell.append(entry.id.ToString()).append(":").append(entry.fields).append("]");
    return cell;
  }
  static std::string CellOf(const Record& record) {
    std::string cell = "<";
    cell.append(record.id).append("=").append(std::to_string(record.net_minor)).append(">");
    return cell;
  }
  static std::string CellOf(Journey& journey, const HomeFilter& in) {
    std::string cell;
    const Status read =
        journey.ForEach(std::numeric_limits<std::int64_t>::min(),
                        std::numeric_limits<std::int64_t>::max(), [&](const Entry& entry) {
                          if (!in || in(entry.home)) cell += CellOf(entry);
                          return true;
                        });
    if (!read.ok()) return "unreadable";
    for (const auto& [id, record] : journey.records()) {
      if (!in || in(record.home)) cell += CellOf(record);
    }
    return cell;
  }

 private:
  static constexpr char kOwes = '!';

  static bool Owes(const Journey& journey) { return journey.state().starts_with(kOwes); }
  static void Add(Journey& journey, const HomeFilter& in, int sign, FactSink& sink) {
    if (const std::string cell = CellOf(journey, in); !cell.empty()) sink.Add("lead", cell, sign);
  }
  template <class Change>
  static Status Apply(Journey& journey, FactSink& sink, const Change& change) {
    const std::string cell = CellOf(journey, nullptr);
    if (!Owes(journey)) {
      Add(journey, nullptr, -1, sink);
    }
    if (journey.state() != (Owes(journey) ? kOwes + cell : cell)) {
      return {ErrorCode::kFailedPrecondition, "state of the journey is not that of its lead"};
    }
    LEADFLOW_RETURN_IF_ERROR(change());
    *journey.mutable_state() = kOwes + CellOf(journey, nullptr);
    return Status();
  }
};

}  // namespace leadflow
