// DerivationRules: what the derivation of journeys reads of a pipeline, worked out once: which
// occurrences some KPI wants, which parts of a lead it has to know for them. Immutable,
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "operators/attribution/decay.h"
#include "operators/facts/fact_builder.h"
#include "operators/pipeline/channel_rules.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

constexpr std::uint64_t KindBit(Kind kind) {
  return std::uint64_t{1} << static_cast<std::uint8_t>(kind);
}

inline constexpr std::uint64_t kAllKinds = ~std::uint64_t{0};
// Always of the web, and those that are if they carry a device or a session.
inline constexpr std::uint64_t kWebKinds = KindBit(Kind::kPageView) | KindBit(Kind::kAction);
inline constexpr std::uint64_t kMaybeWebKinds =
    KindBit(Kind::kFormSubmit) | KindBit(Kind::kContentDownload) | KindBit(Kind::kOrder);
inline constexpr std::uint64_t kAbsorbedKinds =
    KindBit(Kind::kEmailClick) | KindBit(Kind::kFormSubmit) | KindBit(Kind::kContentDownload) |
    KindBit(Kind::kSocialClick);
inline constexpr std::uint64_t kMachineRuleKinds =
    KindBit(Kind::kEmailDelivered) | KindBit(Kind::kEmailOpen) | KindBit(Kind::kEmailClick);
inline constexpr std::uint64_t kMailKinds =
    KindBit(Kind::kEmailSent) | KindBit(Kind::kEmailDelivered) | KindBit(Kind::kEmailOpen) |
    KindBit(Kind::kEmailClick) | KindBit(Kind::kEmailBounce) | KindBit(Kind::kEmailUnsubscribe) |
    KindBit(Kind::kEmailComplaint);
inline constexpr std::uint64_t kLetterKinds =
    KindBit(Kind::kLetterSent) | KindBit(Kind::kLetterReply);
// Kinds whose place among their neighbours matters.
inline constexpr std::uint64_t kLinkedKinds =
    kWebKinds | kMaybeWebKinds | kAbsorbedKinds | kMachineRuleKinds | KindBit(Kind::kPagePing);

struct DerivationRules {
  // `pipeline` outlives it. `everything`: as if each occurrence were wanted (for people).
  DerivationRules(const Pipeline& pipeline, const FactBuilder& facts, bool everything);

  const Pipeline& pipeline;
  ChannelRules channel_rules;
  std::vector<std::string_view> channels;  // by number - 1
  std::vector<DurationSpec> durations;

  std::uint64_t event_kinds = 0;  // wanted as kEvent
  bool wants_visit = false, wants_creation = false, wants_order = false;
  bool wants_deal_won = false, wants_deal_lost = false;
  std::vector<bool> wants_stage, wants_goal;

  bool visits = false;       // visits have to be cut
  bool visit_touch = false;  // a visit is a touch
  std::uint64_t touch_kinds = 0;
  bool engaged = false;        // some measure reads engaged time
  bool mail_distinct = false;  // some measure counts leads of mailings
  bool booked = false;
  bool local_credit = false;  // events or visits are asked for their first or last touch
  bool first_credit = false;  // some measure credits the first touch
  bool touch_count = false;   // some measure reads `touches`
  bool persona = false, account = false, owner = false, country = false;  // dimensions in use
  bool event_goals = false;                                               // goals on events
  bool any_cycle = false;
  bool any_reenter = false;
  bool any_while = false;
  std::shared_ptr<const DecayTable> score_decay;  // null: scores do not fall

  bool UsesEventDimensions() const;  // some dimension of the lead is taken at the event
  bool UsesNowDimensions() const;

 private:
  void ReadMeasure(const Measure& measure);
};

}  // namespace leadflow
