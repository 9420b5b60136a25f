// The hash of everything that decides what an entity contributes. Two files with one hash compute
// the same rows from the same entries, however they are written.
#pragma once

#include <cstdint>

#include "operators/pipeline/pipeline.h"

namespace leadflow {

std::uint64_t RulesHash(const Pipeline& pipeline);

}  // namespace leadflow
