#include "operators/ingest/ingest_operator.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/unit/ingest/ingest_testing.h"

namespace leadflow {
namespace {

using Texts = std::vector<std::string>;

constexpr char kOrder[] =
    R"("email":"a@b.example","user_id":"u","order_id":"o1","amount":{"minor":100,"currency":"EUR"})";

TEST(IngestOperatorTest, WhereEventsGo) {
  const struct {
    const char* kind;
    std::string rest;
    Texts emitted;
  } cases[] = {
      {"page_view", R"("anonymous_id":"c")", {"to anonymous_id: page_view e home=anonymous_id"}},
      // The strongest identifier is home; the highest in placement gets it.
      {"form_submit",
       R"("anonymous_id":"c","email":"a@gmail.com","crm_contact_id":"7","form":"f")",
       {"to email: form_submit e home=crm_contact_id other=email other=anonymous_id form=f"}},
      {"order",
       kOrder,
       {"to email: order e home=email other=user_id order_id=o1 amount=100 currency=EUR"
        " email_domain=b.example",
        "record order/o1: order e home=email other=user_id order_id=o1 amount=100 currency=EUR"
        " email_domain=b.example"}},
      {"order_cancel", R"("order_id":"o1")", {"record order/o1: order_cancel e order_id=o1"}},
      {"refund",
       R"("refund_id":"r","order_id":"o1","amount":{"minor":5,"currency":"EUR"})",
       {"record order/o1: refund e order_id=o1 refund_id=r amount=5 currency=EUR"}},
      {"deal_change",
       R"("deal_id":"d1","status":"open")",
       {"record deal/d1: deal_change e deal_id=d1 status=open"}},
      {"cost",
       R"("amount":{"minor":5,"currency":"EUR"},"campaign":"c")",
       {"standalone cost/crm/e: cost e campaign=c amount=5 currency=EUR"}},
      {"rate",
       R"("currency":"USD","day":"2026-03-01","rate":"0.5")",
       {"standalone rate/crm/e: rate e currency=USD day=20513 rate=500000000"}},
      {"follower_count",
       R"("network":"x","followers":5)",
       {"standalone follower_count/crm/e: follower_count e network=x followers=5"}},
      {"discount_issued",
       R"("discount_code":"c")",
       {"standalone discount_issued/crm/e: discount_issued e discount_code=c"}},
      {"social_like",
       R"("count":12,"campaign":"p")",
       {"standalone count/crm/e: social_like e campaign=p count=12"}},
      // Each identifier of an erase is erased for itself.
      {"erase",
       R"("email":"a@gmail.com","phone":"1")",
       {"to email: erase e home=email", "to phone: erase e home=phone"}},
      {"unlink",
       R"("anonymous_id":"c","email":"a@gmail.com")",
       {"to email: unlink e home=email other=anonymous_id"}},
  };
  for (const auto& c : cases) {
    IngestRun run;
    ASSERT_TRUE(run.Event(c.kind, c.rest).ok());
    EXPECT_EQ(run.emitted, c.emitted) << c.kind;
    EXPECT_EQ(run.refused, Texts()) << c.kind;
    EXPECT_EQ(run.counts["events.crm"], 1) << c.kind;
  }
}

TEST(IngestOperatorTest, TheHashSaysWhichPartition) {
  IngestRun run;
  ASSERT_TRUE(run.Event("order", kOrder).ok());
  ASSERT_EQ(run.raw.size(), 2U);
  MessageHead head;
  ASSERT_TRUE(ReadMessageHead(run.raw[0], &head));
  EXPECT_EQ(run.hashes[0], head.to.hash());
  EXPECT_EQ(run.hashes[1], Hash64("order/o1"));
  EXPECT_EQ(head.to, HashIdentifier(KeyedHash({}), {IdentifierType::kEmail, "", "a@b.example"}));
}

TEST(IngestOperatorTest, NoPlainIdentifierLeavesIngest) {
  IngestRun run;
  ASSERT_TRUE(
      run.Event("page_view", R"("email":"secret@gmail.com","phone":"+49555","user_id":"u77x")")
          .ok());
  for (const char* plain : {"secret", "+49555", "u77x"}) {
    EXPECT_EQ(run.raw.at(0).find(plain), std::string::npos) << plain;
  }
}

TEST(IngestOperatorTest, OneIdentifierGivenTwiceIsOne) {
  IngestRun run;
  ASSERT_TRUE(
      run.Event("page_view", R"("email":["A@gmail.com","a@gmail.com "],"user_id":"u")").ok());
  EXPECT_EQ(run.emitted, Texts{"to email: page_view e home=email other=user_id"});
}

TEST(IngestOperatorTest, SpacesKeepEqualNumbersApart) {
  IngestRun spaced("identity: {spaces: {crm: {user_id: shop}}}\n"), plain;
  ASSERT_EQ(spaced.problems, "");
  ASSERT_TRUE(spaced.Event("page_view", R"("user_id":"1")").ok());
  ASSERT_TRUE(plain.Event("page_view", R"("user_id@shop":"1")").ok());
  ASSERT_TRUE(plain.Event("page_view", R"("user_id":"1")").ok());
  EXPECT_EQ(spaced.hashes[0], plain.hashes[0]);
  EXPECT_NE(plain.hashes[0], plain.hashes[1]);
}

TEST(IngestOperatorTest, UniqueTypesAreTheStrongest) {
  IngestRun run("identity: {unique: [phone]}\n");
  ASSERT_EQ(run.problems, "");
  ASSERT_TRUE(run.Event("page_view", R"("email":"a@gmail.com","phone":"1")").ok());
  EXPECT_EQ(run.emitted, Texts{"to email: page_view e home=phone other=email"});
}

TEST(IngestOperatorTest, MachinesAreMarkedAndCounted) {
  const struct {
    const char* rest;
    bool machine;
  } cases[] = {
      {R"("user_agent":"Mozilla/5.0 Chrome/120.0 Safari/537.36")", false},
      {R"("user_agent":"Googlebot/2.1")", true},
      {R"("machine":true)", true},
      {R"("machine":false,"user_agent":"curl/8.0")", true},
      {R"("machine":false)", false},
  };
  for (const auto& c : cases) {
    IngestRun run;
    ASSERT_TRUE(run.Event("page_view", std::string(R"("anonymous_id":"c",)") + c.rest).ok());
    EXPECT_EQ(run.emitted, Texts{std::string("to anonymous_id: page_view e home=anonymous_id") +
                                 (c.machine ? " machine" : "")});
    EXPECT_EQ(run.counts["machine.crm"], c.machine ? 1 : 0) << c.rest;
  }
}

TEST(IngestOperatorTest, ExcludedEventsAreCountedByRule) {
  IngestRun run(R"(exclude:
  staff: 'email matches "@acme[.]example$"'
  tests: 'kind == "order" && labels.test == "true"'
)");
  ASSERT_EQ(run.problems, "");
  ASSERT_TRUE(run.Event("page_view", R"("email":"Bob@ACME.example")").ok());
  ASSERT_TRUE(run.Event("page_view", R"("email":["a@gmail.com","bob@acme.example"])").ok());
  ASSERT_TRUE(run.Event("order", std::string(kOrder) + R"(,"labels":{"test":"true"})").ok());
  ASSERT_TRUE(run.Event("page_view", R"("email":"a@gmail.com","labels":{"test":"true"})").ok());
  EXPECT_EQ(run.emitted, Texts{"to email: page_view e home=email labels.test=true"});
  EXPECT_EQ(run.counts["excluded.staff"], 2);
  EXPECT_EQ(run.counts["excluded.tests"], 1);
  EXPECT_EQ(run.counts["events.crm"], 1);
  EXPECT_EQ(run.refused, Texts());
}

TEST(IngestOperatorTest, ExcludeSeesWhatIgnoreRemoves) {
  IngestRun run(R"(exclude: {staff: 'email == "info@acme.example"'}
identity: {ignore: ['email matches "^info@"']}
)");
  ASSERT_EQ(run.problems, "");
  ASSERT_TRUE(run.Event("page_view", R"("email":"info@acme.example")").ok());
  EXPECT_EQ(run.counts["excluded.staff"], 1);
  EXPECT_EQ(run.refused, Texts());
}

TEST(IngestOperatorTest, IgnoredIdentifiersAreGone) {
  const struct {
    const char* kind;
    std::string rest;
    Texts emitted;
    Texts refused;
  } cases[] = {
      {"page_view",
       R"("email":["info@acme.example","ann@one.example"])",
       {"to email: page_view e home=email email_domain=one.example"},
       {}},
      // What is removed names no company either.
      {"page_view",
       R"("email":"info@acme.example","user_id":"u")",
       {"to user_id: page_view e home=user_id"},
       {}},
      {"page_view", R"("email":"info@acme.example")", {}, {"crm crm.jsonl:1: ignored"}},
      {"order_cancel",
       R"("email":"info@acme.example","order_id":"o")",
       {"record order/o: order_cancel e order_id=o"},
       {}},
      {"unlink",
       R"("email":"info@acme.example","user_id":"u")",
       {},
       {"crm crm.jsonl:1: unlink needs two identifiers"}},
  };
  for (const auto& c : cases) {
    IngestRun run("identity: {ignore: ['email matches \"^info@\"']}\n");
    ASSERT_EQ(run.problems, "");
    ASSERT_TRUE(run.Event(c.kind, c.rest).ok());
    EXPECT_EQ(run.emitted, c.emitted) << c.rest;
    EXPECT_EQ(run.refused, c.refused) << c.rest;
    EXPECT_EQ(run.counts["ignored.crm"], 1) << c.rest;
  }
}

TEST(IngestOperatorTest, AnEventFromTheFutureIsADeadLetterAndMovesNoWatermark) {
  IngestRun run;
  const std::string who = R"("anonymous_id":"c")";
  ASSERT_TRUE(run.Event("page_view", who, kNow + kDay).ok());
  ASSERT_TRUE(run.Event("page_view", who, kNow + kDay + 1).ok());
  EXPECT_EQ(run.emitted.size(), 1U);
  EXPECT_EQ(run.refused, Texts{"crm crm.jsonl:2: `time` is more than 24 h ahead"});
  EXPECT_EQ(run.observed, std::vector<std::int64_t>{kNow + kDay});
}

TEST(IngestOperatorTest, DeadLettersHaveTheOriginalBytes) {
  IngestRun run;
  const std::string broken = R"({"id":"e","kind":"page_view")";
  const std::string no_id = R"({"kind":"page_view","time":1,"anonymous_id":"c"})";
  const std::string long_text =
      R"({"id":"e","kind":"page_view","time":1,"company":")" + std::string(1025, 'x') + "\"}";
  const std::string large = R"({"id":")" + std::string(70'000, 'x') + "\"}";
  const std::string negative = R"( {"kind":"cost","id":"c", "time":1,"clicks":-1} )";
  for (const std::string* message : {&broken, &no_id, &long_text, &large, &negative}) {
    ASSERT_TRUE(run.Take(*message).ok());
  }
  EXPECT_EQ(
      run.refused,
      (Texts{"crm crm.jsonl:1: no JSON: expected `,` or `}` at byte 29", "crm crm.jsonl:2: no `id`",
             "crm crm.jsonl:3: `company` has 1025 bytes; at most 1024",
             "crm crm.jsonl:4: event larger than 64 KiB", "crm crm.jsonl:5: negative `clicks`"}));
  // Whoever keeps them cuts them at 64 KiB.
  EXPECT_EQ(run.refused_bytes, (Texts{broken, no_id, long_text, large, negative}));
  EXPECT_EQ(run.emitted, Texts());
}

