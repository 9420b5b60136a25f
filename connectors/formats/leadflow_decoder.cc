#include "connectors/formats/leadflow_decoder.h"

#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "connectors/formats/event_target.h"
#include "connectors/formats/json_cursor.h"
#include "connectors/formats/number_text.h"
#include "engine/config/diagnostics.h"

namespace leadflow {
namespace {

enum class Shape : std::uint8_t {
  kId,
  kKind,
  kTime,
  kIdentifier,
  kField,
  kUtm,
  kPage,
  kAmount,
  kDiscount,
  kProfile,
  kLabels,
  kPeriod,
};

struct Key {
  std::string_view name;
  Shape shape = Shape::kField;
  Field field = Field::kNone;
  IdentifierType type = IdentifierType::kEmail;
};

// The keys of an event by name: open addressing over the first and last bytes of a key.
class KeyTable {
 public:
  static const KeyTable& Get() {
    static const KeyTable table;
    return table;
  }

  // Index of the key, or -1.
  int Find(std::string_view name) const {
    for (std::size_t bucket = Bucket(name);; bucket = (bucket + 1) % kBuckets) {
      const std::uint8_t index = buckets_[bucket];
      if (index == kEmpty) return -1;
      if (keys_[index].name == name) return index;
    }
  }
  const Key& key(int index) const { return keys_[static_cast<std::size_t>(index)]; }
  std::vector<std::string_view> names() const {
    std::vector<std::string_view> names;
    for (const Key& key : keys_) names.push_back(key.name);
    return names;
  }

 private:
  static constexpr std::size_t kBuckets = 256;
  static constexpr std::uint8_t kEmpty = 0xFF;

  KeyTable() {
    buckets_.fill(kEmpty);
    Add({"id", Shape::kId});
    Add({"kind", Shape::kKind});
    Add({"time", Shape::kTime});
    Add({"utm", Shape::kUtm});
    Add({"page", Shape::kPage});
    Add({"amount", Shape::kAmount});
    Add({"discount", Shape::kDiscount});
    Add({"profile", Shape::kProfile});
    Add({"labels", Shape::kLabels});
    Add({"period", Shape::kPeriod});
    for (int type = 1; type < kIdentifierTypes; ++type) {
      const auto identifier = static_cast<IdentifierType>(type);
      Add({IdentifierTypeName(identifier), Shape::kIdentifier, Field::kNone, identifier});
    }
    for (int number = 1; number < kFieldCount; ++number) {
      const auto field = static_cast<Field>(number);
      const std::string_view name = FieldName(field);
      const bool made = field == Field::kDiscountCurrency || field == Field::kEmailDomain;
      if (made || name.find('.') != std::string_view::npos) continue;
      if (TypeOfField(field) == FieldType::kMoney) continue;
      Add({name, Shape::kField, field});
    }
  }

  static std::size_t Bucket(std::string_view name) {
    const std::size_t size = name.size();
    std::uint32_t head = 0;
    std::uint32_t tail = 0;
    if (size >= 4) {
      std::memcpy(&head, name.data(), 4);
      std::memcpy(&tail, name.data() + size - 4, 4);
    } else if (size > 0) {
      head = static_cast<unsigned char>(name[0]);
      tail = static_cast<unsigned char>(name[size - 1]);
    }
    const std::uint64_t mixed = ((std::uint64_t{head} << 32 | tail) + size) * 0x9E3779B97F4A7C15ULL;
    return mixed >> 56;
  }

  void Add(const Key& key) {
    std::size_t bucket = Bucket(key.name);
    while (buckets_[bucket] != kEmpty) bucket = (bucket + 1) % kBuckets;
    buckets_[bucket] = static_cast<std::uint8_t>(keys_.size());
    keys_.push_back(key);
  }

  std::vector<Key> keys_;  // fewer than 64: a bit each tells what was seen
  std::array<std::uint8_t, kBuckets> buckets_;
};

std::string Quoted(std::string_view name) { return "`" + std::string(name.substr(0, 80)) + "`"; }

class LeadflowDecoder final : public EventDecoder {
 public:
  explicit LeadflowDecoder(const TimeZone& zone) : zone_(zone) {}

