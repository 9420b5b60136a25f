#include "operators/pipeline/pipeline.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/pipeline/loading.h"

namespace leadflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kDay = 86'400'000;

Loading WithFiles() {
  Loading loading;
  loading.files = {
      {"conf/rates.csv", "date,currency,rate\n2026-01-02,USD,0.85\n2026-01-03,CHF,1.071234567\n"},
      {"conf/aliases.csv", "campaign,alias\nSpring,GADS-17\nSpring,spring 26\n"}};
  return loading;
}

class FullFileTest : public testing::Test {
 protected:
  void SetUp() override {
    loaded_ = WithFiles().Load(*ReadTestFile("tests/unit/pipeline/full.yaml"));
    ASSERT_NE(loaded_.pipeline, nullptr) << loaded_.diagnostics->Text();
    EXPECT_TRUE(loaded_.diagnostics->all().empty()) << loaded_.diagnostics->Text();
  }
  const Pipeline& pipeline() const { return *loaded_.pipeline; }

  Loaded loaded_;
};

TEST_F(FullFileTest, HeadEngineAndJourney) {
  EXPECT_EQ(pipeline().name, "pumps");
  EXPECT_EQ(pipeline().zone.name(), "Europe/Vienna");
  EXPECT_EQ(pipeline().engine.state_dir, "conf/var/pumps");
  EXPECT_EQ(pipeline().engine.memory_bytes, 512 << 20);
  EXPECT_EQ(pipeline().engine.threads, 2);
  EXPECT_EQ(pipeline().engine.partitions, 8);
  EXPECT_EQ(pipeline().engine.commit_interval_ms, 500);
  EXPECT_EQ(pipeline().journey_ttl_ms, 700 * kDay);
  EXPECT_EQ(pipeline().anonymous_ttl_ms, 90 * kDay);
  EXPECT_EQ(pipeline().keep_fields & FieldBit(Field::kUserAgent), 0u);
  EXPECT_NE(pipeline().keep_fields & FieldBit(Field::kReferrer), 0u);
  EXPECT_EQ(pipeline().lateness_ms, 3 * kDay);
  EXPECT_EQ(pipeline().late, Pipeline::Late::kDrop);
}

