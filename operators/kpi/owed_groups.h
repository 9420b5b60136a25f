// OwedGroups: the groups of which subscribers will be told later, in the order of their time. They
// lie in the store of the task, so that a crash or a move of the partition loses none; the first of
// them are in memory, so that nobody walks over what was deleted. Not thread-safe.
//
//   'E' time group -> RowState as it was sent last (empty: never, or nobody needs it)
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/state/keyed_store.h"

namespace leadflow {

inline constexpr char kOwedKey = 'E';

class OwedGroups {
 public:
  explicit OwedGroups(std::size_t memory_max = 65'536) : max_(memory_max) {}

  // Reads the first ones; staged ones too.
  Status Load(KeyedStore& store);
  void Add(KeyedStore& store, std::int64_t time_ms, std::string_view group,
           std::string_view sent_state);
  void Remove(KeyedStore& store, std::int64_t time_ms, std::string_view group);

  // INT64_MAX: none is owed.
  std::int64_t first_ms() const;
  // In order, up to `until_ms`, until `visit` says false. It must not add or remove.
  void Visit(std::int64_t until_ms, const std::function<bool(std::string_view group)>& visit) const;
  // What is in memory has been removed, and the store has more: Load.
  bool exhausted() const { return keys_.empty() && !complete_; }

  static std::string KeyOf(std::int64_t time_ms, std::string_view group);
  // The group of a key; empty: it is none.
  static std::string_view GroupOf(std::string_view key);

 private:
  const std::size_t max_;
  std::set<std::string, std::less<>> keys_;
  bool complete_ = true;  // nothing else is in the store
};

}  // namespace leadflow
