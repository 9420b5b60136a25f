#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <string>

#include "app/commands/commands.h"
#include "app/job.h"
#include "app/pipeline_file.h"
#include "app/text_table.h"
#include "engine/log/embedded_log.h"
#include "engine/log/memory_file_system.h"
#include "engine/state/memory_store.h"
#include "operators/kpi/scan_rows.h"

namespace leadflow::app {
namespace {

using Row = std::map<std::string, std::string>;  // column -> text, "null" for none
using Rows = std::map<std::string, std::vector<Row>>;

Row Columns(const KpiRow& row, const TimeZone& zone) {
  Row columns;
  for (const RowField& field : RowFields(row, zone)) {
    columns[std::string(field.name)] = field.text.value_or("null");
  }
  return columns;
}

std::vector<SourceMessages> MessagesOf(const TestSpec& test) {
  std::vector<SourceMessages> out;
  for (const TestSpec::Input& input : test.input) {
    auto same = std::find_if(out.begin(), out.end(),
                             [&](const SourceMessages& one) { return one.source == input.source; });
    if (same == out.end()) same = out.insert(out.end(), {input.source, {}});
    same->messages.push_back(input.json);
  }
  return out;
}

// Runs the inputs of one test through the whole engine, in memory.
Result<Rows> RunInputs(const Pipeline& pipeline, const TestSpec& test, std::string* refused) {
  const std::vector<SourceMessages> inputs = MessagesOf(test);
  LEADFLOW_ASSIGN_OR_RETURN(const Plan plan, MakePlan(pipeline, {.inputs = &inputs}));
  MemoryFileSystem files;
  LEADFLOW_ASSIGN_OR_RETURN(const std::unique_ptr<EmbeddedLog> log,
                            EmbeddedLog::Open({.directory = "test", .file_system = &files}));
  MemoryStoreFactory stores;
  RuntimeOptions options;
  options.thread.until_end = true;
  Runtime runtime(plan, *log, stores, Clock::System(), options);
  Rows rows;
  const Status status = runtime.Run([&](const Runtime::Progress& progress) -> Status {
    if (!progress.last) return {};
    return runtime.WithFacts([&](const std::vector<const KeyedStore*>& partitions) -> Status {
      for (const KpiSpec& kpi : pipeline.kpis) {
        LEADFLOW_ASSIGN_OR_RETURN(
            const auto found, CollectRows(partitions, pipeline, kpi.name, progress.watermark_ms));
        for (const KpiRow& row : found) rows[kpi.name].push_back(Columns(row, pipeline.zone));
      }
      return {};
    });
  });
  LEADFLOW_RETURN_IF_ERROR(status);
  for (const auto& [key, value] : runtime.counters()) {
    if (key.first == "dead_letters" || key.first == "refused") {
      *refused += "    " + std::to_string(value) + " " + key.first + ": " + key.second + "\n";
    }
  }
  return rows;
}

// "1000.0" and "1000" are the same number; other texts are compared as they stand.
std::string Plain(std::string text) {
  if (text.find_first_not_of("+-.0123456789") != std::string::npos ||
      text.find('.') == std::string::npos) {
    return text;
  }
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string Column(const Row& row, const std::string& name) {
  const auto found = row.find(name);
  return found == row.end() ? "" : found->second;
}

bool Chosen(const Row& row, const TestSpec::Expect& expect) {
  for (const auto& [name, text] : expect.where) {
    if (Column(row, name) != text) return false;
  }
  return Column(row, "window_start").starts_with(expect.window_start);
}

std::string Show(const Row& row, const KpiSpec& kpi) {
  std::string out = Column(row, "window_start");
  for (const DimensionSpec& by : kpi.by) out += ", " + by.name + " " + Column(row, by.name);
  if (const std::string currency = Column(row, "currency"); !currency.empty())
    out += ", " + currency;
  return out + ": " + Column(row, "value");
}

std::string Wanted(const TestSpec::Expect& expect) {
  std::string out = expect.kpi;
  for (const auto& [name, text] : expect.where) out += ", " + name + " " + text;
  return expect.window_start.empty() ? out : out + ", " + expect.window_start;
}

// What differs, as lines for people; empty: nothing.
std::string Check(const TestSpec::Expect& expect, const KpiSpec& kpi,
                  const std::vector<Row>& rows) {
  std::vector<const Row*> chosen;
  for (const Row& row : rows) {
    if (Chosen(row, expect)) chosen.push_back(&row);
  }
  std::string out;
  if (chosen.size() != 1) {
    out = "    " + Wanted(expect) + ": " + std::to_string(chosen.size()) +
          " rows, expected exactly one; the rows of `" + kpi.name + "`:\n";
    for (std::size_t i = 0; i < rows.size() && i < 20; ++i)
      out += "      " + Show(rows[i], kpi) + "\n";
    if (rows.empty()) out += "      (none)\n";
    return out;
  }
  const auto compare = [&](const std::string& name, const std::string& want) {
    const std::string have = Column(*chosen.front(), name);
    if (Plain(have) == Plain(want)) return;
    out += "    " + Wanted(expect) + ": " + name + " is " + (have.empty() ? "empty" : have) +
           ", expected " + want + "\n";
  };
  if (expect.value) compare("value", *expect.value);
  for (const auto& [name, want] : expect.columns) compare(name, want);
  return out;
}

bool RunTest(const std::string& file, const Pipeline& pipeline, const TestSpec& test) {
  std::string refused, differences;
  const auto rows = RunInputs(pipeline, test, &refused);
  if (!rows.ok()) {
    differences = "    " + std::string(rows.status().message()) + "\n";
  } else {
    for (const TestSpec::Expect& expect : test.expect) {
      const auto found = rows->find(expect.kpi);
      const std::string lines = Check(expect, *pipeline.FindKpi(expect.kpi),
                                      found == rows->end() ? std::vector<Row>() : found->second);
      if (!lines.empty())
        differences += "  " + file + ":" + std::to_string(expect.at.line) + "\n" + lines;
    }
  }
  std::printf("%s  %s\n%s", differences.empty() ? "ok  " : "FAIL", test.name.c_str(),
              differences.c_str());
  if (!differences.empty() && !refused.empty()) std::printf("  not used:\n%s", refused.c_str());
  return differences.empty();
}

}  // namespace

int Test(const std::string& file) {
  const LoadedPipeline loaded = LoadPipelineFile(file, {});
  std::fprintf(stderr, "%s", loaded.diagnostics->Text().c_str());
  if (!loaded.pipeline) return kBadConfig;
  if (loaded.pipeline->tests.empty()) {
    std::fprintf(stderr, "%s has no `tests:`; docs/configuration.md shows how to write one\n",
                 file.c_str());
    return kFailed;
  }
  int failed = 0;
  for (const TestSpec& test : loaded.pipeline->tests) {
    failed += RunTest(file, *loaded.pipeline, test) ? 0 : 1;
  }
  const auto tests = static_cast<std::int64_t>(loaded.pipeline->tests.size());
  std::printf("%s, %d failed\n", Counted(tests, "test").c_str(), failed);
  return failed == 0 ? kDone : kFailed;
}

}  // namespace leadflow::app
