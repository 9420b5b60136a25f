#include "operators/ingest/normalize.h"

#include <algorithm>

namespace leadflow {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

// Second byte of U+00C0 to U+00DE but the multiplication sign, behind 0xC3.
bool IsAccentedUpper(char first, char second) {
  const auto byte = static_cast<unsigned char>(second);
  return first == '\xC3' && byte >= 0x80 && byte <= 0x9E && byte != 0x97;
}

bool IsAbsent(std::string_view utm) {
  return utm.empty() || utm == "(direct)" || utm == "(none)" || utm == "(not set)";
}

std::string_view WithoutQuery(std::string_view url) {
  return url.substr(0, url.find_first_of("?#"));
}

// "https://www.example.com/a/b" -> "https://www.example.com"; a text without scheme: up to the
// path.
std::string_view SiteOf(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  return url.substr(0, url.find_first_of("/?#", host));
}

// "/a/b" of "https://www.example.com/a/b"; "/" if the url ends behind the host.
std::string_view PathOf(std::string_view url) {
  const std::string_view plain = WithoutQuery(url);
  const std::string_view site = SiteOf(plain);
  const std::string_view path = plain.substr(site.size());
  return path.empty() && !site.empty() ? std::string_view("/") : path;
}

constexpr Field kUtmFields[] = {Field::kUtmSource, Field::kUtmMedium, Field::kUtmCampaign,
                                Field::kUtmContent, Field::kUtmTerm};

}  // namespace

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view Lower(std::string_view text, Event& event) {
  std::size_t at = 0;
  while (at < text.size() && !IsUpper(text[at]) && text[at] != '\xC3') ++at;
  if (at == text.size()) return text;
  char* const lower = event.arena().Allocate(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool accented = i > 0 && IsAccentedUpper(text[i - 1], text[i]);
    lower[i] = IsUpper(text[i]) || accented ? static_cast<char>(text[i] | 0x20) : text[i];
  }
  return {lower, text.size()};
}

std::string_view CompanyDomain(std::string_view email,
                               const std::unordered_set<std::string>& providers) {
  const std::size_t at = email.rfind('@');
  if (at == std::string_view::npos) return {};
  const std::string_view domain = email.substr(at + 1);
  if (domain.find('.') == std::string_view::npos || domain.size() > 253) return {};
  return providers.contains(std::string(domain)) ? std::string_view() : domain;
}

Normalizer::Normalizer(const Pipeline& pipeline) : pipeline_(pipeline) {
  for (const auto& [alias, campaign] : pipeline.campaign_aliases) aliases_[alias] = campaign;
  const auto& from = pipeline.identity.account;
  email_domain_ =
      std::find(from.begin(), from.end(), IdentityOptions::AccountFrom::kEmailDomain) != from.end();
}

void Normalizer::Normalize(Event& event) const {
  Identifiers(event);
  for (const Field field : kUtmFields) {
    if (!event.Has(field)) continue;
    const std::string_view text = Lower(Trim(event.Text(field)), event);
    if (IsAbsent(text)) {
      event.Remove(field);
    } else {
      event.SetText(field, text);
    }
  }
  Campaign(event);
  Urls(event);
}

void Normalizer::Identifiers(Event& event) const {
  std::size_t kept = 0;
  for (PlainIdentifier identifier : event.identifiers) {
    identifier.value = Trim(identifier.value);
    if (identifier.value.empty()) continue;
    if (identifier.type == IdentifierType::kEmail) {
      identifier.value = Lower(identifier.value, event);
    }
    event.identifiers[kept++] = identifier;
  }
  event.identifiers.resize(kept);
  EmailDomain(event);
}

void Normalizer::EmailDomain(Event& event) const {
  event.Remove(Field::kEmailDomain);
  if (!email_domain_) return;
  // Of several addresses always the same one counts.
  std::string_view email;
  for (const PlainIdentifier& identifier : event.identifiers) {
    if (identifier.type != IdentifierType::kEmail) continue;
    if (email.empty() || identifier.value < email) email = identifier.value;
  }
  if (email.empty()) return;
  const std::string_view domain = CompanyDomain(email, pipeline_.mail_providers);
  if (!domain.empty()) event.SetText(Field::kEmailDomain, domain);
}

void Normalizer::Campaign(Event& event) const {
  std::string_view campaign = Trim(event.Text(Field::kCampaign));
  if (campaign.empty()) campaign = event.Text(Field::kUtmCampaign);
  if (campaign.empty()) return event.Remove(Field::kCampaign);
  if (!aliases_.empty()) {
    const auto found = aliases_.find(Lower(campaign, event));
    if (found != aliases_.end()) campaign = found->second;
  }
  event.SetText(Field::kCampaign, campaign);
}

void Normalizer::Urls(Event& event) const {
  const std::string_view url = event.Text(Field::kPageUrl);
  if (event.Text(Field::kPagePath).empty() && !url.empty()) {
    const std::string_view path = PathOf(url);
    if (!path.empty()) event.SetText(Field::kPagePath, path);
  }
  if (pipeline_.keep_url_query) return;
  if (!url.empty()) event.SetText(Field::kPageUrl, WithoutQuery(url));
  if (event.Has(Field::kPagePath)) {
    event.SetText(Field::kPagePath, WithoutQuery(event.Text(Field::kPagePath)));
  }
  if (event.Has(Field::kLink)) event.SetText(Field::kLink, WithoutQuery(event.Text(Field::kLink)));
  if (event.Has(Field::kReferrer)) {
    event.SetText(Field::kReferrer, SiteOf(event.Text(Field::kReferrer)));
  }
}

}  // namespace leadflow
