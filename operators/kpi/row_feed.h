// RowFeed: one KPI's rows on their way to one topic, and how far a topic that is new has got: it is
// brought what the state already holds, group by group, in the order of their keys.
//
//   'O' id -> the last group that the topic was told of; empty: it is told of all
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "operators/pipeline/pipeline.h"

namespace leadflow {

inline constexpr char kFeedKey = 'O';

// What a registry calls the schemas of a topic's records; 0: they have none.
struct RowSchemaIds {
  std::uint32_t key = 0;
  std::uint32_t value = 0;
};
using SchemaIdsByTopic = std::map<std::string, RowSchemaIds>;

struct RowFeed {
  std::string topic;
  const RowTopicSpec* output = nullptr;
  const KpiSpec* kpi = nullptr;
  RowSchemaIds schemas;
  // Of the topic and what is written there, with the schema of its keys, for that is a part of
  // them: another id begins anew.
  std::uint64_t id = 0;

  // How far it has got; empty: nowhere. What it had before the open transaction.
  struct Reach {
    bool complete = false;
    std::string cursor;
    bool Covers(std::string_view group) const {
      return complete || group <= std::string_view(cursor);
    }
  };
  Reach now, before;

  // Whether a row in this state belongs to what the topic carries.
  bool Carries(bool settled) const { return settled || !output->settled_only; }

  std::string StoreKey() const;
};

// Of all outputs of a pipeline, by the number of their topic in the plan. Borrow the pipeline.
// `schemas`: of topics with `format: protobuf`; without, nobody could read what is written there.
std::vector<RowFeed> RowFeedsOf(const Pipeline& pipeline, const SchemaIdsByTopic& schemas = {});

}  // namespace leadflow
