#include "operators/event/entry.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "engine/base/check.h"

namespace leadflow {
namespace {

// In the byte of flags on the wire; Entry::flags uses the low bits only.
constexpr std::uint8_t kHasUpdated = 0x80;
constexpr std::uint8_t kHasHome = 0x40;
constexpr std::uint8_t kUsualHome = 0x20;
constexpr std::uint8_t kFlagsMask = 0x1f;

constexpr std::int64_t kDayMs = 86'400'000;

std::string_view OthersOf(const Entry& entry) {
  return {entry.others, std::size_t{16} * entry.links};
}

int CompareBytes(std::string_view a, std::string_view b) { return a.compare(b); }

// (type byte, length of the space, space, value)
std::size_t WritePlain(const PlainIdentifier& plain, char* out) {
  char* at = out;
  *at++ = static_cast<char>(plain.type);
  *at++ = static_cast<char>(plain.space.size() & 0xff);
  *at++ = static_cast<char>(plain.space.size() >> 8 & 0xff);
  at = std::copy(plain.space.begin(), plain.space.end(), at);
  at = std::copy(plain.value.begin(), plain.value.end(), at);
  return static_cast<std::size_t>(at - out);
}

// Sorted by (name, value); the last of a name is written. Labels are at most 16, traits rarely
// more.
void AppendNamed(std::uint8_t tag, const std::vector<NamedText>& texts, std::string* out) {
  if (texts.empty()) return;
  constexpr std::size_t kInline = 32;
  std::array<const NamedText*, kInline> few;
  std::vector<const NamedText*> many;
  const NamedText** sorted = few.data();
  if (texts.size() > kInline) {
    many.resize(texts.size());
    sorted = many.data();
  }
  for (std::size_t i = 0; i < texts.size(); ++i) sorted[i] = &texts[i];
  std::sort(sorted, sorted + texts.size(), [](const NamedText* a, const NamedText* b) {
    return std::tie(a->name, a->value) < std::tie(b->name, b->value);
  });
  WireWriter writer(out);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i + 1 < texts.size() && sorted[i + 1]->name == sorted[i]->name) continue;
    if (sorted[i]->value.empty()) continue;
    writer.Byte(tag);
    writer.Bytes(sorted[i]->name);
    writer.Bytes(sorted[i]->value);
  }
}

}  // namespace

Identifier HashIdentifier(const KeyedHash& hash, const PlainIdentifier& plain) {
  constexpr std::size_t kInline = 1280;  // strings of an event have at most 1 KiB
  const std::size_t size = 3 + plain.space.size() + plain.value.size();
  std::array<std::uint8_t, 16> hashed;
  if (size <= kInline) {
    char buffer[kInline];
    hashed = hash({buffer, WritePlain(plain, buffer)});
  } else {
    std::string buffer(size, '\0');
    hashed = hash({buffer.data(), WritePlain(plain, buffer.data())});
  }
  Identifier identifier;
  identifier.bytes[0] = static_cast<std::uint8_t>(plain.type);
  std::memcpy(identifier.bytes.data() + 1, hashed.data(), 15);
  return identifier;
}

// Fields lie in the order of their tags.
bool FieldsView::Find(Field field, std::string_view* text, std::int64_t* number) const {
  WireReader reader(bytes_);
  std::uint8_t tag = 0;
  std::string_view name;
  while (!reader.AtEnd() && ReadField(&reader, &tag, &name, text, number)) {
    if (tag >= static_cast<std::uint8_t>(field)) return tag == static_cast<std::uint8_t>(field);
  }
  return false;
}

bool FieldsView::Has(Field field) const {
  std::string_view text;
  std::int64_t number = 0;
  return Find(field, &text, &number);
}

std::string_view FieldsView::Text(Field field) const {
  std::string_view text;
  std::int64_t number = 0;
  return Find(field, &text, &number) ? text : std::string_view();
}

std::int64_t FieldsView::Number(Field field, std::int64_t otherwise) const {
  std::string_view text;
  std::int64_t number = 0;
  return Find(field, &text, &number) ? number : otherwise;
}

std::string_view FieldsView::UtmCampaign() const {
  WireReader reader(bytes_);
  std::uint8_t tag = 0;
  std::string_view name, text;
  std::int64_t number = 0;
  while (reader.Byte(&tag) && ReadValue(tag, &reader, &name, &text, &number)) {
    if (tag == static_cast<std::uint8_t>(Field::kUtmCampaign)) return text;
  }
  return {};
}

std::string_view FieldsView::Label(std::string_view name) const { return Named(kLabelTag, name); }

std::string_view FieldsView::Trait(std::string_view name) const { return Named(kTraitTag, name); }

