// Who is a lead: a pure function of the links, words and erasures that the events of one cluster
// claim. The order in which the events arrived never decides; the same set gives the same leads.
//
// LinkTable is that set, reduced to what decides: for each pair the first event that claims it (and
// the first after each erasure), because guards only get stricter while leads grow, so a later
// claim of the same pair decides as the first did. Events themselves are not needed. Not
// thread-safe.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operators/event/entry.h"

namespace leadflow {

// The place of an event in the order of entries; `position`: of a link within its event.
struct EventOrder {
  std::int64_t time_ms = 0;
  bool erase = false;
  std::uint8_t source = 0;
  EventId id;
  std::uint64_t key = 0;
  std::uint8_t position = 0;

  static EventOrder Of(const Entry& entry, int position = 0);
  auto operator<=>(const EventOrder&) const = default;
};
// Where `entry` lies against `order`, without making an EventOrder.
std::strong_ordering CompareOrder(const Entry& entry, int position, const EventOrder& order);

struct Guards {
  std::uint32_t unique_types = 0;  // bit per IdentifierType
  int max_identifiers = 50;
};

enum class Refusal : std::uint8_t {
  kNone = 0,
  kShared,
  kUnlinked,
  kCapacity,
  kUnique,
  kMaxIdentifiers,
};
std::string_view RefusalName(Refusal refusal);

class LinkTable {
 public:
  static constexpr std::uint8_t kMember = 1;  // the cluster answers for it
  static constexpr std::uint8_t kHome = 2;    // some entry or record here belongs to it
  static constexpr std::uint8_t kShared = 4;  // links nobody
  // Beyond this an event with a new link is refused.
  static constexpr std::size_t kMaxLinks = 4096;

  struct Named {
    Identifier identifier;
    std::uint8_t flags = 0;
  };
  struct Link {
    static constexpr std::uint8_t kCounted = 1;  // the owner of `other` was told
    static constexpr std::uint8_t kJoined = 2;   // ... and that it is accepted
    static constexpr std::uint8_t kCapped = 4;   // refused for capacity
    std::uint32_t home = 0, other = 0;           // index of the identifier
    std::uint8_t flags = 0;
    std::vector<EventOrder> claims;  // ascending; at most one between two erasures
  };
  struct Word {
    std::uint32_t home = 0, other = 0;
    bool unlink = false;
    EventOrder order;
  };
  struct Erasure {
    std::uint32_t identifier = 0;
    EventOrder order;
  };

  bool empty() const { return named_.empty(); }
  std::span<const Named> named() const { return named_; }
  std::span<const Link> links() const { return links_; }
  std::span<const Word> words() const { return words_; }
  std::span<const Erasure> erasures() const { return erasures_; }  // in order
  std::size_t living() const;  // identifiers that are members or homes

  std::optional<std::uint32_t> Find(const Identifier& identifier) const;
  bool Has(const Identifier& identifier, std::uint8_t flags) const;
  // Sets flags; adds the identifier if it is new. True if that changed anything.
  bool Mark(const Identifier& identifier, std::uint8_t flags);

  // What an entry adds. Homes, links and words; an erasure only marks: see NoteErasure.
  void AddEntry(const Entry& entry);
  // True if AddEntry would change nothing and the entry is no erasure.
  bool Knows(const Entry& entry) const;
  std::size_t NewLinks(const Entry& entry) const;

  // Flags of the link; false if there is no such link.
  bool MarkLink(const Identifier& home, const Identifier& other, std::uint8_t flags);
  void MarkLink(std::size_t link, std::uint8_t flags) { links_[link].flags |= flags; }

  // Adds all of `other` but its claims, words and homes if `with_claims` is false.
  void Unite(const LinkTable& other, bool with_claims);

  // To build the claims anew from all entries: forgets homes, claims, words and erasures. Then add
  // erasures, then entries; then DropUnclaimed.
  void ForgetClaims();
  void AddErasure(const Entry& entry);
  void DropUnclaimed();

  void Append(std::string* out) const;
  bool Read(std::string_view* bytes);
  std::size_t memory_bytes() const;

 private:
  std::uint32_t Intern(const Identifier& identifier);
  std::size_t InternLink(std::uint32_t home, std::uint32_t other);
  std::optional<std::size_t> FindLink(std::uint32_t home, std::uint32_t other) const;
  std::size_t Interval(const EventOrder& order) const;
  bool Claim(Link* link, EventOrder order);
  void Say(Word word);

  std::vector<Named> named_;
  std::vector<Link> links_;  // sorted by (home, other)
  std::vector<Word> words_;
  std::vector<Erasure> erasures_;
};

struct Resolution {
  std::vector<std::uint32_t> lead;  // per identifier of the table
  std::uint32_t leads = 0;          // with at least one home; numbered first
  struct Decision {
    bool accepted = false;             // at any of its events
    Refusal refusal = Refusal::kNone;  // of the last decision
  };
  std::vector<Decision> decisions;  // per link of the table
  struct Cover {
    EventOrder before;              // every entry before it ...
    std::vector<Identifier> homes;  // ... of these homes, ascending, is covered by the erasure
  };
  std::vector<Cover> covers;

  bool Covers(const Entry& entry) const;
  bool CoversRecord(const Identifier& home, std::int64_t time_ms) const;
};

Resolution Resolve(const LinkTable& table, const Guards& guards);

}  // namespace leadflow
