// World: all tasks of the journeys stage and the log between them, with the production handlers.
// One seed, one run. Partitions are arbitrary merges of first-in-first-out channels, one per
// (sender, receiver); transactions may be aborted, tasks restarted.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "operators/identity/journeys_operator.h"
#include "tests/unit/identity/fakes.h"

namespace leadflow {

// A delivery as ingest knows it. `ids` strongest first; ids[0] is its home.
struct Delivery {
  std::string id;
  std::int64_t time_ms = 0;
  Kind kind = Kind::kPageView;
  std::vector<Identifier> ids;
  std::int64_t updated_ms = kNoTime;
  std::string payload = "";
  std::string others = "";  // filled by EntryOf

  std::uint64_t key() const;
};
// Borrows from the delivery.
Entry EntryOf(Delivery* delivery);
bool Claims(Kind kind);
// "e7"
std::string Numbered(const char* prefix, int number);

// What is broken on purpose, outside the production code.
enum class Mutation {
  kNone,
  kDropForward,
  kNoDedup,
  kWrongDirection,
  kSenderSubtracts,
  kMoveTwice,
  kAbortLeaks,
  kDropVoid,
  kDropPart,
};

struct WorldOptions {
  std::uint32_t partitions = 3;
  IdentityLimits limits;
  std::size_t cache_bytes = 0;
  Mutation mutation = Mutation::kNone;
  // Null: JourneyIsTheCell, the only f that Check and CheckEnd know.
  std::function<std::unique_ptr<Contribution>()> contribution = nullptr;
};

class World {
 public:
  explicit World(const WorldOptions& options);

  void SendEvent(const Identifier& to, Delivery delivery);
  void SendKeyed(MessageType type, const std::string& key, Delivery delivery);

  using Channel = std::pair<int, std::uint32_t>;
  std::vector<Channel> Busy() const;
  // One transaction of one partition: a message from each channel named.
  void Step(const std::vector<Channel>& order, bool abort);
  void Restart(std::uint32_t partition);
  // First in, first out, until nothing is left.
  void Drain();

  // The first broken invariant, empty if all hold. Between transactions; and when nothing is left.
  std::string Check();
  std::string CheckEnd(const std::vector<Delivery>& source);

  // The leads as a set of sets of event ids, of what is stored.
  std::set<std::set<std::string>> LeadsById() const;
  std::int64_t Counter(const std::string& name, const std::string& label) const;
  std::size_t messages() const { return messages_; }
  FactMap facts;

 private:
  struct Part;
  void Append(int sender, std::uint32_t to, std::string message);
  void Fail(const std::string& what) {
    if (failure_.empty()) failure_ = what;
  }
  void AddCluster(Cluster& cluster, const Identifier* root, FactMap* sum);
  void AddStored(FactMap* sum);
  void AddInFlight(FactMap* sum);
  void AddMove(const std::map<std::uint32_t, std::string>& parts, FactMap* sum, int sign);
  Identifier RootOf(Identifier identifier);
  std::set<Identifier> SharedOf(const std::vector<Delivery>& source) const;
  std::string CheckPaths();
  static Address AddressIn(std::string_view node);

  WorldOptions options_;
  std::vector<std::unique_ptr<FakeContext>> contexts_;
  std::vector<std::unique_ptr<JourneysOperator>> operators_;
  std::map<Channel, std::deque<std::string>> channels_;
  JourneyIsTheCell f_;
  std::map<std::uint64_t, int> where_;  // how often an entry is stored, by key
  std::set<std::uint64_t> live_, seen_;
  std::set<std::uint64_t> delivered_;  // kNoDedup: by key
  std::size_t messages_ = 0;
  std::string failure_;
};

// The meaning, obviously: PROTOCOL's resolve over plain deliveries.
struct PlainLeads {
  std::vector<std::set<Identifier>> leads;
  std::map<std::pair<Identifier, Identifier>, std::string> refused;
  std::set<std::uint64_t> covered;
};
PlainLeads ResolvePlainly(const std::vector<Delivery>& source, const Guards& guards,
                          const std::set<Identifier>& shared,
                          const std::set<std::pair<Identifier, Identifier>>& capped);

}  // namespace leadflow
