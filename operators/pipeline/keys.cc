#include "operators/pipeline/keys.h"

namespace leadflow {
namespace {

constexpr Key kCurrencyKeys[] = {
    {"report", KeyType::kText, "currency of all money rows: three capitals"},
    {"rates", KeyType::kMapping, "CSV file with the columns date, currency, rate", &kFileSection},
};
constexpr Key kFileKeys[] = {
    {"file", KeyType::kText, "relative to the pipeline file", nullptr, true}};
constexpr Key kEngineKeys[] = {
    {"log", KeyType::kText, "where internal messages go", nullptr, false, {}, "embedded|kafka"},
    {"state_dir", KeyType::kText, "folder of state and log; {name} is the pipeline's"},
    {"memory", KeyType::kSize, "resident size of the whole process"},
    {"threads", KeyType::kInt, "stream threads"},
    {"partitions", KeyType::kInt, "fixed at the first start"},
    {"commit_interval", KeyType::kDuration, "time between commits"},
};
constexpr Key kJourneyKeys[] = {
    {"ttl", KeyType::kDuration, "a longer gap separates two journeys of a known lead"},
    {"anonymous_ttl", KeyType::kDuration, "the same while the lead is not known"},
    {"keep", KeyType::kTexts, "`default`, or the fields that journeys store"},
};
constexpr Key kLatenessKeys[] = {
    {"allowed", KeyType::kDuration, "behind the watermark of the source"},
    {"late",
     KeyType::kText,
     "what happens to a late event",
     nullptr,
     false,
     {},
     "update|drop|topic"},
};
constexpr Key kSourceFileKeys[] = {
    {"path", KeyType::kTexts, "file or pattern, or a list of them; `-` is standard input", nullptr,
     true},
    {"follow", KeyType::kBool, "goes on reading what is appended"},
};
constexpr Key kSourceKafkaKeys[] = {
    {"topics", KeyType::kTexts, "topics of the cluster, or one", nullptr, true},
    {"start", KeyType::kText, "earliest, latest or a time, where no run has read yet"},
};
constexpr Key kHmacKeys[] = {
    {"header", KeyType::kText, "of the request, that carries the signature", nullptr, true},
    {"key", KeyType::kMapping, "that is shared with the sender", &kSecretSection, true},
    {"encoding", KeyType::kText, "of the signature", nullptr, false, {}, "base64|hex"},
};
constexpr Key kVerifyKeys[] = {
    {"hmac_sha256", KeyType::kMapping, "a signature of the body", &kHmacSection},
    {"tokens", KeyType::kMapping, "a file with a token a line: bearer, or password of any user",
     &kFileSection},
};
constexpr Key kSourceHttpKeys[] = {
    {"path", KeyType::kText, "where the sender posts to: /webhooks/shop", nullptr, true},
    {"verify", KeyType::kMapping, "how the sender proves who it is", &kVerifySection},
    {"keep", KeyType::kDuration, "what is counted stays so long; default: for ever"},
};
constexpr Key kSourceInboxKeys[] = {
    {"path", KeyType::kTexts, "files that `leadflow load` sends if it is told none"},
    {"keep", KeyType::kDuration, "what is counted stays so long; default: for ever"},
};
constexpr Key kSourceKeys[] = {
    {"file", KeyType::kMapping, "reads files", &kSourceFileSection},
    {"kafka", KeyType::kMapping, "reads topics", &kSourceKafkaSection},
    {"http", KeyType::kMapping, "takes webhooks", &kSourceHttpSection},
    {"inbox", KeyType::kMapping, "takes what `leadflow load` sends", &kSourceInboxSection},
    {"format", KeyType::kText, "json, csv, tsv, form, leadflow or a preset"},
    {"time_zone", KeyType::kText, "of times without a zone"},
    {"disorder", KeyType::kDuration, "how far events of the source come out of order"},
    {"bad_events", KeyType::kText, "what a bad event does", nullptr, false, {}, "keep|fail"},
    {"events", KeyType::kList, "a mapping from messages to events", &kEventMappingSection},
};
constexpr Key kEventMappingKeys[] = {
    {"kind", KeyType::kText, "the kind of event that it makes", nullptr, true},
    {"split", KeyType::kText, "$.items[*]: one event per element"},
    {"when", KeyType::kExpression, "of which messages"},
    {"map", KeyType::kMapping, "event field: expression", nullptr, true},
};
constexpr Key kCampaignsKeys[] = {
    {"aliases", KeyType::kMapping, "CSV file with the columns alias, campaign", &kFileSection},
};
constexpr Key kSecretKeys[] = {
    {"secret", KeyType::kText, "env:VARIABLE or file:PATH", nullptr, true},
};
constexpr Key kTlsKeys[] = {
    {"ca_file", KeyType::kText, "certificate authority; default: those of the system"},
    {"cert_file", KeyType::kText, "the client's certificate"},
    {"key_file", KeyType::kText, "the key of cert_file"},
};
constexpr Key kSaslKeys[] = {
    {"mechanism",
     KeyType::kText,
     "how to log in",
     nullptr,
     true,
     {},
     "PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|OAUTHBEARER"},
    {"username", KeyType::kText, "of the login"},
    {"password", KeyType::kMapping, "of the login", &kSecretSection},
    {"token", KeyType::kMapping, "of OAUTHBEARER", &kSecretSection},
};
constexpr Key kRegistryKeys[] = {
    {"url", KeyType::kText, "of its REST API: http or https", nullptr, true},
    {"username", KeyType::kText, "of the login"},
    {"password", KeyType::kMapping, "of the login", &kSecretSection},
    {"ca_file", KeyType::kText, "certificate authority; default: those of the system"},
};
constexpr Key kTopicsKeys[] = {
    {"create", KeyType::kBool, "make topics that are missing"},
    {"replication", KeyType::kInt, "copies of each record"},
};
constexpr Key kKafkaKeys[] = {
    {"brokers", KeyType::kTexts, "host:port", nullptr, true},
    {"tls", KeyType::kMapping, "encrypts connections", &kTlsSection},
    {"sasl", KeyType::kMapping, "login", &kSaslSection},
    {"registry", KeyType::kMapping, "of the schemas of `format: protobuf`", &kRegistrySection},
    {"standby",
     KeyType::kText,
     "copies of state on other processes",
     nullptr,
     false,
     {},
     "none|all"},
    {"topics", KeyType::kMapping, "the engine's own", &kTopicsSection},
    {"session_timeout", KeyType::kDuration, "a process silent for longer is replaced"},
    {"extra", KeyType::kMapping, "settings of librdkafka, as they are"},
};
constexpr Key kHttpKeys[] = {
    {"listen", KeyType::kText, "address:port of health, metrics and webhooks", nullptr, true},
    {"tokens", KeyType::kMapping, "who may read the metrics: a file with a bearer token a line",
     &kFileSection},
    {"users", KeyType::kAny, "logins", nullptr, false, "write `tokens: {file: tokens}`"},
};
constexpr Key kAccountKeys[] = {
    {"from", KeyType::kTexts, "first that an event has", nullptr, true},
};
constexpr Key kIdentityKeys[] = {
    {"unique", KeyType::kTexts, "identifier types of which a lead has one value"},
    {"max_identifiers", KeyType::kInt, "of one lead"},
    {"max_shared", KeyType::kInt, "more stronger identifiers than this make one shared"},
    {"erase", KeyType::kText, "what an erasure does to counts", nullptr, false, {}, "retract|keep"},
    {"key", KeyType::kMapping, "of the identifier hash", &kSecretSection},
    {"ignore", KeyType::kTexts, "conditions on one identifier type; the value is removed"},
    {"spaces", KeyType::kMapping, "source: {identifier type: space}"},
    {"account", KeyType::kMapping, "where the account comes from", &kAccountSection},
};
constexpr Key kLeadsKeys[] = {
    {"created_by", KeyType::kTexts, "`default`, or kinds of events"},
};
constexpr Key kVisitsKeys[] = {
    {"gap", KeyType::kDuration, "longest pause within a visit"},
    {"new_on_campaign", KeyType::kBool, "a new campaign starts a new visit"},
    {"new_at_midnight", KeyType::kBool, "midnight starts a new visit"},
};
constexpr Key kAsOfKeys[] = {
    {"as_of", KeyType::kText, "which value counts", nullptr, true, {}, "event|now"},
};
constexpr Key kDimensionsKeys[] = {
    {"owner", KeyType::kMapping, "default: event", &kAsOfSection},
    {"persona", KeyType::kMapping, "default: now", &kAsOfSection},
    {"account", KeyType::kMapping, "default: now", &kAsOfSection},
    {"country", KeyType::kMapping, "default: now", &kAsOfSection},
};
constexpr Key kRuleKeys[] = {
    {"name", KeyType::kText, "as shown in rows", nullptr, true},
    {"when", KeyType::kExpression, "the first rule that matches wins", nullptr, true},
};
constexpr Key kStageKeys[] = {
    {"name", KeyType::kText, "as in stage.NAME", nullptr, true},
    {"phase",
     KeyType::kText,
     "of the customer's way",
     nullptr,
     false,
     {},
     "reach|interaction|transaction"},
    {"on", KeyType::kExpression, "an event, or lead_creation"},
    {"while", KeyType::kExpression, "a condition on the score"},
    {"reenter", KeyType::kBool, "is entered again from a later stage"},
    {"falls_back", KeyType::kBool, "is left when the score falls", nullptr, false,
     "a falling score moves no lead; leave it out"},
};
constexpr Key kCapKeys[] = {
    {"points", KeyType::kInt, "at most so many", nullptr, true},
    {"per", KeyType::kDuration, "within so long", nullptr, true},
};
constexpr Key kScoringRuleKeys[] = {
    {"points", KeyType::kInt, "may be negative", nullptr, true},
    {"when", KeyType::kExpression, "of which events", nullptr, true},
    {"cap", KeyType::kMapping, "limit of the rule", &kCapSection},
};
constexpr Key kScoringKeys[] = {
    {"half_life", KeyType::kDuration, "whole hours"},
    {"rules", KeyType::kList, "points of events", &kScoringRuleSection},
};
constexpr Key kGoalKeys[] = {
    {"on", KeyType::kExpression, "order, deal.won, stage.NAME, or a condition on an event", nullptr,
     true},
    {"lookback", KeyType::kDuration, "of this goal"},
    {"cycle", KeyType::kBool, "touches start anew after each conversion"},
};
constexpr Key kTimeDecayKeys[] = {
    {"half_life", KeyType::kDuration, "whole hours", nullptr, true},
};
constexpr Key kModelKeys[] = {
    {"name", KeyType::kText, "as shown in rows"},
    {"position", KeyType::kList, "[first, middle, last]"},
    {"time_decay", KeyType::kMapping, "halves with age", &kTimeDecaySection},
};
constexpr Key kMilestonesKeys[] = {
    {"opportunity", KeyType::kText, "stage.NAME"},
};
constexpr Key kAttributionKeys[] = {
    {"scope", KeyType::kText, "whose touches count", nullptr, false, {}, "lead|account"},
    {"lookback", KeyType::kDuration, "before the conversion"},
    {"max_touches", KeyType::kInt, "the newest count"},
    {"touches", KeyType::kTexts, "`default`, or visit and kinds of events"},
    {"milestones", KeyType::kMapping, "of w_shape and full_path", &kMilestonesSection},
    {"models", KeyType::kList, "names, or mappings with parameters"},
};
constexpr Key kTimeKeys[] = {
    {"from", KeyType::kText, "first_touch, lead_creation, stage.NAME, a goal", nullptr, true},
    {"to", KeyType::kText, "the same without first_touch", nullptr, true},
};
constexpr Key kDurationKeys[] = {
    {"time", KeyType::kMapping, "between two moments", &kTimeSection},
    {"time_in", KeyType::kText, "stage.NAME"},
};
constexpr Key kKpiKeys[] = {
    {"count", KeyType::kText, "occurrences"},
    {"distinct", KeyType::kText, "leads or accounts", nullptr, false, {}, "lead|account"},
    {"sum", KeyType::kText, "of a number: cost.amount"},
    {"mean", KeyType::kAny, "of a number or a duration"},
    {"quantile", KeyType::kAny, "[0.5, 0.9] of a number or a duration"},
    {"attributed", KeyType::kText, "credit for a goal"},
    {"ratio", KeyType::kList, "[A, B] of measures or KPI names"},
    {"minus", KeyType::kList, "[A, B] of measures or KPI names"},
    {"share_of", KeyType::kAny, "a measure or KPI name"},
    {"distribution", KeyType::kAny, "counts per band", nullptr, false,
     "use `quantile` of a number"},
    {"conversion", KeyType::kAny, "of a cohort", nullptr, false, "use `ratio` of two stage counts"},
    {"stock", KeyType::kAny, "at the end of the window", nullptr, false,
     "use `count: stage.NAME.entries`"},
    {"of", KeyType::kAny, "what distinct and quantile are taken of"},
    {"at_least", KeyType::kInt, "distinct: with so many"},
    {"value",
     KeyType::kText,
     "attributed: amount instead of the number",
     nullptr,
     false,
     {},
     "amount"},
    {"along", KeyType::kText, "share_of: dimension that adds up to one"},
    {"where", KeyType::kExpression, "which occurrences"},
    {"machine", KeyType::kText, "machine events count too", nullptr, false, {}, "include|exclude"},
    {"credit",
     KeyType::kText,
     "whose channel and campaign",
     nullptr,
     false,
     {},
     "own|first|last|last_non_direct"},
    {"ledger", KeyType::kText, "where a refund counts", nullptr, false, {}, "restated|booked"},
    {"models", KeyType::kTexts, "attributed: names of models"},
    {"by", KeyType::kTexts, "dimensions, at most 8"},
    {"window", KeyType::kText, "length of a row", nullptr, false, {}, "1h|1d|1w|1mo|1q|1y|total"},
    {"unit", KeyType::kText, "of durations", nullptr, false, {}, "ms|s|min|h|d"},
    {"keep", KeyType::kDuration, "older rows end"},
    {"max_cells", KeyType::kInt, "rows per window"},
};
constexpr Key kOutputFileKeys[] = {
    {"path", KeyType::kText, "with {kpi}; .csv or .jsonl", nullptr, true},
    {"every", KeyType::kDuration, "time between two versions of the file"},
    {"only", KeyType::kTexts, "KPI names"},
};
constexpr Key kEmitKeys[] = {
    {"every", KeyType::kDuration, "a row is sent at most so often", nullptr, true},
};
constexpr Key kOutputKafkaKeys[] = {
    {"topic", KeyType::kText, "with {name} and {kpi}", nullptr, true},
    {"format",
     KeyType::kText,
     "JSON, plain or with the schema of Kafka Connect, or Protobuf by kafka.registry",
     nullptr,
     false,
     {},
     "json|connect|protobuf"},
    {"envelope", KeyType::kText, "what a value holds", nullptr, false, {}, "upsert|debezium|delta"},
    {"emit", KeyType::kAny, "{every: 1s}, or `settled`"},
    {"only", KeyType::kTexts, "KPI names"},
    {"tombstones", KeyType::kBool, "rows that vanish are deleted"},
    {"partitions", KeyType::kInt, "of a topic that is missing; default 1"},
};
constexpr Key kOutputKeys[] = {
    {"file", KeyType::kMapping, "writes files", &kOutputFileSection},
    {"kafka", KeyType::kMapping, "writes topics", &kOutputKafkaSection},
};
constexpr Key kTestInputKeys[] = {
    {"source", KeyType::kText, "a source of this file", nullptr, true},
    {"data", KeyType::kAny, "the message", nullptr, true},
};
constexpr Key kTestKeys[] = {
    {"name", KeyType::kText, "what the test shows", nullptr, true},
    {"input", KeyType::kList, "messages in order of arrival", &kTestInputSection, true},
    {"expect", KeyType::kList, "rows: kpi, where, window_start, value and other columns", nullptr,
     true},
};
constexpr Key kPipelineKeys[] = {
    {"version", KeyType::kInt, "of the file format; write version: 1", nullptr, true},
    {"name", KeyType::kText, "of the pipeline: letters, digits, - and _"},
    {"time_zone", KeyType::kText, "IANA name: windows are cut there"},
    {"currency", KeyType::kMapping, "money of reports", &kCurrencySection},
    {"engine", KeyType::kMapping, "the process", &kEngineSection},
    {"journey", KeyType::kMapping, "what is stored and how long", &kJourneySection},
    {"lateness", KeyType::kMapping, "of events behind the watermark", &kLatenessSection},
    {"kafka", KeyType::kMapping, "cluster", &kKafkaSection},
    {"http", KeyType::kMapping, "health and metrics of the process, webhooks", &kHttpSection},
    {"sources", KeyType::kNamed, "where events come from", &kSourceSection},
    {"exclude", KeyType::kNamed, "name: condition; events that are dropped and counted"},
    {"campaigns", KeyType::kMapping, "names of campaigns", &kCampaignsSection},
    {"identity", KeyType::kMapping, "who is a lead", &kIdentitySection},
    {"leads", KeyType::kMapping, "lead creation", &kLeadsSection},
    {"visits", KeyType::kMapping, "web visits", &kVisitsSection},
    {"dimensions", KeyType::kMapping, "when lead dimensions are read", &kDimensionsSection},
    {"channels", KeyType::kAny, "`default`, or a list of {name, when}"},
    {"personas", KeyType::kList, "rules over traits", &kRuleSection},
    {"stages", KeyType::kList, "in order", &kStageSection},
    {"scoring", KeyType::kMapping, "points of leads", &kScoringSection},
    {"goals", KeyType::kNamed, "conversions", &kGoalSection},
    {"attribution", KeyType::kMapping, "who gets the credit", &kAttributionSection},
    {"kpis", KeyType::kNamed, "what is measured", &kKpiSection},
    {"outputs", KeyType::kList, "where rows go", &kOutputSection},
    {"tests", KeyType::kList, "run by `leadflow test`", &kTestSection},
};

}  // namespace

const Section kPipelineSection = {"pipeline", kPipelineKeys};
const Section kKafkaSection = {"kafka", kKafkaKeys};
const Section kTlsSection = {"tls", kTlsKeys};
const Section kSaslSection = {"sasl", kSaslKeys};
const Section kRegistrySection = {"registry", kRegistryKeys};
const Section kTopicsSection = {"topics", kTopicsKeys};
const Section kHttpSection = {"http", kHttpKeys};
const Section kEngineSection = {"engine", kEngineKeys};
const Section kCurrencySection = {"currency", kCurrencyKeys};
const Section kFileSection = {"file", kFileKeys};
const Section kJourneySection = {"journey", kJourneyKeys};
const Section kLatenessSection = {"lateness", kLatenessKeys};
const Section kSourceSection = {"source", kSourceKeys};
const Section kSourceFileSection = {"file", kSourceFileKeys};
const Section kSourceKafkaSection = {"kafka", kSourceKafkaKeys};
const Section kSourceHttpSection = {"http", kSourceHttpKeys};
const Section kSourceInboxSection = {"inbox", kSourceInboxKeys};
const Section kVerifySection = {"verify", kVerifyKeys};
const Section kHmacSection = {"hmac_sha256", kHmacKeys};
const Section kEventMappingSection = {"event mapping", kEventMappingKeys};
const Section kCampaignsSection = {"campaigns", kCampaignsKeys};
const Section kIdentitySection = {"identity", kIdentityKeys};
const Section kSecretSection = {"secret", kSecretKeys};
const Section kAccountSection = {"account", kAccountKeys};
const Section kLeadsSection = {"leads", kLeadsKeys};
const Section kVisitsSection = {"visits", kVisitsKeys};
const Section kDimensionsSection = {"dimensions", kDimensionsKeys};
const Section kAsOfSection = {"dimension", kAsOfKeys};
const Section kRuleSection = {"rule", kRuleKeys};
const Section kStageSection = {"stage", kStageKeys};
const Section kScoringSection = {"scoring", kScoringKeys};
const Section kScoringRuleSection = {"scoring rule", kScoringRuleKeys};
const Section kCapSection = {"cap", kCapKeys};
const Section kGoalSection = {"goal", kGoalKeys};
const Section kAttributionSection = {"attribution", kAttributionKeys};
const Section kMilestonesSection = {"milestones", kMilestonesKeys};
const Section kModelSection = {"model", kModelKeys};
const Section kTimeDecaySection = {"time_decay", kTimeDecayKeys};
const Section kKpiSection = {"kpi", kKpiKeys};
const Section kDurationSection = {"duration", kDurationKeys};
const Section kTimeSection = {"time", kTimeKeys};
const Section kOutputSection = {"output", kOutputKeys};
const Section kOutputFileSection = {"file", kOutputFileKeys};
const Section kOutputKafkaSection = {"kafka", kOutputKafkaKeys};
const Section kEmitSection = {"emit", kEmitKeys};
const Section kTestSection = {"test", kTestKeys};
const Section kTestInputSection = {"test input", kTestInputKeys};

}  // namespace leadflow
