#include "operators/pipeline/channel_rules.h"

#include <algorithm>
#include <optional>

#include "operators/pipeline/expression_reader.h"

namespace leadflow {
namespace {

constexpr std::string_view kOther = "Other";

// The host of a url, or the text itself if it is a host already. As written.
std::string_view HostOf(std::string_view url) {
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) {
    url.remove_prefix(scheme + 3);
  } else if (url.starts_with("//")) {
    url.remove_prefix(2);
  } else if (url.starts_with("/")) {
    return {};
  }
  url = url.substr(0, url.find_first_of("/?#"));
  if (const std::size_t user = url.find('@'); user != std::string_view::npos) {
    url.remove_prefix(user + 1);
  }
  return url.substr(0, url.find(':'));
}

std::string_view WithoutWww(std::string_view host) {
  if (host.starts_with("www.")) host.remove_prefix(4);
  return host;
}

std::string_view Lower(std::string_view text, EvalArena& arena) {
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (std::none_of(text.begin(), text.end(), upper)) return text;
  char* out = arena.Allocate(text.size());
  std::transform(text.begin(), text.end(), out,
                 [&](char c) { return upper(c) ? static_cast<char>(c - 'A' + 'a') : c; });
  return {out, text.size()};
}

// Adds the names of sites to the fields of a touch.
class SiteFields final : public FieldSource {
 public:
  SiteFields(const FieldSource& fields, EvalArena& arena) : fields_(fields), arena_(arena) {}

  Value Field(int slot) const override {
    switch (slot) {
      case kSlotReferrerHost: return Text(ReferrerHost());
      case kSlotReferrerSite: return Text(SiteOfHost(ReferrerHost()));
      case kSlotSourceSite: return Text(SiteOfHost(HostOf(TextOf(leadflow::Field::kUtmSource))));
      default: return fields_.Field(slot);
    }
  }

 private:
  static Value Text(std::string_view text) {
    return text.empty() ? Value::Null() : Value::String(text);
  }
  std::string_view TextOf(leadflow::Field field) const {
    const Value value = fields_.Field(static_cast<int>(field));
    return value.type == ValueType::kString ? value.string() : std::string_view();
  }
  // Several rules ask for it: found once. Empty on the site's own pages.
  std::string_view ReferrerHost() const {
    if (!referrer_host_) {
      std::string_view host = Lower(HostOf(TextOf(leadflow::Field::kReferrer)), arena_);
      if (!host.empty()) {
        const std::string_view own = Lower(HostOf(TextOf(leadflow::Field::kPageUrl)), arena_);
        if (WithoutWww(own) == WithoutWww(host)) host = {};
      }
      referrer_host_ = host;
    }
    return *referrer_host_;
  }

