// Entry: an event as state and messages hold it: hashed identifiers, compact fields, no plain names
// of people. Trivially copyable; its bytes are borrowed from whoever holds the entry (a message, a
// chunk).
//
// Order of entries is (time, `erase` last, source rank, id). `key` names the event: two entries
// with one key are two deliveries of one event.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/wire.h"
#include "engine/config/expression.h"
#include "engine/config/value.h"
#include "operators/event/event.h"
#include "operators/event/event_id.h"
#include "operators/event/kind.h"

namespace leadflow {

// Type byte + 15 bytes of a keyed hash of (space, normalized value).
struct Identifier {
  std::array<std::uint8_t, 16> bytes{};
  // As two words: they are compared all the time, and seldom in order.
  bool operator==(const Identifier& other) const {
    std::array<std::uint64_t, 2> mine, others;
    std::memcpy(mine.data(), bytes.data(), sizeof mine);
    std::memcpy(others.data(), other.bytes.data(), sizeof others);
    return ((mine[0] ^ others[0]) | (mine[1] ^ others[1])) == 0;
  }
  auto operator<=>(const Identifier&) const = default;
  IdentifierType type() const { return static_cast<IdentifierType>(bytes[0]); }
  std::string_view view() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  static Identifier From(std::string_view sixteen) {
    Identifier identifier;
    std::memcpy(identifier.bytes.data(), sixteen.data(), identifier.bytes.size());
    return identifier;
  }
  // Which partition owns it, through PartitionOf.
  std::uint64_t hash() const { return Hash64(view()); }
};

struct IdentifierHasher {
  std::size_t operator()(const Identifier& identifier) const {
    std::uint64_t word;
    std::memcpy(&word, identifier.bytes.data() + 1, sizeof word);
    return word;
  }
};

Identifier HashIdentifier(const KeyedHash& hash, const PlainIdentifier& plain);

inline constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

// Reads the encoded fields of an entry. A linear walk over at most some dozen fields.
class FieldsView {
 public:
  FieldsView() = default;
  explicit FieldsView(std::string_view bytes) : bytes_(bytes) {}

  bool Has(Field field) const;
  std::string_view Text(Field field) const;  // empty if absent
  std::int64_t Number(Field field, std::int64_t otherwise = 0) const;
  std::string_view Label(std::string_view name) const;  // empty if absent
  std::string_view Trait(std::string_view name) const;
  std::string_view bytes() const { return bytes_; }

  // Calls visit(tag, name, text, number) for each; name only for labels and traits, text for them
  // and text fields, number for all others. Stops at bytes that are no field.
  template <class Visit>
  void ForEach(Visit visit) const {
    WireReader reader(bytes_);
    std::uint8_t tag = 0;
    while (!reader.AtEnd()) {
      std::string_view name, text;
      std::int64_t number = 0;
      if (!ReadField(&reader, &tag, &name, &text, &number)) return;
      visit(static_cast<int>(tag), name, text, number);
    }
  }

  // Tags of labels and traits; every other tag is the number of a Field.
  static constexpr std::uint8_t kLabelTag = 62;
  static constexpr std::uint8_t kTraitTag = 63;
  // Stands for `campaign` with the text of `utm.campaign`, as it mostly is.
  static constexpr std::uint8_t kCampaignOfUtm = 0x80 | static_cast<std::uint8_t>(Field::kCampaign);

 private:
  bool Find(Field field, std::string_view* text, std::int64_t* number) const;
  bool ReadField(WireReader* reader, std::uint8_t* tag, std::string_view* name,
                 std::string_view* text, std::int64_t* number) const {
    if (!reader->Byte(tag)) return false;
    if (*tag != kCampaignOfUtm) return ReadValue(*tag, reader, name, text, number);
    *tag = static_cast<std::uint8_t>(Field::kCampaign);
    *text = UtmCampaign();
    return true;
  }
  static bool ReadValue(std::uint8_t tag, WireReader* reader, std::string_view* name,
                        std::string_view* text, std::int64_t* number) {
    if (tag == kLabelTag || tag == kTraitTag) return reader->Bytes(name) && reader->Bytes(text);
    if (tag == 0 || tag >= kFieldCount) return false;
    if ((kTextFields >> tag & 1) != 0) return reader->Bytes(text);
    return reader->Signed(number);
  }
  std::string_view UtmCampaign() const;
  std::string_view Named(std::uint8_t wanted, std::string_view name) const;

  std::string_view bytes_;
};

struct Entry {
  static constexpr std::uint8_t kMachine = 1;  // a machine did it: see SEMANTICS 1
  static constexpr std::uint8_t kErased = 2;  // the payload is gone: key, time, kind, hashes remain
  static constexpr std::uint8_t kSharedHome = 4;  // message only: the home is a shared identifier

