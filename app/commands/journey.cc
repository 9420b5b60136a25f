#include <algorithm>
#include <cstdio>

#include "app/commands/commands.h"
#include "app/commands/print_journey.h"
#include "app/state_reader.h"
#include "app/text_table.h"
#include "operators/identity/stored_leads.h"
#include "operators/journey/lead_function.h"

namespace leadflow::app {
namespace {

// Events that another line tells already, or that say nothing about a lead's way.
bool IsDetail(const LeadFunction::Line& line) {
  constexpr const char* kDetails[] = {"page_view",       "page_ping",   "email_sent",
                                      "email_delivered", "order event", "deal_change",
                                      "stage_change"};
  return std::any_of(std::begin(kDetails), std::end(kDetails),
                     [&](const char* what) { return line.what == what; });
}

// "2026-03-01T10:00:00+01:00" -> "2026-03-01 10:00"
std::string Minute(const Pipeline& pipeline, std::int64_t time_ms) {
  std::string text = pipeline.zone.Format(time_ms).substr(0, 16);
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text;
}

std::string Trimmed(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

// One row per touch, one column per model, in percent of the conversion.
void PrintCredits(const Pipeline& pipeline, const LeadFunction::Line& line) {
  if (line.credits.empty()) {
    std::printf("      no touch within the lookback: unattributed\n");
    return;
  }
  const auto width = [](const ModelSpec& model) {
    return std::max<std::size_t>(model.name.size(), 7);
  };
  std::string head = "      " + Left("credit in %", 46);
  for (const ModelSpec& model : pipeline.attribution.models)
    head += "  " + Right(model.name, width(model));
  std::printf("%s\n", head.c_str());
  for (const LeadFunction::Credit& credit : line.credits) {
    const std::string from =
        credit.campaign.empty() ? credit.channel : credit.channel + ", " + credit.campaign;
    std::string text = "      " + Left(Minute(pipeline, credit.time_ms) + "  " + from, 46);
    for (std::size_t m = 0; m < credit.shares.size(); ++m) {
      text += "  " + Right(credit.shares[m] == "0.0" ? "-" : credit.shares[m],
                           width(pipeline.attribution.models[m]));
    }
    std::printf("%s\n", text.c_str());
  }
}

void PrintLine(const Pipeline& pipeline, const LeadFunction::Line& line) {
  const bool goal = line.what.starts_with("goal ");
  const std::string text = Minute(pipeline, line.time_ms) + "  " + Left(line.what, 20) + " " +
                           Left(line.channel, 16) + " " + Left(line.campaign, 22) + " " +
                           (goal ? "" : line.detail);
  std::printf("%s\n", Trimmed(text).c_str());
  if (goal) PrintCredits(pipeline, line);
}

}  // namespace

std::optional<LeadName> NamedLead(const std::string& lead) {
  std::optional<LeadName> name = ParseLeadName(lead);
  if (!name) {
    std::fprintf(stderr,
                 "`%s` names no identifier; write an e-mail address, or TYPE:VALUE with a type of "
                 "crm_contact_id, customer_id, email, user_id, phone, card_id, anonymous_id\n",
                 lead.c_str());
  }
  return name;
}

int ShowJourney(const StateOptions& options, const std::string& lead, bool all) {
  const std::optional<LeadName> name = NamedLead(lead);
  if (!name) return kFailed;
  int code = kDone;
  const std::unique_ptr<StateReader> state = StateReader::Open(options, &code);
  return state == nullptr ? code : PrintJourney(*state, *name, lead, all);
}

int PrintJourney(const StateReader& state, const LeadName& name, const std::string& lead,
                 bool all) {
  const Identifier identifier =
      HashIdentifier(KeyedHash(state.key()), {name.type, name.space, name.value});
  StoredLeads leads(state.pipeline(), state.journeys());
  const auto found = leads.Find(identifier);
  if (!found.ok()) return Failed(found.status());
  if (!*found) {
    const bool typed = lead.find(':') != std::string::npos || lead.find('@') != std::string::npos;
    std::fprintf(
        stderr, "nothing is known of %s%s\n", lead.c_str(),
        typed ? "" : " as an e-mail address; others are written TYPE:VALUE, as user_id:17");
    return kFailed;
  }
  const auto lines = LeadFunction(state.pipeline()).Explain(*(*found)->journey, (*found)->in);
  if (!lines.ok()) return Failed(lines.status());
  std::int64_t hidden = 0;
  for (const LeadFunction::Line& line : *lines) {
    const bool shown = all || !IsDetail(line);
    hidden += shown ? 0 : 1;
    if (shown) PrintLine(state.pipeline(), line);
  }
  if (hidden > 0) {
    std::printf(
        "(and %s: pages of the visits, mails sent, changes behind the stages; "
        "`leadflow journey LEAD --all` shows them)\n",
        Counted(hidden, "event").c_str());
  }
  return kDone;
}

}  // namespace leadflow::app
