// Member: this process among those that share a log: it alone uses its state directory. Its name is
// the same after a restart: that of the environment, or one that lies in the directory.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "engine/base/status.h"
#include "engine/log/file_system.h"

namespace leadflow::app {

class Member {
 public:
  // Who gives its processes names itself, as a StatefulSet does, puts them here.
  static constexpr const char* kVariable = "LEADFLOW_MEMBER";

  // Locks the directory until it is destroyed; makes a name if there is none. kFailedPrecondition:
  // another process has it, which is named. kInvalidArgument: the variable holds no name.
  static Result<Member> Of(const std::string& state_directory);

  // Letters, digits, `.`, `_` and `-`; 16 hex digits if it was made here.
  const std::string& name() const { return name_; }

 private:
  Member(std::unique_ptr<FileLock> lock, std::string name)
      : lock_(std::move(lock)), name_(std::move(name)) {}

  std::unique_ptr<FileLock> lock_;
  std::string name_;
};

}  // namespace leadflow::app
