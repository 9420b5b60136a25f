#include "operators/kpi/kpi_operator.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/hash.h"
#include "engine/base/wire.h"
#include "operators/facts/fact.h"
#include "operators/facts/measure_unit.h"
#include "operators/kpi/group_cache.h"
#include "operators/kpi/row_state.h"

namespace leadflow {
namespace {

constexpr std::size_t kBatch = 32;  // facts whose groups are looked up side by side
constexpr std::size_t kRememberedCounts = 65'536;
constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::string_view kOther = "(other)";

struct CellCount {
  std::int64_t committed = 0;
  std::int64_t added = 0;  // by the open transaction
};

}  // namespace

struct KpiOperator::Impl {
  Impl(const Pipeline& all, std::size_t bytes, RowPublisher::Limits limits,
       const SchemaIdsByTopic& schemas)
      : pipeline(all), cache_bytes(bytes), publisher(all, limits, schemas) {
    for (const KpiSpec& kpi : all.kpis) {
      kpis[Hash64(kpi.name)] = &kpi;
      expires = expires || kpi.keep_ms > 0;
    }
  }

  void AddFacts(std::span<const Fact> facts);
  Group* NewGroup(std::uint64_t hash, std::string_view bytes);
  void MarkDirty(Group* group);
  void Waken(std::string_view bytes, bool newcomer);

  Status Load(std::span<Group* const> groups);
  Status Fill(Group* group, const std::optional<std::string>& bytes);
  // Whether a group that does not exist yet may become a row; counts it if so.
  Result<bool> TakeCell(const Group& group);
  Status MoveToOther(Group* group);
  Status Stage(Group* group);
  bool IsExpired(const Group& group) const;
  Status Expire();
  Status ExpireKpi(const KpiSpec& kpi);

