// Counters: named numbers of one task that move with its transactions. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace leadflow {

class Counters {
 public:
  // (name, label)
  using Key = std::pair<std::string, std::string>;
  static constexpr std::size_t kMax = 10'000;  // Beyond, new labels count as "(other)".

  // Cheap for the few counters that are asked for again and again.
  void Add(std::string_view name, std::string_view label, std::int64_t by);

  // Sets a committed value: for restore.
  void Restore(std::string_view name, std::string_view label, std::int64_t value);

  bool changed() const { return changed_; }
  // What was added is on its way; Commit is about it alone, or about all if nothing was sealed.
  void Seal();
  void Commit();
  void Rollback();

  struct Value {
    std::int64_t committed = 0;
    std::int64_t restored = 0;  // The part of it that stood there before this process.
    std::int64_t sealed = 0;    // Of a transaction that is on its way.
    std::int64_t delta = 0;     // Since then.
  };
  const std::map<Key, Value>& values() const { return values_; }

 private:
  using Entry = std::pair<const Key, Value>;
  Entry& Find(std::string_view name, std::string_view label);

  std::map<Key, Value> values_;
  std::array<Entry*, 16> recent_{};  // By address of name and label; map entries stay in place.
  bool changed_ = false;
  bool is_sealed_ = false;
};

}  // namespace leadflow
