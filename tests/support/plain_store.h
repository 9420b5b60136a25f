// For tests: a KeyedStore in two maps, of which nothing is ever lost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/state/keyed_store.h"

namespace leadflow {

class PlainStore final : public KeyedStore {
 public:
  Result<std::optional<std::string>> Get(std::string_view key) override {
    ++reads;
    for (const auto* const writes : {&staged_, &sealed_}) {
      if (const auto at = writes->find(key); at != writes->end()) return at->second;
    }
    const auto at = committed_.find(key);
    if (at == committed_.end()) return std::optional<std::string>();
    return std::optional(at->second);
  }
  Status MultiGet(std::span<const std::string_view> keys,
                  std::vector<std::optional<std::string>>* values) override {
    values->clear();
    for (const std::string_view key : keys) values->push_back(*Get(key));
    return {};
  }
  void Put(std::string_view key, std::string_view value) override {
    staged_[std::string(key)] = std::string(value);
  }
  void Delete(std::string_view key) override { staged_[std::string(key)] = std::nullopt; }
  Status Scan(std::string_view prefix, const Visit& visit) override {
    Values all = committed_;
    Write(sealed_, &all);
    Write(staged_, &all);
    Visit_(all, prefix, visit);
    return {};
  }
  Status ScanCommitted(std::string_view prefix, const Visit& visit) const override {
    Visit_(committed_, prefix, visit);
    return {};
  }
  void VisitStaged(const std::function<void(std::string_view, std::optional<std::string_view>)>&
                       visit) const override {
    for (const auto& [key, value] : staged_) visit(key, value);
  }
  std::size_t staged_bytes() const override { return staged_.size(); }
  void Seal() override { sealed_.swap(staged_); }
  Status Apply(std::int64_t) override {
    if (sealed_.empty()) Seal();
    Write(sealed_, &committed_);
    sealed_.clear();
    return {};
  }
  void DropStaged() override {
    staged_.clear();
    sealed_.clear();
  }
  Status Restore(std::span<const Change>, std::int64_t) override { return {}; }
  std::int64_t applied_offset() const override { return -1; }
  std::int64_t durable_offset() const override { return -1; }
  Status Flush() override { return {}; }

  std::size_t staged_keys() const { return staged_.size(); }
  int reads = 0;

 private:
  using Values = std::map<std::string, std::string, std::less<>>;
  using Writes = std::map<std::string, std::optional<std::string>, std::less<>>;

  static void Write(const Writes& writes, Values* to) {
    for (const auto& [key, value] : writes) {
      if (value.has_value()) {
        (*to)[key] = *value;
      } else {
        to->erase(key);
      }
    }
  }
  static void Visit_(const Values& all, std::string_view prefix, const Visit& visit) {
    for (auto at = all.lower_bound(prefix); at != all.end(); ++at) {
      if (!at->first.starts_with(prefix)) return;
      if (!visit(at->first, at->second)) return;
    }
  }

  Values committed_;
  Writes staged_, sealed_;
};

}  // namespace leadflow
