// Protocol: the handlers of the messages between owners of identifiers. Each is one step of the
// identity protocol; whatever is accepted as linked comes to lie in one cluster, at the root that
// the pointers of its identifiers lead to. Pointers go up the placement order only, and a cluster
// that moves leaves in the same transaction that sets the pointer; so an event is in exactly one
// cluster, and nobody is counted twice or not at all, not even for a moment.
//
// Facts: what a cluster contributes is the sum of f over its leads; every change emits
// f(after) - f(before), and the arrival of a moved cluster f(both) - f(one) - f(other).
// Needs first-in-first-out from a task to a partition. One instance per task; not thread-safe.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/operator.h"
#include "operators/identity/cluster.h"
#include "operators/identity/contribution.h"
#include "operators/identity/message.h"
#include "operators/identity/resolve.h"

namespace leadflow {

struct IdentityLimits {
  Guards guards;
  std::size_t max_shared = 20;     // homes that may claim an identifier
  std::size_t max_cluster = 1000;  // identifiers that one place may hold
  std::size_t max_move_bytes = std::size_t{64} << 20;
  std::size_t part_bytes = std::size_t{256} << 10;
  std::uint64_t max_entries = 500'000;  // of a cluster
  bool erase_keeps_counts = false;
  std::vector<std::string> source_names;  // by rank; for dead letters
  // Events older than this before the watermark are refused.
  std::int64_t horizon_ms = std::numeric_limits<std::int64_t>::max();
  // Any total order is correct; all tasks must use the same for ever.
  bool (*higher)(const Identifier&, const Identifier&) = HigherInPlacement;
};

// Hands an entry to the dead letters. What is left of it here are its id and kind.
void RefuseEntry(const Entry& entry, std::string_view reason,
                 const std::vector<std::string>& source_names, OperatorContext* context);

class Protocol {
 public:
  // All outlive it. `facts` takes what changes.
  Protocol(OperatorContext* context, NodeStore* nodes, Contribution* contribution,
           const IdentityLimits& limits, FactSink* facts)
      : context_(*context), nodes_(*nodes), f_(*contribution), limits_(limits), facts_(*facts) {}

  // Handles one message to an identifier that this task owns; `node` is that of head.to.
  // kCorruption: bytes of the store; kInternal: bytes of the message.
  Status Handle(const MessageHead& head, Node* node);

 private:
  struct Arrival;
  struct Change;
  struct Leads;
  struct Strip;

  Status OnEvent(const MessageHead& head, Node* node);
  Status OnLinkedEvent(const MessageHead& head, Node* node, const EventMessage& message);
  Status ApplyKnown(const MessageHead& head, Node* node, const Entry& entry);
  Status OnLink(const MessageHead& head, Node* node);
  Status OnJoin(const MessageHead& head, Node* node);
  Status MoveAway(const MessageHead& head, Node* node, const JoinMessage& join);
  Status RelayStaged(Node* node, const Identifier& to);
  Status OnMove(const MessageHead& head, Node* node);
  Status Stage(Node* node, const MoveMessage& move, std::vector<std::string>* all, bool* complete);
  Status Arrive(const MessageHead& head, Node* node, MoveContent* content);
  Status OnVoid(const MessageHead& head, Node* node);
  Status OnPut(const MessageHead& head, Node* node);
  Status OnTakeBack(const MessageHead& head, Node* node);

  // The common end of every change: see protocol_update.cc.
  Status Update(Node* node, Change* change);
  Status ApplyOne(Node* node, const Change& change);
  Status ApplyAll(Node* node, Change* change, const Leads& before, const Leads& after,
                  const Strip& strip);
  Status Mutate(Cluster* cluster, Change* change, const Resolution& after);
  Status StripCovered(Cluster* cluster, Change* change, const Strip& strip);
  Status FindCovered(Cluster* cluster, const Change& change, const Resolution& after,
                     Strip* strip) const;
  void Tell(Node* node, LinkTable* table, const Resolution& resolution);
  void CountRefused(const Change& change, const Resolution& before, const Resolution& after);

  // The table of a cluster that may have none yet, with `x` and the path as members.
  LinkTable TableOf(const Node& node, const MessageHead& head) const;
  // Builds the claims of `table` from the entries of the journeys; `extra` stands for the stored
  // entry with its key, if there is one.
  Status Recollect(LinkTable* table, const std::vector<Journey*>& journeys, const Entry* extra);
  void Send(const Identifier& to) { context_.Emit(OutputId::kEvents, to.hash(), out_); }
  void SendVoid(const Identifier& to, const Identifier& home, const Identifier& weak,
                VoidMessage::Why why);
  bool Expired(std::int64_t time_ms) const;
  void Refuse(const Entry& entry, std::string_view reason) {
    RefuseEntry(entry, reason, limits_.source_names, &context_);
  }

  OperatorContext& context_;
  NodeStore& nodes_;
  Contribution& f_;
  const IdentityLimits limits_;
  FactSink& facts_;
  std::string out_;  // reused
};

}  // namespace leadflow
