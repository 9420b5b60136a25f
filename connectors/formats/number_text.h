// Numbers as messages write them, exact: JSON numbers and decimal text become integers or fixed
// point, never floating point.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/config/expression.h"
#include "engine/config/value.h"

namespace leadflow {

// [-+]digits, nothing else; nullopt if it is no integer or leaves 64 bits.
std::optional<std::int64_t> ParseInteger(std::string_view text);

// "1.5", "-0.25e3" as x 1e-9; digits behind the ninth are rounded half to even. nullopt: no number,
// or beyond 1e20.
std::optional<Decimal> ParseDecimal(std::string_view text);

// A JSON number as expressions see it: kInt if it is written as one and fits, else kDecimal; a
// number beyond both is its own text.
Value NumberValue(std::string_view token);

// "1.5": without trailing zeros. Kept in `arena`.
std::string_view DecimalText(Decimal value, EvalArena& arena);
std::string_view IntegerText(std::int64_t value, EvalArena& arena);

}  // namespace leadflow
