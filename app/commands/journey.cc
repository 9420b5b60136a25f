#include <cstdio>

#include "app/commands/commands.h"
#include "app/state_reader.h"
#include "operators/identity/stored_leads.h"
#include "operators/journey/lead_function.h"

namespace leadflow::app {

int ShowJourney(const StateOptions& options, const std::string& lead) {
  const std::optional<LeadName> name = ParseLeadName(lead);
  if (!name) {
    std::fprintf(stderr,
                 "`%s` names no identifier; write an e-mail address, or TYPE:VALUE with a type of "
                 "crm_contact_id, customer_id, email, user_id, phone, card_id, anonymous_id\n",
                 lead.c_str());
    return kFailed;
  }
  int code = kDone;
  const std::unique_ptr<StateReader> state = StateReader::Open(options, &code);
  if (state == nullptr) return code;
  const Identifier identifier =
      HashIdentifier(KeyedHash(state->key()), {name->type, name->space, name->value});
  StoredLeads leads(state->pipeline(), state->journeys());
  const auto found = leads.Find(identifier);
  if (!found.ok() || !*found) {
    std::fprintf(stderr, "%s\n",
                 found.ok() ? ("nothing is known of " + lead).c_str()
                            : std::string(found.status().message()).c_str());
    return kFailed;
  }
  const auto lines = LeadFunction(state->pipeline()).Explain(*(*found)->journey, (*found)->in);
  if (!lines.ok()) {
    std::fprintf(stderr, "error: %s\n", std::string(lines.status().message()).c_str());
    return kFailed;
  }
  for (const LeadFunction::Line& line : *lines) {
    std::printf("%-25s  %-28s %-16s %-24s %s\n",
                state->pipeline().zone.Format(line.time_ms).c_str(), line.what.c_str(),
                line.channel.c_str(), line.campaign.c_str(), line.detail.c_str());
  }
  return kDone;
}

}  // namespace leadflow::app
