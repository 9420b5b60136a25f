// `${X}`, `${X:-default}`, `${X:?message}` inside one text.
#pragma once

#include <string>
#include <string_view>

#include "engine/config/diagnostics.h"
#include "engine/config/yaml.h"

namespace leadflow {

// A variable that is not set, without a default, and a `${` that is none of these forms are
// diagnostics, and stand in the result as they are. `:-` and `:?` treat an empty value like none,
// as the shell does. `$${` is a `${` that is text. `at`: where the text begins. REQUIRES:
// environment is not null
std::string ExpandVariables(std::string_view text, Position at, const Environment& environment,
                            Diagnostics* diagnostics);

}  // namespace leadflow