  std::uint64_t key = 0;  // Hash64 of (source, id, time, home)
  std::int64_t time_ms = 0;
  std::int64_t updated_ms = kNoTime;
  Kind kind = Kind::kNone;
  std::uint8_t source = 0;  // rank
  std::uint8_t flags = 0;
  std::uint8_t links = 0;        // how many identifiers in `others`
  Identifier home;               // all zero: an event without identifiers
  const char* others = nullptr;  // links x 16 bytes
  EventIdView id;
  std::string_view fields;  // see FieldsView

  bool machine() const { return (flags & kMachine) != 0; }
  bool erased() const { return (flags & kErased) != 0; }
  Identifier Other(int i) const { return Identifier::From({others + 16 * i, 16}); }
  FieldsView Fields() const { return FieldsView(fields); }
};

// The order of entries. Total: equal (source, id, time) of different homes go by key.
std::strong_ordering Compare(const Entry& a, const Entry& b);
inline bool Before(const Entry& a, const Entry& b) { return Compare(a, b) < 0; }

// True if `a` is the delivery that stands of two with the same key: newer `updated`, else the
// larger bytes of (kind, identifiers, fields, machine). Erased ones never lose. False for equal
// ones.
bool Stands(const Entry& a, const Entry& b);

// Appends the wire form; Read takes it off the front of `bytes` and borrows from it. False: not an
// entry. `usual`: a home that goes without saying, the same for both.
void AppendEntry(const Entry& entry, std::string* out, const Identifier& usual = {});
bool ReadEntry(std::string_view* bytes, Entry* entry, const Identifier& usual = {});

// Appends the encoded fields of an event, in field order (so equal events have equal bytes); only
// those whose bit is set in `keep` (labels: bit 62, traits: bit 63). Labels and traits sorted by
// name, of a name given twice the larger value; empty texts are absent.
void AppendFields(const Event& event, std::uint64_t keep, std::string* out);

// The same bytes from explicit values: for records that are computed (net amounts).
class FieldsWriter {
 public:
  explicit FieldsWriter(std::string* out) : out_(*out) {}
  void Text(Field field, std::string_view value);  // ascending field numbers
  void Number(Field field, std::int64_t value);
  void Label(std::string_view name, std::string_view value);
  void Trait(std::string_view name, std::string_view value);

 private:
  std::string& out_;
};

// Slots of expressions over events: a Field's number, these, or a label or trait of a NameTable.
inline constexpr int kSlotKind = 64;
inline constexpr int kSlotId = 65;
inline constexpr int kSlotTime = 66;
inline constexpr int kSlotSource = 67;
inline constexpr int kSlotScore = 68;
inline constexpr int kSlotBounce = 69;
inline constexpr int kSlotPageViews = 70;
inline constexpr int kSlotDwell = 71;    // duration
inline constexpr int kSlotEngaged = 72;  // duration
inline constexpr int kSlotTouches = 73;
inline constexpr int kSlotOwnChannel = 74;  // channel of the occurrence (where:)
inline constexpr int kSlotLandingPage = 75;
inline constexpr int kSlotIdentifier = 96;  // + IdentifierType: plain value, in ingest only
inline constexpr int kSlotNamed = 256;      // + index into NameTable

// The types that expressions see.
ValueType ValueTypeOf(FieldType type);

// Numbers the labels and traits that expressions of one pipeline read. Grows while loading only.
class NameTable {
 public:
  // "labels.x" or "profile.y". REQUIRES: one of the two
  int Intern(std::string_view dotted);
  int size() const { return static_cast<int>(names_.size()); }
  // REQUIRES: index from Intern
  bool is_trait(int index) const { return names_[static_cast<std::size_t>(index)].trait; }
  std::string_view name(int index) const { return names_[static_cast<std::size_t>(index)].name; }

 private:
  struct Named {
    bool trait;
    std::string name;
  };
  std::vector<Named> names_;
};

// Expressions over an entry of a journey: fields, kind, id, time, source, labels, traits; every
// other slot is null. `machine` is never null. `names` and `sources` (rank -> name) outlive it.
// Campaign, utm and so on are what ingest stored (aliases applied, lower case).
class EntryFields : public FieldSource {
 public:
  EntryFields(const Entry& entry, const NameTable& names, const std::vector<std::string>& sources)
      : entry_(entry), names_(names), sources_(sources) {}
  Value Field(int slot) const override;

 private:
  const Entry& entry_;
  const NameTable& names_;
  const std::vector<std::string>& sources_;
  mutable EventIdView::Buffer id_text_;  // what `id` views, once it was asked for
};

// The value of one field as expressions see it. `currency`: three letters, read for money only;
// money without one is null, and so is empty text. Dates are their midnight in UTC.
Value FieldValue(Field field, std::string_view text, std::int64_t number,
                 std::string_view currency);

}  // namespace leadflow
