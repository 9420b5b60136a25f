// RowTopicSpec: an output of rows to topics, as the pipeline file says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/diagnostics.h"

namespace leadflow {

struct RowTopicSpec {
  enum class Format : std::uint8_t { kJson, kConnect, kProtobuf };
  enum class Envelope : std::uint8_t { kUpsert, kDebezium, kDelta };
  std::string topic;  // with {kpi}
  Position at;
  Format format = Format::kJson;
  Envelope envelope = Envelope::kUpsert;
  std::int64_t every_ms = 1'000;  // a row is sent at most so often
  bool settled_only = false;
  std::vector<std::string> only;  // empty: all
  bool tombstones = true;
  int partitions = 1;  // of a topic that is missing
};
// The topic of a KPI: {kpi} replaced.
std::string TopicOf(const RowTopicSpec& output, std::string_view kpi);
bool Carries(const RowTopicSpec& output, std::string_view kpi);

}  // namespace leadflow
