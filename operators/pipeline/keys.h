// The keys of a pipeline file, section by section: the one table that the reader, its error
// messages and the JSON Schema are made from.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace leadflow {

enum class KeyType : std::uint8_t {
  kText,
  kBool,
  kInt,
  kDuration,  // 30d
  kSize,      // 1GiB
  kExpression,
  kTexts,    // a text, or a list of texts
  kMapping,  // `section`; without one: any names
  kNamed,    // names, each with a `section` (null: with an expression)
  kList,     // a list of `section` (null: of anything)
  kAny,      // checked where it is read
};

struct Section;

struct Key {
  std::string_view name;
  KeyType type = KeyType::kAny;
  std::string_view doc;
  const Section* section = nullptr;
  bool required = false;
  std::string_view lacking = {};  // not in this release: what to do instead
  std::string_view choices = {};  // kText: "update|drop|topic"
};

struct Section {
  std::string_view name;  // as in messages: "engine", "source"
  std::span<const Key> keys;
};

extern const Section kPipelineSection;
extern const Section kEngineSection;
extern const Section kKafkaSection;
extern const Section kTlsSection;
extern const Section kSaslSection;
extern const Section kRegistrySection;
extern const Section kTopicsSection;
extern const Section kCurrencySection;
extern const Section kFileSection;  // {file: x}
extern const Section kJourneySection;
extern const Section kLatenessSection;
extern const Section kSourceSection;
extern const Section kSourceFileSection;
extern const Section kSourceKafkaSection;
extern const Section kSourceHttpSection;
extern const Section kSourceInboxSection;
extern const Section kVerifySection;
extern const Section kHmacSection;
extern const Section kEventMappingSection;
extern const Section kCampaignsSection;
extern const Section kIdentitySection;
extern const Section kSecretSection;
extern const Section kHttpSection;
extern const Section kAccountSection;
extern const Section kLeadsSection;
extern const Section kVisitsSection;
extern const Section kDimensionsSection;
extern const Section kAsOfSection;
extern const Section kRuleSection;
extern const Section kStageSection;
extern const Section kScoringSection;
extern const Section kScoringRuleSection;
extern const Section kCapSection;
extern const Section kGoalSection;
extern const Section kAttributionSection;
extern const Section kMilestonesSection;
extern const Section kModelSection;
extern const Section kTimeDecaySection;
extern const Section kKpiSection;
extern const Section kDurationSection;  // {time: ...} or {time_in: ...}
extern const Section kTimeSection;
extern const Section kOutputSection;
extern const Section kOutputFileSection;
extern const Section kOutputKafkaSection;
extern const Section kEmitSection;
extern const Section kTestSection;
extern const Section kTestInputSection;

}  // namespace leadflow
