// MachineAgents: is a user agent that of a machine (crawler, mail proxy, link scanner)? By parts of
// its text; answers are remembered, because few agents make most of the traffic.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace leadflow {

class MachineAgents {
 public:
  // `parts`: lower case, borrowed.
  explicit MachineAgents(const std::vector<std::string>& parts) : parts_(parts) {}

  bool IsMachine(std::string_view user_agent);

 private:
  static constexpr std::size_t kRemembered = 4096;  // one answer per slot, the newest stays
  struct Answer {
    std::uint64_t hash = 0;
    bool machine = false;
  };

  const std::vector<std::string>& parts_;
  std::vector<Answer> answers_ = std::vector<Answer>(kRemembered);
  std::string lower_;
};

}  // namespace leadflow
