// Reads a secret from where a pipeline says that it lies. Never shown, never kept.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow::app {

// Empty if it lies nowhere; without the end of line that a file has. `what` names it in errors.
Result<std::string> ReadSecret(const SecretSpec& secret, std::string_view what);

}  // namespace leadflow::app