TEST(IngestOperatorTest, BadEventsFailStopsAtTheFirst) {
  Loading loading;
  const Loaded loaded = loading.Load(
      "version: 1\nname: t\nsources:\n"
      "  crm: {file: {path: crm.jsonl}, format: leadflow, bad_events: fail}\n");
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  IngestRun context;
  const SourceSpec& source = loaded.pipeline->sources[0];
  IngestOperator ingest(
      {loaded.pipeline.get(), &source, MakeDecoder(source, *loaded.pipeline), {}});
  ASSERT_TRUE(ingest.Open(context).ok());
  const std::string good = R"({"id":"e","kind":"page_view","time":1,"user_id":"u"})";
  const MessageView batch[] = {{good, kNow, "f", 1}, {"x", kNow, "f", 2}, {good, kNow, "f", 3}};
  const Status status = ingest.Process(batch);
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("source `crm`: f:2: no JSON"), std::string::npos)
      << status.message();
  EXPECT_EQ(context.emitted.size(), 1U);
}

TEST(IngestOperatorTest, LateAndExpired) {
  const struct {
    const char* late;
    std::int64_t age_ms;  // behind the watermark
    std::size_t emitted;
    const char* counter;
    Texts refused;
  } cases[] = {
      {"update", 7 * kDay, 1, "", {}},
      {"update", 7 * kDay + 1, 1, "late.crm", {}},
      {"drop", 7 * kDay, 1, "", {}},
      {"drop", 7 * kDay + 1, 0, "refused.late", {}},
      {"topic", 7 * kDay + 1, 0, "refused.late", {"crm crm.jsonl:1: late"}},
      {"update", 737 * kDay, 1, "late.crm", {}},
      {"update", 737 * kDay + 1, 0, "refused.expired", {}},
      {"topic", 737 * kDay + 1, 0, "refused.expired", {}},
  };
  for (const auto& c : cases) {
    IngestRun run(std::string("lateness: {late: ") + c.late + "}\n");
    ASSERT_EQ(run.problems, "");
    run.watermark = kNow;
    ASSERT_TRUE(run.Event("page_view", R"("user_id":"u")", kNow - c.age_ms).ok());
    EXPECT_EQ(run.emitted.size(), c.emitted) << c.late << c.age_ms;
    EXPECT_EQ(run.refused, c.refused) << c.late << c.age_ms;
    run.counts.erase("events.crm");
    const std::map<std::string, std::int64_t> counted = {{c.counter, 1}};
    EXPECT_EQ(run.counts, *c.counter == '\0' ? decltype(counted)() : counted) << c.late << c.age_ms;
  }
}

