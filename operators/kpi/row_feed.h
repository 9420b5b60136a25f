// RowFeed: one KPI's rows on their way to one topic, and how far a topic that is new has got: it is
// brought what the state already holds, group by group, in the order of their keys.
//
//   'O' id -> the last group that the topic was told of; empty: it is told of all
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "operators/pipeline/pipeline.h"

namespace leadflow {

inline constexpr char kFeedKey = 'O';

struct RowFeed {
  std::string topic;
  const RowTopicSpec* output = nullptr;
  const KpiSpec* kpi = nullptr;
  std::uint64_t id = 0;  // of the topic and what is written there: another id begins anew

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
std::vector<RowFeed> RowFeedsOf(const Pipeline& pipeline);

}  // namespace leadflow
