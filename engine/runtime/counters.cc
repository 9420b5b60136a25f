#include "engine/runtime/counters.h"

#include <utility>

namespace leadflow {

Counters::Entry& Counters::Find(std::string_view name, std::string_view label) {
  Key key{std::string(name), std::string(label)};
  auto it = values_.find(key);
  if (it == values_.end()) {
    if (values_.size() >= kMax) key.second = "(other)";
    it = values_.try_emplace(std::move(key)).first;
  }
  return *it;
}

void Counters::Add(std::string_view name, std::string_view label, std::int64_t by) {
  const auto address = reinterpret_cast<std::uintptr_t>(name.data()) ^
                       (reinterpret_cast<std::uintptr_t>(label.data()) >> 4) ^ label.size();
  Entry*& slot = recent_[address % recent_.size()];
  if (slot == nullptr || slot->first.first != name || slot->first.second != label) {
    slot = &Find(name, label);
  }
  slot->second.delta += by;
  changed_ = true;
}

void Counters::Restore(std::string_view name, std::string_view label, std::int64_t value) {
  Value& restored = Find(name, label).second;
  restored.committed = restored.restored = value;
}

void Counters::Seal() {
  is_sealed_ = true;
  if (!changed_) return;
  for (auto& [key, value] : values_) value.sealed = std::exchange(value.delta, 0);
  changed_ = false;
}

void Counters::Commit() {
  if (!is_sealed_) Seal();
  for (auto& [key, value] : values_) value.committed += std::exchange(value.sealed, 0);
  is_sealed_ = false;
}

void Counters::Rollback() {
  for (auto& [key, value] : values_) value.sealed = value.delta = 0;
  changed_ = is_sealed_ = false;
}

}  // namespace leadflow