  const Pipeline& pipeline;
  std::size_t cache_bytes;
  std::unordered_map<std::uint64_t, const KpiSpec*> kpis;
  bool expires = false;
  OperatorContext* context = nullptr;
  RowPublisher publisher;
  GroupCache cache;
  std::vector<Group*> dirty;
  std::unordered_map<std::string, CellCount> counts;  // by key
  std::int64_t expired_day = std::numeric_limits<std::int64_t>::min();
  std::string buffer;
};

Group* KpiOperator::Impl::NewGroup(std::uint64_t hash, std::string_view bytes) {
  Group* group = cache.Insert(hash, bytes);
  std::uint64_t kpi = 0;
  std::int64_t window_start = 0;
  std::string_view rest = bytes;
  if (!ReadGroupHead(&rest, &kpi, &window_start)) return group;
  group->head_size = static_cast<std::uint32_t>(bytes.size() - rest.size());
  const auto known = kpis.find(kpi);
  if (known == kpis.end()) return group;
  group->kpi = known->second;
  group->window_end_ms = pipeline.zone.WindowEnd(window_start, group->kpi->window);
  if (publisher.Carries(*group->kpi)) group->telling = std::make_unique<Telling>();
  return group;
}

void KpiOperator::Impl::MarkDirty(Group* group) {
  group->used = true;
  if (group->dirty) return;
  group->dirty = true;
  dirty.push_back(group);
}

// Takes a group up that has to be looked at although nothing has changed.
void KpiOperator::Impl::Waken(std::string_view bytes, bool newcomer) {
  const std::uint64_t hash = Hash64(bytes);
  Group* group = cache.Find(hash, bytes);
  if (group == nullptr) group = NewGroup(hash, bytes);
  if (group->telling == nullptr) return;
  group->telling->woken = true;
  group->telling->newcomer = group->telling->newcomer || newcomer;
  MarkDirty(group);
}

void KpiOperator::Impl::AddFacts(std::span<const Fact> facts) {
  std::uint64_t hashes[kBatch];
  for (std::size_t i = 0; i < facts.size(); ++i) {
    hashes[i] = Hash64(facts[i].group);
    cache.Prefetch(hashes[i]);
  }
  for (std::size_t i = 0; i < facts.size(); ++i) {
    const Fact& fact = facts[i];
    Group* group = cache.Find(hashes[i], fact.group);
    if (group == nullptr) group = NewGroup(hashes[i], fact.group);
    if (group->kpi == nullptr) {
      context->Count("facts_of_no_kpi", "", 1);
      continue;
    }
    group->At(fact.component).delta += fact.delta;
    MarkDirty(group);
  }
}

Status KpiOperator::Impl::Fill(Group* group, const std::optional<std::string>& bytes) {
  group->loaded = true;
  group->exists = bytes.has_value();
  if (group->telling != nullptr) group->telling->committed = group->telling->staged = {};
  if (!group->exists) return {};
  RowState state;
  if (!ReadRowState(*bytes, &state)) {
    return Status::Corruption("kpi row state of " + group->kpi->name + ": unreadable bytes");
  }
  group->revision = state.revision;
  group->flags = state.flags;
  group->created_ms = state.created_ms;
  if (group->telling != nullptr) {
    group->telling->committed = group->telling->staged = state.told;
    group->telling->changed_ms = state.changed_ms;
  }
  for (const auto& [component, value] : state.components) group->At(component).committed = value;
  return {};
}

Status KpiOperator::Impl::Load(std::span<Group* const> groups) {
  std::vector<Group*> missing;
  for (Group* group : groups) {
    if (!group->loaded) missing.push_back(group);
  }
  if (missing.empty()) return {};
  std::sort(missing.begin(), missing.end(),
            [](const Group* a, const Group* b) { return a->key < b->key; });
  std::vector<std::string_view> keys;
  keys.reserve(missing.size());
  for (const Group* group : missing) keys.push_back(group->key);
  std::vector<std::optional<std::string>> values;
  LEADFLOW_RETURN_IF_ERROR(context->store().MultiGet(keys, &values));
  LEADFLOW_CHECK(values.size() == missing.size());
  for (std::size_t i = 0; i < missing.size(); ++i) {
    LEADFLOW_RETURN_IF_ERROR(Fill(missing[i], values[i]));
  }
  return {};
}

Result<bool> KpiOperator::Impl::TakeCell(const Group& group) {
  std::string key(1, kCellCountKey);
  key.append(group.key, 1, group.head_size);
  const auto [at, inserted] = counts.try_emplace(key);
  CellCount& count = at->second;
  if (inserted) {
    LEADFLOW_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, context->store().Get(key));
    std::uint64_t stored = 0;
    if (bytes.has_value() && !WireReader(*bytes).Varint(&stored)) {
      return Status::Corruption("kpi row count of " + group.kpi->name + ": unreadable bytes");
    }
    count.committed = static_cast<std::int64_t>(stored);
  }
  const std::int64_t rows = count.committed + count.added;
  if (rows >= group.kpi->max_cells) return false;
  ++count.added;
  std::string value;
  WireWriter(&value).Varint(static_cast<std::uint64_t>(rows + 1));
  context->store().Put(key, value);
  return true;
}

// Adds what the group collected to the group of the same window whose dimensions are all `(other)`.
Status KpiOperator::Impl::MoveToOther(Group* group) {
  const std::string_view bytes = std::string_view(group->key).substr(1);
  std::string other(bytes.substr(0, group->head_size));
  WireReader reader(bytes.substr(group->head_size));
  WireWriter writer(&other);
  const std::size_t dimensions =
      group->kpi->by.size() - (AlongOf(group->kpi->measure) >= 0 ? 1 : 0);
  std::string_view text;
  for (std::size_t i = 0; i < dimensions && reader.Bytes(&text); ++i) writer.Bytes(kOther);
  if (group->kpi->money && reader.Bytes(&text)) writer.Bytes(text);
  const std::uint64_t hash = Hash64(other);
  Group* target = cache.Find(hash, other);
  if (target == nullptr) target = NewGroup(hash, other);
  if (target == group) return {};
  for (const Cell& cell : group->cells()) target->At(cell.component).delta += cell.delta;
  group->Clear();
  MarkDirty(target);
  context->Count("overflow", group->kpi->name, 1);
  return {};
}

bool KpiOperator::Impl::IsExpired(const Group& group) const {
  const std::int64_t keep = group.kpi->keep_ms;
  if (keep <= 0 || group.window_end_ms > std::numeric_limits<std::int64_t>::max() - keep) {
    return false;
  }
  return group.window_end_ms + keep <= context->watermark_ms();
}

