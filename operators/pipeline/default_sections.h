// The sections that a file takes where it leaves them out, as YAML.
#pragma once

#include <string_view>

namespace leadflow {

inline constexpr std::string_view kDefaultSections = R"yaml(
leads:
  created_by: [form_submit, fair_visit, card_collected, contact_created, letter_reply, webinar_attend, meeting, content_download, order]
stages:
  - {name: visitor, phase: reach, on: 'kind == "page_view"'}
  - {name: lead, phase: interaction, on: lead_creation}
  - {name: mql, phase: interaction, while: 'score >= 50'}
  - {name: sql, phase: interaction, on: 'kind == "stage_change" && stage == "SQL"'}
  - {name: opportunity, phase: transaction, on: 'kind == "deal_change" && status == "open"'}
  - {name: customer, phase: transaction, on: 'kind == "order"'}
goals:
  order:    {on: order}
  demo:     {on: 'kind == "form_submit" && form == "demo"'}
  deal_won: {on: deal.won}
  sql:      {on: stage.sql}
attribution:
  touches: [visit, email_click, fair_visit, card_collected, letter_reply, form_submit, webinar_attend, meeting, call, social_click, content_download]
  milestones: {opportunity: stage.opportunity}
  models: [first_touch, last_touch, last_non_direct, linear, u_shape, w_shape, {time_decay: {half_life: 7d}}]
outputs:
  - file: {path: 'out/{kpi}.csv'}
)yaml";

}  // namespace leadflow
