// MeasureReader: one measure of `kpis:` from its YAML: forms, subjects, durations, and KPI names,
// which are replaced by their measures. Inside of operators/pipeline only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operators/pipeline/expression_reader.h"
#include "operators/pipeline/pipeline.h"
#include "operators/pipeline/problems.h"
#include "operators/pipeline/section_reader.h"

namespace leadflow {

class MeasureReader final {
 public:
  // `kpis`: the section, for names. All arguments outlive the reader; stages, goals and models of
  // the pipeline are loaded.
  MeasureReader(const YamlNode& kpis, Pipeline* pipeline, ExpressionReader* expressions,
                Problems* problems)
      : kpis_(kpis), pipeline_(*pipeline), expressions_(*expressions), problems_(*problems) {}

  // The measure of the KPI with this name. False: wrong (reported).
  bool Read(const YamlNode::Member& kpi, Measure* measure);

 private:
  // What a KPI or a ratio says for all measures inside of it.
  struct Given {
    std::vector<const YamlNode*> where;  // outermost first
    bool machine = false;
    Credit credit = Credit::kDefault;
    Ledger ledger = Ledger::kRestated;
    const SectionReader* models = nullptr;  // who names models
    bool outermost = false;                 // may say by, window, unit, ...
  };

  bool ReadNode(const YamlNode& node, Given given, Measure* measure);
  bool ReadNamed(const YamlNode& node, Given given, Measure* measure);
  bool ReadForm(const SectionReader& reader, std::string_view form, const Given& given,
                Measure* measure);
  std::optional<std::string_view> FormOf(const SectionReader& reader, bool outermost);
  void CheckOptions(const SectionReader& reader, std::string_view form, bool outermost);
  Given Inside(const SectionReader& reader, Given given) const;

  bool ReadCount(const SectionReader& reader, Measure* measure);
  bool ReadDistinct(const SectionReader& reader, Measure* measure);
  bool ReadNumber(const YamlNode& node, Measure* measure);
  bool ReadMean(const SectionReader& reader, Measure* measure);
  bool ReadQuantile(const SectionReader& reader, Measure* measure);
  bool ReadDuration(const YamlNode& node, Measure* measure);
  bool ReadAttributed(const SectionReader& reader, const Given& given, Measure* measure);
  bool ReadOperands(const SectionReader& reader, std::string_view form, const Given& given,
                    Measure* measure);
  bool ReadModels(const SectionReader& reader, Measure* measure);
  bool FinishLeaf(const Given& given, Measure* measure);

  std::optional<Subject> SubjectOf(const YamlNode& node, std::string_view text, bool trust_too);
  std::optional<Subject> MomentOf(const YamlNode& node, bool first_touch_too);
  std::optional<int> StageOf(const YamlNode& node, std::string_view name);
  std::optional<int> GoalOf(const YamlNode& node);
  std::vector<std::string_view> SubjectNames(bool trust_too) const;

  const YamlNode& kpis_;
  Pipeline& pipeline_;
  ExpressionReader& expressions_;
  Problems& problems_;
  std::vector<std::string_view> path_;  // names of the KPIs being read, outermost first
};

// "p50", "p90", "p12_5".
std::string QuantileColumn(double quantile);

enum class ValueUnit : unsigned char { kNumber, kMoney, kDuration };
// What a measure's value is: money / number is money, money / money a number.
ValueUnit UnitOf(const Measure& measure);
// For messages: "cost.amount", "stage.sql", "order".
std::string SubjectText(const Subject& subject, const Pipeline& pipeline);

}  // namespace leadflow
