// Any bytes as JSON: skipping and walking must agree on what is JSON, and what is JSON can be read
// by paths and split.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "connectors/formats/json_cursor.h"
#include "connectors/formats/json_paths.h"
#include "connectors/formats/number_text.h"

namespace leadflow {
namespace {

bool Walk(JsonCursor& json, EvalArena& arena, bool utf8) {
  JsonText text;
  std::string_view token;
  bool value = false;
  switch (json.Peek()) {
    case JsonCursor::Type::kBad: return false;
    case JsonCursor::Type::kNull: return json.Null();
    case JsonCursor::Type::kBool: return json.Bool(&value);
    case JsonCursor::Type::kNumber:
      if (!json.Number(&token)) return false;
      if (NumberValue(token).is_null()) std::abort();
      return true;
    case JsonCursor::Type::kString:
      if (!json.String(&text)) return false;
      if (utf8 && !IsUtf8(text.Decode(arena))) std::abort();
      return true;
    case JsonCursor::Type::kArray:
      if (!json.BeginArray()) return false;
      while (json.NextElement()) {
        if (!Walk(json, arena, utf8)) return false;
      }
      return json.ok();
    case JsonCursor::Type::kObject:
      if (!json.BeginObject()) return false;
      while (json.NextMember(&text)) {
        text.Decode(arena);
        if (!Walk(json, arena, utf8)) return false;
      }
      return json.ok();
  }
  return false;
}

void Run(std::string_view text) {
  JsonCursor skipping(text);
  const bool skipped = skipping.Skip() && skipping.End();
  JsonCursor walking(text);
  EvalArena arena;
  const bool walked = Walk(walking, arena, IsUtf8(text)) && walking.End();
  if (skipped != walked) std::abort();
  if (!skipped && (skipping.ok() || skipping.Error().empty())) std::abort();

  JsonPaths paths;
  const PathStep steps[] = {{"a", -1}, {"", 0}, {"b", -1}};
  for (int slot = 0; slot < 3; ++slot) {
    paths.Add(std::span(steps).subspan(0, static_cast<std::size_t>(slot) + 1), slot);
  }
  std::vector<Value> values(3);
  std::string why;
  if (IsUtf8(text) && paths.Read(text, values, arena, &why) != skipped) std::abort();
  if (!skipped) return;
  for (const std::string_view place : {"$[*]", "$.a[*]", "$.a.b", "$.a[*].b[*]"}) {
    SplitPath split;
    if (!ParseSplit(place, &split, &why)) std::abort();
    ForEachElement(text, split, [](std::string_view element) {
      JsonCursor json(element);
      if (!json.Skip() || !json.End()) std::abort();
    });
  }
}

}  // namespace
}  // namespace leadflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leadflow::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