  void Decode(std::string_view message, const Accept& accept, const Refuse& refuse,
              const Skip&) override {
    event_.Clear();
    reason_.clear();
    if (message.size() > kMaxEventBytes) {
      refuse("event larger than 64 KiB", message);
    } else if (!IsUtf8(message)) {
      refuse("not UTF-8", message);
    } else {
      JsonCursor json(message);
      if (!(ReadEvent(json) && json.End() && Complete())) {
        refuse(reason_.empty() ? "no JSON: " + json.Error() : reason_, message);
      } else {
        accept(event_);
      }
    }
  }

  Status SetHeader(std::string_view) override { return {}; }

 private:
  bool Wrong(std::string reason) {
    reason_ = std::move(reason);
    return false;
  }
  bool WrongType(std::string_view name, std::string_view needed) {
    return Wrong(Quoted(name) + " must be " + std::string(needed));
  }

  bool Complete() {
    if (event_.kind == Kind::kNone) return Wrong("no `kind`");
    if (event_.id.empty() && event_.kind != Kind::kCost) return Wrong("no `id`");
    if (!event_.has_time) return Wrong("no `time`");
    return true;
  }

  bool ReadEvent(JsonCursor& json) {
    if (json.Peek() != JsonCursor::Type::kObject) {
      return json.ok() ? Wrong("an event is a JSON object") : false;
    }
    if (!json.BeginObject()) return false;
    std::uint64_t seen = 0;
    JsonText raw;
    while (json.NextMember(&raw)) {
      const std::string_view name = raw.Decode(event_.arena());
      const int index = keys_.Find(name);
      if (index < 0) {
        if (!ReadSpaced(json, name)) return false;
        continue;
      }
      if ((seen >> index & 1) != 0) return Wrong(Quoted(name) + " stands twice");
      seen |= std::uint64_t{1} << index;
      if (json.Peek() == JsonCursor::Type::kNull) {
        if (!json.Null()) return false;
      } else if (!ReadKey(json, keys_.key(index))) {
        return false;
      }
    }
    return json.ok();
  }

  // `user_id@shop`, or nothing that an event has.
  bool ReadSpaced(JsonCursor& json, std::string_view name) {
    const std::size_t at = name.find('@');
    const auto type =
        at == std::string_view::npos ? std::nullopt : IdentifierTypeFromName(name.substr(0, at));
    if (type && at + 1 < name.size() && name.size() - at <= 65) {
      if (json.Peek() == JsonCursor::Type::kNull) return json.Null();
      return ReadIdentifiers(json, name, *type, name.substr(at + 1));
    }
    const std::string_view nearest = Nearest(name, keys_.names());
    return Wrong("no field " + Quoted(name) + " in an event" +
                 (nearest.empty() ? "" : "; did you mean " + Quoted(nearest) + "?"));
  }

  bool ReadKey(JsonCursor& json, const Key& key) {
    std::string_view text;
    switch (key.shape) {
      case Shape::kId: return ReadText(json, key.name, kTextLimit, &event_.id);
      case Shape::kKind: {
        if (!ReadText(json, key.name, kTextLimit, &text)) return false;
        const auto kind = KindFromName(text);
        if (!kind) return UnknownKind(text);
        event_.kind = *kind;
        return true;
      }
      case Shape::kTime: event_.has_time = true; return ReadTime(json, key.name, &event_.time_ms);
      case Shape::kIdentifier: return ReadIdentifiers(json, key.name, key.type, {});
      case Shape::kField: return ReadField(json, key.name, key.field);
      case Shape::kUtm: return ReadGroup(json, key.name, kUtm);
      case Shape::kPage: return ReadGroup(json, key.name, kPage);
      case Shape::kPeriod: return ReadGroup(json, key.name, kPeriod);
      case Shape::kAmount: return ReadMoney(json, key.name, Field::kAmount);
      case Shape::kDiscount: return ReadMoney(json, key.name, Field::kDiscount);
      case Shape::kProfile: return ReadNamed(json, key.name, true);
      case Shape::kLabels: return ReadNamed(json, key.name, false);
    }
    return false;
  }

  bool UnknownKind(std::string_view text) {
    std::vector<std::string_view> names;
    for (const Kind kind : AllKinds()) names.push_back(KindName(kind));
    const std::string_view nearest = Nearest(text, names);
    return Wrong("unknown `kind` " + Quoted(text) +
                 (nearest.empty() ? "" : "; did you mean " + Quoted(nearest) + "?"));
  }

