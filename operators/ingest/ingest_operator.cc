#include "operators/ingest/ingest_operator.h"

#include <algorithm>
#include <tuple>

#include "engine/base/check.h"
#include "engine/base/wire.h"
#include "operators/ingest/event_checks.h"
#include "operators/ingest/plain_fields.h"

namespace leadflow {
namespace {

constexpr std::int64_t kAheadMs = 24 * 3'600'000LL;

// a - b without wrapping around.
std::int64_t Minus(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  return __builtin_sub_overflow(a, b, &result) ? kNoTime : result;
}

bool IsMeasure(Field field) {
  switch (field) {
    case Field::kAmount:
    case Field::kDiscount:
    case Field::kCount:
    case Field::kClicks:
    case Field::kImpressions:
    case Field::kFollowers:
    case Field::kRate:
    case Field::kUpdated: return true;
    default: return false;
  }
}

std::string HexOf(const std::array<std::uint8_t, 16>& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const std::uint8_t byte : bytes) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

}  // namespace

IngestOperator::IngestOperator(Options options)
    : pipeline_(*options.pipeline),
      source_(*options.source),
      decoder_(std::move(options.decoder)),
      hash_(options.key),
      normalizer_(pipeline_),
      agents_(pipeline_.bots) {
  const auto& unique = pipeline_.identity.unique;
  for (int number = 1; number < kIdentifierTypes; ++number) {
    const auto type = static_cast<IdentifierType>(number);
    const auto index = static_cast<std::size_t>(number);
    const auto space = pipeline_.identity.spaces.find({source_.name, type});
    if (space != pipeline_.identity.spaces.end()) spaces_[index] = space->second;
    const auto rank = std::find(unique.begin(), unique.end(), type) - unique.begin();
    const bool is_unique = static_cast<std::size_t>(rank) < unique.size();
    strengths_[index] = is_unique ? static_cast<int>(rank) : kIdentifierTypes + number;
  }
  counters_.excluded.resize(pipeline_.exclude.size());
}

IngestOperator::~IngestOperator() = default;

Status IngestOperator::Open(OperatorContext& context) {
  context_ = &context;
  return {};
}

Status IngestOperator::Process(std::span<const MessageView> batch) {
  LEADFLOW_CHECK(context_ != nullptr);
  const EventDecoder::Accept accept = [this](Event& event) { Take(event); };
  const EventDecoder::Refuse refuse = [this](std::string_view reason, std::string_view bytes) {
    Refuse(reason, bytes);
  };
  const EventDecoder::Skip skip = [this](std::string_view) { ++counters_.skipped; };
  failure_ = {};
  for (const MessageView& message : batch) {
    message_ = &message;
    if (message.extras == nullptr) [[likely]] {
      decoder_->Decode(message.value, accept, refuse, skip);
    } else {
      decoder_->DecodeRecord(message, accept, refuse, skip);
    }
    if (!failure_.ok()) break;
  }
  message_ = nullptr;
  CountUp();
  return failure_;
}

void IngestOperator::Refuse(std::string_view reason, std::string_view bytes) {
  const std::string position = std::string(message_->origin) + ":" + std::to_string(message_->line);
  if (source_.bad_events_fail && failure_.ok()) {
    failure_ =
        Status(ErrorCode::kFailedPrecondition, "source `" + source_.name + "`: " + position + ": " +
                                                   std::string(reason) + " (`bad_events: fail`)");
  }
  context_->Reject(source_.name, position, reason, bytes);
}

void IngestOperator::Take(Event& event) {
  if (const std::string why = EventChecks::CheckFields(event); !why.empty()) {
    return Refuse(why, message_->value);
  }
  if (event.time_ms > message_->log_time_ms + kAheadMs) {
    return Refuse("`time` is more than 24 h ahead", message_->value);
  }
  context_->ObserveEventTime(event.time_ms, message_->log_time_ms);
  normalizer_.Normalize(event);
  if (Excluded(event)) return;
  const bool ignored = RemoveIgnored(event);
  if (const std::string why = EventChecks::CheckIdentifiers(event, ignored); !why.empty()) {
    return Refuse(why, message_->value);
  }
  if (TooLate(event)) return;
  MarkMachine(event);
  Complete(event);
  ++counters_.events;
  HashIdentifiers(event);
  fields_.clear();
  AppendFields(event, pipeline_.keep_fields, &fields_);
  if (RouteOf(event) == Route::kStandalone) {
    EmitStandalone(event);
  } else {
    EmitPeople(event);
  }
}

bool IngestOperator::Excluded(const Event& event) {
  if (pipeline_.exclude.empty()) return false;
  PlainFields fields(event, pipeline_.names, source_.name);
  const std::size_t choices = fields.Choices();
  arena_.Reset();
  for (std::size_t rule = 0; rule < pipeline_.exclude.size(); ++rule) {
    for (std::size_t choice = 0; choice < choices; ++choice) {
      fields.Choose(choice);
      if (!pipeline_.exclude[rule].when->Matches(fields, arena_)) continue;
      ++counters_.excluded[rule];
      return true;
    }
  }
  return false;
}

// True if it took one away.
bool IngestOperator::RemoveIgnored(Event& event) {
  if (pipeline_.identity.ignore.empty() || event.identifiers.empty()) return false;
  // A rule sees one value at a time: an event of its own with nothing but that value would be the
  // same.
  const std::vector<PlainIdentifier> all = event.identifiers;
  const auto matches = [&](const PlainIdentifier& identifier) {
    for (const auto& rule : pipeline_.identity.ignore) {
      if (rule.type != identifier.type) continue;
      event.identifiers.assign(1, identifier);
      const PlainFields fields(event, pipeline_.names, source_.name);
      if (rule.when->Matches(fields, arena_)) return true;
    }
    return false;
  };
  arena_.Reset();
  std::vector<PlainIdentifier> kept;
  for (const PlainIdentifier& identifier : all) {
    if (!matches(identifier)) kept.push_back(identifier);
  }
  const bool removed = kept.size() < all.size();
  counters_.ignored += static_cast<std::int64_t>(all.size() - kept.size());
  event.identifiers = std::move(kept);
  if (removed) normalizer_.EmailDomain(event);
  return removed;
}

// An erase is never too late: what it asks for must be done.
bool IngestOperator::TooLate(const Event& event) {
  const std::int64_t watermark = context_->watermark_ms();
  if (watermark == kNoTime || event.kind == Kind::kErase) return false;
  const std::int64_t late_before = Minus(watermark, pipeline_.lateness_ms);
  if (event.time_ms >= late_before) return false;
  if (event.time_ms < Minus(late_before, pipeline_.journey_ttl_ms)) {
    ++counters_.expired;
    return true;
  }
  if (pipeline_.late == Pipeline::Late::kUpdate) {
    ++counters_.late;
    return false;
  }
  ++counters_.refused_late;
  // Kept with the bad events, so that nothing is lost that was not asked to be dropped.
  if (pipeline_.late == Pipeline::Late::kTopic) {
    context_->Reject(source_.name,
                     std::string(message_->origin) + ":" + std::to_string(message_->line), "late",
                     message_->value);
  }
  return true;
}

void IngestOperator::MarkMachine(Event& event) {
  machine_ = event.Number(Field::kMachine) != 0 || agents_.IsMachine(event.Text(Field::kUserAgent));
  event.Remove(Field::kMachine);  // The entry has a flag for it.
  if (machine_) ++counters_.machine;
}

void IngestOperator::Complete(Event& event) {
  if (event.kind != Kind::kCost) return;
  if (event.id.empty()) event.id = CostId(event);
  if (!event.Has(Field::kUpdated) && message_->modified_ms != 0) {
    event.SetNumber(Field::kUpdated, message_->modified_ms);
  }
}

// Equal rows of two loads get one id, so that the newer replaces the older.
std::string_view IngestOperator::CostId(Event& event) {
  bytes_.clear();
  WireWriter writer(&bytes_);
  writer.Signed(event.time_ms);
  for (int number = 1; number < kFieldCount; ++number) {
    const auto field = static_cast<Field>(number);
    if (!event.Has(field) || IsMeasure(field)) continue;
    writer.Byte(static_cast<std::uint8_t>(number));
    if (TypeOfField(field) == FieldType::kString) {
      writer.Bytes(event.Text(field));
    } else {
      writer.Signed(event.Number(field));
    }
  }
  std::sort(event.labels.begin(), event.labels.end(), [](const NamedText& a, const NamedText& b) {
    return std::tie(a.name, a.value) < std::tie(b.name, b.value);
  });
  for (const NamedText& label : event.labels) {
    writer.Bytes(label.name);
    writer.Bytes(label.value);
  }
  return event.Own(HexOf(Hash128(bytes_)));
}

void IngestOperator::HashIdentifiers(const Event& event) {
  identifiers_.clear();
  for (const PlainIdentifier& plain : event.identifiers) {
    const auto type = static_cast<std::size_t>(plain.type);
    Hashed& identifier = identifiers_.emplace_back();
    identifier.plain = plain;
    if (plain.space.empty()) identifier.plain.space = spaces_[type];
    identifier.strength = strengths_[type];
  }
  if (identifiers_.size() > 1) {
    std::sort(identifiers_.begin(), identifiers_.end(), [](const Hashed& a, const Hashed& b) {
      return std::tie(a.strength, a.plain.value, a.plain.space) <
             std::tie(b.strength, b.plain.value, b.plain.space);
    });
    const auto same = [](const Hashed& a, const Hashed& b) {
      return a.strength == b.strength && a.plain.value == b.plain.value &&
             a.plain.space == b.plain.space;
    };
    identifiers_.erase(std::unique(identifiers_.begin(), identifiers_.end(), same),
                       identifiers_.end());
  }
  for (Hashed& identifier : identifiers_) {
    identifier.hashed = HashIdentifier(hash_, identifier.plain);
  }
}

Entry IngestOperator::MakeEntry(const Event& event, std::size_t home, std::size_t others) {
  Entry entry;
  entry.time_ms = event.time_ms;
  if (event.Has(Field::kUpdated)) entry.updated_ms = event.Number(Field::kUpdated);
  entry.kind = event.kind;
  entry.source = source_.rank;
  entry.flags = machine_ ? Entry::kMachine : 0;
  entry.id = event.id;
  entry.fields = fields_;
  if (home < identifiers_.size()) entry.home = identifiers_[home].hashed;
  others_.clear();
  for (std::size_t i = home + 1; i < std::min(home + 1 + others, identifiers_.size()); ++i) {
    others_.append(identifiers_[i].hashed.view());
  }
  entry.links = static_cast<std::uint8_t>(others_.size() / 16);
  entry.others = others_.data();
  bytes_.clear();
  WireWriter writer(&bytes_);
  writer.Bytes(source_.name);
  writer.Bytes(event.id);
  writer.Fixed64(static_cast<std::uint64_t>(event.time_ms));
  writer.Raw(entry.home.view());
  entry.key = Hash64(bytes_);
  return entry;
}

void IngestOperator::EmitEntry(const Entry& entry) {
  Identifier to = entry.home;
  for (int i = 0; i < entry.links; ++i) {
    const Identifier other = entry.Other(i);
    if (HigherInPlacement(other, to)) to = other;
  }
  out_.clear();
  AppendEventMessage(to, entry, &out_);
  context_->Emit(OutputId::kEvents, to.hash(), out_);
}

void IngestOperator::EmitKeyed(MessageType type, std::string_view prefix, std::string_view id,
                               const Entry& entry) {
  bytes_.assign(prefix);
  bytes_.push_back('/');
  if (type == MessageType::kStandalone) {
    bytes_.append(source_.name);
    bytes_.push_back('/');
  }
  bytes_.append(id);
  out_.clear();
  AppendKeyedMessage(type, bytes_, entry, &out_);
  context_->Emit(OutputId::kEvents, Hash64(bytes_), out_);
}

void IngestOperator::EmitStandalone(const Event& event) {
  identifiers_.clear();
  const Entry entry = MakeEntry(event, 0, 0);
  switch (event.kind) {
    case Kind::kCost:
    case Kind::kRate:
    case Kind::kFollowerCount:
    case Kind::kDiscountIssued:
      return EmitKeyed(MessageType::kStandalone, KindName(event.kind), event.id, entry);
    default: return EmitKeyed(MessageType::kStandalone, "count", event.id, entry);
  }
}

void IngestOperator::EmitPeople(const Event& event) {
  if (event.kind == Kind::kErase) {
    for (std::size_t i = 0; i < identifiers_.size(); ++i) EmitEntry(MakeEntry(event, i, 0));
    return;
  }
  const Entry entry = MakeEntry(event, 0, identifiers_.size());
  if (!identifiers_.empty()) EmitEntry(entry);
  if (event.kind == Kind::kDealChange) {
    EmitKeyed(MessageType::kRecordEvent, "deal", event.Text(Field::kDealId), entry);
  } else if (IsRecord(event.kind)) {
    EmitKeyed(MessageType::kRecordEvent, "order", event.Text(Field::kOrderId), entry);
  }
}

void IngestOperator::CountUp() {
  const auto count = [this](std::string_view name, std::string_view label, std::int64_t by) {
    if (by != 0) context_->Count(name, label, by);
  };
  count("events", source_.name, counters_.events);
  count("machine", source_.name, counters_.machine);
  count("late", source_.name, counters_.late);
  count("refused", "late", counters_.refused_late);
  count("refused", "expired", counters_.expired);
  count("skipped", source_.name, counters_.skipped);
  count("ignored", source_.name, counters_.ignored);
  for (std::size_t rule = 0; rule < counters_.excluded.size(); ++rule) {
    count("excluded", pipeline_.exclude[rule].name, counters_.excluded[rule]);
    counters_.excluded[rule] = 0;
  }
  std::vector<std::int64_t> excluded = std::move(counters_.excluded);
  counters_ = {};
  counters_.excluded = std::move(excluded);
}

}  // namespace leadflow
