// ChannelRules: which channel a touch belongs to: the first rule of `channels:` that matches its
// fields. What no rule matches is `Other`.
//
// Rules that cannot match a kind are left out by a table made once, and a rule that nothing but the
// kind decides is not evaluated at all. Immutable, thread-safe.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/config/expression.h"
#include "operators/event/entry.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

// Read by channel rules only: names of sites, derived from `referrer`, `page.url` and `utm.source`.
inline constexpr int kSlotReferrerHost = 80;  // "www.google.de"; null on the page's own host
inline constexpr int kSlotReferrerSite = 81;  // "google"; null if referrer.host is
inline constexpr int kSlotSourceSite = 82;    // of utm.source, a name or a host: "google"

// "www.google.co.uk" -> "google", "t.co" -> "t.co", "google" -> "google"; empty if there is none.
// Lower case in, lower case out. Exported for tests.
std::string_view SiteOfHost(std::string_view host);

class ChannelRules final {
 public:
  // `pipeline` outlives it.
  explicit ChannelRules(const Pipeline& pipeline);

  // Valid as long as the pipeline. `fields` answers kSlotKind and the fields that rules read.
  std::string_view Channel(const FieldSource& fields, EvalArena& arena) const;
  // The same where the kind is known. REQUIRES: it is that of `fields`.
  std::string_view Channel(Kind kind, const FieldSource& fields, EvalArena& arena) const;

 private:
  struct Candidate {
    std::uint16_t rule;
    bool always;  // matches every event of the kind
  };
  const Pipeline& pipeline_;
  std::vector<std::vector<Candidate>> table_;  // by Kind: rules that may match, in order
};

}  // namespace leadflow
