// For tests: a store and a task in memory, with the transactions that an operator sees.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/operator.h"

namespace leadflow {

class PlainStore final : public KeyedStore {
 public:
  Result<std::optional<std::string>> Get(std::string_view key) override {
    ++reads;
    const auto staged = staged_.find(key);
    if (staged != staged_.end()) return staged->second;
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
    std::map<std::string, std::string, std::less<>> all = committed_;
    for (const auto& [key, value] : staged_) {
      if (value.has_value()) {
        all[key] = *value;
      } else {
        all.erase(key);
      }
    }
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
  Status Apply(std::int64_t) override {
    for (const auto& [key, value] : staged_) {
      if (value.has_value()) {
        committed_[key] = *value;
      } else {
        committed_.erase(key);
      }
    }
    staged_.clear();
    return {};
  }
  void DropStaged() override { staged_.clear(); }
  Status Restore(std::span<const Change>, std::int64_t) override { return {}; }
  std::int64_t applied_offset() const override { return -1; }
  std::int64_t durable_offset() const override { return -1; }
  Status Flush() override { return {}; }

  std::size_t staged_keys() const { return staged_.size(); }
  int reads = 0;

 private:
  static void Visit_(const std::map<std::string, std::string, std::less<>>& all,
                     std::string_view prefix, const Visit& visit) {
    for (auto at = all.lower_bound(prefix); at != all.end(); ++at) {
      if (!at->first.starts_with(prefix)) return;
      if (!visit(at->first, at->second)) return;
    }
  }

  std::map<std::string, std::string, std::less<>> committed_;
  std::map<std::string, std::optional<std::string>, std::less<>> staged_;
};

// What an operator has published: of the open transaction, by topic and key.
struct Published {
  std::size_t topic = 0;
  std::string key;
  std::optional<std::string> value;
  std::map<std::string, std::string> headers;
};

class FakeContext final : public OperatorContext {
 public:
  explicit FakeContext(PlainStore* store) : store_(*store) {}
  KeyedStore& store() override { return store_; }
  std::uint32_t partition() const override { return 0; }
  std::uint32_t partitions() const override { return 1; }
  void Emit(OutputId, std::uint64_t, std::string_view) override {}
  void Publish(std::size_t topic, std::string_view key, std::optional<std::string_view> value,
               std::span<const RecordHeader> headers) override {
    Published& record = published[{topic, std::string(key)}];
    record = {topic, std::string(key), std::nullopt, {}};
    if (value) record.value = *value;
    for (const RecordHeader& header : headers) record.headers.emplace(header.name, header.value);
  }
  void Reject(std::string_view, std::string_view, std::string_view reason,
              std::string_view) override {
    rejected.emplace_back(reason);
  }
  void Count(std::string_view name, std::string_view label, std::int64_t by) override {
    counted[std::string(name) + "/" + std::string(label)] += by;
  }
  std::int64_t watermark_ms() const override { return watermark; }
  std::int64_t wall_ms() const override { return wall; }
  bool ending() const override { return at_end; }

  std::vector<std::string> rejected;
  std::map<std::string, std::int64_t> counted;
  std::int64_t watermark = std::numeric_limits<std::int64_t>::min();
  std::int64_t wall = 0;
  bool at_end = false;
  std::map<std::pair<std::size_t, std::string>, Published> published;

 private:
  PlainStore& store_;
};

}  // namespace leadflow
