#include "engine/log/local_groups.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace leadflow {

struct LocalGroups::Group {
  struct Share {
    std::uint64_t generation = 0;  // 0: nothing is held.
    bool lost = false;             // What was held is taken away.
  };

  // Whether nobody holds anything of an older generation.
  bool Free() const {
    return std::none_of(shares.begin(), shares.end(), [this](const auto& member) {
      const Share& share = member.second;
      return !share.lost && share.generation != 0 && share.generation != generation;
    });
  }

  std::mutex mutex;
  std::uint32_t partitions = 0;
  std::uint64_t generation = 0;         // Guarded by mutex. A new one: all share anew.
  std::map<std::string, Share> shares;  // Guarded by mutex. By member.
};

class LocalGroups::Member final : public Membership {
 public:
  Member(std::shared_ptr<Group> group, std::string name)
      : group_(std::move(group)), name_(std::move(name)) {}

  ~Member() override {
    const std::lock_guard lock(group_->mutex);
    group_->shares.erase(name_);
    ++group_->generation;
  }

  Result<State> Poll() override {
    const std::lock_guard lock(group_->mutex);
    const auto self = group_->shares.find(name_);
    Group::Share& share = self->second;
    if (share.lost) return State::kLost;
    if (share.generation == group_->generation) return State::kAssigned;
    if (share.generation != 0) return State::kRevoked;
    if (!group_->Free()) return State::kNothing;
    share.generation = group_->generation;
    const std::uint64_t count = group_->shares.size();
    const auto index = static_cast<std::uint64_t>(std::distance(group_->shares.begin(), self));
    partitions_.clear();
    for (std::uint64_t p = group_->partitions * index / count;
         p < group_->partitions * (index + 1) / count; ++p) {
      partitions_.push_back(static_cast<std::uint32_t>(p));
    }
    return State::kAssigned;
  }

  std::span<const std::uint32_t> partitions() const override { return partitions_; }

  void Release() override {
    const std::lock_guard lock(group_->mutex);
    Group::Share& share = group_->shares.at(name_);
    LEADFLOW_CHECK(share.lost || share.generation != group_->generation);
    share = {};
    partitions_.clear();
  }

  std::function<bool()> Hold() const {
    const std::lock_guard lock(group_->mutex);
    return [group = group_, name = name_, held = group_->shares.at(name_).generation] {
      const std::lock_guard inner(group->mutex);
      const auto found = group->shares.find(name);
      return found != group->shares.end() && held != 0 && !found->second.lost &&
             found->second.generation == held;
    };
  }

 private:
  const std::shared_ptr<Group> group_;
  const std::string name_;
  std::vector<std::uint32_t> partitions_;
};

LocalGroups::LocalGroups() = default;
LocalGroups::~LocalGroups() = default;

Result<std::unique_ptr<Membership>> LocalGroups::Join(std::string_view group,
                                                      std::string_view member,
                                                      std::uint32_t partitions) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Group>& joined = groups_.try_emplace(std::string(group)).first->second;
  if (joined == nullptr) joined = std::make_shared<Group>();
  const std::lock_guard group_lock(joined->mutex);
  if (!joined->shares.try_emplace(std::string(member)).second) {
    return Status(ErrorCode::kFailedPrecondition,
                  "group `" + std::string(group) + "` has a member `" + std::string(member) + "`");
  }
  joined->partitions = partitions;
  ++joined->generation;
  return std::unique_ptr<Membership>(std::make_unique<Member>(joined, std::string(member)));
}

std::function<bool()> LocalGroups::HoldOf(const Membership& member) {
  return static_cast<const Member&>(member).Hold();
}

void LocalGroups::Expel(std::string_view group, std::string_view member) {
  const std::lock_guard lock(mutex_);
  const auto found = groups_.find(group);
  if (found == groups_.end()) return;
  const std::lock_guard group_lock(found->second->mutex);
  const auto share = found->second->shares.find(std::string(member));
  if (share == found->second->shares.end() || share->second.generation == 0) return;
  share->second.lost = true;
  ++found->second->generation;
}

}  // namespace leadflow
