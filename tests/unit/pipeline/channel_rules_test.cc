#include "operators/pipeline/channel_rules.h"

#include <map>

#include "gtest/gtest.h"
#include "tests/unit/pipeline/loading.h"

namespace leadflow {
namespace {

// Fields of a touch by name.
class NamedFields final : public FieldSource {
 public:
  NamedFields(std::string kind, std::map<std::string, std::string> fields)
      : kind_(std::move(kind)), fields_(std::move(fields)) {}
  Value Field(int slot) const override {
    if (slot == kSlotKind) return Value::String(kind_);
    if (slot <= 0 || slot >= kFieldCount) return Value::Null();
    const auto found = fields_.find(std::string(FieldName(static_cast<leadflow::Field>(slot))));
    return found == fields_.end() ? Value::Null() : Value::String(found->second);
  }

 private:
  std::string kind_;
  std::map<std::string, std::string> fields_;
};

TEST(SiteTest, IsTheNameInAHost) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"www.google.de", "google"},   {"google.co.uk", "google"}, {"news.google.com", "google"},
      {"google", "google"},          {"t.co", "t"},              {"x.com", "x"},
      {"search.yahoo.com.br", "yahoo"}, {"", ""},                {"co.uk", "co"},
      {"l.facebook.com", "facebook"}, {"blog.example.org", "example"}};
  for (const auto& [host, site] : cases) EXPECT_EQ(SiteOfHost(host), site) << host;
}

struct Case {
  std::string kind;
  std::map<std::string, std::string> fields;
  std::string_view channel;
};

const Case kDefaultCases[] = {
    {"fair_visit", {}, "Trade fair"},
    {"card_collected", {{"utm.medium", "cpc"}, {"utm.source", "google"}}, "Trade fair"},
    {"letter_reply", {}, "Direct mail"},
    {"email_click", {{"utm.medium", "cpc"}}, "Email"},
    {"social_click", {}, "Organic social"},
    {"call", {}, "Phone"},
    {"webinar_attend", {}, "Webinar"},
    {"page_view", {}, "Direct"},
    {"page_view", {{"gclid", "x"}}, "Paid search"},
    {"page_view", {{"msclkid", "x"}, {"utm.medium", "email"}}, "Paid search"},
    {"page_view", {{"utm.medium", "cpc"}, {"utm.source", "google"}}, "Paid search"},
    {"page_view", {{"utm.medium", "ppc"}, {"utm.source", "www.bing.com"}}, "Paid search"},
    {"page_view", {{"utm.medium", "paid_search"}, {"utm.source", "ecosia"}}, "Paid search"},
    {"page_view", {{"utm.medium", "retargeting"}, {"utm.source", "facebook"}}, "Paid social"},
    {"page_view", {{"li_fat_id", "x"}}, "Paid social"},
    {"page_view", {{"utm.medium", "cpc"}, {"utm.source", "t.co"}}, "Paid social"},
    {"page_view", {{"utm.medium", "cpc"}, {"utm.source", "partner"}}, "Display"},
    {"page_view", {{"utm.medium", "cpc"}}, "Display"},
    {"page_view", {{"utm.medium", "banner"}}, "Display"},
    {"page_view", {{"utm.medium", "cpm"}}, "Display"},
    {"page_view", {{"utm.medium", "affiliates"}}, "Affiliate"},
    {"page_view", {{"utm.medium", "newsletter"}}, "Email"},
    {"page_view", {{"utm.medium", "e-mail"}}, "Email"},
    {"page_view", {{"utm.medium", "social-media"}}, "Organic social"},
    {"page_view", {{"utm.medium", "sm"}}, "Organic social"},
    {"page_view", {{"fbclid", "x"}}, "Organic social"},
    {"page_view", {{"utm.source", "xing"}}, "Organic social"},
    {"page_view", {{"referrer", "https://www.linkedin.com/feed/"}}, "Organic social"},
    {"page_view", {{"referrer", "https://t.co/abc"}}, "Organic social"},
    {"page_view", {{"utm.medium", "organic"}}, "Organic search"},
    {"page_view", {{"referrer", "https://www.google.de/"}}, "Organic search"},
    {"page_view", {{"referrer", "https://WWW.GOOGLE.CO.UK/search?q=x"}}, "Organic search"},
    {"page_view", {{"referrer", "duckduckgo.com"}}, "Organic search"},
    {"page_view", {{"utm.medium", "referral"}}, "Referral"},
    {"page_view", {{"referrer", "https://partner.example/"}}, "Referral"},
    {"page_view",
     {{"referrer", "https://www.acme.example/a"}, {"page.url", "https://acme.example:443/b"}},
     "Direct"},
    {"page_view",
     {{"referrer", "https://other.example/a"}, {"page.url", "https://acme.example/b"}},
     "Referral"},
    {"page_view", {{"utm.medium", "podcast"}}, "Other"},
    {"page_view", {{"utm.source", "partner"}}, "Other"},
    {"page_view", {{"utm.source", "google"}}, "Other"},
    {"form_submit", {{"campaign", "Spring"}}, "Direct"},
    {"meeting", {}, "Direct"},
    {"ad_click", {{"utm.medium", "cpc"}, {"utm.source", "google"}}, "Paid search"},
};