std::string_view FieldsView::Named(std::uint8_t wanted, std::string_view wanted_name) const {
  WireReader reader(bytes_);
  std::uint8_t tag = 0;
  std::string_view name, text;
  std::int64_t number = 0;
  while (!reader.AtEnd() && ReadField(&reader, &tag, &name, &text, &number)) {
    if (tag == wanted && name == wanted_name) return text;
    if (tag > wanted) break;
  }
  return {};
}

std::strong_ordering Compare(const Entry& a, const Entry& b) {
  if (a.time_ms != b.time_ms) return a.time_ms <=> b.time_ms;
  const bool a_erases = a.kind == Kind::kErase;
  const bool b_erases = b.kind == Kind::kErase;
  if (a_erases != b_erases) return a_erases <=> b_erases;
  if (a.source != b.source) return a.source <=> b.source;
  if (const auto order = a.id <=> b.id; order != 0) return order;
  return a.key <=> b.key;
}

bool Stands(const Entry& a, const Entry& b) {
  if (a.erased() || b.erased()) return a.erased() && !b.erased();
  if (a.updated_ms != b.updated_ms) return a.updated_ms > b.updated_ms;
  if (a.kind != b.kind) return a.kind > b.kind;
  if (a.home != b.home) return a.home > b.home;
  if (const int order = CompareBytes(OthersOf(a), OthersOf(b)); order != 0) return order > 0;
  if (const int order = CompareBytes(a.fields, b.fields); order != 0) return order > 0;
  return a.machine() && !b.machine();
}

void AppendEntry(const Entry& entry, std::string* out, const Identifier& usual) {
  WireWriter writer(out);
  const bool has_updated = entry.updated_ms != kNoTime;
  const bool usual_home = entry.home == usual && usual != Identifier();
  const bool has_home = !usual_home && entry.home != Identifier();
  writer.Byte(static_cast<std::uint8_t>((entry.flags & kFlagsMask) |
                                        (has_updated ? kHasUpdated : 0) |
                                        (has_home ? kHasHome : 0) | (usual_home ? kUsualHome : 0)));
  writer.Byte(static_cast<std::uint8_t>(entry.kind));
  writer.Byte(entry.source);
  writer.Byte(entry.links);
  writer.Fixed64(entry.key);
  writer.Signed(entry.time_ms);
  if (has_updated) writer.Signed(entry.updated_ms);
  if (has_home) writer.Raw(entry.home.view());
  if (entry.links != 0) writer.Raw(OthersOf(entry));
  entry.id.Append(&writer);
  writer.Bytes(entry.fields);
}

bool ReadEntry(std::string_view* bytes, Entry* entry, const Identifier& usual) {
  WireReader reader(*bytes);
  std::uint8_t flags = 0, kind = 0, source = 0, links = 0;
  std::uint64_t key = 0;
  std::int64_t time_ms = 0, updated_ms = kNoTime;
  std::string_view home, others, fields;
  EventIdView id;
  if (!reader.Byte(&flags) || !reader.Byte(&kind) || kind == 0 || kind >= kKindCount ||
      !reader.Byte(&source) || !reader.Byte(&links) || !reader.Fixed64(&key) ||
      !reader.Signed(&time_ms)) {
    return false;
  }
  if ((flags & kHasUpdated) != 0 && !reader.Signed(&updated_ms)) return false;
  if ((flags & kUsualHome) != 0) {
    if ((flags & kHasHome) != 0 || usual == Identifier()) return false;
    home = usual.view();
  } else if ((flags & kHasHome) != 0 && !reader.Raw(16, &home)) {
    return false;
  }
  if (!reader.Raw(std::size_t{16} * links, &others) || !id.Read(&reader) ||
      !reader.Bytes(&fields)) {
    return false;
  }
  entry->key = key;
  entry->time_ms = time_ms;
  entry->updated_ms = updated_ms;
  entry->kind = static_cast<Kind>(kind);
  entry->source = source;
  entry->flags = flags & kFlagsMask;
  entry->links = links;
  entry->home = home.empty() ? Identifier() : Identifier::From(home);
  entry->others = others.data();
  entry->id = id;
  entry->fields = fields;
  *bytes = reader.Rest();
  return true;
}

void AppendFields(const Event& event, std::uint64_t keep, std::string* out) {
  FieldsWriter writer(out);
  for (std::uint64_t left = event.present() & keep; left != 0; left &= left - 1) {
    const auto field = static_cast<Field>(std::countr_zero(left));
    if ((kTextFields & FieldBit(field)) == 0) {
      writer.Number(field, event.Number(field));
    } else if (field == Field::kCampaign && (keep & FieldBit(Field::kUtmCampaign)) != 0 &&
               event.Has(Field::kUtmCampaign) && !event.Text(field).empty() &&
               event.Text(field) == event.Text(Field::kUtmCampaign)) {
      out->push_back(static_cast<char>(FieldsView::kCampaignOfUtm));
    } else if (!event.Text(field).empty()) {
      writer.Text(field, event.Text(field));
    }
  }
  if ((keep >> FieldsView::kLabelTag & 1) != 0) {
    AppendNamed(FieldsView::kLabelTag, event.labels, out);
  }
  if ((keep >> FieldsView::kTraitTag & 1) != 0) {
    AppendNamed(FieldsView::kTraitTag, event.profile, out);
  }
}

