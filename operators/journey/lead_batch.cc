#include "operators/journey/lead_batch.h"

#include <algorithm>
#include <map>
#include <utility>

namespace leadflow {
namespace {

class TimelineDimensions final : public Dimensions {
 public:
  TimelineDimensions(const Pipeline& pipeline, const ProfileTimeline& timeline)
      : pipeline_(pipeline), timeline_(timeline) {}
  Result<LeadDimensions> At(std::int64_t time_ms) override {
    return Choose(pipeline_, timeline_.At(time_ms), timeline_.Now());
  }

 private:
  const Pipeline& pipeline_;
  const ProfileTimeline& timeline_;
};

}  // namespace

Status LeadBatch::Run(Journey& journey, const HomeFilter& in, LeadState* state) {
  std::vector<Item> items;
  EvalArena arena;
  LEADFLOW_RETURN_IF_ERROR(journey.ForEachOf(kAllKinds, INT64_MIN, INT64_MAX,
                                             [&](const Entry& entry, std::uint16_t& note) {
                                               if (entry.erased() || (in && !in(entry.home)))
                                                 return true;
                                               items.emplace_back();
                                               ReadItem(rules_, entry, &note, arena, &items.back());
                                               return true;
                                             }));
  std::vector<RecordPlace> records;
  for (const auto& [id, record] : journey.records()) {
    (void)id;
    if (in && !in(record.home)) continue;
    records.push_back({record.time_ms, &record});
  }
  std::sort(records.begin(), records.end(), [](const RecordPlace& a, const RecordPlace& b) {
    return RecordBefore(*a.record, *b.record);
  });

  MilestoneFold fold(rules_);
  std::uint32_t journeys = 0;
  std::size_t begin = 0, record = 0;
  bool known = false;
  while (begin < items.size() || record < records.size()) {
    std::size_t end = begin;
    for (; end < items.size(); ++end) {
      const std::int64_t ttl =
          known ? rules_.pipeline.journey_ttl_ms : rules_.pipeline.anonymous_ttl_ms;
      if (end > begin && items[end].entry.time_ms - items[end - 1].entry.time_ms > ttl) {
        break;
      }
      known = known || HasContactable(items[end].entry);
    }
    // An order between two journeys belongs to the one before it.
    std::size_t last = record;
    while (last < records.size() &&
           (end == items.size() || records[last].time_ms < items[end].entry.time_ms)) {
      ++last;
    }
    std::vector<Item> part(items.begin() + static_cast<std::ptrdiff_t>(begin),
                           items.begin() + static_cast<std::ptrdiff_t>(end));
    std::vector<RecordPlace> part_records(records.begin() + static_cast<std::ptrdiff_t>(record),
                                          records.begin() + static_cast<std::ptrdiff_t>(last));
    ++journeys;
    fold.Restart();
    if (state != nullptr) {
      state->floor_ms = part.empty() ? INT64_MIN : part.front().entry.time_ms;
      state->profile = Profile();
      state->mailings.clear();
    }
    LEADFLOW_RETURN_IF_ERROR(
        OneJourney(journey, std::move(part), std::move(part_records), &fold, state));
    begin = end;
    record = last;
  }
  if (state != nullptr) {
    state->journeys = journeys;
    state->fold = std::move(fold);
  }
  return {};
}

Status LeadBatch::OneJourney(Journey& journey, std::vector<Item> items,
                             std::vector<RecordPlace> records, MilestoneFold* fold,
                             LeadState* state) {
  next_journey_();
  Stretch stretch;
  stretch.items = std::move(items);
  CutStretch(rules_, &stretch);

  Profile profile;
  ProfileTimeline timeline;
  std::size_t record = 0;
  const auto add_orders_before = [&](const Entry* entry) {
    for (; record < records.size(); ++record) {
      const Record& next = *records[record].record;
      if (entry != nullptr && !IsBefore(Moment::Of(next), *entry)) return;
      if (next.kind == Kind::kOrder && next.counts) fold->AddOrder(next);
    }
  };
  for (const Item& item : stretch.items) {
    add_orders_before(&item.entry);
    fold->AddEntry(item.entry, item.machine);
    if (profile.Take(rules_, item.entry)) timeline.Add(item.entry.time_ms, profile);
    if (state != nullptr) {
      state->NoteKind(item);
      state->NoteMailing(item);
    }
  }
  add_orders_before(nullptr);
  if (state != nullptr) state->profile = profile;

  LoadedTouches touches(stretch.touches);
  TimelineDimensions dimensions(rules_.pipeline, timeline);
  const LeadView view{&fold->marks, &records, &touches, &dimensions};
  return Emit(journey, stretch, view);
}

Status LeadBatch::Emit(Journey& journey, const Stretch& stretch, const LeadView& view) {
  Emission emission(rules_, &journey, &sink_, owed_);
  for (const Item& item : stretch.items) {
    LEADFLOW_RETURN_IF_ERROR(emission.Event(stretch, item, view, +1));
  }
  for (const Visit& visit : stretch.visits) {
    LEADFLOW_RETURN_IF_ERROR(emission.VisitOf(stretch, visit, view, +1));
  }
  if (rules_.mail_distinct) {
    std::map<std::uint64_t, std::vector<const Item*>> mailings;
    for (const Item& item : stretch.items) {
      if ((KindBit(item.entry.kind) & (kMailKinds | kLetterKinds)) == 0) continue;
      mailings[MailingOf(item)].push_back(&item);
    }
    for (const auto& [mailing, items] : mailings) {
      (void)mailing;
      LEADFLOW_RETURN_IF_ERROR(emission.Mailing(items, view, +1));
    }
  }
  return emission.HappeningsBetween(INT64_MIN, INT64_MAX, view, +1);
}

}  // namespace leadflow