  const FieldSource& fields_;
  EvalArena& arena_;
  mutable std::optional<std::string_view> referrer_host_;
};

struct KindCondition {
  bool any = true;      // may match every kind
  bool always = false;  // nothing but the kind (or nothing at all) decides
  std::uint64_t kinds = 0;
};

// Kinds of `kind == "x"` or `kind in ["x", "y"]` at `tokens[begin, end)`; nullopt: something else.
std::optional<std::uint64_t> KindsOfConjunct(const std::vector<ExpressionToken>& tokens,
                                             std::size_t begin, std::size_t end) {
  if (end - begin < 3 || tokens[begin].text != "kind" ||
      tokens[begin].type != ExpressionToken::Type::kName) {
    return std::nullopt;
  }
  std::uint64_t kinds = 0;
  const auto add = [&](const ExpressionToken& token) {
    if (const auto kind = KindFromName(token.text)) kinds |= std::uint64_t{1} << int(*kind);
  };
  if (tokens[begin + 1].text == "==") {
    if (end - begin != 3 || tokens[begin + 2].type != ExpressionToken::Type::kText) {
      return std::nullopt;
    }
    add(tokens[begin + 2]);
    return kinds;
  }
  if (tokens[begin + 1].text != "in" || tokens[begin + 2].text != "[" ||
      tokens[end - 1].text != "]") {
    return std::nullopt;
  }
  for (std::size_t i = begin + 3; i + 1 < end; ++i) {
    if (tokens[i].type == ExpressionToken::Type::kText) {
      add(tokens[i]);
    } else if (tokens[i].text != ",") {
      return std::nullopt;
    }
  }
  return kinds;
}

// Looks at the conjuncts of the outermost `&&`; an outermost `||` or `?` decides nothing.
KindCondition ConditionOnKind(std::string_view text) {
  const std::vector<ExpressionToken> tokens = TokensOf(text);
  KindCondition condition;
  if (tokens.size() == 1 && tokens[0].text == "true") {
    condition.always = true;
    return condition;
  }
  std::uint64_t kinds = ~std::uint64_t{0};
  std::size_t begin = 0, conjuncts = 0, of_kind = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= tokens.size(); ++i) {
    const bool symbol = i < tokens.size() && tokens[i].type == ExpressionToken::Type::kSymbol;
    if (symbol && (tokens[i].text == "(" || tokens[i].text == "[")) ++depth;
    if (symbol && (tokens[i].text == ")" || tokens[i].text == "]")) --depth;
    if (symbol && depth == 0 && (tokens[i].text == "||" || tokens[i].text == "?")) {
      return KindCondition();
    }
    if (i < tokens.size() && !(symbol && depth == 0 && tokens[i].text == "&&")) continue;
    ++conjuncts;
    if (const auto found = KindsOfConjunct(tokens, begin, i)) {
      kinds &= *found;
      ++of_kind;
    }
    begin = i + 1;
  }
  condition.any = of_kind == 0;
  condition.always = of_kind == conjuncts;
  condition.kinds = kinds;
  return condition;
}

}  // namespace

std::string_view SiteOfHost(std::string_view host) {
  host = WithoutWww(host);
  const std::size_t top = host.rfind('.');
  if (top == std::string_view::npos) return host;
  const bool country = host.size() - top - 1 == 2;
  std::string_view rest = host.substr(0, top);
  std::size_t dot = rest.rfind('.');
  if (country && dot != std::string_view::npos) {
    // google.co.uk, yahoo.com.br: the second level is no name either.
    constexpr std::string_view kSecondLevel[] = {"ac", "co",  "com", "edu", "gov",
                                                 "ne", "net", "or",  "org"};
    const std::string_view second = rest.substr(dot + 1);
    if (std::find(std::begin(kSecondLevel), std::end(kSecondLevel), second) !=
        std::end(kSecondLevel)) {
      rest = rest.substr(0, dot);
      dot = rest.rfind('.');
    }
  }
  return dot == std::string_view::npos ? rest : rest.substr(dot + 1);
}

ChannelRules::ChannelRules(const Pipeline& pipeline) : pipeline_(pipeline) {
  std::vector<KindCondition> conditions;
  for (const NamedRule& rule : pipeline.channels) {
    conditions.push_back(ConditionOnKind(rule.when->text()));
  }
  table_.resize(kKindCount);
  for (int kind = 0; kind < kKindCount; ++kind) {
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      const KindCondition& condition = conditions[i];
      if (!condition.any && (condition.kinds >> kind & 1) == 0) continue;
      table_[static_cast<std::size_t>(kind)].push_back(
          {static_cast<std::uint16_t>(i), condition.always});
      if (condition.always) break;
    }
  }
}

std::string_view ChannelRules::Channel(const FieldSource& fields, EvalArena& arena) const {
  const Value kind = fields.Field(kSlotKind);
  const auto number = kind.type == ValueType::kString
                          ? KindFromName(kind.string()).value_or(Kind::kNone)
                          : Kind::kNone;
  return Channel(number, fields, arena);
}

std::string_view ChannelRules::Channel(Kind kind, const FieldSource& fields,
                                       EvalArena& arena) const {
  const SiteFields sites(fields, arena);
  for (const Candidate candidate : table_[static_cast<std::size_t>(kind)]) {
    const NamedRule& rule = pipeline_.channels[candidate.rule];
    if (candidate.always || rule.when->Matches(sites, arena)) return rule.name;
  }
  return kOther;
}

}  // namespace leadflow
