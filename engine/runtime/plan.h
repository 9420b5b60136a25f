// Plan: what a job is made of, as a value: sources, two keyed stages, topics, operators. Whoever
// knows the domain builds it; the runtime executes it; people look at it.
//
//     source partitions -> ingest -> [events topic] -> events -> [facts topic] -> facts
//
// A message of the events stage may lead to messages of the same stage or of the facts stage.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/operator.h"
#include "engine/api/source.h"
#include "engine/log/log.h"

namespace leadflow {

// Makes the operator of one partition. Called by the thread that will use it.
using OperatorFactory = std::function<std::unique_ptr<Operator>(std::uint32_t partition)>;

struct SourcePartition {
  std::string name;  // Stable over runs: names the stored position. For example a path.
  std::function<Result<std::unique_ptr<SourceReader>>()> open;
};

struct SourcePlan {
  std::string name;
  std::string description;  // For people: what is read, in which format.
  std::int64_t disorder_ms = 60'000;
  std::vector<SourcePartition> partitions;
  OperatorFactory ingest;
};

struct StagePlan {
  std::string name;         // For people: "journeys".
  std::string description;  // For people: what it does, one line.
  OperatorFactory make;
};

// A topic for subscribers. One that exists keeps its number of partitions.
struct OutputTopic {
  std::string name;
  Cleanup cleanup = Cleanup::kCompact;
  std::uint32_t partitions = 1;
};

struct Plan {
  std::string app;  // Prefix of all topics; also the consumer group.
  std::uint64_t rules_hash = 0;
  std::uint32_t partitions = 4;
  std::vector<SourcePlan> sources;
  StagePlan events;
  StagePlan facts;
  std::vector<OutputTopic> output_topics;  // By the number that the facts stage publishes to.
  std::vector<std::string> outputs;        // For people.

  std::string events_topic() const { return app + ".events"; }
  std::string facts_topic() const { return app + ".facts"; }
  std::string dead_letters_topic() const { return app + ".dead_letters"; }
  std::string changelog_topic(std::string_view stage) const {
    return app + ".changelog." + std::string(stage);
  }

  // Everything the runtime reads or writes. All have `partitions`, but the dead letters have one,
  // and topics for subscribers that exist what they have.
  std::vector<TopicSpec> Topics() const;

  std::vector<std::uint32_t> AllPartitions() const;

  // kInvalidArgument names what is missing or doubled.
  Status Check() const;

  enum class Format : std::uint8_t { kText, kDot, kMermaid };
  std::string Print(Format format) const;
};

// The name under which a source partition is known in state and watermarks; hashed, for ever.
std::string SourcePartitionId(std::string_view source, std::string_view partition);

}  // namespace leadflow
