// Events of made-up people, as lines of the leadflow format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace leadflow::simulation {

struct B2bEvents {
  std::vector<std::string> web;  // Visits, forms and mails, with cookies and addresses.
  std::vector<std::string> crm;  // Contacts, deals, orders, costs.
};

// The same seed, the same bytes.
B2bEvents MakeB2bEvents(std::uint64_t seed);

}  // namespace leadflow::simulation
