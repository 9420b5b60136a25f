#include "operators/ingest/plain_fields.h"

#include <algorithm>

namespace leadflow {

std::size_t PlainFields::Choices() const {
  std::array<std::size_t, kIdentifierTypes> counts{};
  for (const PlainIdentifier& identifier : event_.identifiers) {
    ++counts[static_cast<std::size_t>(identifier.type)];
  }
  return std::max<std::size_t>(1, *std::max_element(counts.begin(), counts.end()));
}

// The last one stands in for those a type does not have.
Value PlainFields::Identifier(IdentifierType type) const {
  Value value;
  std::size_t seen = 0;
  for (const PlainIdentifier& identifier : event_.identifiers) {
    if (identifier.type != type) continue;
    value = Value::String(identifier.value);
    if (seen++ == which_) break;
  }
  return value;
}

Value PlainFields::Field(int slot) const {
  if (slot > 0 && slot < kFieldCount) {
    const auto field = static_cast<leadflow::Field>(slot);
    if (!event_.Has(field)) return Value::Null();
    switch (TypeOfField(field)) {
      case FieldType::kString: return FieldValue(field, event_.Text(field), 0, {});
      case FieldType::kMoney:
        return FieldValue(field, {}, event_.Number(field),
                          event_.Text(static_cast<leadflow::Field>(slot + 1)));
      default: return FieldValue(field, {}, event_.Number(field), {});
    }
  }
  if (slot >= kSlotNamed) {
    const int index = slot - kSlotNamed;
    if (index >= names_.size()) return Value::Null();
    const auto& list = names_.is_trait(index) ? event_.profile : event_.labels;
    for (const NamedText& named : list) {
      if (named.name == names_.name(index)) return Value::String(named.value);
    }
    return Value::Null();
  }
  if (slot > kSlotIdentifier && slot < kSlotIdentifier + kIdentifierTypes) {
    return Identifier(static_cast<IdentifierType>(slot - kSlotIdentifier));
  }
  switch (slot) {
    case kSlotKind: return Value::String(KindName(event_.kind));
    case kSlotId: return Value::String(event_.id);
    case kSlotTime: return Value::Time(event_.time_ms);
    case kSlotSource: return Value::String(source_);
    default: return Value::Null();
  }
}

}  // namespace leadflow
