#include "operators/kpi/row_publisher.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/hash.h"
#include "engine/base/wire.h"
#include "operators/facts/fact.h"
#include "operators/facts/measure_unit.h"
#include "operators/kpi/row_record.h"

namespace leadflow {
namespace {

constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();

std::string Key(char kind, std::string_view rest) { return std::string(1, kind).append(rest); }

std::string_view GroupOf(const Group& group) { return std::string_view(group.key).substr(1); }

}  // namespace

RowPublisher::RowPublisher(const Pipeline& pipeline, Limits limits, const SchemaIdsByTopic& schemas)
    : pipeline_(pipeline), limits_(limits), feeds_(RowFeedsOf(pipeline, schemas)) {
  for (std::size_t topic = 0; topic < feeds_.size(); ++topic) {
    const RowFeed& feed = feeds_[topic];
    kpis_[Hash64(feed.kpi->name)] = feed.kpi;
    KpiFeeds& of_kpi = by_kpi_[feed.kpi];
    of_kpi.topics.push_back(topic);
    // Of several only `emit: settled` may have another interval.
    if (!feed.output->settled_only || of_kpi.topics.size() == 1) {
      of_kpi.every_ms = feed.output->every_ms;
    }
    of_kpi.needs_before = of_kpi.needs_before || AlongOf(feed.kpi->measure) >= 0 ||
                          feed.output->envelope != RowTopicSpec::Envelope::kUpsert;
    longest_ms_ = std::max(longest_ms_, feed.output->every_ms);
  }
}

bool RowPublisher::Settled(std::int64_t window_end_ms) const {
  return window_end_ms < kForEver - pipeline_.lateness_ms &&
         context_->watermark_ms() >= window_end_ms + pipeline_.lateness_ms;
}

// ---- what the store says

const KpiSpec* RowPublisher::KpiOf(std::string_view group, std::int64_t* window_start_ms) const {
  std::uint64_t hash = 0;
  if (!ReadGroupHead(&group, &hash, window_start_ms)) return nullptr;
  const auto found = kpis_.find(hash);
  return found == kpis_.end() ? nullptr : found->second;
}

Status RowPublisher::Load() {
  LEADFLOW_RETURN_IF_ERROR(LoadFeeds());
  if (!feeds_.empty()) {
    LEADFLOW_RETURN_IF_ERROR(LoadUnsettled());
    LEADFLOW_RETURN_IF_ERROR(owed_.Load(context_->store()));
  }
  loaded_ = true;
  return {};
}

// Forgets topics that are not written any more, and what their KPIs were owed: if one of them comes
// back, it begins anew.
Status RowPublisher::LoadFeeds() {
  KeyedStore& store = context_->store();
  std::set<std::string, std::less<>> gone;
  LEADFLOW_RETURN_IF_ERROR(
      store.Scan(std::string(1, kFeedKey), [&](std::string_view key, std::string_view) {
        gone.emplace(key);
        return true;
      }));
  for (RowFeed& feed : feeds_) {
    const std::string key = feed.StoreKey();
    gone.erase(key);
    LEADFLOW_ASSIGN_OR_RETURN(const std::optional<std::string> cursor, store.Get(key));
    feed.now = {cursor.has_value() && cursor->empty(), cursor.value_or("")};
  }
  if (gone.empty()) return {};
  for (const char kind : {kOwedKey, kUnsettledKey}) {
    LEADFLOW_RETURN_IF_ERROR(store.Scan(std::string(1, kind), [&](std::string_view key,
                                                                  std::string_view) {
      std::int64_t start = 0;
      const std::string_view group = kind == kOwedKey ? OwedGroups::GroupOf(key) : key.substr(1);
      if (KpiOf(group, &start) == nullptr) gone.emplace(key);
      return true;
    }));
  }
  for (const std::string& key : gone) store.Delete(key);
  return {};
}

Status RowPublisher::LoadUnsettled() {
  unsettled_.clear();
  return context_->store().Scan(
      std::string(1, kUnsettledKey), [&](std::string_view key, std::string_view) {
        const std::string_view head = key.substr(1);
        std::int64_t start = 0;
        if (const KpiSpec* const kpi = KpiOf(head, &start); kpi != nullptr) {
          const std::int64_t end = pipeline_.zone.WindowEnd(start, kpi->window);
          unsettled_[end + pipeline_.lateness_ms].emplace(head);
        }
        return true;
      });
}

void RowPublisher::NoteWindow(const Group& group) {
  if (group.window_end_ms >= kForEver - pipeline_.lateness_ms) return;
  const std::string_view head = GroupOf(group).substr(0, group.head_size);
  auto& heads = unsettled_[group.window_end_ms + pipeline_.lateness_ms];
  if (heads.contains(head)) return;
  heads.emplace(head);
  context_->store().Put(Key(kUnsettledKey, head), "");
}

// ---- waking

std::int64_t RowPublisher::due_ms() const {
  if (feeds_.empty()) return kForEver;
  return loaded_ ? due_ms_ : 0;
}

Status RowPublisher::Wake(const Waken& waken) {
  if (!loaded_) LEADFLOW_RETURN_IF_ERROR(Load());
  if (feeds_.empty()) return {};
  sent_bytes_ = woken_ = 0;
  more_ = false;
  LEADFLOW_RETURN_IF_ERROR(WakeOwed(waken));
  LEADFLOW_RETURN_IF_ERROR(WakeSettled(waken));
  for (RowFeed& feed : feeds_) {
    feed.before = feed.now;
    if (!feed.now.complete) LEADFLOW_RETURN_IF_ERROR(WakeFeed(&feed, waken));
  }
  return {};
}

Status RowPublisher::WakeOwed(const Waken& waken) {
  if (owed_.exhausted()) LEADFLOW_RETURN_IF_ERROR(owed_.Load(context_->store()));
  const std::int64_t wall_ms = context_->wall_ms();
  // A time that is too far away was noted before the clock was set back.
  const bool all = context_->ending() || owed_.first_ms() - longest_ms_ > wall_ms;
  owed_.Visit(all ? kForEver : wall_ms, [&](std::string_view group) {
    if (woken_ == limits_.groups) return false;
    ++woken_;
    waken(group, false);
    return true;
  });
  return {};
}

Status RowPublisher::WakeSettled(const Waken& waken) {
  while (!unsettled_.empty() && unsettled_.begin()->first <= context_->watermark_ms()) {
    auto& heads = unsettled_.begin()->second;
    while (!heads.empty()) {
      LEADFLOW_ASSIGN_OR_RETURN(const bool whole, WakeWindow(*heads.begin(), waken));
      if (!whole) {
        more_ = true;
        return {};
      }
      context_->store().Delete(Key(kUnsettledKey, *heads.begin()));
      heads.erase(heads.begin());
    }
    unsettled_.erase(unsettled_.begin());
  }
  return {};
}

// Those of a window that were not told, nor will be, that it is settled. False: there are more.
Result<bool> RowPublisher::WakeWindow(std::string_view head, const Waken& waken) {
  bool whole = true;
  RowState state;
  LEADFLOW_RETURN_IF_ERROR(
      context_->store().Scan(Key(kRowKey, head), [&](std::string_view key, std::string_view value) {
        if (!ReadRowState(value, &state) || (state.flags & RowState::kToldSettled) != 0 ||
            state.told.owed_ms != 0) {
          return true;
        }
        whole = woken_ < limits_.groups;
        if (!whole) return false;
        ++woken_;
        waken(key.substr(1), false);
        return true;
      }));
  return whole;
}

Status RowPublisher::WakeFeed(RowFeed* feed, const Waken& waken) {
  KeyedStore& store = context_->store();
  std::string kpi;
  WireWriter(&kpi).Fixed64(Hash64(feed->kpi->name));
  std::string& cursor = feed->now.cursor;
  std::vector<std::string> heads;
  LEADFLOW_RETURN_IF_ERROR(
      store.Scan(Key(kCellCountKey, kpi), [&](std::string_view key, std::string_view) {
        const std::string_view head = key.substr(1);
        if (head > cursor || cursor.starts_with(head)) heads.emplace_back(head);
        return true;
      }));
  bool whole = true;
  for (std::size_t i = 0; i < heads.size() && whole; ++i) {
    LEADFLOW_RETURN_IF_ERROR(
        store.Scan(Key(kRowKey, heads[i]), [&](std::string_view key, std::string_view) {
          const std::string_view group = key.substr(1);
          if (group <= std::string_view(cursor)) return true;
          whole = woken_ < limits_.groups;
          if (!whole) return false;
          ++woken_;
          cursor = group;
          waken(group, true);
          return true;
        }));
  }
  feed->now.complete = whole;
  if (whole) cursor.clear();
  if (whole || !cursor.empty()) store.Put(feed->StoreKey(), cursor);
  more_ = more_ || !whole;
  return {};
}

void RowPublisher::Finish() {
  const std::int64_t first_ms = owed_.first_ms();
  const bool clock_was_set_back =
      first_ms != kForEver && first_ms - longest_ms_ > context_->wall_ms();
  due_ms_ = more_ || owed_.exhausted() || clock_was_set_back ? 0 : first_ms;
}

// ---- telling

Status RowPublisher::Tell(Group* group, bool changed, RowState* state) {
  Told& told = group->telling->staged;
  const bool settled = Settled(group->window_end_ms);
  if (!settled) NoteWindow(*group);
  const auto& topics = by_kpi_.at(group->kpi).topics;
  const bool heard = std::any_of(topics.begin(), topics.end(), [&](std::size_t topic) {
    return feeds_[topic].now.Covers(GroupOf(*group)) && feeds_[topic].Carries(settled);
  });
  if (heard) {
    LEADFLOW_RETURN_IF_ERROR(SendOrOwe(group, changed, settled, state));
  } else if (told.owed_ms != 0) {  // to a topic that carries settled rows only from now on
    owed_.Remove(context_->store(), told.owed_ms, GroupOf(*group));
    told.owed_ms = 0;
  }
  state->told = told;
  return {};
}

Status RowPublisher::SendOrOwe(Group* group, bool changed, bool settled, RowState* state) {
  const Telling& telling = *group->telling;
  const std::int64_t wall_ms = context_->wall_ms();
  const bool settles = settled && (state->flags & RowState::kToldSettled) == 0;
  if (!changed && settles) {
    ++state->revision;
    state->changed_ms = wall_ms;
  }
  const std::int64_t next_ms = telling.committed.at_ms + by_kpi_.at(group->kpi).every_ms;
  const bool early = telling.committed.at_ms != 0 && telling.committed.at_ms <= wall_ms &&
                     wall_ms < next_ms && !context_->ending();
  if (telling.sent || telling.newcomer || (!early && sent_bytes_ < limits_.bytes)) {
    if (settled) state->flags |= RowState::kToldSettled;
    return Send(group, *state, changed || settles || telling.staged.owed_ms != 0);
  }
  return Owe(group, early ? next_ms : wall_ms);
}

// The state of a group that its topics know; nullopt: none.
Result<std::optional<std::string>> RowPublisher::LastSent(const Group& group) {
  const Told& told = group.telling->staged;
  if (!by_kpi_.at(group.kpi).needs_before) return std::optional<std::string>();
  if (told.owed_ms == 0 && told.at_ms == 0) return std::optional<std::string>();
  LEADFLOW_ASSIGN_OR_RETURN(
      std::optional<std::string> bytes,
      context_->store().Get(told.owed_ms == 0 ? group.key
                                              : OwedGroups::KeyOf(told.owed_ms, GroupOf(group))));
  if (bytes && bytes->empty()) bytes.reset();
  return bytes;
}

Status RowPublisher::Owe(Group* group, std::int64_t time_ms) {
  Told& told = group->telling->staged;
  if (told.owed_ms != 0) return {};
  LEADFLOW_ASSIGN_OR_RETURN(const std::optional<std::string> sent, LastSent(*group));
  told.owed_ms = std::max<std::int64_t>(time_ms, 1);
  owed_.Add(context_->store(), told.owed_ms, GroupOf(*group), sent.value_or(""));
  return {};
}

Status RowPublisher::Send(Group* group, const RowState& state, bool news) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::optional<std::string> sent, LastSent(*group));
  RowState last;
  if (sent && !ReadRowState(*sent, &last)) {
    return Status::Corruption("kpi row state of " + group->kpi->name + ": unreadable bytes");
  }
  const std::string_view bytes = GroupOf(*group);
  const bool settled = Settled(group->window_end_ms);
  std::vector<KpiRow> before;
  if (sent) before = RenderSent(*group->kpi, bytes, last);
  const bool was_settled = (last.flags & RowState::kToldSettled) != 0;
  const std::vector<KpiRow> after =
      RenderRows(*group->kpi, pipeline_, bytes, state, context_->watermark_ms());
  for (const std::size_t topic : by_kpi_.at(group->kpi).topics) {
    const RowFeed& feed = feeds_[topic];
    if (!feed.now.Covers(bytes) || !feed.Carries(settled)) continue;
    const bool has = feed.before.Covers(bytes);
    if (has && !news) continue;
    const bool knows = has && feed.Carries(was_settled);
    SendRows(topic, knows ? std::span<const KpiRow>(before) : std::span<const KpiRow>(), after);
  }
  Told& told = group->telling->staged;
  if (told.owed_ms != 0) owed_.Remove(context_->store(), told.owed_ms, bytes);
  told = {news || told.at_ms == 0 ? context_->wall_ms() : told.at_ms, 0};
  group->telling->sent = true;
  return {};
}

