// Loader: reads the sections of one file into a Pipeline. Every member function takes the node of
// its section, reports what is wrong, and goes on; the order of calls in Load is the order in which
// sections need each other. Inside of operators/pipeline only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operators/pipeline/csv_table.h"
#include "operators/pipeline/expression_reader.h"
#include "operators/pipeline/pipeline.h"
#include "operators/pipeline/problems.h"
#include "operators/pipeline/scopes.h"
#include "operators/pipeline/section_reader.h"

namespace leadflow {

constexpr std::int64_t kPartitionsMax = 4096;  // Of the engine, and of a topic of rows.

// Whether the engine of this pipeline keeps its own records there.
bool IsOwnTopic(std::string_view topic, std::string_view pipeline);
bool IsRead(std::span<const SourceSpec> sources, const std::string& topic);

class Loader final {
 public:
  Loader(const LoadOptions& options, Diagnostics* diagnostics);
  std::unique_ptr<const Pipeline> Load(std::string_view yaml);

 private:
  // load_pipeline.cc
  void ApplySets(YamlNode* root);
  void LoadHead(const SectionReader& root);
  void LoadEngine(const SectionReader& root);
  void LoadJourneySection(const YamlNode& node);
  void LoadLateness(const YamlNode& node);
  // The section, or an empty one.
  const YamlNode& Section(const SectionReader& root, std::string_view key) const;
  // The section, or that of the defaults.
  const YamlNode& SectionOrDefault(const SectionReader& root, std::string_view key) const;
  std::optional<YamlNode> ReadBuiltinYaml(const std::string& name);
  std::optional<std::vector<std::string>> ReadList(std::string_view name) const;
  std::string Resolve(std::string_view path) const;  // relative to the file's folder
  std::string FillName(std::string text) const;      // {name}

  // load_kafka.cc
  void LoadKafka(const YamlNode& node);
  KafkaSpec::Tls LoadTls(const YamlNode& node);
  KafkaSpec::Sasl LoadSasl(const YamlNode& node);
  // {secret: "env:X"} or {secret: "file:x"}; `what`: as messages name it.
  SecretSpec LoadSecret(const YamlNode& node, const std::string& what);
  // Reports a source or an output on Kafka of a pipeline whose log is not.
  void NeedsKafka(Position at, std::string_view what);

  // load_registry.cc
  RegistrySpec LoadRegistry(const YamlNode& node);

  // load_http.cc
  void LoadHttp(const YamlNode& node);
  void LoadWebhook(const YamlNode& node, const std::string& what, SourceSpec* source);
  void LoadVerify(const YamlNode& node, const std::string& what, WebhookSpec* webhook);
  void CheckPath(const std::string& path, Position at);

  // load_sources.cc
  void LoadSources(const YamlNode& node);
  void LoadSource(const YamlNode::Member& member);
  void LoadFormat(const SectionReader& reader, SourceSpec* source);
  void LoadInput(const SectionReader& reader, SourceSpec* source);
  void LoadFiles(const YamlNode& node, const std::string& what, SourceSpec* source);
  void LoadInbox(const YamlNode& node, const std::string& what, SourceSpec* source);
  void LoadTopics(const YamlNode& node, const std::string& what, SourceSpec* source);
  void LoadStart(const SectionReader& reader, SourceSpec* source);
  void LoadMapping(const YamlNode& node, SourceSpec* source, MessageScope& scope);
  void LoadAssignment(const YamlNode::Member& member, SourceSpec* source, MessageScope& scope,
                      EventMapping* mapping);

  // load_people.cc
  void LoadCurrency(const YamlNode& node);
  void LoadRates(const YamlNode& file);
  void LoadCampaigns(const YamlNode& node);
  // Rows of a CSV file behind its header; the columns in the order asked for.
  std::optional<std::vector<CsvRow>> ReadTable(const YamlNode& file,
                                               const std::vector<std::string_view>& columns);
  void LoadExclude(const YamlNode& node);
  void LoadIdentity(const YamlNode& node);
  void LoadIgnore(const SectionReader& reader);
  void LoadSpaces(const YamlNode& node);
  void LoadLeads(const YamlNode& node);
  void LoadVisits(const YamlNode& node);
  void LoadDimensions(const YamlNode& node);
  std::uint64_t KindBits(const std::vector<const YamlNode*>& names, bool visit_too,
                         bool touches_only);

  // load_journey.cc
  void LoadChannels(const YamlNode& node);
  void LoadPersonas(const YamlNode& node);
  void LoadRules(const YamlNode& list, std::string_view what, const EventScopeOptions& options,
                 std::vector<NamedRule>* rules);
  void LoadStages(const YamlNode& node);
  void LoadStage(const YamlNode& node);
  void LoadScoring(const YamlNode& node);
  void LoadGoals(const YamlNode& node, bool defaults);
  void LoadGoal(const YamlNode::Member& member, bool defaults);
  void LoadAttribution(const YamlNode& node);
  void LoadModels(const YamlNode& list);
  void LoadModel(const YamlNode& item);
  bool LoadModelParameters(const YamlNode& item, ModelSpec* model);
  // -1: no such stage (reported, unless `quiet`).
  int FindStage(std::string_view name, Position at, bool quiet = false);

  // load_outputs.cc
  void LoadOutputs(const YamlNode& node);
  void LoadOutput(const YamlNode& node);
  void LoadFileOutput(const YamlNode& node);
  std::vector<std::string> KpiNames(const std::vector<const YamlNode*>& nodes);
  void LoadTests(const YamlNode& node);
  void LoadTest(const YamlNode& node);
  void LoadExpect(const YamlNode& node, TestSpec* test);

  // load_topics.cc
  void LoadTopicOutput(const YamlNode& node);
  void CheckTopics();
  bool CheckTopic(const RowTopicSpec& topic, std::string_view kpi,
                  std::map<std::string, const RowTopicSpec*>* names);

  // load_kpis.cc
  void LoadKpis(const SectionReader& root);

  EventScopeOptions Stored() const;  // options of a scope over entries

  const LoadOptions& options_;
  Diagnostics* diagnostics_;
  Problems problems_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<ExpressionReader> expressions_;
  YamlNode empty_;                       // what absent sections are
  YamlNode defaults_;                    // sections that absent ones take
  bool http_given_ = false;              // the file has a section `http`, right or wrong
  const YamlNode* kpi_nodes_ = nullptr;  // the file's `kpis`: what is declared, right or wrong
};

}  // namespace leadflow
