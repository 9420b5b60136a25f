// RowPublisher: which rows subscribers of topics are told, and when. Part of KpiOperator, one per
// partition; everything it remembers lies in the store and changes with the commit that publishes,
// so that after a crash nothing is lost, sent twice or out of order.
//
// A row is sent when its figures change, but at most once per `emit` interval: until then its group
// is owed. It is sent again when its window settles, as `settled`. `revision` rises with both. A
// topic that is new is sent the rows that exist. All of that is bounded per commit.
//
//   'S' head of a group -> nothing: a window whose rows have to be sent again when it settles
//
// In Prepare: Wake (which groups have to be looked at although they have not changed), then Tell
// for each group that is staged, then Finish.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/api/operator.h"
#include "operators/kpi/group_cache.h"
#include "operators/kpi/kpi_row.h"
#include "operators/kpi/owed_groups.h"
#include "operators/kpi/row_feed.h"

namespace leadflow {

inline constexpr char kUnsettledKey = 'S';

class RowPublisher {
 public:
  // Of one commit: bytes of rows, beyond which groups become owed; groups that are woken.
  struct Limits {
    std::size_t bytes = std::size_t{4} << 20;
    std::size_t groups = 4096;
  };

  // `pipeline` outlives it.
  RowPublisher(const Pipeline& pipeline, Limits limits, const SchemaIdsByTopic& schemas = {});

  void Open(OperatorContext& context) { context_ = &context; }
  bool Carries(const KpiSpec& kpi) const { return by_kpi_.contains(&kpi); }
  std::int64_t due_ms() const;

  // `newcomer`: a topic is told of it for the first time.
  using Waken = std::function<void(std::string_view group, bool newcomer)>;
  Status Wake(const Waken& waken);
  // Publishes the rows of a group whose next state is `state`, or notes that they are owed.
  // Completes the state. REQUIRES: group.telling; `changed`: its figures have, or it is new.
  Status Tell(Group* group, bool changed, RowState* state);
  // The group ends: its rows vanish.
  Status Retract(const KpiSpec& kpi, std::string_view group, const RowState& state);
  void Finish();

  void Aborted() { loaded_ = false; }

 private:
  struct KpiFeeds {
    std::vector<std::size_t> topics;  // numbers of feeds
    std::int64_t every_ms = 0;
    bool needs_before = false;  // what was sent last
  };

  bool Settled(std::int64_t window_end_ms) const;

  Status Load();
  Status LoadFeeds();
  Status LoadUnsettled();
  const KpiSpec* KpiOf(std::string_view group, std::int64_t* window_start_ms) const;
  Status WakeSettled(const Waken& waken);
  Result<bool> WakeWindow(std::string_view head, const Waken& waken);
  Status WakeOwed(const Waken& waken);
  Status WakeFeed(RowFeed* feed, const Waken& waken);
  Status SendOrOwe(Group* group, bool changed, bool settled, RowState* state);
  // `news`: for topics that have the group already, too.
  Status Send(Group* group, const RowState& state, bool news);
  Status Owe(Group* group, std::int64_t time_ms);
  Result<std::optional<std::string>> LastSent(const Group& group);
  void SendRows(std::size_t topic, std::span<const KpiRow> before, std::span<const KpiRow> after);
  void Publish(std::size_t topic, const KpiRow* before, const KpiRow* after);
  void NoteWindow(const Group& group);
  std::vector<KpiRow> RenderSent(const KpiSpec& kpi, std::string_view group,
                                 const RowState& state) const;

  const Pipeline& pipeline_;
  const Limits limits_;
  std::vector<RowFeed> feeds_;
  std::unordered_map<const KpiSpec*, KpiFeeds> by_kpi_;     // of those that topics carry
  std::unordered_map<std::uint64_t, const KpiSpec*> kpis_;  // the same, by Hash64 of the name
  std::int64_t longest_ms_ = 0;                             // interval
  OperatorContext* context_ = nullptr;

  bool loaded_ = false;  // the rest is what the store says
  std::map<std::int64_t, std::set<std::string, std::less<>>> unsettled_;  // heads by their time
  OwedGroups owed_;
  bool more_ = true;  // the next commit goes on
  std::int64_t due_ms_ = 0;
  std::size_t sent_bytes_ = 0;  // of the open transaction
  std::size_t woken_ = 0;
};

}  // namespace leadflow