TEST(ChannelRulesTest, DefaultRules) {
  const Loaded loaded = Loading().Load(Framed(""));
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  const ChannelRules rules(*loaded.pipeline);
  for (const Case& one : kDefaultCases) {
    EvalArena arena;
    const NamedFields fields(one.kind, one.fields);
    std::string shown = one.kind;
    for (const auto& [name, value] : one.fields) shown += " " + name + "=" + value;
    EXPECT_EQ(rules.Channel(fields, arena), one.channel) << shown;
  }
}

TEST(ChannelRulesTest, WhatNoRuleMatchesIsOther) {
  const Loaded loaded = Loading().Load(
      Framed("channels: [{name: Fair, when: 'kind == \"fair_visit\"'}]\n"));
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  const ChannelRules rules(*loaded.pipeline);
  EvalArena arena;
  EXPECT_EQ(rules.Channel(NamedFields("fair_visit", {}), arena), "Fair");
  EXPECT_EQ(rules.Channel(NamedFields("call", {}), arena), "Other");
}

// The table by kind must never change what a plain walk over the rules would find.
TEST(ChannelRulesTest, TableByKindGivesTheFirstRuleThatMatches) {
  constexpr std::string_view kRules = R"(channels:
  - {name: A, when: 'kind == "call" && utm.medium == "x"'}
  - {name: B, when: 'kind == "call" || utm.medium == "y"'}
  - {name: C, when: 'utm.source == "s" && kind in ["call", "meeting"]'}
  - {name: D, when: '(kind == "meeting")'}
  - {name: E, when: '!(kind == "page_view")'}
  - {name: F, when: 'kind == "page_view" ? has(utm.source) : false'}
  - {name: G, when: 'kind in ["page_view"] && kind == "page_view"'}
  - {name: H, when: 'true'}
)";
  const Loaded loaded = Loading().Load(Framed(kRules));
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  const ChannelRules rules(*loaded.pipeline);
  for (const Kind kind : AllKinds()) {
    for (const std::string_view medium : {"", "x", "y"}) {
      for (const std::string_view source : {"", "s"}) {
        std::map<std::string, std::string> given;
        if (!medium.empty()) given["utm.medium"] = medium;
        if (!source.empty()) given["utm.source"] = source;
        const NamedFields fields(std::string(KindName(kind)), given);
        EvalArena arena;
        std::string_view expected = "Other";
        for (const NamedRule& rule : loaded.pipeline->channels) {
          if (!rule.when->Matches(fields, arena)) continue;
          expected = rule.name;
          break;
        }
        EXPECT_EQ(rules.Channel(fields, arena), expected) << KindName(kind) << medium << source;
      }
    }
  }
}

}  // namespace
}  // namespace leadflow
