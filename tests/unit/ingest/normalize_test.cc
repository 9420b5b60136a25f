#include "operators/ingest/normalize.h"

#include <string>

#include "gtest/gtest.h"

#include "tests/unit/connectors/decoded.h"
#include "tests/unit/ingest/ingest_testing.h"

namespace leadflow {
namespace {

// An event with the given texts, normalized, as `Show` writes it behind kind and time.
std::string Normalized(const Pipeline& pipeline,
                       const std::vector<std::pair<Field, std::string>>& texts,
                       const std::vector<PlainIdentifier>& identifiers = {}) {
  Event event;
  event.kind = Kind::kPageView;
  event.identifiers = identifiers;
  for (const auto& [field, text] : texts) event.SetText(field, text);
  Normalizer(pipeline).Normalize(event);
  const std::string shown = Show(event);
  const std::string head = "page_view time=1970-01-01T00:00:00+00:00";
  EXPECT_EQ(shown.substr(0, head.size()), head);
  return shown.substr(head.size());
}

TEST(NormalizeTest, Identifiers) {
  const IngestRun run;
  const auto email = IdentifierType::kEmail;
  const struct {
    std::vector<PlainIdentifier> given;
    const char* shown;
  } cases[] = {
      {{{email, "", " Ann@Works.Example "}}, " email=ann@works.example email_domain=works.example"},
      {{{email, "", "ÄNN@Größe.example"}}, " email=änn@größe.example email_domain=größe.example"},
      {{{IdentifierType::kUserId, "", " Ab "}}, " user_id=Ab"},  // case of other types counts
      {{{email, "", "  "}, {IdentifierType::kPhone, "", "\t"}}, ""},
      {{{email, "", "ann@gmail.com"}}, " email=ann@gmail.com"},  // a provider is no company
      {{{email, "", "ann@localhost"}}, " email=ann@localhost"},
      {{{email, "", "ann"}}, " email=ann"},
      // Of two addresses the same one gives the domain, whatever their order.
      {{{email, "", "b@two.example"}, {email, "", "a@one.example"}},
       " email=b@two.example email=a@one.example email_domain=one.example"},
      {{{email, "", "a@one.example"}, {email, "", "b@two.example"}},
       " email=a@one.example email=b@two.example email_domain=one.example"},
  };
  for (const auto& c : cases) EXPECT_EQ(Normalized(run.pipeline(), {}, c.given), c.shown);
}

TEST(NormalizeTest, WithoutEmailDomainInTheAccountNoDomainIsMade) {
  const IngestRun run("identity: {account: {from: [company]}}\n");
  ASSERT_EQ(run.problems, "");
  EXPECT_EQ(Normalized(run.pipeline(), {}, {{IdentifierType::kEmail, "", "a@b.example"}}),
            " email=a@b.example");
}

TEST(NormalizeTest, UtmAndCampaign) {
  const IngestRun run(
      "campaigns: {aliases: {file: aliases.csv}}\n",
      {{"conf/aliases.csv", "alias,campaign\n123456,Spring Fair\nspring,Spring Fair\n"}});
  ASSERT_EQ(run.problems, "");
  const struct {
    std::vector<std::pair<Field, std::string>> given;
    const char* shown;
  } cases[] = {
      {{{Field::kUtmSource, " Google "}, {Field::kUtmMedium, "CPC"}},
       " utm.source=google utm.medium=cpc"},
      {{{Field::kUtmSource, "(direct)"}, {Field::kUtmMedium, "(None)"}}, ""},
      {{{Field::kUtmCampaign, "(not set)"}, {Field::kUtmTerm, " "}}, ""},
      {{{Field::kUtmCampaign, "Autumn"}}, " utm.campaign=autumn campaign=autumn"},
      {{{Field::kUtmCampaign, "Spring"}}, " utm.campaign=spring campaign=Spring Fair"},
      {{{Field::kCampaign, "SPRING"}}, " campaign=Spring Fair"},
      {{{Field::kCampaign, "123456"}}, " campaign=Spring Fair"},
      {{{Field::kCampaign, " As It Came "}, {Field::kUtmCampaign, "other"}},
       " utm.campaign=other campaign=As It Came"},
      {{{Field::kCampaign, "  "}}, ""},
  };
  for (const auto& c : cases) EXPECT_EQ(Normalized(run.pipeline(), c.given), c.shown);
}

TEST(NormalizeTest, UrlsLoseWhatMayNamePeople) {
  const IngestRun run;
  const struct {
    std::vector<std::pair<Field, std::string>> given;
    const char* shown;
  } cases[] = {
      {{{Field::kPageUrl, "https://a.b/c/d?email=x#top"}},
       " page.url=https://a.b/c/d page.path=/c/d"},
      {{{Field::kPageUrl, "https://a.b"}}, " page.url=https://a.b page.path=/"},
      {{{Field::kPageUrl, "https://a.b?x=1"}}, " page.url=https://a.b page.path=/"},
      {{{Field::kPageUrl, "/c?x=1"}}, " page.url=/c page.path=/c"},
      {{{Field::kPageUrl, "https://a.b/c"}, {Field::kPagePath, "/own?x=1"}},
       " page.url=https://a.b/c page.path=/own"},
      {{{Field::kReferrer, "https://www.google.com/search?q=x"}},
       " referrer=https://www.google.com"},
      {{{Field::kReferrer, "news.example/a"}}, " referrer=news.example"},
      {{{Field::kLink, "https://a.b/c?token=1"}}, " link=https://a.b/c"},
  };
  for (const auto& c : cases) EXPECT_EQ(Normalized(run.pipeline(), c.given), c.shown);
}

}  // namespace
}  // namespace leadflow