TEST_F(FullFileTest, RatesAndAliasesComeFromTheirFiles) {
  EXPECT_EQ(pipeline().report_currency, "EUR");
  EXPECT_EQ(pipeline().report_exponent, 2);
  const auto& rates = pipeline().rates.rates;
  EXPECT_EQ(rates.size(), 2u);
  EXPECT_EQ(rates.at({"USD", *ParseDate("2026-01-02")}), 850'000'000);
  EXPECT_EQ(rates.at({"CHF", *ParseDate("2026-01-03")}), 1'071'234'567);
  EXPECT_EQ(pipeline().campaign_aliases.at("gads-17"), "Spring");
  EXPECT_EQ(pipeline().campaign_aliases.size(), 2u);
}

TEST_F(FullFileTest, SourcesKeepTheirOrderAndMappings) {
  EXPECT_THAT(pipeline().source_names, ElementsAre("site", "booth", "spend", "crm"));
  const SourceSpec& site = pipeline().sources[0];
  EXPECT_EQ(site.rank, 0);
  EXPECT_THAT(site.paths, ElementsAre("conf/site-*.jsonl", "conf/archive/site.jsonl"));
  EXPECT_TRUE(site.follow);
  EXPECT_TRUE(site.bad_events_fail);
  EXPECT_EQ(site.disorder_ms, 120'000);
  ASSERT_EQ(site.events.size(), 2u);
  EXPECT_EQ(site.events[0].kind, Kind::kPageView);
  ASSERT_NE(site.events[0].when, nullptr);
  EXPECT_EQ(site.events[0].map[2].target, "anonymous_id");
  EXPECT_EQ(site.events[1].split, "$.clicks[*]");
  EXPECT_EQ(site.events[1].map[2].target, "anonymous_id@site");
  EXPECT_EQ(pipeline().sources[1].zone_name, "Europe/Vienna");
  ASSERT_TRUE(pipeline().sources[1].zone.has_value());
  EXPECT_EQ(pipeline().sources[3].format, "leadflow");
}

TEST_F(FullFileTest, PathsOfASourceAreNumberedOnce) {
  const SourceSpec& site = pipeline().sources[0];
  std::vector<std::string> shown;
  for (const auto& path : site.paths_read) {
    std::string text;
    for (const PathStep& step : path) {
      text += step.key.empty() ? "[" + std::to_string(step.index) + "]" : "." + step.key;
    }
    shown.push_back(text);
  }
  EXPECT_THAT(shown, ElementsAre(".t", ".id", ".at", ".cookie", ".url", ".ref", ".flags.a-b[0]",
                                 ".n", ".ms", ".what"));
  EXPECT_THAT(site.events[1].map[2].value->slots(), ElementsAre(3));
}

TEST_F(FullFileTest, PeopleSections) {
  ASSERT_EQ(pipeline().exclude.size(), 2u);
  EXPECT_EQ(pipeline().exclude[0].name, "staff");
  EXPECT_THAT(pipeline().exclude[0].when->slots(),
              ElementsAre(kSlotIdentifier + static_cast<int>(IdentifierType::kEmail)));
  const IdentityOptions& identity = pipeline().identity;
  EXPECT_THAT(identity.unique,
              ElementsAre(IdentifierType::kCrmContactId, IdentifierType::kCustomerId));
  EXPECT_EQ(identity.max_identifiers, 40);
  EXPECT_EQ(identity.max_shared, 10);
  EXPECT_TRUE(identity.erase_keeps_counts);
  EXPECT_EQ(identity.key.name, "conf/identity.key");
  ASSERT_EQ(identity.ignore.size(), 2u);
  EXPECT_EQ(identity.ignore[0].type, IdentifierType::kEmail);
  EXPECT_EQ(identity.ignore[1].type, IdentifierType::kPhone);
  EXPECT_EQ(identity.spaces.at({"crm", IdentifierType::kUserId}), "shop");
  EXPECT_THAT(identity.account, ElementsAre(IdentityOptions::AccountFrom::kAccountId,
                                            IdentityOptions::AccountFrom::kCompany));
  EXPECT_EQ(pipeline().created_by, 1ull << static_cast<int>(Kind::kFormSubmit) |
                                       1ull << static_cast<int>(Kind::kCardCollected) |
                                       1ull << static_cast<int>(Kind::kOrder));
  EXPECT_EQ(pipeline().visits.gap_ms, 20 * 60'000);
  EXPECT_TRUE(pipeline().visits.new_on_campaign);
  EXPECT_TRUE(pipeline().visits.new_at_midnight);
  EXPECT_TRUE(pipeline().owner_now);
  EXPECT_FALSE(pipeline().persona_now);
  EXPECT_TRUE(pipeline().account_now);
}

TEST_F(FullFileTest, JourneySections) {
  EXPECT_EQ(pipeline().personas.size(), 2u);
  ASSERT_EQ(pipeline().stages.size(), 6u);
  EXPECT_TRUE(pipeline().stages[1].on_lead_creation);
  EXPECT_EQ(pipeline().stages[1].on, nullptr);
  EXPECT_NE(pipeline().stages[2].when, nullptr);
  EXPECT_TRUE(pipeline().stages[2].reenter);
  EXPECT_EQ(pipeline().score_half_life_ms, 20 * kDay);
  ASSERT_EQ(pipeline().scoring.size(), 2u);
  EXPECT_EQ(pipeline().scoring[0].cap_points, 10);
  EXPECT_EQ(pipeline().scoring[0].cap_per_ms, kDay);
  EXPECT_EQ(pipeline().scoring[1].points, -5);
  ASSERT_EQ(pipeline().goals.size(), 5u);
  EXPECT_EQ(pipeline().goals[0].lookback_ms, 300 * kDay);
  EXPECT_EQ(pipeline().goals[1].lookback_ms, 90 * kDay);
  EXPECT_TRUE(pipeline().goals[1].cycle);
  EXPECT_EQ(pipeline().goals[2].on, GoalSpec::On::kEvent);
  EXPECT_EQ(pipeline().goals[3].on, GoalSpec::On::kDealWon);
  EXPECT_EQ(pipeline().goals[4].on, GoalSpec::On::kStage);
  EXPECT_EQ(pipeline().goals[4].stage, 3);
  const AttributionOptions& attribution = pipeline().attribution;
  EXPECT_EQ(attribution.touch_kinds, 1ull | 1ull << static_cast<int>(Kind::kEmailClick) |
                                         1ull << static_cast<int>(Kind::kCardCollected));
  EXPECT_EQ(attribution.opportunity_stage, 4);
  EXPECT_EQ(attribution.max_touches, 200);
  ASSERT_EQ(attribution.models.size(), 13u);
  EXPECT_EQ(attribution.models[11].name, "time_decay");
  EXPECT_EQ(attribution.models[11].half_life_hours, 36);
  EXPECT_EQ(attribution.models[12].name, "ours");
  EXPECT_EQ(attribution.models[12].position[2], 40);
}

TEST_F(FullFileTest, OutputsAndTests) {
  ASSERT_EQ(pipeline().outputs.size(), 2u);
  EXPECT_EQ(pipeline().outputs[0].path, "conf/rows/{kpi}.csv");
  EXPECT_EQ(pipeline().outputs[0].every_ms, 30'000);
  EXPECT_FALSE(pipeline().outputs[0].json_lines);
  EXPECT_TRUE(pipeline().outputs[1].json_lines);
  EXPECT_THAT(pipeline().outputs[1].only, ElementsAre("revenue"));
  ASSERT_EQ(pipeline().tests.size(), 1u);
  const TestSpec& test = pipeline().tests[0];
  ASSERT_EQ(test.input.size(), 2u);
  EXPECT_EQ(test.input[0].json,
            R"({"card":"7","seen":"2026-03-03 10:00","mail":"ann@example.com","event":"Graz",)"
            R"("stars":"4"})");
  EXPECT_EQ(test.input[1].json,
            R"({"id":"o1","kind":"order","time":"2026-04-01T07:00:00Z","email":"ann@example.com",)"
            R"("order_id":"o1","machine":false,"count":3,"note":null,)"
            R"("amount":{"minor":100000,"currency":"EUR"},"tags":["a","1",2.50]})");
  ASSERT_EQ(test.expect.size(), 3u);
  EXPECT_EQ(test.expect[1].value, "1000.00");
  EXPECT_EQ(test.expect[1].window_start, "2026-04-01T00:00:00+02:00");
  EXPECT_THAT(test.expect[1].where,
              ElementsAre(std::pair("model", "first_touch"), std::pair("channel", "Trade fair")));
  EXPECT_EQ(test.expect[2].value, "null");
  EXPECT_THAT(test.expect[2].columns, ElementsAre(std::pair("p90", "3")));
}

TEST(TopicsTest, OutputsOnKafka) {
  const Loaded loaded = Loading().Load(Framed(R"(
kafka: {brokers: "localhost:9092"}
kpis:
  visits: {count: visit, by: [channel], window: 1d}
  orders: {count: order, window: 1d}
outputs:
  - kafka: {topic: "{name}.kpi.{kpi}"}
  - kafka: {topic: final, format: connect, emit: settled, only: [orders], tombstones: false, partitions: 3}
  - kafka: {topic: "d.{kpi}", envelope: debezium, emit: {every: 1s}}
  - file: {path: "out/{kpi}.csv"}
)"));
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  const std::vector<RowTopicSpec>& topics = loaded.pipeline->row_topics;
  ASSERT_EQ(topics.size(), 3u);
  EXPECT_EQ(loaded.pipeline->outputs.size(), 1u);
  EXPECT_EQ(TopicOf(topics[0], "visits"), "t.kpi.visits");
  EXPECT_EQ(topics[0].every_ms, 1000);
  EXPECT_TRUE(topics[0].tombstones);
  EXPECT_TRUE(Carries(topics[0], "visits"));
  EXPECT_EQ(topics[1].format, RowTopicSpec::Format::kConnect);
  EXPECT_TRUE(topics[1].settled_only);
  EXPECT_FALSE(topics[1].tombstones);
  EXPECT_EQ(topics[0].partitions, 1);
  EXPECT_EQ(topics[1].partitions, 3);
  EXPECT_FALSE(Carries(topics[1], "visits"));
  EXPECT_EQ(TopicOf(topics[1], "orders"), "final");
  EXPECT_EQ(topics[2].envelope, RowTopicSpec::Envelope::kDebezium);
}

TEST(TopicsTest, OutputsOnKafkaNeedTheLogOnKafka) {
  const Loaded loaded = Loading().Load(Framed("outputs: [{kafka: {topic: \"{kpi}\"}}]\n"));
  EXPECT_EQ(loaded.pipeline, nullptr);
  EXPECT_THAT(loaded.Places(), ElementsAre("5:19 needs-kafka"));
}

TEST(DefaultsTest, AbsentSectionsAreThoseOfTheReference) {
  const Loaded loaded = Loading().Load(Framed(""));
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  const Pipeline& pipeline = *loaded.pipeline;
  EXPECT_EQ(pipeline.journey_ttl_ms, 730 * kDay);
  EXPECT_EQ(pipeline.anonymous_ttl_ms, 180 * kDay);
  EXPECT_EQ(pipeline.lateness_ms, 7 * kDay);
  EXPECT_EQ(pipeline.engine.state_dir, "conf/state/t");
  EXPECT_EQ(pipeline.zone.name(), "UTC");
  EXPECT_EQ(pipeline.channels.size(), 16u);
  EXPECT_EQ(pipeline.stages.size(), 6u);
  EXPECT_EQ(pipeline.goals.size(), 4u);
  EXPECT_EQ(pipeline.attribution.opportunity_stage, 4);
  std::vector<std::string> models;
  for (const ModelSpec& model : pipeline.attribution.models) models.push_back(model.name);
  EXPECT_THAT(models, ElementsAre("first_touch", "last_touch", "last_non_direct", "linear",
                                  "u_shape", "w_shape", "time_decay"));
  EXPECT_EQ(pipeline.attribution.models[6].half_life_hours, 168);
  EXPECT_EQ(__builtin_popcountll(pipeline.created_by), 9);
  EXPECT_EQ(__builtin_popcountll(pipeline.attribution.touch_kinds), 11);
  EXPECT_EQ(pipeline.outputs.size(), 1u);
  EXPECT_EQ(pipeline.outputs[0].path, "conf/out/{kpi}.csv");
  EXPECT_EQ(pipeline.mail_providers.count("gmail.com"), 1u);
  EXPECT_EQ(pipeline.mail_providers.count("mailinator.com"), 1u);
  EXPECT_GT(pipeline.bots.size(), 50u);
}

TEST(DefaultsTest, TheWholeCatalogueLoads) {
  const Loaded loaded = Loading().Load(Framed(""));
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  const std::string catalogue = *ReadTestFile("app/rules/catalogue.yaml");
  const Loaded named = Loading().Load(Framed(catalogue));
  ASSERT_NE(named.pipeline, nullptr) << named.diagnostics->Text();
  EXPECT_GT(named.pipeline->kpis.size(), 50u);
  EXPECT_EQ(loaded.pipeline->kpis.size(), named.pipeline->kpis.size());
}

TEST(DefaultsTest, OwnStagesDropWhatTheDefaultsSayOfOthers) {
  const Loaded loaded =
      Loading().Load(Framed("stages: [{name: buyer, on: 'kind == \"order\"'}]\n"));
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  EXPECT_EQ(loaded.pipeline->FindKpi("mqls"), nullptr);
  EXPECT_EQ(loaded.pipeline->FindKpi("cost_per_mql"), nullptr);
  EXPECT_NE(loaded.pipeline->FindKpi("revenue"), nullptr);
  EXPECT_EQ(loaded.pipeline->goals.size(), 3u);
  EXPECT_EQ(loaded.pipeline->attribution.opportunity_stage, -1);
  for (std::size_t i = 0; i < loaded.pipeline->kpis.size(); ++i) {
    EXPECT_EQ(loaded.pipeline->kpis[i].index, static_cast<int>(i));
  }
}

TEST(KeepTest, AListNamesWhatIsStoredBesidesWhatIsNeeded) {
  const Loaded loaded =
      Loading().Load(Framed("journey: {keep: [utm.source, labels]}\nchannels: []\nkpis: {}\n"));
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  const std::uint64_t keep = loaded.pipeline->keep_fields;
  EXPECT_NE(keep & FieldBit(Field::kUtmSource), 0u);
  EXPECT_NE(keep & FieldBit(Field::kAmount), 0u);
  EXPECT_NE(keep & FieldBit(Field::kOrderId), 0u);
  EXPECT_EQ(keep & FieldBit(Field::kCompany), 0u);
  EXPECT_NE(keep >> FieldsView::kLabelTag & 1, 0u);
  EXPECT_EQ(keep >> FieldsView::kTraitTag & 1, 0u);
}

TEST(EnvironmentTest, ValuesComeFromIt) {
  Loading loading;
  loading.environment = {{"THREADS", "3"}};
  const Loaded loaded = loading.Load(
      Framed("engine:\n  threads: '${THREADS}'\n  partitions: ${PARTS:-7}\nkpis: {}\n"));
  // A quoted text stays a text: only the plain one becomes a number.
  EXPECT_THAT(loaded.Places(), ElementsAre("6:12 type"));
  const Loaded plain =
      loading.Load(Framed("engine:\n  threads: ${THREADS}\n  partitions: ${PARTS:-7}\nkpis: {}\n"));
  ASSERT_NE(plain.pipeline, nullptr) << plain.diagnostics->Text();
  EXPECT_EQ(plain.pipeline->engine.threads, 3);
  EXPECT_EQ(plain.pipeline->engine.partitions, 7);
}

TEST(EnvironmentTest, WithoutOnePlaceholdersAreNoErrors) {
  Loading loading;
  loading.no_environment = true;
  const Loaded loaded = loading.Load(
      "version: 1\nname: ${NAME}\ntime_zone: ${ZONE}\nengine: {threads: \"${N}\"}\n"
      "sources:\n  a: {file: {path: \"${F}\"}, format: \"${FORMAT}\"}\n"
      "attribution: {lookback: \"${L}\"}\nkpis: {k: {count: order, where: \"${W}\"}}\n"
      "outputs: [{file: {path: \"${O}\"}}]\n");
  EXPECT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
}

TEST(SetTest, OverridesAndAddsValues) {
  Loading loading;
  loading.set = {{"engine.threads", "5"},
                 {"outputs[0].file.path", "x/{kpi}.jsonl"},
                 {"attribution.models", "[linear]"}};
  const Loaded loaded = loading.Load(
      Framed("engine: {threads: 1}\noutputs: [{file: {path: '{kpi}.csv'}}]\nkpis: {}\n"));
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  EXPECT_EQ(loaded.pipeline->engine.threads, 5);
  EXPECT_TRUE(loaded.pipeline->outputs[0].json_lines);
  EXPECT_EQ(loaded.pipeline->attribution.models.size(), 1u);
}

TEST(SetTest, BadPathsAndValuesAreErrors) {
  for (const auto& [path, value] :
       std::vector<std::pair<std::string, std::string>>{{"name.x", "1"},
                                                        {"outputs[7].file", "x"},
                                                        {"", "1"},
                                                        {"engine.thread", "1"},
                                                        {"engine.threads", "many"},
                                                        {"engine.threads", "["}}) {
    Loading loading;
    loading.set = {{path, value}};
    EXPECT_EQ(loading.Load(Framed("kpis: {}\n")).pipeline, nullptr) << path << "=" << value;
  }
}

TEST(KafkaTest, TheClusterIsReadAndSecretsStayWhereTheyAre) {
  Loading loading;
  loading.environment = {{"PASSWORD", "never read here"}};
  const Loaded loaded = loading.Load(Framed(R"(
kafka:
  brokers: [a:9092, b:9092]
  tls: {ca_file: ca.pem, cert_file: client.pem, key_file: /keys/client.key}
  sasl: {mechanism: SCRAM-SHA-512, username: leadflow, password: {secret: "env:PASSWORD"}}
  standby: none
  topics: {create: false, replication: 2}
  session_timeout: 6s
  extra: {fetch.min.bytes: 65536, check.crcs: true}
)"));
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  const KafkaSpec& kafka = *loaded.pipeline->kafka;
  EXPECT_EQ(kafka.brokers, "a:9092,b:9092");
  EXPECT_EQ(kafka.tls->ca_file, "conf/ca.pem");
  EXPECT_EQ(kafka.tls->cert_file, "conf/client.pem");
  EXPECT_EQ(kafka.tls->key_file, "/keys/client.key");
  EXPECT_EQ(kafka.sasl->mechanism, "SCRAM-SHA-512");
  EXPECT_EQ(kafka.sasl->username, "leadflow");
  EXPECT_EQ(kafka.sasl->password.from, SecretSpec::From::kEnvironment);
  EXPECT_EQ(kafka.sasl->password.name, "PASSWORD");
  EXPECT_EQ(kafka.sasl->token.from, SecretSpec::From::kNowhere);
  EXPECT_FALSE(kafka.create_topics);
  EXPECT_EQ(kafka.replication, 2);
  EXPECT_EQ(kafka.session_timeout_ms, 6'000);
  EXPECT_THAT(kafka.extra,
              ElementsAre(std::pair("check.crcs", "true"), std::pair("fetch.min.bytes", "65536")));
  EXPECT_EQ(loaded.pipeline->engine.log, EngineOptions::Log::kKafka);
  EXPECT_EQ(loaded.pipeline->engine.partitions, 32);
}

TEST(RegistryTest, AnAddressIsTakenApart) {
  const struct {
    const char* url;
    bool tls;
    const char* host;
    int port;
    const char* path;
  } good[] = {
      {"http://registry:8081", false, "registry", 8081, ""},
      {"http://registry/", false, "registry", 80, ""},
      {"https://r.example.org/apis/ccompat/v7/", true, "r.example.org", 443, "/apis/ccompat/v7"},
      {"https://[::1]:1/a%20b", true, "::1", 1, "/a%20b"},
  };
  for (const auto& one : good) {
    const auto registry = ParseRegistryUrl(one.url);
    ASSERT_TRUE(registry) << one.url;
    EXPECT_EQ(registry->url, one.url);
    EXPECT_EQ(registry->tls, one.tls) << one.url;
    EXPECT_EQ(registry->host, one.host);
    EXPECT_EQ(registry->port, one.port) << one.url;
    EXPECT_EQ(registry->path, one.path);
  }
  for (const char* bad :
       {"", "registry:8081", "ftp://a", "http://", "http://:8081", "http://a:", "http://a:0",
        "http://a:65536", "http://a:8081x", "http://u:p@a", "http://a/?q", "http://a/#f",
        "http://a b", "http://a\r\nb", "http://[::1", "http://[x]", "http://[::1]x"}) {
    EXPECT_FALSE(ParseRegistryUrl(bad)) << bad;
  }
}

TEST(RegistryTest, ProtobufNeedsOneAndALoginIsWhole) {
  const std::string output = "outputs: [{kafka: {topic: \"{kpi}\", format: protobuf}}]\n";
  Loading loading;
  const auto places = [&](const std::string& registry) {
    return loading.Load(Framed("kafka:\n  brokers: a:9092\n  topics: {}\n" + registry + output))
        .Places();
  };
  EXPECT_THAT(places("  registry: {url: \"http://r\"}\n"), ElementsAre());
  EXPECT_THAT(places(""), ElementsAre("8:44 missing"));
  EXPECT_THAT(places("  registry: {url: \"http://r\", username: u}\n"),
              ElementsAre("8:13 missing"));
  EXPECT_THAT(places("  registry: {url: \"http://r\", ca_file: x}\n"),
              ElementsAre("8:40 conflict"));
}

TEST(KafkaTest, ASecretInPlaceOfWhereItLiesIsNotShown) {
  for (const std::string password : {"{secret: hunter2}", "hunter2", "[hunter2]",
                                     "\n    {secret: hunter2}", "{secret: [hunter2]}"}) {
    const Loaded loaded = Loading().Load(
        Framed("kafka:\n  brokers: a:9092\n  sasl:\n    mechanism: PLAIN\n    username: u\n"
               "    password: " +
               password + "\n"));
    EXPECT_GT(loaded.diagnostics->errors(), 0);
    for (const std::string& text :
         {loaded.diagnostics->Text(), loaded.diagnostics->Json(), loaded.diagnostics->Github()}) {
      EXPECT_THAT(text, Not(HasSubstr("hunter2"))) << password;
    }
  }
}

TEST(KafkaTest, TheLogFollowsTheSectionUnlessTheFileSays) {
  const auto engine = [](const std::string& text) {
    const Loaded loaded = Loading().Load(Framed(text));
    return loaded.pipeline == nullptr ? EngineOptions() : loaded.pipeline->engine;
  };
  EXPECT_EQ(engine("").log, EngineOptions::Log::kEmbedded);
  EXPECT_EQ(engine("").partitions, 4);
  EXPECT_EQ(engine("kafka: {brokers: 'a:1'}\n").log, EngineOptions::Log::kKafka);
  EXPECT_EQ(engine("kafka: {brokers: 'a:1'}\nengine: {log: embedded}\n").log,
            EngineOptions::Log::kEmbedded);
  EXPECT_EQ(engine("kafka: {brokers: 'a:1'}\nengine: {partitions: 6}\n").partitions, 6);
}

TEST(KafkaTest, WhereTheClusterLiesChangesNoNumber) {
  const auto rules = [](const std::string& text) {
    return Loading().Load(Framed(text)).pipeline->rules;
  };
  EXPECT_EQ(rules(""), rules("kafka: {brokers: 'a:1', topics: {replication: 1}}\n"));
}

TEST(KafkaTest, SourcesNameTopicsAndWhereToBegin) {
  const Loaded loaded = Loading().Load(
      "version: 1\nname: t\nkafka: {brokers: 'a:1'}\nsources:\n"
      "  a: {kafka: {topics: ['{name}.web', b]}, format: leadflow}\n"
      "  c: {kafka: {topics: c, start: latest}, format: leadflow}\n"
      "  d: {kafka: {topics: d, start: 2026-01-01T00:00:00+01:00}, format: leadflow}\nkpis: {}\n");
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  const std::vector<SourceSpec>& sources = loaded.pipeline->sources;
  EXPECT_EQ(sources[0].input, SourceSpec::Input::kKafka);
  EXPECT_THAT(sources[0].topics, ElementsAre("t.web", "b"));
  EXPECT_EQ(sources[0].start, SourceSpec::Start::kEarliest);
  EXPECT_EQ(sources[1].start, SourceSpec::Start::kLatest);
  EXPECT_EQ(sources[2].start, SourceSpec::Start::kTime);
  EXPECT_EQ(sources[2].start_ms, *ParseRfc3339("2025-12-31T23:00:00Z"));
}

TEST(FormatTest, PresetsAreCheckedIfTheyAreKnown) {
  Loading loading;
  const std::string yaml =
      "version: 1\nname: t\nsources:\n  a: {file: {path: x}, format: sendgird}\nkpis: {}\n";
  EXPECT_NE(loading.Load(yaml).pipeline, nullptr);
  loading.presets = {"sendgrid", "segment"};
  const Loaded loaded = loading.Load(yaml);
  EXPECT_THAT(loaded.Places(), ElementsAre("4:32 unknown-format"));
  EXPECT_THAT(loaded.diagnostics->all()[0].hint, HasSubstr("`sendgrid`"));
}

TEST(FileTest, StandardInputIsAPath) {
  const Loaded loaded = Loading().Load(
      "version: 1\nname: t\nsources:\n  a: {file: {path: \"-\"}, format: leadflow}\nkpis: {}\n");
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  EXPECT_EQ(loaded.pipeline->sources[0].input, SourceSpec::Input::kStdin);
  EXPECT_TRUE(loaded.pipeline->sources[0].paths.empty());
}

TEST(FileTest, BadRowsOfNamedFilesAreErrorsWithTheirLine) {
  Loading loading;
  loading.files = {{"conf/r.csv",
                    "date,currency,rate\n2026-01-01,USD,0.9\n2026-13-01,USD,1\n2026-01-01,US,1\n"
                    "2026-01-01,USD,-1\n2026-01-01,USD\n"},
                   {"conf/a.csv", "alias,name\na,b\n"}};
  const Loaded loaded = loading.Load(
      Framed("currency: {rates: {file: r.csv}}\ncampaigns: {aliases: {file: a.csv}}\nkpis: {}\n"));
  const std::string text = loaded.diagnostics->Text();
  for (const std::string_view part :
       {"r.csv:3: no date", "r.csv:4: no currency", "r.csv:5: no rate", "r.csv:6: 2 values",
        "no column `campaign`"}) {
    EXPECT_THAT(text, HasSubstr(std::string(part)));
  }
}

TEST(RulesTest, HashFollowsWhatDecidesTheNumbersAndNothingElse) {
  const auto hash = [](std::string_view rest) {
    const Loaded loaded = Loading().Load(Framed(rest));
    EXPECT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
    return loaded.pipeline == nullptr ? 0 : loaded.pipeline->rules;
  };
  const std::string kpis = "kpis: {a: {count: visit, by: [channel], window: 1d}}\n";
  const std::uint64_t base = hash(kpis);
  const std::string same[] = {"engine: {threads: 4}\n", "lateness: {allowed: 1d}\n",
                              "visits: {gap: 30m}\n",   "outputs: []\n",
                              "channels: default\n",    "attribution: {lookback: 365d}\n"};
  for (const std::string& section : same) EXPECT_EQ(hash(section + kpis), base) << section;
  const std::string other[] = {"visits: {gap: 31m}\n",
                               "time_zone: Europe/Berlin\n",
                               "currency: {report: USD}\n",
                               "channels: []\n",
                               "attribution: {lookback: 364d}\n",
                               "attribution: {models: [linear]}\n",
                               "dimensions: {owner: {as_of: now}}\n",
                               "identity: {unique: [email]}\n",
                               "leads: {created_by: [order]}\n",
                               "journey: {ttl: 10d}\n"};
  for (const std::string& section : other) EXPECT_NE(hash(section + kpis), base) << section;
  EXPECT_NE(hash("kpis: {a: {count: visit, by: [campaign], window: 1d}}\n"), base);
  EXPECT_NE(hash("kpis: {a: {count: visit, by: [channel], window: 1w}}\n"), base);
  EXPECT_NE(hash("kpis: {a: {count: visit, by: [channel], window: 1d, where: bounce}}\n"), base);
}

TEST(ExampleTest, EveryExampleLoads) {
  for (const std::string_view name :
       {"costs", "csv-fair", "form-posts", "hubspot", "leadflow-events", "quickstart", "segment",
        "sendgrid", "shopify", "snowplow", "woocommerce"}) {
    const auto text = ReadTestFile("examples/" + std::string(name) + "/pipeline.yaml");
    ASSERT_TRUE(text.has_value()) << name;
    Loading loading;
    loading.files = {{"conf/aliases.csv", "alias,campaign\n"}};
    const Loaded loaded = loading.Load(*text);
    EXPECT_NE(loaded.pipeline, nullptr) << name << "\n" << loaded.diagnostics->Text();
  }
}

}  // namespace
}  // namespace leadflow
