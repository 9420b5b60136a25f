// Profile: persona, account, owner and country of a lead: the newest value of each (SEMANTICS 2).
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "operators/facts/occurrence.h"
#include "operators/journey/item.h"

namespace leadflow {

class Profile {
 public:
  struct Newest {
    std::int64_t time_ms = kNoTime;
    std::string text;
  };

  // Takes the values of an entry that lies behind all that were taken. True if a value that some
  // dimension shows changed.
  bool Take(const DerivationRules& rules, const Entry& entry);
  // Whether Take would look at anything in this entry; `newest_ms`: of the values that it carries.
  bool Carries(const DerivationRules& rules, const Entry& entry, std::int64_t* newest_ms) const;

  LeadDimensions dimensions() const {
    return {persona_, account_.text, owner_.text, country_.text};
  }
  const Newest& owner() const { return owner_; }
  const Newest& account() const { return account_; }
  const Newest& country() const { return country_; }
  std::int64_t persona_ms() const;
  // The persona of a lead whose newest traits (by number in Pipeline::names) are these.
  static std::string_view PersonaOf(const DerivationRules& rules,
                                    const std::vector<Newest>& traits);

  void Append(std::string* out) const;
  bool Read(const DerivationRules& rules, WireReader* reader);

 private:
  Newest owner_, account_, country_;
  std::vector<Newest> traits_;  // by number in Pipeline::names
  std::string_view persona_;    // name of the rule
};

// The account that an entry names: account_id, business e-mail domain or company; empty: none.
std::string AccountOf(const Pipeline& pipeline, const Entry& entry);

// Values through time, for dimensions that are taken at the event.
class ProfileTimeline {
 public:
  void Clear() { steps_.clear(); }
  // REQUIRES: in order of time
  void Add(std::int64_t time_ms, const Profile& profile) { steps_.push_back({time_ms, profile}); }
  LeadDimensions At(std::int64_t time_ms) const;
  LeadDimensions Now() const;

 private:
  struct Step {
    std::int64_t time_ms;
    Profile profile;
  };
  std::deque<Step> steps_;
};

// `at` where a dimension is taken at the event, `now` where it is the newest.
LeadDimensions Choose(const Pipeline& pipeline, const LeadDimensions& at,
                      const LeadDimensions& now);

}  // namespace leadflow
