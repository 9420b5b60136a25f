#include "operators/kpi/row_state.h"

#include "engine/base/wire.h"

namespace leadflow {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kVersionTold = 2;  // with `told`

}  // namespace

void AppendRowState(const RowState& state, std::string* out) {
  WireWriter writer(out);
  const bool told = state.told.at_ms != 0 || state.told.owed_ms != 0;
  writer.Byte(told ? kVersionTold : kVersion);
  writer.Byte(state.flags);
  writer.Varint(state.revision);
  writer.Signed(state.created_ms);
  writer.Signed(state.changed_ms);
  if (told) {
    writer.Signed(state.told.at_ms);
    writer.Signed(state.told.owed_ms);
  }
  for (const auto& [component, value] : state.components) {
    writer.Bytes(component);
    writer.Signed(value);
  }
}

bool ReadRowState(std::string_view bytes, RowState* state) {
  WireReader reader(bytes);
  std::uint8_t version = 0;
  if (!reader.Byte(&version) || (version != kVersion && version != kVersionTold)) return false;
  if (!reader.Byte(&state->flags) || !reader.Varint(&state->revision) ||
      !reader.Signed(&state->created_ms) || !reader.Signed(&state->changed_ms)) {
    return false;
  }
  state->told = {};
  if (version == kVersionTold &&
      (!reader.Signed(&state->told.at_ms) || !reader.Signed(&state->told.owed_ms))) {
    return false;
  }
  state->components.clear();
  while (!reader.AtEnd()) {
    std::string_view component;
    std::int64_t value = 0;
    if (!reader.Bytes(&component) || !reader.Signed(&value)) return false;
    state->components.emplace_back(component, value);
  }
  return reader.ok();
}

}  // namespace leadflow
