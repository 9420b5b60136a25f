#include "operators/kpi/owed_groups.h"

#include <limits>

#include "engine/base/wire.h"

namespace leadflow {
namespace {

constexpr std::size_t kHead = 1 + sizeof(std::int64_t);

std::int64_t TimeOf(std::string_view key) {
  std::int64_t time_ms = 0;
  WireReader(key.substr(1)).Ordered64(&time_ms);
  return time_ms;
}

}  // namespace

std::string OwedGroups::KeyOf(std::int64_t time_ms, std::string_view group) {
  std::string key(1, kOwedKey);
  WireWriter writer(&key);
  writer.Ordered64(time_ms);
  writer.Raw(group);
  return key;
}

std::string_view OwedGroups::GroupOf(std::string_view key) {
  return key.size() < kHead ? std::string_view() : key.substr(kHead);
}

Status OwedGroups::Load(KeyedStore& store) {
  keys_.clear();
  complete_ = true;
  return store.Scan(std::string(1, kOwedKey), [&](std::string_view key, std::string_view) {
    if (key.size() < kHead) return true;
    complete_ = keys_.size() < max_;
    if (complete_) keys_.emplace_hint(keys_.end(), key);
    return complete_;
  });
}

void OwedGroups::Add(KeyedStore& store, std::int64_t time_ms, std::string_view group,
                     std::string_view sent_state) {
  std::string key = KeyOf(time_ms, group);
  store.Put(key, sent_state);
  if (!complete_ && (keys_.empty() || key > *keys_.rbegin())) return;
  keys_.insert(std::move(key));
  if (keys_.size() <= max_) return;
  keys_.erase(std::prev(keys_.end()));
  complete_ = false;
}

void OwedGroups::Remove(KeyedStore& store, std::int64_t time_ms, std::string_view group) {
  const std::string key = KeyOf(time_ms, group);
  store.Delete(key);
  keys_.erase(key);
}

std::int64_t OwedGroups::first_ms() const {
  return keys_.empty() ? std::numeric_limits<std::int64_t>::max() : TimeOf(*keys_.begin());
}

void OwedGroups::Visit(std::int64_t until_ms,
                       const std::function<bool(std::string_view group)>& visit) const {
  for (const std::string& key : keys_) {
    if (TimeOf(key) > until_ms || !visit(GroupOf(key))) return;
  }
}

}  // namespace leadflow
