#include "operators/facts/fact.h"

#include <bit>

#include "engine/base/wire.h"

namespace leadflow {

void AppendFact(std::string_view group, std::string_view component, std::int64_t delta,
                std::string* out) {
  WireWriter writer(out);
  writer.Bytes(group);
  writer.Bytes(component);
  writer.Signed(delta);
}

bool ReadFact(std::string_view* bytes, Fact* fact) {
  WireReader reader(*bytes);
  if (!reader.Bytes(&fact->group) || !reader.Bytes(&fact->component) ||
      !reader.Signed(&fact->delta)) {
    return false;
  }
  *bytes = reader.Rest();
  return true;
}

void AppendGroupHead(std::uint64_t kpi, std::int64_t window_start_ms, std::string* out) {
  WireWriter writer(out);
  writer.Fixed64(kpi);
  writer.Signed(window_start_ms);
}

bool ReadGroupHead(std::string_view* bytes, std::uint64_t* kpi, std::int64_t* window_start_ms) {
  WireReader reader(*bytes);
  if (!reader.Fixed64(kpi) || !reader.Signed(window_start_ms)) return false;
  *bytes = reader.Rest();
  return true;
}

void AppendComponent(const Component& component, bool with_along, std::string* out) {
  WireWriter writer(out);
  writer.Varint(component.slot);
  writer.Byte(static_cast<std::uint8_t>(component.kind));
  if (with_along) writer.Bytes(component.along);
  if (component.kind == ComponentKind::kBucket) writer.Signed(component.bucket);
  if (component.kind == ComponentKind::kAccount) writer.Raw(component.account);
}

bool ReadComponent(std::string_view bytes, bool with_along, Component* component) {
  *component = Component();
  WireReader reader(bytes);
  std::uint8_t kind = 0;
  if (!reader.Varint(&component->slot) || !reader.Byte(&kind)) return false;
  component->kind = static_cast<ComponentKind>(kind);
  if (with_along && !reader.Bytes(&component->along)) return false;
  switch (component->kind) {
    case ComponentKind::kSum:
    case ComponentKind::kCount: break;
    case ComponentKind::kBucket:
      if (!reader.Signed(&component->bucket)) return false;
      break;
    case ComponentKind::kAccount: component->account = reader.Rest(); return true;
    default: return false;
  }
  return reader.AtEnd();
}

std::int64_t QuantileBucket(std::int64_t value) {
  const bool negative = value < 0;
  const std::uint64_t size =
      negative ? -static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  const int dropped = std::bit_width(size) - 8;
  if (dropped <= 0) return value;
  const std::uint64_t kept = size >> dropped << dropped;
  return static_cast<std::int64_t>(negative ? -kept : kept);
}

}  // namespace leadflow
