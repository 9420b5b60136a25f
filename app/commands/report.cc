#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "app/commands/commands.h"
#include "app/progress_line.h"
#include "app/state_reader.h"
#include "operators/kpi/scan_rows.h"

namespace leadflow::app {
namespace {

constexpr std::size_t kRowsShown = 8;
constexpr std::size_t kModelsShown = 3;
constexpr int kBar = 18;  // characters of the longest bar

struct Section {
  const char* title;
  std::vector<const char*> kpis;  // those of them that the pipeline has are shown
};

const std::vector<Section>& Sections() {
  static const std::vector<Section> sections = {
      {"Reach", {"visits", "unique_visitors", "recipients", "mail_recipients", "fair_visitors"}},
      {"Interaction",
       {"new_leads", "fair_contacts", "cards", "forms", "open_rate", "click_rate", "bounce_rate", "sqls"}},
      {"Transaction", {"order_count", "cost", "cost_per_lead", "days_to_order"}},
  };
  return sections;
}

// Text in a column of a fixed width: cut or filled up. Bytes of UTF-8 that go on are not counted.
std::string Fit(const std::string& text, std::size_t width) {
  std::string out;
  std::size_t used = 0;
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (begins && used == width) return out;
    used += begins ? 1 : 0;
    out += c;
  }
  return out + std::string(width - used, ' ');
}

std::string Bar(double value, double most) {
  const int eighths = most <= 0 ? 0 : static_cast<int>(std::max(value, 0.0) / most * kBar * 8 + 0.5);
  static const char* const kParts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::string bar;
  for (int i = 0; i < eighths / 8; ++i) bar += "█";
  return bar + kParts[eighths % 8];
}

double Number(const KpiRow& row) { return row.value ? std::strtod(row.value->c_str(), nullptr) : 0; }

std::string Label(const KpiRow& row) {
  std::string label;
  for (const std::string& dimension : row.dimensions) {
    label += (label.empty() ? "" : ", ") + dimension;
  }
  if (label.empty()) label = "all";
  return row.currency.empty() ? label : label + " (" + row.currency + ")";
}

// "12345.00" -> "12,345.00"
std::string Grouped(const std::string& decimal) {
  const std::size_t point = std::min(decimal.find('.'), decimal.size());
  return WithCommas(std::strtoll(decimal.substr(0, point).c_str(), nullptr, 10)) + decimal.substr(point);
}

struct Line {
  std::string label, text;
  double number = 0;
};

// One line per label: sums over windows of what can be summed, else the newest window's.
std::vector<Line> Lines(const KpiSpec& kpi, const std::vector<KpiRow>& rows) {
  const bool summed = kpi.measure.type == Measure::Type::kCount || kpi.measure.type == Measure::Type::kSum;
  const int digits = kpi.money ? 2 : 0;
  std::map<std::string, Line> by_label;
  for (const KpiRow& row : rows) {
    Line& line = by_label[Label(row)];
    line.label = Label(row);
    line.number = summed ? line.number + Number(row) : Number(row);
    line.text = row.value.value_or("-");
    if (summed) {
      char number[64];
      std::snprintf(number, sizeof number, "%.*f", digits, line.number);
      line.text = number;
    }
  }
  std::vector<Line> lines;
  for (auto& [label, line] : by_label) {
    if (line.number != 0) lines.push_back(std::move(line));
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.number > b.number; });
  return lines;
}

std::string Title(const KpiSpec& kpi) {
  std::string title = kpi.name;
  std::replace(title.begin(), title.end(), '_', ' ');
  return kpi.unit.empty() ? title : title + ", " + kpi.unit;
}

void PrintKpi(const KpiSpec& kpi, const std::vector<KpiRow>& rows) {
  const std::vector<Line> lines = Lines(kpi, rows);
  if (lines.empty()) return;
  std::printf("  %s\n", Title(kpi).c_str());
  for (std::size_t i = 0; i < lines.size() && i < kRowsShown; ++i) {
    std::printf("    %s %14s  %s\n", Fit(lines[i].label, 30).c_str(), Grouped(lines[i].text).c_str(),
                Bar(lines[i].number, lines.front().number).c_str());
  }
  if (lines.size() > kRowsShown) std::printf("    and %zu more\n", lines.size() - kRowsShown);
}

// Revenue by the dimension behind `model`, the models beside each other.
void PrintModels(const KpiSpec& kpi, const std::vector<KpiRow>& rows, const Pipeline& pipeline) {
  if (kpi.by.size() < 2 || kpi.by.front().dimension != Dimension::kModel) return;
  const std::size_t shown = std::min(kModelsShown, pipeline.attribution.models.size());
  std::map<std::string, std::vector<double>> table;
  double most = 0;
  for (const KpiRow& row : rows) {
    for (std::size_t m = 0; m < shown; ++m) {
      if (row.dimensions[0] != pipeline.attribution.models[m].name) continue;
      std::vector<double>& line =
          table[row.dimensions[1] + (row.currency.empty() ? "" : " (" + row.currency + ")")];
      line.resize(shown);
      line[m] += Number(row);
      most = std::max(most, line[m]);
    }
  }
  if (table.empty()) return;
  std::printf("\nRevenue by %s, under %zu models of attribution\n  %s", kpi.by[1].name.c_str(), shown,
              Fit("", 24).c_str());
  for (std::size_t m = 0; m < shown; ++m) {
    std::printf(" %s", Fit(pipeline.attribution.models[m].name, kBar + 16).c_str());
  }
  std::printf("\n");
  std::vector<std::pair<std::string, std::vector<double>>> lines(table.begin(), table.end());
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto& a, const auto& b) { return a.second[0] > b.second[0]; });
  for (const auto& [label, numbers] : lines) {
    std::printf("  %s", Fit(label, 24).c_str());
    for (const double number : numbers) {
      char text[64];
      std::snprintf(text, sizeof text, "%.2f", number);
      std::printf(" %14s %s", Grouped(text).c_str(), Fit(Bar(number, most), kBar + 1).c_str());
    }
    std::printf("\n");
  }
}

// False: the rows cannot be read; says so.
bool Print(const StateReader& state, const char* name,
           void (*print)(const KpiSpec&, const std::vector<KpiRow>&, const Pipeline&)) {
  const KpiSpec* kpi = state.pipeline().FindKpi(name);
  if (kpi == nullptr) return true;
  const auto rows = CollectRows(state.rows(), state.pipeline(), name, state.watermark_ms());
  if (!rows.ok()) {
    std::fprintf(stderr, "error: %s\n", std::string(rows.status().message()).c_str());
    return false;
  }
  print(*kpi, *rows, state.pipeline());
  return true;
}

}  // namespace

int Report(const StateOptions& options, const std::string& lead) {
  int code = kDone;
  {
    const std::unique_ptr<StateReader> state = StateReader::Open(options, &code);
    if (state == nullptr) return code;
    const auto plain = [](const KpiSpec& kpi, const std::vector<KpiRow>& rows, const Pipeline&) {
      PrintKpi(kpi, rows);
    };
    for (const Section& section : Sections()) {
      std::printf("\n%s\n", section.title);
      for (const char* kpi : section.kpis) {
        if (!Print(*state, kpi, plain)) return kFailed;
      }
    }
    if (!Print(*state, "revenue", PrintModels)) return kFailed;
  }
  if (lead.empty()) return kDone;
  std::printf("\nThe journey of %s, and what each order gave to it\n", lead.c_str());
  return ShowJourney(options, lead);
}

}  // namespace leadflow::app