Status KpiOperator::Impl::Stage(Group* group) {
  const auto changed = [](const Cell& cell) { return cell.delta != 0; };
  const bool any = std::any_of(group->cells().begin(), group->cells().end(), changed);
  // What an earlier Prepare of this transaction staged is written again, even if it is 0 by now.
  bool changes = any || group->staged;
  const bool woken = group->telling != nullptr && group->telling->woken && group->exists;
  if (!changes && !woken) return {};
  if (IsExpired(*group)) {
    if (changes) context->Count("expired_rows", group->kpi->name, 1);
    if (!woken) {
      group->Clear();
      group->loaded = false;
      return {};
    }
    for (Cell& cell : group->cells()) cell.delta = 0;
    changes = false;
  }
  RowState state;
  state.revision = group->revision + (changes ? 1 : 0);
  state.created_ms = group->exists ? group->created_ms : context->wall_ms();
  state.changed_ms = changes ? context->wall_ms() : group->telling->changed_ms;
  state.flags = group->flags;
  const std::int64_t watermark = context->watermark_ms();
  if (changes &&
      group->window_end_ms < std::numeric_limits<std::int64_t>::max() - pipeline.lateness_ms &&
      watermark >= group->window_end_ms + pipeline.lateness_ms) {
    state.flags |= RowState::kChangedLate;
  }
  for (const Cell& cell : group->cells()) {
    const std::int64_t value = cell.committed + cell.delta;
    if (value != 0) state.components.emplace_back(cell.component, value);
  }
  std::sort(state.components.begin(), state.components.end());
  if (group->telling != nullptr) {
    LEADFLOW_RETURN_IF_ERROR(publisher.Tell(group, changes, &state));
  }
  buffer.clear();
  AppendRowState(state, &buffer);
  context->store().Put(group->key, buffer);
  group->staged = true;
  group->staged_flags = state.flags;
  group->staged_revision = state.revision;
  group->staged_changed_ms = state.changed_ms;
  group->created_ms = state.created_ms;
  return {};
}

// Deletes rows whose KPI keeps them no longer; looks once per day of the watermark.
Status KpiOperator::Impl::Expire() {
  if (!expires || context->watermark_ms() == std::numeric_limits<std::int64_t>::min()) return {};
  const std::int64_t day = context->watermark_ms() / kDayMs;
  if (day <= expired_day) return {};
  expired_day = day;
  for (const KpiSpec& kpi : pipeline.kpis) {
    if (kpi.keep_ms > 0) LEADFLOW_RETURN_IF_ERROR(ExpireKpi(kpi));
  }
  return {};
}

Status KpiOperator::Impl::ExpireKpi(const KpiSpec& kpi) {
  KeyedStore& store = context->store();
  std::vector<std::pair<std::string, std::string>> gone;  // with the states of rows that were told
  for (const char kind : {kRowKey, kCellCountKey}) {
    std::string prefix(1, kind);
    WireWriter(&prefix).Fixed64(Hash64(kpi.name));
    LEADFLOW_RETURN_IF_ERROR(store.Scan(prefix, [&](std::string_view key, std::string_view value) {
      Group probe;
      probe.kpi = &kpi;
      std::string_view bytes = key.substr(1);
      std::uint64_t hash = 0;
      std::int64_t start = 0;
      if (!ReadGroupHead(&bytes, &hash, &start)) return true;
      probe.window_end_ms = pipeline.zone.WindowEnd(start, kpi.window);
      const bool told = kind == kRowKey && publisher.Carries(kpi);
      if (IsExpired(probe)) gone.emplace_back(key, told ? value : std::string_view());
      return true;
    }));
  }
  RowState state;
  for (const auto& [key, value] : gone) {
    store.Delete(key);
    if (value.empty() || !ReadRowState(value, &state)) continue;
    LEADFLOW_RETURN_IF_ERROR(publisher.Retract(kpi, std::string_view(key).substr(1), state));
  }
  if (!gone.empty()) {
    cache.RemoveIf([&](const Group& group) { return group.kpi == &kpi && !group.dirty; });
    counts.clear();
  }
  return {};
}

