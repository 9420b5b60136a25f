// What a topic holds for a consumer that sees committed records only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace leadflow {

struct TopicRecord {
  std::string key;
  std::optional<std::string> value;  // nullopt: a tombstone
  std::map<std::string, std::string> headers;
  std::int32_t partition = 0;
};

// All partitions, each in its order. nullopt: the broker did not say where one ends.
std::optional<std::vector<TopicRecord>> ReadTopic(const std::string& brokers,
                                                  const std::string& topic,
                                                  std::int32_t partitions);

}  // namespace leadflow
