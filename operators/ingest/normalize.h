// Normalizer: brings the texts of an event into the form in which they are compared and shown.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "operators/event/event.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

// Without white space at both ends.
std::string_view Trim(std::string_view text);

// ASCII and Latin letters with accents in lower case; `text` itself if nothing changes, else kept
// in `event`.
std::string_view Lower(std::string_view text, Event& event);

class Normalizer {
 public:
  // `pipeline` outlives it.
  explicit Normalizer(const Pipeline& pipeline);

  // Identifiers trimmed, e-mail in lower case, empty ones removed; utm in lower case, `(direct)`
  // and the like removed; `campaign` from utm and after the alias table; path, url without query,
  // referrer without path; the company domain of an e-mail.
  void Normalize(Event& event) const;

  // The company domain of the e-mail that the event has now; for when identifiers were removed.
  void EmailDomain(Event& event) const;

 private:
  void Identifiers(Event& event) const;
  void Campaign(Event& event) const;
  void Urls(Event& event) const;

  const Pipeline& pipeline_;
  std::unordered_map<std::string_view, std::string_view> aliases_;
  bool email_domain_ = false;
};

// The domain of an address that may be a company's; empty: none, or one of `providers`.
std::string_view CompanyDomain(std::string_view email,
                               const std::unordered_set<std::string>& providers);

}  // namespace leadflow
