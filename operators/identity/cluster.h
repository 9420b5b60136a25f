// What a task stores, decoded: addresses of identifiers and clusters; and NodeStore, the cache of
// both in front of the task's KeyedStore. Not thread-safe.
//
//   'N' identifier            its node in one piece: Address, if there is anything to say; of a
//   root,
//                             the LinkTable, unless the cluster is one identifier without links,
//                             and the head of the cluster's Journey
//   'K' root chunk            chunks of the cluster's Journey
//   'S' root, move, part      parts of a move that is not complete
//   'R' key, 'X' key          records and standalone entries, see record.h
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/status.h"
#include "engine/state/keyed_store.h"
#include "operators/identity/resolve.h"
#include "operators/journey/journey.h"

namespace leadflow {

// What the owner of an identifier knows about it. An identifier without any is an empty root.
struct Address {
  std::optional<Identifier> pointer;  // where its events lie; none: here
  bool shared = false;                // claimed by too many homes: links nobody
  std::uint64_t moves = 0;            // how often a cluster left from here
  std::vector<Identifier> homes;      // that claim it, ascending; empty once shared

  bool empty() const { return !pointer && !shared && moves == 0 && homes.empty(); }
  void Append(std::string* out) const;
  bool Read(std::string_view bytes);
};

struct Cluster {
  explicit Cluster(Journey loaded) : journey(std::move(loaded)) {}

  Journey journey;

  // Empty: every entry and record belongs to the root, and nothing links.
  const LinkTable& table() const;
  const Resolution& resolution() const;  // of the table
  void SetLinks(LinkTable table, Resolution resolution);
  std::size_t links_bytes() const;

 private:
  struct Links {
    LinkTable table;
    Resolution resolution;
  };
  std::unique_ptr<Links> links_;  // null: most clusters are one identifier
};

// An identifier at its owner.
struct Node {
  Identifier id;
  Address address;
  std::unique_ptr<Cluster> cluster;  // null: none; never beside a pointer
  bool head_dirty = false;           // address, links or existence differ from what the store holds
  bool dirty = false;                // differs from what the store holds
  bool used = false;                 // since the clock hand passed
  std::uint32_t slot = 0;            // in its NodeStore
  std::uint32_t changed = 0;         // number of the transaction that changed it last
  std::size_t bytes = 0;             // as last counted
};

class NodeStore {
 public:
  // Keeps about `budget_bytes`; what changed since the last Write is kept beyond that.
  // `before_write` completes a journey that is about to be written; null: nothing to do.
  using BeforeWrite = std::function<Status(Journey& journey)>;
  NodeStore(KeyedStore* store, const Guards& guards, std::size_t budget_bytes,
            BeforeWrite before_write = nullptr)
      : store_(*store),
        guards_(guards),
        budget_(budget_bytes),
        before_write_(std::move(before_write)) {}

  // The nodes of `identifiers`, in their order; those that are not here are read by one look-up.
  // Valid until Trim or Abort.
  Status GetAll(std::span<const Identifier> identifiers, std::vector<Node*>* nodes);
  Result<Node*> Get(const Identifier& identifier);

  Cluster& Make(Node* node);         // REQUIRES: node->cluster == nullptr
  Status RemoveCluster(Node* node);  // with everything stored of it
  void Touch(Node* node);            // call after each change of a node

  // Stages what changed in the store: everything, or only nodes that are small, for which once more
  // costs little. Status of a broken store only.
  Status Write();
  Status WriteSmall();
  // What changed so far is on its way in a transaction, which Committed is about.
  void Sealed();
  void Committed();
  void Aborted();  // What is on its way, too.
  // Lets go of nodes beyond the budget, of changed ones only far beyond it: they are written first.
  Status Trim();

  KeyedStore& store() { return store_; }
  // Counts the memory of a node anew: after reading much of its journey.
  void Measure(Node* node);

  std::size_t bytes() const { return bytes_; }
  std::size_t size() const { return index_.size(); }

 private:
  Node* Insert(const Identifier& identifier);
  Status Load(std::vector<Identifier> missing);
  Status Fill(Node* node, const std::optional<std::string>& bytes);
  Status WriteUpTo(std::size_t bytes);
  Status WriteNode(Node* node);
  void EncodeNode(const Node& node);
  void SetKey(char kind, const Identifier& identifier);
  void Drop(std::size_t slot);
  static void Prefetch(std::span<Node* const> nodes);
  Journey::LoadChunk Loader(const Node* node);

  KeyedStore& store_;
  const Guards guards_;
  const std::size_t budget_;
  const BeforeWrite before_write_;
  absl::flat_hash_map<Identifier, Node*, IdentifierHasher> index_;
  std::vector<std::unique_ptr<Node>> slots_;  // null: free
  std::vector<std::uint32_t> free_;
  std::vector<Node*> dirty_;         // to write
  std::vector<Identifier> changed_;  // by the open transaction
  std::vector<Identifier> sealed_;   // by the one that is on its way
  bool is_sealed_ = false;
  std::uint32_t transaction_ = 1;
  std::size_t hand_ = 0;
  std::size_t bytes_ = 0;
  std::string key_, value_, part_;  // reused
};

std::string StateKey(char kind, const Identifier& identifier, std::string_view rest = {});

// A moved cluster on the wire. Part 0 begins with the table; then tagged entries and records.
// Fails with kFailedPrecondition if all parts together are longer than `max_bytes`.
Result<std::vector<std::string>> EncodeMove(Cluster& cluster, const LinkTable& table,
                                            std::size_t part_bytes, std::size_t max_bytes);
struct MoveContent {
  LinkTable table;
  std::vector<Entry> entries;  // borrowed from the parts
  std::vector<Record> records;
};
bool DecodeMovePart(std::string_view part, bool first, MoveContent* content);

}  // namespace leadflow
