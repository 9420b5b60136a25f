// Pipeline: one YAML file, checked and compiled. Immutable after loading; every stage reads it.
// Field for field it follows the sections of the file (docs/configuration.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/base/civil_time.h"
#include "engine/config/diagnostics.h"
#include "engine/config/expression.h"
#include "engine/config/yaml.h"
#include "operators/event/entry.h"
#include "operators/event/kind.h"
#include "operators/pipeline/http_spec.h"
#include "operators/pipeline/kpi_spec.h"
#include "operators/pipeline/registry_spec.h"
#include "operators/pipeline/row_topic_spec.h"
#include "operators/pipeline/secret_spec.h"

namespace leadflow {

using ExpressionPtr = std::shared_ptr<const Expression>;

struct EngineOptions {
  enum class Log : std::uint8_t { kEmbedded, kKafka } log = Log::kEmbedded;
  std::string state_dir;  // resolved against the file's folder
  std::int64_t memory_bytes = std::int64_t{1} << 30;
  int threads = 1;
  int partitions = 4;
  std::int64_t commit_interval_ms = 200;
};

// The cluster of the log, the sources and the outputs.
struct KafkaSpec {
  std::string brokers;  // host:port, separated by commas
  struct Tls {
    std::string ca_file, cert_file, key_file;  // resolved; empty: none
  };
  std::optional<Tls> tls;
  struct Sasl {
    std::string mechanism;
    std::string username;
    SecretSpec password;
    SecretSpec token;  // of OAUTHBEARER
  };
  std::optional<Sasl> sasl;
  std::optional<RegistrySpec> registry;
  bool create_topics = true;
  int replication = 3;
  std::int64_t session_timeout_ms = 10'000;  // a process that is silent for longer is replaced
  bool standby = false;                      // each process keeps copies of what others hold
  std::map<std::string, std::string> extra;  // for the client library, as it is
};

// One entry of `events:` of a source: a mapping from a message to one event.
struct EventMapping {
  Kind kind = Kind::kNone;
  std::string split;   // "$.items[*]": one event per element; empty: one per message
  ExpressionPtr when;  // null: always
  struct Assignment {
    std::string
        target;  // dotted event field as written: "time", "email", "user_id@shop", "labels.x"
    ExpressionPtr value;
  };
  std::vector<Assignment> map;
};

struct SourceSpec {
  std::string name;
  std::uint8_t rank = 0;  // order in the file
  Position at;
  // kInbox: what webhooks and `leadflow load` send.
  enum class Input : std::uint8_t { kFile, kStdin, kKafka, kInbox } input = Input::kFile;
  std::vector<std::string> paths;  // globs, resolved against the file's folder; kInbox: to load
  bool follow = false;
  std::vector<std::string> topics;
  // Where partitions of topics begin that were never read.
  enum class Start : std::uint8_t { kEarliest, kLatest, kTime } start = Start::kEarliest;
  std::int64_t start_ms = 0;           // kTime
  std::optional<WebhookSpec> webhook;  // kInbox
  std::int64_t keep_ms = 0;            // kInbox: what is counted stays so long; 0: for ever
  std::string format = "json";         // json csv tsv form leadflow or a preset
  std::optional<TimeZone> zone;
  std::string zone_name;
  std::int64_t disorder_ms = 60'000;
  bool bad_events_fail = false;
  std::vector<EventMapping> events;  // empty: the preset's own
  // The paths `$...` that the mappings read, by slot number: connectors/formats fills a row per
  // message.
  std::vector<std::vector<PathStep>> paths_read;
};

struct NamedRule {
  std::string name;
  ExpressionPtr when;
};

struct IdentityOptions {
  std::vector<IdentifierType> unique;
  int max_identifiers = 50;
  int max_shared = 20;
  bool erase_keeps_counts = false;
  SecretSpec key;  // nowhere: random, kept with the state
  struct Ignore {
    IdentifierType type;
    ExpressionPtr when;
  };
  std::vector<Ignore> ignore;
  std::map<std::pair<std::string, IdentifierType>, std::string> spaces;  // (source, type) -> space
  enum class AccountFrom : std::uint8_t { kAccountId, kEmailDomain, kCompany };
  std::vector<AccountFrom> account = {AccountFrom::kAccountId, AccountFrom::kEmailDomain,
                                      AccountFrom::kCompany};
};

struct VisitOptions {
  std::int64_t gap_ms = 30 * 60'000;
  bool new_on_campaign = false;
  bool new_at_midnight = false;
};

struct StageSpec {
  std::string name;
  std::string phase;
  bool on_lead_creation = false;
  ExpressionPtr on;    // an event
  ExpressionPtr when;  // `while:`, a condition of state (score)
  bool reenter = false;
  bool falls_back = false;
};

struct ScoringRule {
  std::int64_t points = 0;
  ExpressionPtr when;
  std::int64_t cap_points = 0;  // 0: no cap
  std::int64_t cap_per_ms = 0;
};

struct GoalSpec {
  std::string name;
  enum class On : std::uint8_t { kOrder, kDealWon, kStage, kEvent } on = On::kOrder;
  int stage = -1;
  ExpressionPtr when;  // kEvent
  std::int64_t lookback_ms = 365LL * 86'400'000;
  bool cycle = false;
};

enum class Model : std::uint8_t {
  kFirstTouch,
  kLastTouch,
  kLastNonDirect,
  kLinear,
  kUShape,
  kJShape,
  kInverseJ,
  kPosition,
  kTimeDecay,
  kWShape,
  kFullPath,
  kFirstAndCreation,
  kParticipation,
};

struct ModelSpec {
  std::string name;  // as shown in rows
  Model model = Model::kLinear;
  std::int64_t position[3] = {0, 0, 0};
  std::int64_t half_life_hours = 168;
};

struct AttributionOptions {
  std::int64_t lookback_ms = 365LL * 86'400'000;
  int max_touches = 500;
  std::uint64_t touch_kinds = 0;  // bit per Kind; visits: bit 0
  int opportunity_stage = -1;     // milestone; -1: none
  std::vector<ModelSpec> models;
};

struct OutputSpec {
  std::string path;         // with {kpi}
  bool json_lines = false;  // else CSV
  std::int64_t every_ms = 10'000;
  std::vector<std::string> only;  // empty: all
};

struct TestSpec {
  std::string name;
  Position at;
  struct Input {
    std::string source;
    std::string json;  // the message
  };
  std::vector<Input> input;
  struct Expect {
    Position at;
    std::string kpi;
    std::vector<std::pair<std::string, std::string>> where;
    std::string window_start;                                  // empty: any
    std::optional<std::string> value;                          // as written; "null" for no value
    std::vector<std::pair<std::string, std::string>> columns;  // other columns given
  };
  std::vector<Expect> expect;
};

// Exchange rates of a file: (currency, day) -> report currency per unit, x 1e-9.
struct RateTable {
  std::map<std::pair<std::string, std::int64_t>, std::int64_t> rates;
};

struct Pipeline {
  std::string name;
  std::string folder;  // of the file; relative paths start here
  TimeZone zone = TimeZone::Utc();
  std::string report_currency = "EUR";
  int report_exponent = 2;
  RateTable rates;
  EngineOptions engine;
  std::optional<KafkaSpec> kafka;
  std::optional<HttpSpec> http;
  std::int64_t journey_ttl_ms = 730LL * 86'400'000;
  std::int64_t anonymous_ttl_ms = 180LL * 86'400'000;
  std::uint64_t keep_fields = ~std::uint64_t{0};  // bit per Field: what journeys store
  bool keep_url_query = false;
  std::int64_t lateness_ms = 7LL * 86'400'000;
  enum class Late : std::uint8_t { kUpdate, kDrop, kTopic } late = Late::kUpdate;