TEST(IngestOperatorTest, AnEraseIsNeverTooLate) {
  IngestRun run("lateness: {late: drop}\n");
  run.watermark = kNow;
  ASSERT_TRUE(run.Event("erase", R"("user_id":"u")", kNow - 2000 * kDay).ok());
  EXPECT_EQ(run.emitted, Texts{"to user_id: erase e home=user_id"});
}

TEST(IngestOperatorTest, CostRowsWithoutIdAreNamedByWhatTheyAreAbout) {
  IngestRun run(R"(identity: {max_shared: 20}
)");
  const auto cost = [&](const std::string& rest) {
    run.emitted.clear();
    EXPECT_TRUE(run.Take(R"({"kind":"cost","time":1,)" + rest + "}", kNow, 77).ok());
    return run.emitted.empty() ? std::string("none") : run.emitted[0].substr(0, 50);
  };
  const std::string one = cost(R"("campaign":"a","amount":{"minor":5,"currency":"EUR"})");
  EXPECT_EQ(one.substr(0, 20), "standalone cost/crm/");
  EXPECT_EQ(one, cost(R"("amount":{"minor":9,"currency":"EUR"},"campaign":"a","clicks":3)"));
  EXPECT_NE(one, cost(R"("campaign":"b","amount":{"minor":5,"currency":"EUR"})"));
  EXPECT_NE(one, cost(R"("campaign":"a","amount":{"minor":5,"currency":"USD"})"));
  const std::string labels = R"("campaign":"a","clicks":1,"labels":)";
  EXPECT_EQ(cost(labels + R"({"x":"1","y":"2"})"), cost(labels + R"({"y":"2","x":"1"})"));
}

