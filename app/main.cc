// leadflow: the command line. What each command does is in app/commands.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#ifdef LEADFLOW_MIMALLOC
#include <mimalloc.h>
#endif

#include "app/commands/commands.h"
#include "operators/pipeline/problems.h"

namespace leadflow::app {
namespace {

// Commands of the reference that this release does not have yet: named, so that nobody searches.
constexpr const char* kLater[] = {"explain", "plan", "replay-dead-letters", "tap"};

struct Arguments {
  RunOptions run;
  std::vector<std::string> set;
  std::string file, lead, kpi, format = "text", preset, sample;
  StateOptions state;
  ResetOptions reset;
  LoadFilesOptions load;
  TopOptions top;
  SavepointOptions savepoint;
  bool no_env = false, catalogue = false, all = false;
};

bool SplitSettings(const std::vector<std::string>& set, Settings* settings) {
  for (const std::string& setting : set) {
    const std::size_t equal = setting.find('=');
    if (equal == std::string::npos || equal == 0) {
      std::fprintf(stderr, "--set %s: write --set path=value, for example --set engine.threads=2\n",
                   setting.c_str());
      return false;
    }
    settings->emplace_back(setting.substr(0, equal), setting.substr(equal + 1));
  }
  return true;
}

void AddState(CLI::App* command, Arguments* arguments) {
  command->add_option("--pipeline", arguments->state.file, "the pipeline file that wrote the state")
      ->required();
  command->add_option("--state-dir", arguments->state.state_dir,
                      "its state directory (default: the pipeline's)");
  command->add_option("--set", arguments->set, "override a value as in that run: path=value");
}

void AddRun(CLI::App& app, Arguments& a, int* code) {
  CLI::App* run = app.add_subcommand("run", "run a pipeline, or count events at once without one");
  run->add_option("FILE", a.run.file, "pipeline.yaml, or a file of events (`-`: standard input)")
      ->required();
  run->add_flag("--until-end", a.run.until_end,
                "stop when every bounded source is read and the outputs are written");
  run->add_flag("--quiet", a.run.quiet, "no progress");
  run->add_option("--log-format", a.run.log_format,
                  "text, or json: one record a line (default of a service without a terminal)")
      ->check(CLI::IsMember({"text", "json"}));
  run->add_option("--set", a.set, "override a value: path=value");
  run->callback([&a, code] { *code = SplitSettings(a.set, &a.run.set) ? Run(a.run) : kFailed; });
}

void AddFiles(CLI::App& app, Arguments& a, int* code) {
  CLI::App* validate =
      app.add_subcommand("validate", "show everything that is wrong with a pipeline");
  validate->add_option("FILE", a.file)->required();
  validate->add_flag("--no-env", a.no_env, "leave ${X} as it stands, and ask no schema registry");
  validate->add_option("--format", a.format, "text, json or github")
      ->check(CLI::IsMember({"text", "json", "github"}));
  validate->callback([&a, code] {
    *code = Validate(a.file, !a.no_env,
                     a.format == "json"     ? DiagnosticFormat::kJson
                     : a.format == "github" ? DiagnosticFormat::kGithub
                                            : DiagnosticFormat::kText);
  });

  CLI::App* test = app.add_subcommand("test", "run the tests that a pipeline file holds");
  test->add_option("FILE", a.file)->required();
  test->callback([&a, code] { *code = Test(a.file); });

  CLI::App* graph = app.add_subcommand("graph", "print the plan: stages, operators, topics");
  graph->add_option("FILE", a.file)->required();
  graph->add_option("--format", a.format, "text, dot or mermaid")
      ->check(CLI::IsMember({"text", "dot", "mermaid"}));
  graph->callback([&a, code] {
    *code = Graph(a.file, a.format == "dot"       ? GraphFormat::kDot
                          : a.format == "mermaid" ? GraphFormat::kMermaid
                                                  : GraphFormat::kText);
  });

  CLI::App* topics =
      app.add_subcommand("topics", "print the topics and rights that a pipeline needs on Kafka");
  topics->add_option("FILE", a.file)->required();
  topics->add_option("--format", a.format, "text, shell or strimzi")
      ->check(CLI::IsMember({"text", "shell", "strimzi"}));
  topics->callback([&a, code] {
    *code = Topics(a.file, a.format == "shell"     ? TopicsFormat::kShell
                           : a.format == "strimzi" ? TopicsFormat::kStrimzi
                                                   : TopicsFormat::kText);
  });
}

void AddReset(CLI::App& app, Arguments& a, int* code) {
  CLI::App* reset = app.add_subcommand(
      "reset", "remove what a pipeline has computed; its next run computes it anew");
  reset->add_option("FILE", a.reset.file)->required();
  reset->add_flag("--yes", a.reset.yes, "do it; without, only show what would be removed");
  reset->add_flag("--outputs", a.reset.outputs, "with Kafka: remove its topics of rows, too");
  reset->add_option("--set", a.set, "override a value as in its runs: path=value");
  reset->callback(
      [&a, code] { *code = SplitSettings(a.set, &a.reset.set) ? Reset(a.reset) : kFailed; });
}

void AddLoad(CLI::App& app, Arguments& a, int* code) {
  CLI::App* load = app.add_subcommand(
      "load", "send files to a source with `inbox`; goes on where an earlier load was");
  load->add_option("FILE", a.load.file, "the pipeline")->required();
  load->add_option("SOURCE", a.load.source, "its source that gets them")->required();
  load->add_option("PATH", a.load.paths,
                   "files (`-`: standard input; default: those that the source names)");
  load->add_flag("--quiet", a.load.quiet, "no progress");
  load->add_option("--set", a.set, "override a value as in its runs: path=value");
  load->callback(
      [&a, code] { *code = SplitSettings(a.set, &a.load.set) ? LoadFiles(a.load) : kFailed; });
}

void AddTop(CLI::App& app, Arguments& a, int* code) {
  CLI::App* top = app.add_subcommand("top", "show what running processes do, from their metrics");
  top->add_option("FILE", a.top.file, "the pipeline: the process at its `http.listen`");
  top->add_option("--url", a.top.urls, "a process, as http://127.0.0.1:8080; may stand again");
  top->add_option("--token-file", a.top.token_file,
                  "its first token is sent (default: that of the pipeline)");
  top->add_flag("--once", a.top.once, "print it once, as plain text");
  top->callback([&a, code] { *code = Top(a.top); });
}

void AddSavepoint(CLI::App& app, Arguments& a, int* code) {
  CLI::App* savepoint = app.add_subcommand(
      "savepoint", "save the state of a stopped pipeline, or go on from what was saved");
  savepoint->require_subcommand(1);
  CLI::App* create = savepoint->add_subcommand("create", "write the state into a new directory");
  CLI::App* restore = savepoint->add_subcommand(
      "restore", "fill a pipeline that has no state yet; its next run goes on from there");
  for (CLI::App* command : {create, restore}) {
    command->add_option("FILE", a.savepoint.state.file)->required();
    command->add_option("DIR", a.savepoint.directory, "of the savepoint")->required();
    command->add_option("--set", a.set, "override a value as in its runs: path=value");
  }
  restore->add_flag("--sources-anew", a.savepoint.sources_anew,
                    "read the sources from their start; what the state has of them is not counted "
                    "again");
  create->callback([&a, code] {
    *code = SplitSettings(a.set, &a.savepoint.state.set) ? CreateSavepoint(a.savepoint) : kFailed;
  });
  restore->callback([&a, code] {
    *code = SplitSettings(a.set, &a.savepoint.state.set) ? RestoreSavepoint(a.savepoint) : kFailed;
  });
}

void AddStartingPoints(CLI::App& app, Arguments& a, int* code) {
  app.add_subcommand("schema", "print the JSON Schema of pipeline files")->callback([code] {
    *code = Schema();
  });
  app.add_subcommand("formats", "list the formats that sources can have")->callback([code] {
    *code = Formats();
  });
  CLI::App* sample = app.add_subcommand("sample", "print a sample message of a format");
  sample->add_option("FORMAT", a.sample)->required();
  sample->callback([&a, code] { *code = Sample(a.sample); });

  CLI::App* init = app.add_subcommand("init", "print a first pipeline");
  init->add_option("FORMAT", a.preset, "format of your events (default: leadflow)");
  init->add_flag("--catalogue", a.catalogue, "print the default KPI catalogue instead");
  init->callback([&a, code] { *code = Init(a.preset, a.catalogue); });
}

void AddState(CLI::App& app, Arguments& a, int* code) {
  CLI::App* journey = app.add_subcommand("journey", "show the journey of one lead and its credits");
  journey->add_option("LEAD", a.lead, "an identifier: ann@example.com, crm_contact_id:17")
      ->required();
  journey->add_flag("--all", a.all, "every event, also the pages of a visit and mails sent");
  AddState(journey, &a);
  journey->callback([&a, code] {
    *code = SplitSettings(a.set, &a.state.set) ? ShowJourney(a.state, a.lead, a.all) : kFailed;
  });

  CLI::App* kpi = app.add_subcommand("kpi", "print the rows of a KPI as CSV");
  kpi->add_option("NAME", a.kpi)->required();
  AddState(kpi, &a);
  kpi->callback([&a, code] {
    *code = SplitSettings(a.set, &a.state.set) ? ShowKpi(a.state, a.kpi) : kFailed;
  });

  CLI::App* verify =
      app.add_subcommand("verify", "recompute all rows from the stored journeys and compare");
  AddState(verify, &a);
  verify->callback(
      [&a, code] { *code = SplitSettings(a.set, &a.state.set) ? Verify(a.state) : kFailed; });

  CLI::App* report = app.add_subcommand("report", "print a short report of a finished run");
  report->add_option("--lead", a.lead, "whose journey to show");
  AddState(report, &a);
  report->callback([&a, code] {
    *code = SplitSettings(a.set, &a.state.set) ? Report(a.state, a.lead) : kFailed;
  });
}

// Whether there is such a command; else says what is near.
bool IsCommand(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  if (std::find(names.begin(), names.end(), word) != names.end()) return true;
  const std::vector<std::string_view> known(names.begin(), names.end());
  std::string hint = HintFor(word, known);
  if (word.find('.') != std::string::npos) hint = "did you mean `leadflow run " + word + "`?";
  std::fprintf(stderr, "no command `%s`; %s\n", word.c_str(), hint.c_str());
  return false;
}

int Main(int argc, char** argv) {
  CLI::App app("leadflow: live marketing KPIs that equal the batch result, to the cent",
               "leadflow");
  app.set_version_flag("--version", "leadflow " LEADFLOW_VERSION);
  app.require_subcommand(1);
  app.fallthrough(false);
  Arguments arguments;
  int code = kDone;
  AddRun(app, arguments, &code);
  AddFiles(app, arguments, &code);
  AddStartingPoints(app, arguments, &code);
  AddState(app, arguments, &code);
  AddReset(app, arguments, &code);
  AddLoad(app, arguments, &code);
  AddTop(app, arguments, &code);
  AddSavepoint(app, arguments, &code);
  if (argc == 1) {
    std::printf("%s", app.help().c_str());
    return kFailed;
  }
  for (const char* later : kLater) {
    if (std::string(argv[1]) == later) {
      std::fprintf(
          stderr, "`leadflow %s` is not in this release; `leadflow --help` lists what is\n", later);
      return kFailed;
    }
  }
  if (argv[1][0] != '-' && !IsCommand(app, argv[1])) return kFailed;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kFailed;
  }
  return code;
}

}  // namespace
}  // namespace leadflow::app

int main(int argc, char** argv) {
#ifdef LEADFLOW_MIMALLOC
  // Journeys lie all over the memory: pages of 2 MiB, where the kernel has them, save it searching.
  mi_option_enable(mi_option_large_os_pages);
#endif
  return leadflow::app::Main(argc, argv);
}