  std::vector<SourceSpec> sources;
  std::vector<std::string> source_names;                          // by rank
  std::vector<NamedRule> exclude;                                 // over plain events
  std::unordered_map<std::string, std::string> campaign_aliases;  // lower case alias -> campaign
  IdentityOptions identity;
  std::uint64_t created_by = 0;  // bit per Kind
  VisitOptions visits;
  bool owner_now = false, persona_now = true, account_now = true, country_now = true;
  std::vector<NamedRule> channels;  // first match wins; none: "Other" / "Direct" by the rules' end
  std::vector<NamedRule> personas;
  std::vector<StageSpec> stages;
  std::int64_t score_half_life_ms = 0;  // 0: no decay
  std::vector<ScoringRule> scoring;
  std::vector<GoalSpec> goals;
  AttributionOptions attribution;
  std::vector<KpiSpec> kpis;
  std::vector<OutputSpec> outputs;
  std::vector<RowTopicSpec> row_topics;
  std::vector<TestSpec> tests;

  // Built-in lists, lower case. Domains that name no company, and parts of user agents of machines.
  std::unordered_set<std::string> mail_providers;
  std::vector<std::string> bots;

  NameTable names;          // labels and traits that expressions read
  std::uint64_t rules = 0;  // hash of all of the above that f reads: stored with the state

  const KpiSpec* FindKpi(std::string_view kpi) const;
};

// Files that the loader reads besides the pipeline (rates, aliases, built-in lists). nullopt:
// absent.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

struct LoadOptions {
  Environment environment;  // null: `${X}` is left as it stands (`validate --no-env`)
  ReadFile read_file;       // for files that the pipeline names
  std::string folder;       // of the pipeline file
  // Built-in data, by name: "channels.yaml", "catalogue.yaml", "search_hosts.txt",
  // "social_hosts.txt", "free_mail.txt", "disposable_mail.txt", "bots.txt".
  ReadFile read_builtin;
  // Formats that the release has besides json, csv, tsv, form and leadflow. Empty: not checked
  // here.
  std::vector<std::string> presets;
  std::vector<std::pair<std::string, std::string>> set;  // --set path=value
};

// Loads and checks everything at once; nullptr if `diagnostics` got an error.
std::unique_ptr<const Pipeline> LoadPipeline(std::string_view yaml, const LoadOptions& options,
                                             Diagnostics* diagnostics);

}  // namespace leadflow
