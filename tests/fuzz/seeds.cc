// Writes first inputs of the decoder targets: the samples of all formats, real payloads, and the
// expressions of the presets. Runs at the root of the tree.
//   fuzz_seeds FOLDER        files FOLDER/<target>/<name>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "connectors/formats/formats.h"

namespace {

std::filesystem::path folder;

void Write(const std::string& target, const std::string& name, const std::string& bytes) {
  std::filesystem::create_directories(folder / target);
  std::ofstream(folder / target / name, std::ios::binary) << bytes;
}

void WritePayloads(const std::string& preset, char number) {
  const std::filesystem::path payloads = "tests/reference/payloads/" + preset;
  if (!std::filesystem::exists(payloads)) return;
  for (const auto& entry : std::filesystem::directory_iterator(payloads)) {
    std::ifstream file(entry.path(), std::ios::binary);
    Write("fuzz_preset", entry.path().filename(),
          number + std::string(std::istreambuf_iterator<char>(file), {}));
  }
}

void WriteExpressions(const std::string& preset) {
  const auto mapping = leadflow::LoadPreset(preset);
  if (!mapping.ok()) return;
  int number = 0;
  const auto write = [&](const leadflow::ExpressionPtr& expression) {
    if (expression == nullptr) return;
    Write("fuzz_expression", preset + std::to_string(number++),
          std::string(2, '\0') + std::string(expression->text()));
  };
  for (const auto& event : mapping->events) {
    write(event.when);
    for (const auto& assignment : event.map) write(assignment.value);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: fuzz_seeds FOLDER\n";
    return 1;
  }
  folder = argv[1];
  char preset = 0;
  for (const leadflow::FormatInfo& format : leadflow::AllFormats()) {
    const std::string name(format.name);
    Write("fuzz_json", name, format.sample);
    Write("fuzz_leadflow_decoder", name, format.sample);
    for (char choice = 0; choice < 7; ++choice) {
      Write("fuzz_file", name + std::to_string(choice), std::string{choice, 4} + format.sample);
    }
    for (char syntax = 0; syntax < 3; ++syntax) {
      Write("fuzz_splitter", name + std::to_string(syntax), std::string(1, syntax) + format.sample);
      Write("fuzz_record", name + std::to_string(syntax), std::string(1, syntax) + format.sample);
    }
    if (!format.preset) continue;
    Write("fuzz_preset", name, preset + format.sample);
    WritePayloads(name, preset++);
    WriteExpressions(name);
  }
  return 0;
}
