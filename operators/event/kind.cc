#include "operators/event/kind.h"

#include <array>

namespace leadflow {
namespace {

constexpr Kind kKinds[] = {
#define LEADFLOW_KIND(number, enumerator, name, phase) Kind::enumerator,
    LEADFLOW_KINDS(LEADFLOW_KIND)
#undef LEADFLOW_KIND
};

constexpr Field kFields[] = {
#define LEADFLOW_FIELD(number, enumerator, name, type) Field::enumerator,
    LEADFLOW_FIELDS(LEADFLOW_FIELD)
#undef LEADFLOW_FIELD
};

constexpr std::array<std::string_view, kKindCount> kKindNames = [] {
  std::array<std::string_view, kKindCount> names{};
#define LEADFLOW_KIND(number, enumerator, name, phase) names[number] = name;
  LEADFLOW_KINDS(LEADFLOW_KIND)
#undef LEADFLOW_KIND
  return names;
}();

constexpr std::array<Phase, kKindCount> kKindPhases = [] {
  std::array<Phase, kKindCount> phases{};
  phases[0] = Phase::kOther;
#define LEADFLOW_KIND(number, enumerator, name, phase) phases[number] = Phase::phase;
  LEADFLOW_KINDS(LEADFLOW_KIND)
#undef LEADFLOW_KIND
  return phases;
}();

constexpr std::array<std::string_view, kFieldCount> kFieldNames = [] {
  std::array<std::string_view, kFieldCount> names{};
#define LEADFLOW_FIELD(number, enumerator, name, type) names[number] = name;
  LEADFLOW_FIELDS(LEADFLOW_FIELD)
#undef LEADFLOW_FIELD
  return names;
}();

constexpr std::array<FieldType, kFieldCount> kFieldTypes = [] {
  std::array<FieldType, kFieldCount> types{};
#define LEADFLOW_FIELD(number, enumerator, name, type) types[number] = FieldType::type;
  LEADFLOW_FIELDS(LEADFLOW_FIELD)
#undef LEADFLOW_FIELD
  return types;
}();

constexpr std::array<std::string_view, kIdentifierTypes> kIdentifierNames = {
    "", "crm_contact_id", "customer_id", "email", "user_id", "phone", "card_id", "anonymous_id"};

// Open addressing over at most 64 names, built by the compiler: names are looked up per event.
constexpr std::size_t kBuckets = 256;

constexpr std::size_t BucketOf(std::string_view name) {
  std::uint32_t hash = 2166136261u;
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619u;
  return (hash ^ hash >> 15) % kBuckets;
}

template <std::size_t N>
constexpr std::array<std::uint8_t, kBuckets> IndexNames(
    const std::array<std::string_view, N>& names) {
  std::array<std::uint8_t, kBuckets> buckets{};
  for (std::size_t i = 1; i < N; ++i) {
    if (names[i].empty()) continue;
    std::size_t bucket = BucketOf(names[i]);
    while (buckets[bucket] != 0) bucket = (bucket + 1) % kBuckets;
    buckets[bucket] = static_cast<std::uint8_t>(i);
  }
  return buckets;
}

// 0: no such name.
template <std::size_t N>
std::size_t FindName(const std::array<std::string_view, N>& names,
                     const std::array<std::uint8_t, kBuckets>& buckets, std::string_view name) {
  if (name.empty()) return 0;
  std::size_t bucket = BucketOf(name);
  while (buckets[bucket] != 0) {
    if (names[buckets[bucket]] == name) return buckets[bucket];
    bucket = (bucket + 1) % kBuckets;
  }
  return 0;
}

constexpr auto kKindBuckets = IndexNames(kKindNames);
constexpr auto kFieldBuckets = IndexNames(kFieldNames);
constexpr auto kIdentifierBuckets = IndexNames(kIdentifierNames);

}  // namespace

std::string_view KindName(Kind kind) {
  const auto number = static_cast<std::size_t>(kind);
  return number < kKindNames.size() ? kKindNames[number] : std::string_view();
}

std::optional<Kind> KindFromName(std::string_view name) {
  const std::size_t number = FindName(kKindNames, kKindBuckets, name);
  return number == 0 ? std::nullopt : std::optional(static_cast<Kind>(number));
}

Phase KindPhase(Kind kind) {
  const auto number = static_cast<std::size_t>(kind);
  return number < kKindPhases.size() ? kKindPhases[number] : Phase::kOther;
}

std::span<const Kind> AllKinds() { return kKinds; }

std::string_view FieldName(Field field) {
  const auto number = static_cast<std::size_t>(field);
  return number < kFieldNames.size() ? kFieldNames[number] : std::string_view();
}

std::span<const Field> AllFields() { return kFields; }

std::optional<Field> FieldFromName(std::string_view name) {
  const std::size_t number = FindName(kFieldNames, kFieldBuckets, name);
  return number == 0 ? std::nullopt : std::optional(static_cast<Field>(number));
}

FieldType TypeOfField(Field field) {
  const auto number = static_cast<std::size_t>(field);
  return number < kFieldTypes.size() ? kFieldTypes[number] : FieldType::kString;
}

std::string_view IdentifierTypeName(IdentifierType type) {
  const auto number = static_cast<std::size_t>(type);
  return number < kIdentifierNames.size() ? kIdentifierNames[number] : std::string_view();
}

std::optional<IdentifierType> IdentifierTypeFromName(std::string_view name) {
  const std::size_t number = FindName(kIdentifierNames, kIdentifierBuckets, name);
  return number == 0 ? std::nullopt : std::optional(static_cast<IdentifierType>(number));
}

}  // namespace leadflow
