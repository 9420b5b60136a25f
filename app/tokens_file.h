// The tokens of a file that a pipeline names.
#pragma once

#include <string>

#include "connectors/http/tokens.h"
#include "engine/base/status.h"

namespace leadflow::app {

// None if `path` is empty. `what` names the key in errors.
Result<Tokens> ReadTokens(const std::string& path, const std::string& what);

}  // namespace leadflow::app
