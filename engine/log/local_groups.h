// LocalGroups: the groups of a log that has one process: who joined, and whose which partitions
// are. A range of them each, in the order of names.
//
// Thread-safe; a Membership is used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/log/log.h"

namespace leadflow {

class LocalGroups {
 public:
  LocalGroups();
  ~LocalGroups();

  // kFailedPrecondition: there is a member of that name.
  Result<std::unique_ptr<Membership>> Join(std::string_view group, std::string_view member,
                                           std::uint32_t partitions);

  // Asks whether a member still holds what it holds now; any thread, any time. REQUIRES: it is of
  // LocalGroups.
  static std::function<bool()> HoldOf(const Membership& member);

  // Takes away what a member holds.
  void Expel(std::string_view group, std::string_view member);

 private:
  struct Group;
  class Member;

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Group>, std::less<>> groups_;  // Guarded by mutex_.
};

}  // namespace leadflow