void RowPublisher::SendRows(std::size_t topic, std::span<const KpiRow> before,
                            std::span<const KpiRow> after) {
  std::map<std::vector<std::string>, const KpiRow*> known;
  for (const KpiRow& row : before) known[row.dimensions] = &row;
  for (const KpiRow& row : after) {
    const auto at = known.find(row.dimensions);
    Publish(topic, at == known.end() ? nullptr : at->second, &row);
    if (at != known.end()) known.erase(at);
  }
  for (const auto& [dimensions, row] : known) Publish(topic, row, nullptr);
}

void RowPublisher::Publish(std::size_t topic, const KpiRow* before, const KpiRow* after) {
  const RowFeed& feed = feeds_[topic];
  const KpiRow& row = after == nullptr ? *before : *after;
  const std::optional<std::string> value =
      RowValue(feed, before, after, pipeline_, context_->wall_ms());
  if (!value && !feed.output->tombstones) return;
  const std::string key = RowKey(feed, row, pipeline_);
  const RowHeaders headers(feed, row, after == nullptr, key, pipeline_);
  context_->Publish(topic, key, value, headers.views());
  sent_bytes_ += key.size() + (value ? value->size() : 0);
}

// As it was sent: whether it was settled then the state says, not the watermark.
std::vector<KpiRow> RowPublisher::RenderSent(const KpiSpec& kpi, std::string_view group,
                                             const RowState& state) const {
  std::vector<KpiRow> rows =
      RenderRows(kpi, pipeline_, group, state, std::numeric_limits<std::int64_t>::min());
  for (KpiRow& row : rows) row.settled = (state.flags & RowState::kToldSettled) != 0;
  return rows;
}

