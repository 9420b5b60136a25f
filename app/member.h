// Member: this process among those that share a log: it alone uses its state directory, and its
// name lies there, so that it is the same after a restart.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "engine/base/status.h"
#include "engine/log/file_system.h"

namespace leadflow::app {

class Member {
 public:
  // Locks the directory until it is destroyed; makes a name if there is none. kFailedPrecondition:
  // another process has it, which is named.
  static Result<Member> Of(const std::string& state_directory);

  const std::string& name() const { return name_; }  // 16 hex digits.

 private:
  Member(std::unique_ptr<FileLock> lock, std::string name)
      : lock_(std::move(lock)), name_(std::move(name)) {}

  std::unique_ptr<FileLock> lock_;
  std::string name_;
};

}  // namespace leadflow::app
