// For tests: a task in memory, with the transactions that an operator sees.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/operator.h"
#include "tests/support/plain_store.h"

namespace leadflow {

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
