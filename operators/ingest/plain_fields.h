// PlainFields: an event in ingest as expressions see it (`exclude:`, `identity.ignore:`), with
// plain identifiers.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "engine/config/expression.h"
#include "operators/event/entry.h"
#include "operators/event/event.h"

namespace leadflow {

class PlainFields final : public FieldSource {
 public:
  // All outlive it. `source`: the name that the event came from.
  PlainFields(const Event& event, const NameTable& names, std::string_view source)
      : event_(event), names_(names), source_(source) {}

  // Of several identifiers of one type expressions see the one that is chosen here, from 0.
  void Choose(std::size_t which) { which_ = which; }
  // The most that one type has, at least 1.
  std::size_t Choices() const;

  Value Field(int slot) const override;

 private:
  Value Identifier(IdentifierType type) const;

  const Event& event_;
  const NameTable& names_;
  const std::string_view source_;
  std::size_t which_ = 0;
};

}  // namespace leadflow
