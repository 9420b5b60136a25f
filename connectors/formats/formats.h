// The formats that a source may name: `leadflow` (canonical), json, csv, tsv, form with a mapping
// of one's own, and presets, which are mappings shipped as YAML (presets/).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/formats/mapping.h"
#include "engine/base/status.h"

namespace leadflow {

struct FormatInfo {
  std::string_view name;
  std::string description;
  std::string sample;  // messages as a file would hold them
  bool preset = false;
};

// All of them, in the order to show. Made on first use; lives for ever. Thread-safe.
const std::vector<FormatInfo>& AllFormats();
const FormatInfo* FindFormat(std::string_view name);  // nullptr: there is none

// How messages lie in a file.
enum class Layout : unsigned char {
  kLines,  // one message a line
  kTable,  // CSV: records that may hold line breaks in quotes
  kJson,   // JSON values that may span lines; those of a list are messages of their own
};
struct FileLayout {
  Layout layout = Layout::kLines;
  bool header = false;  // the first record names the columns
};
// `head`: the first bytes of the file, without byte order mark, as many as there are up to 64 KiB.
FileLayout LayoutOf(std::string_view format, std::string_view head);

// The YAML text of a preset; nullopt: there is none of that name.
std::optional<std::string_view> PresetText(std::string_view name);
// Its mapping, compiled.
Result<MappingSet> LoadPreset(std::string_view name);
// The same from the text of a preset: `syntax` (json, csv, tsv, form), `unwrap`, `columns`,
// `events`. `file`: what errors call it. Times without zone are UTC.
Result<MappingSet> ParseMapping(std::string_view file, std::string_view yaml);

// Names the format of a file by its first bytes (at most 64 KiB are looked at): `leadflow` or a
// preset. The error says what was seen and what to do.
Result<std::string> GuessFormat(std::string_view head);

}  // namespace leadflow
