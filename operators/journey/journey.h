// Journey: all entries of one cluster in order, in chunks of a calendar month (UTC), and the
// records that were put there. Chunks are loaded when they are touched and written back only when
// they changed, so the cost of an event does not depend on the length of the journey.
//
// Entries handed out borrow their bytes from the journey: they stay valid until ClearDirty,
// DropCleanChunks or the end of the journey, also when the entry is replaced. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "operators/event/entry.h"
#include "operators/journey/visitor.h"

namespace leadflow {

// An order or a deal as its owner computed it from all its versions, refunds and cancellation; the
// newest one that was put stands. A removed record (cancelled, fully refunded) stays, with
// counts=false.
struct Record {
  std::string id;             // "order/<id>", "deal/<id>"
  Kind kind = Kind::kOrder;   // kOrder or kDealChange
  std::uint64_t version = 0;  // rises with every change at the owner
  std::uint8_t source = 0;
  std::int64_t time_ms = 0;  // of the order; of the deal's close if it is closed
  bool counts = true;        // stands as an order / open, won or lost deal
  std::int64_t gross_minor = 0;
  std::int64_t net_minor = 0;  // gross - refunds, same currency
  std::string currency;        // empty: no amount
  std::string fields;          // of the version in force, see FieldsView
  Identifier home;             // whom it is put to; all zero: nobody (Unattributed)
  std::string event_id;        // of the version in force
  struct Refund {
    std::int64_t time_ms = 0;
    std::int64_t minor = 0;  // what it took, after the cap by what was left
    bool removes = false;    // a cancel, or the refund that left nothing
  };
  std::vector<Refund> refunds;  // in order of (time, id)
};
void AppendRecord(const Record& record, std::string* out);
bool ReadRecord(std::string_view* bytes, Record* record);

// What f made of the state's bytes; kept with the journey until ClearDirty, so that the bytes are
// read once and written once between two commits. After that the bytes take less memory.
class DecodedState {
 public:
  virtual ~DecodedState() = default;
  virtual void Encode(std::string* out) const = 0;
  virtual std::size_t memory_bytes() const = 0;  // about
};

class Journey {
 public:
  // Reads the bytes of the chunk that begins at a key; nullopt: gone (corruption).
  using LoadChunk = std::function<Result<std::optional<std::string>>(std::int64_t chunk)>;

  explicit Journey(LoadChunk load);
  ~Journey();
  Journey(Journey&&) noexcept;
  Journey& operator=(Journey&&) noexcept;

  std::uint64_t size() const;  // entries, erased ones included
  bool empty() const { return size() == 0 && records().empty(); }

  // The entry with this key at this time, if there is one. Reads one chunk.
  Result<std::optional<Entry>> Find(std::uint64_t key, std::int64_t time_ms);

  // Copies `entry` in; replaces the one with the same key and time. Chunks split above 256 entries.
  Status Insert(const Entry& entry);

  // Drops the payload of an entry for good (keeps key, time, kind, hashes). REQUIRES: it is there.
  Status Erase(std::uint64_t key, std::int64_t time_ms);
  // Removes an entry wholly (expiry).
  Status Remove(std::uint64_t key, std::int64_t time_ms);

  // Entries with from <= time <= to, in order; visit returns false to stop. REQUIRES: `visit`
  // leaves the journey as it is.
  Status ForEach(std::int64_t from_ms, std::int64_t to_ms, Visitor<bool(const Entry&)> visit);
  // The same, newest first.
  Status ForEachBackward(std::int64_t from_ms, std::int64_t to_ms,
                         Visitor<bool(const Entry&)> visit);

  // The same for those of some kinds (bit per Kind). `note` is a number that the journey keeps for
  // its reader in memory, beside the entry: 0 until it is set, 0 again after loading.
  using NotedVisitor = Visitor<bool(const Entry&, std::uint16_t& note)>;
  Status ForEachOf(std::uint64_t kinds, std::int64_t from_ms, std::int64_t to_ms,
                   NotedVisitor visit);
  Status ForEachOfBackward(std::uint64_t kinds, std::int64_t from_ms, std::int64_t to_ms,
                           NotedVisitor visit);
  // Time of the newest and oldest entry; kNoTime if empty. Reads nothing.
  std::int64_t newest_ms() const;
  std::int64_t oldest_ms() const;

  const std::map<std::string, Record>& records() const;
  void PutRecord(Record record);  // by id
  void RemoveRecord(const std::string& id);

  // What f keeps between events to be incremental; see lead_function.h. Opaque here; written with
  // the head. Set it through mutable_state so that the head is written.
  const std::string& state() const;
  std::string* mutable_state();
  // The state in another form; nullptr: there is none, read state(). The bytes follow it from Keep
  // on: Encode is called when they are asked for after StateChanged.
  DecodedState* decoded() const;
  void Keep(std::unique_ptr<DecodedState> decoded);
  void StateChanged();

  // Persistence. The head holds the directory of chunks, records and state, and the last chunk if
  // it is small.
  static Result<Journey> Decode(std::string_view head, LoadChunk load);
  void AppendHead(std::string* out) const;
  bool head_dirty() const;
  // Chunks changed since ClearDirty: key -> bytes, nullopt: the chunk is gone.
  void VisitDirtyChunks(
      const std::function<void(std::int64_t chunk, std::optional<std::string_view> bytes)>& visit);
  void ClearDirty();

  // Memory, in bytes; DropCleanChunks frees loaded chunks that are not dirty, and what is decoded.
  std::size_t memory_bytes() const;
  void DropCleanChunks();

  // Brings what an event at the end touches near the processor. Step i + 1 reads what step i asked
  // for; calls for many journeys a step at a time wait for memory together.
  static constexpr int kPrefetchSteps = 4;
  void Prefetch(int step) const;

 private:
  struct Impl;
  void DropDecoded();

  std::unique_ptr<Impl> impl_;
};

}  // namespace leadflow