KpiOperator::KpiOperator(const Pipeline& pipeline, std::size_t cache_bytes,
                         RowPublisher::Limits limits, const SchemaIdsByTopic& schemas)
    : impl_(std::make_unique<Impl>(pipeline, cache_bytes, limits, schemas)) {}
KpiOperator::~KpiOperator() = default;

Status KpiOperator::Open(OperatorContext& context) {
  impl_->context = &context;
  impl_->publisher.Open(context);
  return {};
}

std::int64_t KpiOperator::due_ms() const { return impl_->publisher.due_ms(); }

Status KpiOperator::Process(std::span<const MessageView> batch) {
  Fact facts[kBatch];
  std::size_t size = 0;
  for (const MessageView& message : batch) {
    std::string_view rest = message.value;
    while (!rest.empty()) {
      if (!ReadFact(&rest, &facts[size])) {
        impl_->context->Reject("facts", message.origin, "not a fact", rest);
        break;
      }
      if (++size < kBatch) continue;
      impl_->AddFacts(facts);
      size = 0;
    }
  }
  impl_->AddFacts(std::span(facts, size));
  return {};
}

Status KpiOperator::Prepare() {
  Impl& impl = *impl_;
  LEADFLOW_RETURN_IF_ERROR(impl.publisher.Wake(
      [&](std::string_view group, bool newcomer) { impl.Waken(group, newcomer); }));
  LEADFLOW_RETURN_IF_ERROR(impl.Expire());
  LEADFLOW_RETURN_IF_ERROR(impl.Load(impl.dirty));
  // Groups that are one too many move to `(other)`, which may join the end of the list.
  for (std::size_t i = 0; i < impl.dirty.size(); ++i) {
    Group* group = impl.dirty[i];
    LEADFLOW_RETURN_IF_ERROR(impl.Load(std::span(&group, 1)));
    group->DropZeros();
    if (group->exists || group->staged || group->cells().empty() || impl.IsExpired(*group)) {
      continue;
    }
    LEADFLOW_ASSIGN_OR_RETURN(const bool taken, impl.TakeCell(*group));
    if (!taken) LEADFLOW_RETURN_IF_ERROR(impl.MoveToOther(group));
  }
  // What waits comes first, or it would wait for ever.
  std::partition(impl.dirty.begin(), impl.dirty.end(), [](const Group* group) {
    return group->telling != nullptr && group->telling->woken;
  });
  for (Group* group : impl.dirty) LEADFLOW_RETURN_IF_ERROR(impl.Stage(group));
  impl.publisher.Finish();
  return {};
}

void KpiOperator::Committed() {
  Impl& impl = *impl_;
  for (Group* group : impl.dirty) {
    for (Cell& cell : group->cells()) {
      cell.committed += cell.delta;
      cell.delta = 0;
    }
    group->DropZeros();
    if (group->staged) {
      group->exists = true;
      group->revision = group->staged_revision;
      group->flags = group->staged_flags;
    }
    if (Telling* const telling = group->telling.get(); telling != nullptr) {
      if (group->staged) telling->changed_ms = group->staged_changed_ms;
      telling->committed = telling->staged;
      telling->woken = telling->newcomer = telling->sent = false;
    }
    group->staged = false;
    group->dirty = false;
  }
  impl.dirty.clear();
  for (auto& [key, count] : impl.counts) {
    count.committed += count.added;
    count.added = 0;
  }
  if (impl.counts.size() > kRememberedCounts) impl.counts.clear();
  impl.cache.Shrink(impl.cache_bytes);
}

void KpiOperator::Aborted() {
  Impl& impl = *impl_;
  for (Group* group : impl.dirty) {
    for (Cell& cell : group->cells()) cell.delta = 0;
    group->DropZeros();
    if (Telling* const telling = group->telling.get(); telling != nullptr) {
      telling->staged = telling->committed;
      telling->woken = telling->newcomer = telling->sent = false;
    }
    group->staged = false;
    group->dirty = false;
  }
  impl.dirty.clear();
  // Their times and existence may be those of the void transaction: read them again when needed.
  impl.cache.RemoveIf([](const Group& group) { return !group.loaded || !group.exists; });
  impl.counts.clear();
  impl.expired_day = std::numeric_limits<std::int64_t>::min();
  impl.publisher.Aborted();
}

}  // namespace leadflow
