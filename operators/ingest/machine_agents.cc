#include "operators/ingest/machine_agents.h"

#include <algorithm>

#include "engine/base/hash.h"

namespace leadflow {

bool MachineAgents::IsMachine(std::string_view user_agent) {
  if (user_agent.empty()) return false;
  const std::uint64_t hash = Hash64(user_agent) | 1;  // 0 marks a free slot
  Answer& answer = answers_[hash >> 52];
  static_assert(kRemembered == std::size_t{1} << 12);
  if (answer.hash == hash) return answer.machine;
  lower_.assign(user_agent);
  std::transform(lower_.begin(), lower_.end(), lower_.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const bool machine = std::any_of(parts_.begin(), parts_.end(), [&](const std::string& part) {
    return lower_.find(part) != std::string::npos;
  });
  answer = {hash, machine};
  return machine;
}

}  // namespace leadflow
