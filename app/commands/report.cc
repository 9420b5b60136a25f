#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "app/commands/commands.h"
#include "app/commands/print_journey.h"
#include "app/state_reader.h"
#include "app/text_table.h"
#include "engine/base/money.h"
#include "operators/kpi/scan_rows.h"

namespace leadflow::app {
namespace {

constexpr std::size_t kRowsShown = 8;
constexpr std::size_t kModelsShown = 3;
constexpr std::size_t kLabel = 30, kNumber = 14;
constexpr int kBar = 24, kModelBar = 10;  // characters of the longest bars

struct Section {
  const char* title;
  std::vector<const char*> kpis;  // those of them that the pipeline has are shown
};

const std::vector<Section>& Sections() {
  static const std::vector<Section> sections = {
      {"Reach", {"visits", "unique_visitors", "recipients", "mail_recipients", "fair_visitors"}},
      {"Interaction",
       {"fair_contacts", "cards", "open_rate", "click_rate", "bounce_rate", "forms", "dwell_time",
        "new_leads", "visit_to_lead", "sqls"}},
      {"Transaction",
       {"order_count", "average_order", "days_to_order", "win_rate", "cost", "cost_per_lead"}},
  };
  return sections;
}

double Number(const KpiRow& row) {
  return row.value ? std::strtod(row.value->c_str(), nullptr) : 0;
}

// The dimensions that have a value, as "Paid search, spring".
std::string Label(const KpiRow& row) {
  std::string label;
  for (const std::string& dimension : row.dimensions) {
    if (dimension != "(none)") label += (label.empty() ? "" : ", ") + dimension;
  }
  if (!label.empty()) return label;
  return row.dimensions.empty() ? "all" : "(none)";
}

std::string Decimal(double number, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return Grouped(text);
}

struct Line {
  std::string label, unit, rest;
  double number = 0;
};

// What PrintKpi shows of a KPI: one line per label.
struct Table {
  std::vector<Line> lines;
  std::string window;  // "2025-12-01": of that window only
  int digits = 0;
};

// Counts and sums are added up over the windows; of other measures the newest window is shown,
// because they cannot be.
bool Adds(const KpiSpec& kpi) {
  return kpi.measure.type == Measure::Type::kCount || kpi.measure.type == Measure::Type::kSum;
}

// A rate, in which all values are parts of one: shown in percent.
bool IsPercent(const KpiSpec& kpi, const std::vector<KpiRow>& rows) {
  return (kpi.measure.type == Measure::Type::kRatio ||
          kpi.measure.type == Measure::Type::kShareOf) &&
         std::all_of(rows.begin(), rows.end(), [](const KpiRow& row) {
           return row.currency.empty() && Number(row) >= 0 && Number(row) <= 1;
         });
}

// "p90 183": the quantiles behind the first, which is the value.
std::string OtherQuantiles(const KpiSpec& kpi, const KpiRow& row) {
  std::string text;
  for (std::size_t i = 0; i < row.quantiles.size(); ++i) {
    if (!row.quantiles[i]) continue;
    text += (text.empty() ? "" : ", ") + kpi.measure.quantile_columns[i] + " " + *row.quantiles[i];
  }
  return text;
}

Table MakeTable(const KpiSpec& kpi, const std::vector<KpiRow>& rows, const Pipeline& pipeline) {
  Table table;
  std::int64_t newest = 0;
  for (const KpiRow& row : rows) newest = std::max(newest, row.window_start_ms);
  const bool one_window = !Adds(kpi) && kpi.window != WindowUnit::kTotal;
  if (one_window) table.window = pipeline.zone.Format(newest).substr(0, 10);
  const bool percent = IsPercent(kpi, rows);
  if (percent || kpi.measure.type == Measure::Type::kMean) table.digits = 1;
  std::map<std::pair<std::string, std::string>, Line> by_label;
  for (const KpiRow& row : rows) {
    if (!row.value || (one_window && row.window_start_ms != newest)) continue;
    Line& line = by_label[{Label(row), row.currency}];
    line.label = Label(row);
    line.unit = percent ? "%" : row.currency.empty() ? kpi.unit : row.currency;
    line.number = (Adds(kpi) ? line.number : 0) + Number(row) * (percent ? 100 : 1);
    line.rest = OtherQuantiles(kpi, row);
    if (!row.currency.empty()) table.digits = CurrencyExponent(row.currency).value_or(2);
  }
  for (auto& [label, line] : by_label) {
    if (line.number != 0) table.lines.push_back(std::move(line));
  }
  std::stable_sort(table.lines.begin(), table.lines.end(),
                   [](const Line& a, const Line& b) { return a.number > b.number; });
  return table;
}

// "visits by channel"
std::string Title(const KpiSpec& kpi, const Table& table) {
  std::string title = kpi.name;
  std::replace(title.begin(), title.end(), '_', ' ');
  for (std::size_t i = 0; i < kpi.by.size(); ++i)
    title += (i == 0 ? " by " : ", ") + kpi.by[i].name;
  return table.window.empty() ? title : title + ", from " + table.window + " on";
}

void PrintTable(const std::string& title, const Table& table) {
  std::printf("\n  %s\n", title.c_str());
  const bool bars = table.lines.size() > 1;
  for (std::size_t i = 0; i < table.lines.size() && i < kRowsShown; ++i) {
    const Line& line = table.lines[i];
    std::string text = "    " + Left(line.label, kLabel) + " " +
                       Right(Decimal(line.number, table.digits), kNumber) + " " +
                       Left(line.unit, 4) +
                       (bars ? Bar(line.number, table.lines.front().number, kBar) : "") +
                       (line.rest.empty() ? "" : "  (" + line.rest + ")");
    text.erase(text.find_last_not_of(' ') + 1);
    std::printf("%s\n", text.c_str());
  }
  if (table.lines.size() > kRowsShown) {
    std::printf("    and %zu more\n", table.lines.size() - kRowsShown);
  }
}

// First, last and linear if the pipeline has them, for they differ most; else its first ones.
std::vector<std::string> ModelsToShow(const Pipeline& pipeline) {
  std::vector<std::string> all, shown;
  for (const ModelSpec& model : pipeline.attribution.models) all.push_back(model.name);
  for (const char* name : {"first_touch", "last_touch", "linear"}) {
    if (std::find(all.begin(), all.end(), name) != all.end()) shown.emplace_back(name);
  }
  if (shown.size() < kModelsShown) shown = all;
  if (shown.size() > kModelsShown) shown.resize(kModelsShown);
  return shown;
}

using Numbers = std::vector<double>;  // one per model

void PrintModelLine(const std::string& label, const Numbers& numbers, double most) {
  std::string text = "  " + Left(label, 20);
  for (const double number : numbers) {
    text +=
        " " + Right(Decimal(number, 2), 13) + " " + Left(Bar(number, most, kModelBar), kModelBar);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  std::printf("%s\n", text.c_str());
}

// Revenue by the dimension behind `model`, the models beside each other; one table per currency.
void PrintModels(const KpiSpec& kpi, const std::vector<KpiRow>& rows, const Pipeline& pipeline) {
  if (kpi.by.size() < 2 || kpi.by.front().dimension != Dimension::kModel) return;
  const std::vector<std::string> models = ModelsToShow(pipeline);
  std::map<std::string, std::map<std::string, Numbers>> currencies;
  for (const KpiRow& row : rows) {
    const auto model = std::find(models.begin(), models.end(), row.dimensions[0]);
    if (model == models.end() || Number(row) == 0) continue;
    Numbers& line = currencies[row.currency][row.dimensions[1]];
    line.resize(models.size());
    line[static_cast<std::size_t>(model - models.begin())] += Number(row);
  }
  for (const auto& [currency, table] : currencies) {
    std::printf("\nRevenue by %s in %s: the same orders under %s of attribution\n\n  %s",
                kpi.by[1].name.c_str(), currency.c_str(),
                Counted(static_cast<std::int64_t>(models.size()), "model").c_str(),
                Left("", 20).c_str());
    for (std::size_t m = 0; m < models.size(); ++m) {
      std::printf("%*s%s", m == 0 ? 1 : kModelBar + 2, "", Right(models[m], 13).c_str());
    }
    std::printf("\n");
    std::vector<std::pair<std::string, Numbers>> lines(table.begin(), table.end());
    std::stable_sort(lines.begin(), lines.end(),
                     [](const auto& a, const auto& b) { return a.second[0] > b.second[0]; });
    Numbers totals(models.size());
    double most = 0;
    for (const auto& [label, numbers] : lines) {
      most = std::max(most, *std::max_element(numbers.begin(), numbers.end()));
      for (std::size_t m = 0; m < models.size(); ++m) totals[m] += numbers[m];
    }
    for (const auto& [label, numbers] : lines) PrintModelLine(label, numbers, most);
    PrintModelLine("total", totals, 0);
  }
}

// Nullopt: the pipeline has no such KPI, or its rows cannot be read, which is said.
std::optional<std::vector<KpiRow>> Rows(const StateReader& state, const char* name) {
  if (state.pipeline().FindKpi(name) == nullptr) return std::nullopt;
  auto rows = CollectRows(state.rows(), state.pipeline(), name, state.watermark_ms());
  if (rows.ok()) return *std::move(rows);
  Failed(rows.status());
  return std::nullopt;
}

void PrintSections(const StateReader& state) {
  for (const Section& section : Sections()) {
    bool begun = false;
    for (const char* name : section.kpis) {
      const auto rows = Rows(state, name);
      if (!rows) continue;
      const KpiSpec& kpi = *state.pipeline().FindKpi(name);
      const Table table = MakeTable(kpi, *rows, state.pipeline());
      if (table.lines.empty()) continue;
      if (!begun) std::printf("\n%s\n", section.title);
      begun = true;
      PrintTable(Title(kpi, table), table);
    }
  }
}

}  // namespace

int Report(const StateOptions& options, const std::string& lead) {
  int code = kDone;
  const std::unique_ptr<StateReader> state = StateReader::Open(options, &code);
  if (state == nullptr) return code;
  PrintSections(*state);
  if (const auto rows = Rows(*state, "revenue")) {
    PrintModels(*state->pipeline().FindKpi("revenue"), *rows, state->pipeline());
  }
  if (lead.empty()) return kDone;
  std::printf("\nThe journey of %s, and what its conversions gave to each touch\n\n", lead.c_str());
  const std::optional<LeadName> name = NamedLead(lead);
  return name ? PrintJourney(*state, *name, lead, false) : kFailed;
}

}  // namespace leadflow::app
