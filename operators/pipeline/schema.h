// The JSON Schema of pipeline files, from the same table of keys that the loader reads.
#pragma once

#include <string>

namespace leadflow {

// Draft 2020-12. Editors use it for completion; the loader checks more than it can say.
std::string PipelineJsonSchema();

}  // namespace leadflow