  bool ReadText(JsonCursor& json, std::string_view name, std::size_t limit,
                std::string_view* text) {
    if (json.Peek() != JsonCursor::Type::kString) {
      return json.ok() ? WrongType(name, "a string") : false;
    }
    JsonText raw;
    if (!json.String(&raw)) return false;
    *text = raw.Decode(event_.arena());
    return text->size() <= limit || Wrong(TooLong(name, text->size(), limit));
  }

  bool ReadInteger(JsonCursor& json, std::string_view name, std::int64_t* value) {
    if (json.Peek() != JsonCursor::Type::kNumber) {
      return json.ok() ? WrongType(name, "an integer") : false;
    }
    std::string_view token;
    if (!json.Number(&token)) return false;
    const auto integer = ParseInteger(token);
    if (!integer) return WrongType(name, "an integer");
    *value = *integer;
    return true;
  }

  bool ReadTime(JsonCursor& json, std::string_view name, std::int64_t* time_ms) {
    if (json.Peek() == JsonCursor::Type::kNumber) return ReadInteger(json, name, time_ms);
    std::string_view text;
    if (!ReadText(json, name, kTextLimit, &text)) return false;
    const auto time = ParseRfc3339(text);
    if (!time) return WrongType(name, "an RFC 3339 time with offset, or milliseconds");
    *time_ms = *time;
    return true;
  }

  bool ReadDate(JsonCursor& json, std::string_view name, Field field) {
    std::int64_t time_ms = 0;
    if (json.Peek() == JsonCursor::Type::kString) {
      std::string_view text;
      if (!ReadText(json, name, kTextLimit, &text)) return false;
      if (const auto date = ParseDate(text)) {
        event_.SetNumber(field, *date);
        return true;
      }
      const auto time = ParseRfc3339(text);
      if (!time) return WrongType(name, "a date like 2026-03-31, or a time");
      time_ms = *time;
    } else if (!ReadInteger(json, name, &time_ms)) {
      return false;
    }
    event_.SetNumber(field, zone_.LocalDay(time_ms));
    return true;
  }

  bool ReadField(JsonCursor& json, std::string_view name, Field field) {
    std::int64_t number = 0;
    switch (TypeOfField(field)) {
      case FieldType::kString: {
        std::string_view text;
        if (!ReadText(json, name, TextLimit(field), &text)) return false;
        if (!text.empty()) event_.SetText(field, text);
        return true;
      }
      case FieldType::kInt:
        if (!ReadInteger(json, name, &number)) return false;
        break;
      case FieldType::kBool: {
        if (json.Peek() != JsonCursor::Type::kBool) {
          return json.ok() ? WrongType(name, "true or false") : false;
        }
        bool value = false;
        if (!json.Bool(&value)) return false;
        number = value ? 1 : 0;
        break;
      }
      case FieldType::kTime:
        if (!ReadTime(json, name, &number)) return false;
        break;
      case FieldType::kDate: return ReadDate(json, name, field);
      case FieldType::kDecimal: {
        std::string_view text;
        if (!ReadText(json, name, kTextLimit, &text)) return false;
        const auto decimal = ParseDecimal(text);
        constexpr Decimal kMax = std::numeric_limits<std::int64_t>::max();
        if (!decimal || *decimal > kMax || *decimal < -kMax) {
          return WrongType(name, "a decimal number as text");
        }
        number = static_cast<std::int64_t>(*decimal);
        break;
      }
      case FieldType::kMoney: return ReadMoney(json, name, field);
    }
    event_.SetNumber(field, number);
    return true;
  }

  bool AddIdentifier(std::string_view name, IdentifierType type, std::string_view space,
                     JsonCursor& json) {
    std::string_view text;
    if (!ReadText(json, name, kTextLimit, &text)) return false;
    if (text.empty()) return true;
    if (event_.identifiers.size() == Event::kMaxIdentifiers) {
      return Wrong("more than 16 identifiers");
    }
    event_.identifiers.push_back({type, space, text});
    return true;
  }

  bool ReadIdentifiers(JsonCursor& json, std::string_view name, IdentifierType type,
                       std::string_view space) {
    const JsonCursor::Type next = json.Peek();
    if (next == JsonCursor::Type::kString) return AddIdentifier(name, type, space, json);
    if (next != JsonCursor::Type::kArray) {
      return json.ok() ? WrongType(name, "a string or a list of strings") : false;
    }
    if (!json.BeginArray()) return false;
    while (json.NextElement()) {
      if (!AddIdentifier(name, type, space, json)) return false;
    }
    return json.ok();
  }

