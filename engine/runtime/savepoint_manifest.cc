#include "engine/runtime/savepoint_manifest.h"

#include <charconv>
#include <cstdio>
#include <utility>

#include "engine/base/hash.h"
#include "engine/state/store_factory.h"

namespace leadflow {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kPartitionsMax = 1 << 16;
constexpr std::string_view kTitle = "leadflow savepoint ";
constexpr int kHex = 16;

std::string Hex(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

std::string EndOf(std::string_view lines) { return "end " + Hex(Hash64(lines)) + "\n"; }

// What stands before the first `end`, which goes with it.
std::string_view Cut(std::string_view* text, char end) {
  const std::size_t at = text->find(end);
  const std::string_view word = text->substr(0, at);
  text->remove_prefix(at == std::string_view::npos ? text->size() : at + 1);
  return word;
}

// All of it.
template <class T>
bool ReadNumber(std::string_view text, T* number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number, base);
  return error == std::errc() && end == text.data() + text.size();
}

bool ReadFile(std::string_view line, SavedFile* file) {
  file->name = Cut(&line, ' ');
  return CheckStoreName(file->name).ok() && ReadNumber(Cut(&line, ' '), &file->bytes) &&
         ReadNumber(Cut(&line, ' '), &file->entries) && ReadNumber(line, &file->checksum, kHex);
}

bool ReadLine(std::string_view line, SavepointManifest* manifest) {
  const std::string_view word = Cut(&line, ' ');
  if (word == "name") {
    manifest->app = line;
    return CheckStoreName(line).ok();
  }
  if (word == "rules") return ReadNumber(line, &manifest->rules_hash, kHex);
  if (word == "created_ms") return ReadNumber(line, &manifest->created_ms);
  if (word == "partitions") {
    return ReadNumber(line, &manifest->partitions) && manifest->partitions > 0 &&
           manifest->partitions <= kPartitionsMax;
  }
  if (word == "note") {
    const std::string name(Cut(&line, ' '));
    return manifest->notes.emplace(name, line).second;
  }
  if (word == "file") return ReadFile(line, &manifest->files.emplace_back());
  return false;
}

}  // namespace

std::string EncodeManifest(const SavepointManifest& manifest) {
  std::string out = std::string(kTitle) + std::to_string(kVersion);
  out += "\nname " + manifest.app;
  out += "\nrules " + Hex(manifest.rules_hash);
  out += "\npartitions " + std::to_string(manifest.partitions);
  out += "\ncreated_ms " + std::to_string(manifest.created_ms);
  for (const auto& [name, text] : manifest.notes) out += "\nnote " + name + " " + text;
  for (const SavedFile& file : manifest.files) {
    out += "\nfile " + file.name + " " + std::to_string(file.bytes) + " " +
           std::to_string(file.entries) + " " + Hex(file.checksum);
  }
  out += "\n";
  return out + EndOf(out);
}

Result<SavepointManifest> DecodeManifest(std::string_view text) {
  const Status damaged = Status::Corruption("the manifest is damaged");
  std::string_view rest = text;
  std::string_view title = Cut(&rest, '\n');
  std::uint64_t version = 0;
  if (!title.starts_with(kTitle)) return Status::Corruption("this is no manifest of a savepoint");
  title.remove_prefix(kTitle.size());
  if (!ReadNumber(title, &version)) return damaged;
  if (version != kVersion) {
    return Status(ErrorCode::kFailedPrecondition,
                  "the savepoint has format " + std::to_string(version) +
                      ": another release wrote it; restore it with that one");
  }
  SavepointManifest manifest;
  while (!rest.empty()) {
    const auto before = static_cast<std::size_t>(rest.data() - text.data());
    const std::string_view line = Cut(&rest, '\n');
    if (line.starts_with("end ")) {
      const bool whole = text.substr(before) == EndOf(text.substr(0, before));
      return whole && !manifest.app.empty() && manifest.partitions > 0
                 ? Result<SavepointManifest>(std::move(manifest))
                 : damaged;
    }
    if (!ReadLine(line, &manifest)) return damaged;
  }
  return damaged;
}

}  // namespace leadflow
