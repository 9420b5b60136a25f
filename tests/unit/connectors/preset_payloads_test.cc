// Every real payload in tests/reference/payloads through the decoder of its preset, with what it
// must become. A payload that gives no event says why.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "connectors/formats/formats.h"
#include "tests/unit/connectors/decoded.h"

namespace leadflow {
namespace {

namespace fs = std::filesystem;

struct Payload {
  const char* file;
  const char* preset;
  std::vector<std::string> events;
  const char* no_event = "";  // why it gives none
};

std::string Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// Tests run at the root of the tree.
const fs::path kFolder = "tests/reference/payloads";
constexpr char kColumns[] = "snowplow/enriched_event.columns.txt";  // no payload, see below

// ---- Segment, RudderStack, Jitsu

constexpr char kDownload[] =
    "action id=I'm unique time=2009-11-10T23:00:00+00:00 user_id=123456 name=Download";
constexpr char kChrome[] =
    " user_agent=Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like "
    "Gecko) HeadlessChrome/107.0.5304.18 Safari/537.36";

const std::vector<Payload>& Segment() {
  static const std::vector<Payload> payloads = {
      {"segment/analytics-go_test-context-track.json", "segment", {kDownload}},
      {"segment/analytics-go_test-enqueue-track.json", "segment", {kDownload}},
      {"segment/analytics-go_test-integrations-track.json", "segment", {kDownload}},
      {"segment/analytics-go_test-interval-track.json", "segment", {kDownload}},
      {"segment/analytics-go_test-many-track.json", "segment", {kDownload, kDownload, kDownload}},
      {"segment/analytics-go_test-messageid-track.json",
       "segment",
       {"action id=abc time=2009-11-10T23:00:00+00:00 user_id=123456 name=Download"}},
      {"segment/analytics-go_test-timestamp-track.json",
       "segment",
       {"action id=I'm unique time=2015-07-10T23:00:00+00:00 user_id=123456 name=Download"}},
      {"segment/analytics-go_test-enqueue-alias.json",
       "segment",
       {"identify id=I'm unique time=2009-11-10T23:00:00+00:00 anonymous_id=A user_id=B"}},
      {"segment/analytics-go_test-enqueue-group.json",
       "segment",
       {"identify id=I'm unique time=2009-11-10T23:00:00+00:00 user_id=B account_id=A"}},
      {"segment/analytics-go_test-enqueue-identify.json",
       "segment",
       {"identify id=I'm unique time=2009-11-10T23:00:00+00:00 user_id=B"}},
      {"segment/analytics-go_test-enqueue-page.json",
       "segment",
       {"page_view id=I'm unique time=2009-11-10T23:00:00+00:00 user_id=B"}},
      {"segment/analytics-go_test-enqueue-screen.json",
       "segment",
       {},
       "a screen of an app is no page"},
      {"segment/jitsu_group.json",
       "segment",
       {"identify id=17dnlr6evs61jakjuz1xt6 time=2024-04-08T10:39:20.764+00:00"
        " anonymous_id=fab18d01-fb6a-4845-b9ca-300b9db35527"
        " company=Ildar Nurislamov's workspace account_id=cl9y5kgth0002ccfn3vtqz64g"}},
      {"segment/jitsu_identify.json",
       "segment",
       {std::string("identify id=a6c09b16-c2bc-4193-990f-5e2b694ae610"
                    " time=2022-11-14T08:56:34.387+00:00"
                    " anonymous_id=6638caf0-d2c2-4bc0-aecf-8b290b559a37 user_id=userId2"
                    " email=john.doe2@gmail.com account_id=cl9y5kgth0002ccfn3vtqz64g") +
        kChrome}},
      {"segment/jitsu_page.json",
       "segment",
       {std::string("page_view id=d0c6abf6-97f7-487a-a197-8f236c728fa8"
                    " time=2022-11-14T08:56:34.395+00:00"
                    " anonymous_id=6638caf0-d2c2-4bc0-aecf-8b290b559a37 user_id=userId2"
                    " email=john.doe3@gmail.com account_id=cl9y5kgth0002ccfn3vtqz64g"
                    " utm.source=source utm.medium=medium utm.campaign=campaign"
                    " referrer=https://referrer.com"
                    " page.url=https://localhost:3088/basic.html?utm_source=source&utm_medium="
                    "medium&utm_campaign=campaign page.path=/basic.html") +
        kChrome}},
      {"segment/jitsu_track.json",
       "segment",
       {"action id=d0c6abf6-97f7-487a-a197-8f236c728fa8 time=2022-11-14T08:56:34.395+00:00"
        " anonymous_id=6638caf0-d2c2-4bc0-aecf-8b290b559a37 user_id=user@example.com"
        " email=user@example.com account_id=cl9y5kgth0002ccfn3vtqz64g utm.source=g"
        " utm.campaign=example page.url=https://example.com/ page.path=/"
        " user_agent=Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:109.0) Gecko/20100101"
        " Firefox/111.0 name=testEvent"}},
      {"rudderstack/track_batch.json",
       "segment",
       {"action id=I'm unique time=2009-11-10T23:00:00+00:00 anonymous_id=123456 user_id=123456"
        " name=Download"}},
  };
  return payloads;
}

// ---- SendGrid

// One of the batch: all of them have the same person, time and mailing.
std::string Mail(const std::string& kind, const std::string& id, const std::string& fields = "",
                 const std::string& agent = "", const std::string& hard = "") {
  return kind + " id=" + id + " time=2015-11-03T11:20:15+00:00 email=example@test.com" +
         " campaign=campaign name" + agent +
         " message_id=14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0 variant=B" + fields +
         hard;
}

const std::vector<Payload>& SendGrid() {
  static const std::string agent =
      " user_agent=Mozilla/4.0 (compatible; MSIE 6.1; Windows XP; .NET CLR 1.1.4322; .NET CLR "
      "2.0.50727)";
  static const std::vector<Payload> payloads = {
      // Between them: deferred (comes again as delivered or bounced) and group_resubscribe.
      {"sendgrid/batch_all_kinds.json",
       "sendgrid",
       {Mail("email_sent", "sZROwMGMagFgnOEmSdvhig=="),
        Mail("email_delivered", "cikAODhD-ffTphZ7xixsRw=="),
        Mail("email_open", "VGRrZCh-qMkOaAmuxcFujA==", "", agent, " machine=0"),
        Mail("email_click", "QjGWYpcksoD31aVQAONfAg==", " link=http://www.sendgrid.com/", agent),
        Mail("email_bounce", "PQmsSRnaTMVde4mu4TUgTQ==", " hard=1"),
        Mail("email_bounce", "BP0-vnv2BjDPzwaldo-XVg==", " hard=1"),
        Mail("email_complaint", "ApWZolLiPe04wm5jAhFifA=="),
        Mail("email_unsubscribe", "HoBsy5C1Tcoc1dJNsy5SfA=="),
        Mail("email_unsubscribe", "hew55AFBIgLbd33pcviQTQ==")}},
      {"sendgrid/bounce_event.json",
       "sendgrid",
       {"email_bounce id=lC0Rc-FuQmKbnxCWxX1jRQ time=2016-04-19T19:47:30+00:00"
        " email=noreply@example.com"
        " message_id=Lli-03HcQ5-JLybO9fXsJg.filter0077p1las1.21536.5717FC482.0 hard=1"}},
      {"sendgrid/click_event.json",
       "sendgrid",
       {"email_click id=OTdlOGUzYjctYjc5Zi00OWE4LWE4YWUtNjIxNjk2ZTJlNGVi"
        " time=2016-04-19T19:47:30+00:00 email=recipient@example.com"
        " user_agent=Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_4) AppleWebKit/537.36"
        " message_id=_fjPjuJfRW-IPs5SuvYotg.filter0590p1mdw1.2098.57168CFC4B.0"
        " link=http://www.example.com"}},
      {"sendgrid/compatibility_message_id_from_smtp_id.json",
       "sendgrid",
       {"email_delivered id=nOSv8m0eTQ-vxvwNwt3fZQ time=2016-04-19T19:47:30+00:00"
        " email=recipient@example.com"
        " message_id=wrfRRvF7Q0GgwUo2CvDmEA.filter0425p1mdw1.13037.57168B4A1D.0"}},
      {"sendgrid/deferred_event.json", "sendgrid", {}, "deferred is not decided yet"},
      {"sendgrid/delivered_event.json",
       "sendgrid",
       {"email_delivered id=nOSv8m0eTQ-vxvwNwt3fZQ time=2016-04-19T19:47:30+00:00"
        " email=recipient@example.com"
        " message_id=wrfRRvF7Q0GgwUo2CvDmEA.filter0425p1mdw1.13037.57168B4A1D.0"}},
      {"sendgrid/dropped_bounced.json",
       "sendgrid",
       {"email_bounce id=zmzJhfJgAfUSOW80yEbPyw== time=2017-12-15T00:59:29+00:00"
        " email=example@example.com campaign=cat facts"
        " message_id=14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0 hard=1"}},
      {"sendgrid/dropped_invalid_event.json",
       "sendgrid",
       {"email_bounce id=3NPOePGOTkeM_U3fgWApfg time=2016-04-19T19:47:30+00:00"
        " email=invalid@invalid message_id=filter0093p1las1.9128.5717FB8127.0 hard=1"}},
      {"sendgrid/dropped_unsubscribed_event.json",
       "sendgrid",
       {"email_bounce id=oxy9OLwMTAy5EsuZn1qhIg time=2016-04-19T19:47:30+00:00"
        " email=unsubscribe@example.com message_id=filter0199p1las1.4745.5717FB6F5.0 hard=1"}},
      {"sendgrid/open_event.json",
       "sendgrid",
       {"email_open id=MjIwNDg5NTgtZGE3OC00NDI1LWFiMmMtMDUyZTU2ZmFkOTFm"
        " time=2016-04-19T19:47:30+00:00 email=recipient@example.com"
        " user_agent=Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0"
        " message_id=wrfRRvF7Q0GgwUo2CvDmEA.filter0425p1mdw1.13037.57168B4A1D.0 machine=0"}},
      {"sendgrid/processed_event.json",
       "sendgrid",
       {"email_sent id=ZyjAM5rnQmuI1KFInHQ3Nw time=2016-04-19T19:47:26+00:00"
        " email=recipient@example.com campaign=tag1"
        " message_id=wrfRRvF7Q0GgwUo2CvDmEA.filter0425p1mdw1.13037.57168B4A1D.0"}},
  };
  return payloads;
}

// ---- Shops

constexpr char kShopifyOrder[] =
    "order id=123456 time=2016-05-17T04:14:36+00:00 email=jon@doe.ca company=My Company country=US"
    " status=voided order_id=123456 amount=1000 currency=USD discount=500 discount_currency=USD"
    " updated=1463472876000 labels.test=true";
constexpr char kShopifyCancel[] =
    "order_cancel id=cancel-123456 time=2016-05-17T08:14:36+00:00 order_id=123456 labels.test=true";

std::string Order727(const std::string& status, const std::string& updated) {
  return "order id=727 time=2017-03-22T19:28:02+00:00 email=john.doe@example.com"
         " phone=(555) 555-5555 country=US status=" +
         status +
         " order_id=727 amount=2935 currency=USD discount=0 discount_currency=USD updated=" +
         updated;
}

const std::vector<Payload>& Shops() {
  static const std::string processing = Order727("processing", "1490210888000");  // 19:28:08
  static const std::string completed = Order727("completed", "1490211035000");    // 19:30:35
  static const std::vector<Payload> payloads = {
      {"shopify/order.json", "shopify", {kShopifyOrder, kShopifyCancel}},
      {"shopify/orders.json", "shopify", {kShopifyOrder, kShopifyCancel}},
      // Its transaction is the sale; only refunds are events of their own.
      {"shopify/order_with_transaction.json", "shopify", {kShopifyOrder, kShopifyCancel}},
      {"shopify/customer.json", "shopify", {}, "a customer without an order"},
      {"shopify/price_rule_get.json", "shopify", {}, "a rule of prices"},
      {"shopify/transaction.json", "shopify", {}, "an authorization, no order"},
      {"shopify/webhook.json", "shopify", {}, "a subscription to webhooks"},
      {"woocommerce/order_example_1.json", "woocommerce", {processing}},
      {"woocommerce/order_example_2.json", "woocommerce", {processing}},
      {"woocommerce/order_example_3.json",
       "woocommerce",
       {processing,
        "order id=723 time=2017-03-21T19:16:00+00:00 email=joao.silva@example.com customer_id=26"
        " phone=(11) 1111-1111 country=BR user_agent=mozilla/5.0 (x11; ubuntu; linux x86_64;"
        " rv:52.0) gecko/20100101 firefox/52.0 status=completed order_id=723 amount=3900"
        " currency=USD discount=0 discount_currency=USD updated=1490126091000",
        "refund id=refund-726 time=2017-03-21T19:54:51+00:00 order_id=723 refund_id=726"
        " amount=1000 currency=USD",
        "refund id=refund-724 time=2017-03-21T19:54:51+00:00 order_id=723 refund_id=724"
        " amount=900 currency=USD"}},
      {"woocommerce/order_example_4.json", "woocommerce", {completed}},
      {"woocommerce/order_example_5.json", "woocommerce", {completed}},
      {"woocommerce/order_example_6.json", "woocommerce", {}, "the answer to a batch of changes"},
      {"woocommerce/refund_example_1.json", "woocommerce", {}, "a refund alone has no currency"},
      {"woocommerce/refund_example_2.json", "woocommerce", {}, "a refund alone has no currency"},
      {"woocommerce/refund_example_3.json", "woocommerce", {}, "refunds alone have no currency"},
      {"woocommerce/refund_example_4.json", "woocommerce", {}, "a refund alone has no currency"},
  };
  return payloads;
}

// ---- HubSpot, Snowplow, Unbounce

// Form posts have no preset; this is what a user would write for them.
constexpr char kUnbounce[] = R"y(
syntax: form
events:
  - kind: form_submit
    map:
      id: $.page_id
      time: >-
        parse_time(concat(split(split($["data.json"], 'date_submitted":["')[1], '"')[0], " ",
        split(split($["data.json"], 'time_submitted":["')[1], " UTC")[0]), "%Y-%m-%d %I:%M %p", "UTC")
      form: $.page_name
      variant: $.variant
      page.url: $.page_url
)y";

Result<std::unique_ptr<EventDecoder>> MakePayloadDecoder(std::string_view preset) {
  LEADFLOW_ASSIGN_OR_RETURN(const MappingSet mapping, preset == "form"
                                                          ? ParseMapping("unbounce", kUnbounce)
                                                          : LoadPreset(preset));
  return MakeMappedDecoder(mapping, TimeZone::Utc());
}

const std::vector<Payload>& Others() {
  static const std::string page =
      "page_view id=c6ef3124-b53a-4b13-a233-0088f79dcbcb time=2013-11-26T00:03:57.886+00:00"
      " anonymous_id=bc2e92ec6c204a14 user_id=jon.doe@email.com"
      " page.url=http://www.snowplowanalytics.com page.path=/product/index.html"
      " session_id=2b15e5c8-d3b1-11e4-b9d6-1681e6b88ec1 country=US";
  static const std::vector<Payload> payloads = {
      {"hubspot/webhook_contact_creation.json",
       "hubspot",
       {"contact_created id=1-123-1539145399845 time=2018-10-10T04:23:19.845+00:00"
        " crm_contact_id=123"}},
      {"unbounce/form_submit.form.txt",
       "form",
       {"form_submit id=7648177d-7323-4330-b4f9-9951a52138b6 time=2017-11-15T11:45:00+00:00"
        " page.url=http://unbouncepages.com/wayfaring-147/ variant=a form=Wayfaring"}},
      {"snowplow/enriched_event.tsv", "snowplow", {page}},
      {"snowplow/enriched_event.json", "snowplow", {page}},
  };
  return payloads;
}

std::vector<Payload> All() {
  std::vector<Payload> all;
  for (const auto* some : {&Segment(), &SendGrid(), &Shops(), &Others()}) {
    all.insert(all.end(), some->begin(), some->end());
  }
  return all;
}

TEST(PresetPayloadsTest, EachBecomesItsEvents) {
  for (const Payload& payload : All()) {
    SCOPED_TRACE(payload.file);
    std::string bytes = Read(kFolder / payload.file);
    ASSERT_NE(bytes, "");
    if (payload.preset == std::string("snowplow")) bytes.erase(bytes.find_last_not_of('\n') + 1);
    const auto decoder = MakePayloadDecoder(payload.preset);
    ASSERT_TRUE(decoder.ok()) << decoder.status().message();
    const Decoded decoded = DecodeAll(**decoder, {bytes});
    EXPECT_EQ(decoded.events, payload.events);
    EXPECT_EQ(decoded.refused, std::vector<std::string>());
    EXPECT_EQ(decoded.events.empty(), *payload.no_event != '\0');
    EXPECT_TRUE(!decoded.events.empty() || decoded.skipped > 0);
  }
}

// The columns that the preset knows are those of Snowplow's own list, in its order.
TEST(PresetPayloadsTest, SnowplowColumns) {
  std::stringstream names(Read(kFolder / kColumns));
  std::vector<std::string> columns;
  for (std::string name; names >> name;) columns.push_back(name);
  const auto mapping = LoadPreset("snowplow");
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(mapping->columns, columns);
}

TEST(PresetPayloadsTest, NoPayloadIsLeftOut) {
  std::vector<std::string> listed = {kColumns}, found;
  for (const Payload& payload : All()) listed.emplace_back(payload.file);
  for (const auto& entry : fs::recursive_directory_iterator(kFolder)) {
    if (!entry.is_regular_file()) continue;
    if (entry.path().filename() == "NOTICE") continue;
    found.push_back(entry.path().lexically_relative(kFolder).generic_string());
    EXPECT_TRUE(fs::exists(entry.path().parent_path() / "NOTICE")) << entry.path();
  }
  std::sort(listed.begin(), listed.end());
  std::sort(found.begin(), found.end());
  EXPECT_EQ(listed, found);
}

}  // namespace
}  // namespace leadflow
