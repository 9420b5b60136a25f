// The journey of one lead of an open state, as text on standard output: of `leadflow journey` and
// at the end of `leadflow report`.
#pragma once

#include <optional>
#include <string>

#include "app/state_reader.h"

namespace leadflow::app {

// Says on standard error what is wrong with `lead` if it names no identifier.
std::optional<LeadName> NamedLead(const std::string& lead);

// Returns the exit code; `lead`: what the user called it. `all`: every event, not only what tells.
int PrintJourney(const StateReader& state, const LeadName& name, const std::string& lead, bool all);

}  // namespace leadflow::app