void FieldsWriter::Text(Field field, std::string_view value) {
  WireWriter writer(&out_);
  writer.Byte(static_cast<std::uint8_t>(field));
  writer.Bytes(value);
}

void FieldsWriter::Number(Field field, std::int64_t value) {
  WireWriter writer(&out_);
  writer.Byte(static_cast<std::uint8_t>(field));
  writer.Signed(value);
}

void FieldsWriter::Label(std::string_view name, std::string_view value) {
  WireWriter writer(&out_);
  writer.Byte(FieldsView::kLabelTag);
  writer.Bytes(name);
  writer.Bytes(value);
}

void FieldsWriter::Trait(std::string_view name, std::string_view value) {
  WireWriter writer(&out_);
  writer.Byte(FieldsView::kTraitTag);
  writer.Bytes(name);
  writer.Bytes(value);
}

int NameTable::Intern(std::string_view dotted) {
  constexpr std::string_view kLabels = "labels.";
  constexpr std::string_view kProfile = "profile.";
  const bool trait = dotted.starts_with(kProfile);
  LEADFLOW_CHECK(trait || dotted.starts_with(kLabels));
  const std::string_view name = dotted.substr(trait ? kProfile.size() : kLabels.size());
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].trait == trait && names_[i].name == name) return static_cast<int>(i);
  }
  names_.push_back({trait, std::string(name)});
  return static_cast<int>(names_.size() - 1);
}

ValueType ValueTypeOf(FieldType type) {
  switch (type) {
    case FieldType::kString: return ValueType::kString;
    case FieldType::kInt: return ValueType::kInt;
    case FieldType::kBool: return ValueType::kBool;
    case FieldType::kTime:
    case FieldType::kDate: return ValueType::kTime;
    case FieldType::kMoney: return ValueType::kMoney;
    case FieldType::kDecimal: return ValueType::kDecimal;
  }
  return ValueType::kNull;
}

Value FieldValue(Field field, std::string_view text, std::int64_t number,
                 std::string_view currency) {
  switch (TypeOfField(field)) {
    case FieldType::kString: return text.empty() ? Value::Null() : Value::String(text);
    case FieldType::kInt: return Value::Int(number);
    case FieldType::kBool: return Value::Bool(number != 0);
    case FieldType::kTime: return Value::Time(number);
    case FieldType::kDate: {
      std::int64_t ms = 0;
      if (__builtin_mul_overflow(number, kDayMs, &ms)) return Value::Null();
      return Value::Time(ms);
    }
    case FieldType::kMoney:
      if (currency.size() != 3) return Value::Null();
      return Value::Money(number, {currency[0], currency[1], currency[2]});
    case FieldType::kDecimal: return Value::FromDecimal(number);
  }
  return Value::Null();
}

Value EntryFields::Field(int slot) const {
  if (slot > 0 && slot < kFieldCount) {
    const auto field = static_cast<leadflow::Field>(slot);
    if (field == leadflow::Field::kMachine) return Value::Bool(entry_.machine());
    const FieldsView fields = entry_.Fields();
    if ((kTextFields & FieldBit(field)) != 0) return FieldValue(field, fields.Text(field), 0, {});
    if (!fields.Has(field)) return Value::Null();
    std::string_view currency;
    if (TypeOfField(field) == FieldType::kMoney) {
      currency = fields.Text(static_cast<leadflow::Field>(slot + 1));
    }
    return FieldValue(field, {}, fields.Number(field), currency);
  }
  if (slot >= kSlotNamed && slot - kSlotNamed < names_.size()) {
    const int index = slot - kSlotNamed;
    const std::string_view text = names_.is_trait(index)
                                      ? entry_.Fields().Trait(names_.name(index))
                                      : entry_.Fields().Label(names_.name(index));
    return text.empty() ? Value::Null() : Value::String(text);
  }
  switch (slot) {
    case kSlotKind: return Value::String(KindName(entry_.kind));
    case kSlotId: return Value::String(entry_.id.Text(&id_text_));
    case kSlotTime: return Value::Time(entry_.time_ms);
    case kSlotSource:
      return entry_.source < sources_.size() ? Value::String(sources_[entry_.source])
                                             : Value::Null();
    default: return Value::Null();
  }
}

}  // namespace leadflow