  struct Member {
    std::string_view name;
    Field field;
  };
  static constexpr Member kUtm[] = {{"source", Field::kUtmSource},
                                    {"medium", Field::kUtmMedium},
                                    {"campaign", Field::kUtmCampaign},
                                    {"content", Field::kUtmContent},
                                    {"term", Field::kUtmTerm}};
  static constexpr Member kPage[] = {{"url", Field::kPageUrl}, {"path", Field::kPagePath}};
  static constexpr Member kPeriod[] = {{"start", Field::kPeriodStart}, {"end", Field::kPeriodEnd}};

  template <std::size_t kSize>
  bool ReadGroup(JsonCursor& json, std::string_view group, const Member (&members)[kSize]) {
    if (!BeginObject(json, group)) return false;
    JsonText raw;
    while (json.NextMember(&raw)) {
      const std::string_view name = raw.Decode(event_.arena());
      const Member* found = nullptr;
      for (const Member& member : members) {
        if (member.name == name) found = &member;
      }
      if (found == nullptr) return UnknownMember(group, name);
      if (event_.Has(found->field)) return Wrong(Quoted(FieldName(found->field)) + " stands twice");
      if (json.Peek() == JsonCursor::Type::kNull) {
        if (!json.Null()) return false;
      } else if (!ReadField(json, FieldName(found->field), found->field)) {
        return false;
      }
    }
    return json.ok();
  }

  bool BeginObject(JsonCursor& json, std::string_view name) {
    if (json.Peek() != JsonCursor::Type::kObject) {
      return json.ok() ? WrongType(name, "an object") : false;
    }
    return json.BeginObject();
  }

  bool UnknownMember(std::string_view group, std::string_view name) {
    return Wrong("no field " + Quoted(name) + " in " + Quoted(group));
  }

  bool ReadMoney(JsonCursor& json, std::string_view name, Field field) {
    if (json.Peek() != JsonCursor::Type::kObject) {
      return json.ok() ? WrongType(name, "an object {minor, currency}") : false;
    }
    if (!json.BeginObject()) return false;
    bool has_minor = false;
    std::int64_t minor = 0;
    std::string_view currency;
    JsonText raw;
    while (json.NextMember(&raw)) {
      const std::string_view member = raw.Decode(event_.arena());
      if (member == "minor" && !has_minor) {
        has_minor = true;
        if (!ReadInteger(json, name, &minor)) return false;
      } else if (member == "currency" && currency.empty()) {
        if (!ReadText(json, name, kTextLimit, &currency)) return false;
      } else {
        return UnknownMember(name, member);
      }
    }
    if (!json.ok()) return false;
    if (!has_minor || currency.empty()) return WrongType(name, "an object {minor, currency}");
    return SetMoney(event_, field, minor, currency) ||
           Wrong("unknown currency " + Quoted(currency) + " in " + Quoted(name));
  }

  bool ReadNamed(JsonCursor& json, std::string_view group, bool traits) {
    if (!BeginObject(json, group)) return false;
    auto& list = traits ? event_.profile : event_.labels;
    JsonText raw;
    while (json.NextMember(&raw)) {
      const std::string_view name = raw.Decode(event_.arena());
      if (name.empty() || name.size() > 64) {
        return Wrong("a name in " + Quoted(group) + " has 1 to 64 bytes");
      }
      std::string_view text;
      if (traits && json.Peek() == JsonCursor::Type::kNumber) {
        if (!json.Number(&text)) return false;
      } else if (json.Peek() == JsonCursor::Type::kNull) {
        if (!json.Null()) return false;
      } else if (!ReadText(json, name, kTextLimit, &text)) {
        return false;
      }
      if (text.empty()) continue;
      if (!traits && list.size() == Event::kMaxLabels) return Wrong("more than 16 labels");
      for (const NamedText& other : list) {
        if (other.name == name) return Wrong(Quoted(name) + " stands twice in " + Quoted(group));
      }
      list.push_back({name, text});
    }
    return json.ok();
  }

  const KeyTable& keys_ = KeyTable::Get();
  const TimeZone zone_;
  Event event_;
  std::string reason_;
};

}  // namespace

std::unique_ptr<EventDecoder> MakeLeadflowDecoder(const TimeZone& zone) {
  return std::make_unique<LeadflowDecoder>(zone);
}

}  // namespace leadflow