TEST(IngestOperatorTest, TheFilesTimeIsTheVersionOfACostRow) {
  IngestRun run;
  const std::string cost = R"({"id":"c","kind":"cost","time":1,"clicks":1)";
  ASSERT_TRUE(run.Take(cost + "}", kNow, 77).ok());
  ASSERT_TRUE(run.Take(cost + R"(,"updated":5})", kNow, 77).ok());
  KeyedMessage keyed;
  ASSERT_TRUE(ReadKeyedMessage(run.raw.at(0), &keyed));
  EXPECT_EQ(keyed.entry.updated_ms, 77);
  ASSERT_TRUE(ReadKeyedMessage(run.raw.at(1), &keyed));
  EXPECT_EQ(keyed.entry.updated_ms, 5);
}

TEST(IngestOperatorTest, TheKeyNamesTheDeliveryAndNotItsContent) {
  IngestRun run;
  const auto key = [&](const std::string& rest, std::int64_t time_ms = kNow) {
    run.raw.clear();
    EXPECT_TRUE(run.Event("page_view", rest, time_ms).ok());
    MessageHead head;
    EventMessage event;
    EXPECT_TRUE(ReadMessageHead(run.raw.at(0), &head) && ReadEventBody(head.body, &event));
    return event.entry.key;
  };
  const std::uint64_t one = key(R"("user_id":"u")");
  EXPECT_EQ(one, key(R"("user_id":"u","company":"x","anonymous_id":"c")"));
  EXPECT_NE(one, key(R"("user_id":"v")"));
  EXPECT_NE(one, key(R"("user_id":"u")", kNow - 1));
}

}  // namespace
}  // namespace leadflow
