#include "operators/identity/record.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "engine/base/wire.h"
#include "operators/identity/protocol.h"

namespace leadflow {
namespace {

constexpr std::uint8_t kFormat = 1;

std::int64_t UpdatedOf(const Entry& entry) {
  return entry.updated_ms != kNoTime ? entry.updated_ms : entry.time_ms;
}

// Ascending in the order of versions; equal only for equal content.
bool Older(const Entry& a, const Entry& b) {
  const auto rank = [](const Entry& e) {
    return std::tuple(UpdatedOf(e), e.time_ms, e.fields, e.home,
                      std::string_view(e.others, std::size_t{16} * e.links), e.source, e.id, e.key);
  };
  return rank(a) < rank(b);
}

bool IsVersion(const Entry& entry) {
  return entry.kind == Kind::kOrder || entry.kind == Kind::kDealChange;
}

bool SaysCancelled(const Entry& entry) {
  if (entry.kind != Kind::kOrder) return false;
  const std::string_view status = entry.Fields().Text(Field::kStatus);
  return status == "cancelled" || status == "canceled" || status == "voided" ||
         status == "refunded";
}

bool Closed(std::string_view status) { return status == "won" || status == "lost"; }

// Something that takes from an order.
struct Taking {
  std::int64_t time_ms;
  std::string id;
  std::int64_t minor;
  bool all;
};

std::vector<Taking> TakingsOf(std::span<const Entry> entries, std::string_view currency,
                              std::vector<std::uint64_t>* refused) {
  std::vector<Taking> takings;
  std::map<std::string, const Entry*> refunds;  // newest version by id
  for (const Entry& entry : entries) {
    if (entry.kind == Kind::kOrderCancel) {
      takings.push_back({entry.time_ms, entry.id.ToString(), 0, true});
    } else if (SaysCancelled(entry)) {
      takings.push_back({UpdatedOf(entry), entry.id.ToString(), 0, true});
    } else if (entry.kind == Kind::kRefund) {
      std::string id(entry.Fields().Text(Field::kRefundId));
      if (id.empty()) id = entry.id.ToString();
      const Entry*& newest = refunds[std::move(id)];
      if (newest == nullptr || Older(*newest, entry)) newest = &entry;
    }
  }
  for (const auto& [id, entry] : refunds) {
    const FieldsView fields = entry->Fields();
    const std::string_view own = fields.Text(Field::kCurrency);
    if (!own.empty() && own != currency) {
      refused->push_back(entry->key);
      continue;
    }
    // A refund without an amount gives all back.
    const bool all = !fields.Has(Field::kAmount);
    takings.push_back({entry->time_ms, id, fields.Number(Field::kAmount), all});
  }
  std::sort(takings.begin(), takings.end(), [](const Taking& a, const Taking& b) {
    return std::tie(a.time_ms, a.id, a.all, a.minor) < std::tie(b.time_ms, b.id, b.all, b.minor);
  });
  return takings;
}

void Take(const std::vector<Taking>& takings, Record* record) {
  std::int64_t left = record->gross_minor;
  for (const Taking& taking : takings) {
    if (!record->counts) break;
    // An order of nothing, or less, can be cancelled but not refunded.
    const std::int64_t minor =
        taking.all ? left
                   : std::clamp<std::int64_t>(taking.minor, 0, std::max<std::int64_t>(left, 0));
    const bool removes = taking.all || (minor != 0 && minor == left);
    if (minor == 0 && !removes) continue;
    left -= minor;
    record->counts = !removes;
    record->refunds.push_back({std::max(taking.time_ms, record->time_ms), minor, removes});
  }
  record->net_minor = left;
}

std::int64_t CloseTime(const std::vector<const Entry*>& versions) {
  const std::string_view status = versions.back()->Fields().Text(Field::kStatus);
  std::int64_t since = versions.back()->time_ms;
  if (!Closed(status)) return since;
  for (auto at = versions.rbegin(); at != versions.rend(); ++at) {
    if ((*at)->Fields().Text(Field::kStatus) != status) break;
    since = (*at)->time_ms;
  }
  return since;
}

}  // namespace

ComputedRecord ComputeRecord(std::string_view id, std::span<const Entry> entries) {
  ComputedRecord out;
  std::vector<const Entry*> versions;
  for (const Entry& entry : entries) {
    if (IsVersion(entry)) versions.push_back(&entry);
  }
  if (versions.empty()) return out;
  std::sort(versions.begin(), versions.end(),
            [](const Entry* a, const Entry* b) { return Older(*a, *b); });
  const Entry& force = *versions.back();
  const FieldsView fields = force.Fields();
  Record& record = out.record.emplace();
  record.id = id;
  record.kind = force.kind;
  record.source = force.source;
  record.event_id = force.id.ToString();
  record.fields = force.fields;
  record.time_ms = force.kind == Kind::kDealChange ? CloseTime(versions) : force.time_ms;
  for (auto at = versions.rbegin(); at != versions.rend(); ++at) {
    if ((*at)->home == Identifier()) continue;
    record.home = (*at)->home;
    break;
  }
  if (fields.Has(Field::kAmount)) {
    record.gross_minor = fields.Number(Field::kAmount);
    record.currency = fields.Text(Field::kCurrency);
  }
  record.net_minor = record.gross_minor;
  if (record.kind == Kind::kOrder) {
    Take(TakingsOf(entries, record.currency, &out.refused), &record);
  }
  return out;
}

// ---- the owner
// ---------------------------------------------------------------------------------------

// 'R' key -> version of the record that was published last, entries. `bytes` holds what `entries`
// borrow.
struct RecordOwner::State {
  std::string key;
  std::string bytes;
  std::uint64_t version = 0;
  std::vector<Entry> entries;
};

namespace {

Status ReadRecordState(std::string_view key, std::string_view bytes, std::uint64_t* version,
                       std::vector<Entry>* entries) {
  WireReader reader(bytes);
  std::uint8_t format = 0;
  const bool head = reader.Byte(&format) && format == kFormat && reader.Varint(version);
  std::string_view rest = reader.Rest();
  while (head && !rest.empty()) {
    if (!ReadEntry(&rest, &entries->emplace_back())) break;
  }
  return head && rest.empty() ? Status()
                              : Status::Corruption("record " + std::string(key) +
                                                   ": bytes mean nothing to this release");
}

}  // namespace

Result<std::optional<Record>> StoredRecord(std::string_view key, std::string_view bytes) {
  std::uint64_t version = 0;
  std::vector<Entry> entries;
  LEADFLOW_RETURN_IF_ERROR(ReadRecordState(key, bytes, &version, &entries));
  return ComputeRecord(key, entries).record;
}

Status RecordOwner::Load(std::string_view key, State* state) {
  state->key = 'R' + std::string(key);
  auto stored = context_.store().Get(state->key);
  if (!stored.ok()) return stored.status();
  if (!*stored) return Status();
  state->bytes = **std::move(stored);
  return ReadRecordState(key, state->bytes, &state->version, &state->entries);
}

Status RecordOwner::OnRecordEvent(const KeyedMessage& message) {
  State state;
  LEADFLOW_RETURN_IF_ERROR(Load(message.key, &state));
  const Entry& entry = message.entry;
  const ComputedRecord before = ComputeRecord(message.key, state.entries);
  const auto same = std::find_if(state.entries.begin(), state.entries.end(),
                                 [&](const Entry& old) { return old.key == entry.key; });
  if (same != state.entries.end()) {
    if (!Stands(entry, *same)) {
      context_.Count("duplicates", "", 1);
      return Status();
    }
    *same = entry;
  } else if (state.entries.size() >= kMaxEntries) {
    RefuseEntry(entry, "overflow", source_names_, &context_);
    return Status();
  } else {
    state.entries.push_back(entry);
  }
  ComputedRecord after = ComputeRecord(message.key, state.entries);
  for (const Entry& refund : state.entries) {
    const auto refused = [&](const ComputedRecord& computed) {
      return std::find(computed.refused.begin(), computed.refused.end(), refund.key) !=
             computed.refused.end();
    };
    if (refused(after) && !refused(before))
      RefuseEntry(refund, "refund_currency", source_names_, &context_);
  }
  std::optional<Record> old = before.record;
  if (old) old->version = state.version;
  if (after.record) after.record->version = ++state.version;
  Publish(old, after.record);
  out_.clear();
  WireWriter writer(&out_);
  writer.Byte(kFormat);
  writer.Varint(state.version);
  for (const Entry& kept : state.entries) AppendEntry(kept, &out_);
  context_.store().Put(state.key, out_);
  return Status();
}

void RecordOwner::Publish(const std::optional<Record>& before, const std::optional<Record>& after) {
  const Identifier nobody;
  if (before) {
    if (before->home == nobody) {
      f_.Unowned(*before, -1, facts_);
    } else if (!after || after->home != before->home) {
      out_.clear();
      AppendTakeBack(before->home, {before->id, before->version}, &out_);
      context_.Emit(OutputId::kEvents, before->home.hash(), out_);
    }
  }
  if (!after) return;
  if (after->home == nobody) {
    f_.Unowned(*after, 1, facts_);
    return;
  }
  out_.clear();
  AppendPut(*after, &out_);
  context_.Emit(OutputId::kEvents, after->home.hash(), out_);
}

Status RecordOwner::OnStandalone(const KeyedMessage& message) {
  const std::string key = 'X' + std::string(message.key);
  auto stored = context_.store().Get(key);
  if (!stored.ok()) return stored.status();
  if (*stored) {
    std::string_view bytes = **stored;
    Entry old;
    if (!ReadEntry(&bytes, &old)) {
      return Status::Corruption("entry " + std::string(message.key) +
                                ": bytes mean nothing to this release");
    }
    if (!Older(old, message.entry)) {
      context_.Count("duplicates", "", 1);
      return Status();
    }
    f_.Standalone(old, -1, facts_);
  }
  f_.Standalone(message.entry, 1, facts_);
  out_.clear();
  AppendEntry(message.entry, &out_);
  context_.store().Put(key, out_);
  return Status();
}

}  // namespace leadflow
