// Who and what is counted: currency, campaigns, exclusions, identity, leads, visits, dimensions.
#include <algorithm>
#include <bit>

#include "engine/base/money.h"
#include "operators/pipeline/loader.h"

namespace leadflow {
namespace {

constexpr int kMaxFileProblems = 5;  // of one CSV file: the rest is like the first ones

std::string LowerAscii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::vector<std::string_view> IdentifierNames() {
  std::vector<std::string_view> names;
  for (int i = 1; i < kIdentifierTypes; ++i) {
    names.push_back(IdentifierTypeName(static_cast<IdentifierType>(i)));
  }
  return names;
}

}  // namespace

std::optional<std::vector<CsvRow>> Loader::ReadTable(const YamlNode& file,
                                                     const std::vector<std::string_view>& columns) {
  if (!options_.read_file || IsUnresolved(file)) return std::nullopt;
  const auto text = options_.read_file(Resolve(file.scalar));
  if (!text) {
    problems_.Error("no-file", file.at, "cannot read the file `" + file.scalar + "`",
                    "paths are relative to the pipeline file");
    return std::nullopt;
  }
  auto rows = ReadCsvTable(*text);
  if (!rows || rows->empty()) {
    problems_.Error("file", file.at,
                    "`" + file.scalar + "` " + (rows ? "is empty" : "has a quote that never ends"));
    return std::nullopt;
  }
  std::vector<std::size_t> places;
  const std::vector<std::string>& header = rows->front().values;
  for (const std::string_view column : columns) {
    const auto found = std::find(header.begin(), header.end(), column);
    if (found == header.end()) {
      problems_.Error("file", file.at,
                      "`" + file.scalar + "` has no column `" + std::string(column) + "`");
      return std::nullopt;
    }
    places.push_back(static_cast<std::size_t>(found - header.begin()));
  }
  std::vector<CsvRow> out;
  int problems = 0;
  for (std::size_t i = 1; i < rows->size(); ++i) {
    const CsvRow& row = (*rows)[i];
    if (row.values.size() != header.size()) {
      if (++problems > kMaxFileProblems) break;
      problems_.Error("file", file.at,
                      file.scalar + ":" + std::to_string(row.line) + ": " +
                          std::to_string(row.values.size()) + " values below " +
                          std::to_string(header.size()) + " columns");
      continue;
    }
    CsvRow picked{row.line, {}};
    for (const std::size_t place : places) picked.values.push_back(row.values[place]);
    out.push_back(std::move(picked));
  }
  return out;
}

void Loader::LoadCurrency(const YamlNode& node) {
  const SectionReader reader(node, kCurrencySection, "currency", &problems_);
  if (const YamlNode* report = reader.Get("report"); report != nullptr && !IsUnresolved(*report)) {
    if (const auto exponent = CurrencyExponent(report->scalar)) {
      pipeline_->report_currency = report->scalar;
      pipeline_->report_exponent = *exponent;
    } else {
      problems_.Error("value", report->at, "no currency `" + report->scalar + "`",
                      "an ISO 4217 code, as EUR");
    }
  }
  const YamlNode* rates = reader.Get("rates");
  if (rates == nullptr) return;
  const SectionReader file(*rates, kFileSection, "currency.rates", &problems_);
  if (const YamlNode* path = file.Get("file")) LoadRates(*path);
}

void Loader::LoadRates(const YamlNode& file) {
  constexpr int kRateDigits = 9;
  const auto rows = ReadTable(file, {"date", "currency", "rate"});
  if (!rows) return;
  int problems = 0;
  for (const CsvRow& row : *rows) {
    const auto day = ParseDate(row.values[0]);
    const auto rate = ParseMinor(row.values[2], kRateDigits);
    const bool currency = CurrencyExponent(row.values[1]).has_value();
    if (day && rate && *rate > 0 && currency) {
      pipeline_->rates.rates[{row.values[1], *day}] = *rate;
      continue;
    }
    if (++problems > kMaxFileProblems) return;
    const std::string wrong = !day        ? "no date `" + row.values[0] + "`"
                              : !currency ? "no currency `" + row.values[1] + "`"
                                          : "no rate `" + row.values[2] + "`";
    problems_.Error("file", file.at, file.scalar + ":" + std::to_string(row.line) + ": " + wrong);
  }
}

void Loader::LoadCampaigns(const YamlNode& node) {
  const SectionReader reader(node, kCampaignsSection, "campaigns", &problems_);
  const YamlNode* aliases = reader.Get("aliases");
  if (aliases == nullptr) return;
  const SectionReader file(*aliases, kFileSection, "campaigns.aliases", &problems_);
  const YamlNode* path = file.Get("file");
  if (path == nullptr) return;
  const auto rows = ReadTable(*path, {"alias", "campaign"});
  if (!rows) return;
  for (const CsvRow& row : *rows) {
    const auto [at, fresh] =
        pipeline_->campaign_aliases.emplace(LowerAscii(row.values[0]), row.values[1]);
    if (!fresh && at->second != row.values[1]) {
      problems_.Error("duplicate-name", path->at,
                      path->scalar + ":" + std::to_string(row.line) + ": alias `" + row.values[0] +
                          "` already means `" + at->second + "`");
    }
  }
}

void Loader::LoadExclude(const YamlNode& node) {
  EventScopeOptions options;
  options.identifiers = true;
  EventScope scope(options, &pipeline_->names);
  for (const YamlNode::Member& member : node.members) {
    if (auto when = expressions_->Condition(member.value, scope)) {
      pipeline_->exclude.push_back({member.key, std::move(when)});
    }
  }
}

void Loader::LoadIdentity(const YamlNode& node) {
  const SectionReader reader(node, kIdentitySection, "identity", &problems_);
  IdentityOptions& identity = pipeline_->identity;
  for (const YamlNode* item : reader.Texts("unique")) {
    const auto type = IdentifierTypeFromName(item->scalar);
    if (!type) {
      problems_.Unknown("unknown-identifier", item->at, "identifier type", item->scalar,
                        IdentifierNames());
    } else if (std::count(identity.unique.begin(), identity.unique.end(), *type) != 0) {
      problems_.Error("duplicate-name", item->at, "`" + item->scalar + "` stands there twice");
    } else {
      identity.unique.push_back(*type);
    }
  }
  identity.max_identifiers =
      static_cast<int>(reader.Int("max_identifiers", identity.max_identifiers, 2, 10'000));
  identity.max_shared = static_cast<int>(reader.Int("max_shared", identity.max_shared, 1, 10'000));
  identity.erase_keeps_counts = reader.Text("erase", "retract") == "keep";
  if (const YamlNode* key = reader.Get("key")) {
    identity.key = LoadSecret(*key, "identity.key");
  }
  LoadIgnore(reader);
  if (const YamlNode* spaces = reader.Get("spaces")) LoadSpaces(*spaces);
  if (const YamlNode* account = reader.Get("account")) {
    const SectionReader from(*account, kAccountSection, "identity.account", &problems_);
    const std::vector<std::string_view> known = {"account_id", "email_domain", "company"};
    identity.account.clear();
    for (const YamlNode* item : from.Texts("from")) {
      const auto found = std::find(known.begin(), known.end(), item->scalar);
      if (found == known.end()) {
        problems_.Unknown("value", item->at, "source of the account", item->scalar, known);
      } else {
        identity.account.push_back(
            static_cast<IdentityOptions::AccountFrom>(found - known.begin()));
      }
    }
  }
}

void Loader::LoadIgnore(const SectionReader& reader) {
  EventScopeOptions options;
  options.identifiers = true;
  EventScope scope(options, &pipeline_->names);
  for (const YamlNode* item : reader.Texts("ignore")) {
    auto when = expressions_->Condition(*item, scope);
    if (when == nullptr) continue;
    std::vector<int> types;
    for (const int slot : when->slots()) {
      if (slot > kSlotIdentifier && slot < kSlotIdentifier + kIdentifierTypes) {
        types.push_back(slot - kSlotIdentifier);
      }
    }
    if (types.size() != 1) {
      problems_.Error("value", item->at, "an `ignore` rule must name exactly one identifier type",
                      "as in 'email matches \"^info@\"'");
      continue;
    }
    pipeline_->identity.ignore.push_back({static_cast<IdentifierType>(types[0]), std::move(when)});
  }
}

void Loader::LoadSpaces(const YamlNode& node) {
  const std::vector<std::string_view> sources(pipeline_->source_names.begin(),
                                              pipeline_->source_names.end());
  for (const YamlNode::Member& source : node.members) {
    if (std::find(sources.begin(), sources.end(), source.key) == sources.end()) {
      problems_.Unknown("unknown-source", source.key_at, "source", source.key, sources);
    }
    if (!source.value.IsMapping()) {
      problems_.Error("type", source.value.at, "`" + source.key + "` must be a mapping",
                      "as in {user_id: shop}");
    }
    for (const YamlNode::Member& member : source.value.members) {
      const auto type = IdentifierTypeFromName(member.key);
      if (!type) {
        problems_.Unknown("unknown-identifier", member.key_at, "identifier type", member.key,
                          IdentifierNames());
      } else if (!member.value.IsScalar() || !IsPlainName(member.value.scalar)) {
        problems_.Error("name", member.value.at, "a space must be a name",
                        "a letter, then letters, digits, - and _");
      } else {
        pipeline_->identity.spaces[{source.key, *type}] = member.value.scalar;
      }
    }
  }
}

std::uint64_t Loader::KindBits(const std::vector<const YamlNode*>& names, bool visit_too,
                               bool touches_only) {
  std::uint64_t bits = 0;
  std::vector<std::string_view> known;
  if (visit_too) known.push_back("visit");
  for (const Kind kind : AllKinds()) {
    const Phase phase = KindPhase(kind);
    if (touches_only && phase != Phase::kReach && phase != Phase::kInteraction) continue;
    known.push_back(KindName(kind));
  }
  for (const YamlNode* item : names) {
    if (visit_too && item->scalar == "visit") {
      bits |= 1;
      continue;
    }
    const auto kind = KindFromName(item->scalar);
    if (!kind) {
      problems_.Unknown("unknown-kind", item->at, "kind", item->scalar, known);
    } else if (std::find(known.begin(), known.end(), item->scalar) == known.end()) {
      problems_.Error("value", item->at, "`" + item->scalar + "` cannot be a touch",
                      "touches are visits and kinds of the phases reach and interaction");
    } else {
      bits |= std::uint64_t{1} << static_cast<int>(*kind);
    }
  }
  return bits;
}

void Loader::LoadLeads(const YamlNode& node) {
  const SectionReader reader(node, kLeadsSection, "leads", &problems_);
  std::vector<const YamlNode*> kinds = reader.Texts("created_by");
  const bool given = reader.Get("created_by") != nullptr;
  if (!given || (kinds.size() == 1 && kinds[0]->scalar == "default")) {
    kinds.clear();
    const YamlNode* leads = defaults_.Find("leads");
    const YamlNode* list = leads == nullptr ? nullptr : leads->Find("created_by");
    if (list == nullptr) return;
    for (const YamlNode& item : list->items) kinds.push_back(&item);
  }
  pipeline_->created_by = KindBits(kinds, false, false);
}

void Loader::LoadVisits(const YamlNode& node) {
  const SectionReader reader(node, kVisitsSection, "visits", &problems_);
  VisitOptions& visits = pipeline_->visits;
  visits.gap_ms = reader.DurationMs("gap", visits.gap_ms, kSecondMs, kDayMs);
  visits.new_on_campaign = reader.Bool("new_on_campaign", false);
  visits.new_at_midnight = reader.Bool("new_at_midnight", false);
}

void Loader::LoadDimensions(const YamlNode& node) {
  const SectionReader reader(node, kDimensionsSection, "dimensions", &problems_);
  const std::pair<std::string_view, bool*> settings[] = {{"owner", &pipeline_->owner_now},
                                                         {"persona", &pipeline_->persona_now},
                                                         {"account", &pipeline_->account_now},
                                                         {"country", &pipeline_->country_now}};
  for (const auto& [name, now] : settings) {
    const YamlNode* value = reader.Get(name);
    if (value == nullptr) continue;
    const SectionReader as_of(*value, kAsOfSection, "dimensions." + std::string(name), &problems_);
    *now = as_of.Text("as_of", *now ? "now" : "event") == "now";
  }
}

}  // namespace leadflow