Status RowPublisher::Retract(const KpiSpec& kpi, std::string_view group, const RowState& state) {
  const auto of_kpi = by_kpi_.find(&kpi);
  if (of_kpi == by_kpi_.end() || (state.told.at_ms == 0 && state.told.owed_ms == 0)) return {};
  RowState last = state;
  std::optional<std::string> bytes;
  if (state.told.owed_ms != 0) {
    LEADFLOW_ASSIGN_OR_RETURN(bytes,
                              context_->store().Get(OwedGroups::KeyOf(state.told.owed_ms, group)));
    owed_.Remove(context_->store(), state.told.owed_ms, group);
    if (bytes && !bytes->empty() && !ReadRowState(*bytes, &last)) {
      return Status::Corruption("kpi row state of " + kpi.name + ": unreadable bytes");
    }
  }
  if (state.told.at_ms == 0) return {};  // nobody ever heard of it
  const bool was_settled = (last.flags & RowState::kToldSettled) != 0;
  const std::vector<KpiRow> rows = RenderSent(kpi, group, last);
  for (const std::size_t topic : of_kpi->second.topics) {
    if (feeds_[topic].now.Covers(group) && feeds_[topic].Carries(was_settled)) {
      SendRows(topic, rows, {});
    }
  }
  return {};
}

}  // namespace leadflow
