// What records of topics come wrapped in, through the decoders of all three kinds of formats.
#include "connectors/formats/record_decoder.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "connectors/formats/formats.h"
#include "connectors/formats/leadflow_decoder.h"
#include "connectors/formats/mapping.h"
#include "tests/unit/connectors/decoded.h"

namespace leadflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kEvent[] =
    R"({"id":"e1","kind":"identify","time":"2026-03-01T10:00:00Z","email":"a@b.c"})";
constexpr char kShown[] = "identify id=e1 time=2026-03-01T10:00:00+00:00 email=a@b.c";

std::unique_ptr<EventDecoder> Canonical() {
  return MakeRecordDecoder(MakeLeadflowDecoder(TimeZone::Utc()), {});
}

// A mapping of one's own: what `syntax: json` and `events` say.
std::unique_ptr<EventDecoder> Mapped(const std::string& id, const std::string& time,
                                     const std::string& email, bool deletes = false) {
  const auto mapping = ParseMapping(
      "test.yaml", "syntax: json\nevents:\n  - kind: identify\n    map:\n      id: " + id +
                       "\n      time: parse_time(" + time + ")\n      email: " + email + "\n");
  EXPECT_TRUE(mapping.ok()) << mapping.status();
  auto decoder = MakeMappedDecoder(*mapping, TimeZone::Utc());
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  return MakeRecordDecoder(*std::move(decoder), {.envelopes = true, .deletes = deletes});
}

using Headers = std::vector<RecordHeader>;

Decoded DecodeRecord(EventDecoder& decoder, std::string_view value, Headers headers,
                     bool tombstone = false) {
  const RecordExtras extras{std::move(headers), tombstone};
  Decoded decoded;
  decoder.DecodeRecord(
      {.value = value, .extras = &extras},
      [&](Event& event) { decoded.events.push_back(Show(event)); },
      [&](std::string_view reason, std::string_view) { decoded.refused.emplace_back(reason); },
      [&](std::string_view) { ++decoded.skipped; });
  return decoded;
}

std::string Connect(const std::string& payload) {
  return R"({"schema":{"type":"struct","fields":[]},"payload":)" + payload + "}";
}

std::string Change(const std::string& op, const std::string& before, const std::string& after) {
  return R"({"before":)" + before + R"(,"after":)" + after +
         R"(,"source":{"table":"people","lsn":17},"op":")" + op + R"(","ts_ms":1})";
}

TEST(RecordDecoderTest, WhatIsNotWrappedIsTheFormatsOwn) {
  const auto decoder = Canonical();
  EXPECT_THAT(DecodeAll(*decoder, {kEvent}).events, ElementsAre(kShown));
  // Words alone make no envelope.
  const Decoded decoded = DecodeAll(*decoder, {R"({"payload":1,"op":"c"})", R"(["payload"])",
                                               R"({"schema":1,"payload":)", "\"op\"", ""});
  EXPECT_THAT(decoded.events, IsEmpty());
  EXPECT_EQ(decoded.refused.size(), 5u);
  EXPECT_EQ(decoded.skipped, 0);
}

TEST(RecordDecoderTest, ThePayloadOfConnectStandsForTheRecord) {
  const auto decoder = Canonical();
  EXPECT_THAT(DecodeAll(*decoder, {Connect(kEvent)}).events, ElementsAre(kShown));
  EXPECT_THAT(
      DecodeAll(*decoder, {R"({"payload":)" + std::string(kEvent) + R"(,"schema":null})"}).events,
      ElementsAre(kShown));
  EXPECT_EQ(DecodeAll(*decoder, {Connect("null")}).skipped, 1);
  // A third member: a message of somebody's own.
  const auto mapped = Mapped("$.id", "$.schema", "$.payload");
  EXPECT_THAT(
      DecodeAll(*mapped, {R"({"id":"1","schema":"2026-03-01T10:00:00Z","payload":"x@y.z"})"})
          .events,
      ElementsAre("identify id=1 time=2026-03-01T10:00:00+00:00 email=x@y.z"));
}

TEST(RecordDecoderTest, ASchemaMayBeLongerThanAnEvent) {
  const std::string schema(200'000, 'x');
  EXPECT_THAT(
      DecodeAll(*Canonical(), {R"({"schema":")" + schema + R"(","payload":)" + kEvent + "}"})
          .events,
      ElementsAre(kShown));
  EXPECT_THAT(DecodeAll(*Canonical(), {Connect("\"" + schema + "\"")}).refused,
              ElementsAre(HasSubstr("64 KiB")));
  EXPECT_THAT(DecodeAll(*Canonical(), {Connect("\"" + std::string(2'000'000, 'x') + "\"")}).refused,
              ElementsAre(HasSubstr("64 KiB")));
}

TEST(RecordDecoderTest, CanonicalEventsAreTheRowAfterAChange) {
  const auto decoder = Canonical();
  for (const char* op : {"c", "u", "r"}) {
    EXPECT_THAT(DecodeAll(*decoder, {Change(op, "null", kEvent)}).events, ElementsAre(kShown));
    EXPECT_THAT(DecodeAll(*decoder, {Connect(Change(op, "null", kEvent))}).events,
                ElementsAre(kShown));
  }
  for (const auto& nothing : {Change("d", kEvent, "null"), Connect(Change("d", kEvent, "null")),
                              Change("t", "null", "null")}) {
    const Decoded decoded = DecodeAll(*decoder, {nothing});
    EXPECT_EQ(decoded.skipped, 1) << nothing;
    EXPECT_THAT(decoded.refused, IsEmpty());
  }
}

TEST(RecordDecoderTest, AMappingSeesTheWholeChange) {
  const auto decoder = Mapped("string($.source.lsn)", "$.after.seen", "$.after.mail");
  const std::string row = R"({"mail":"x@y.z","seen":"2026-03-01T10:00:00Z"})";
  for (const auto& message : {Change("u", row, row), Connect(Change("c", "null", row))}) {
    EXPECT_THAT(DecodeAll(*decoder, {message}).events,
                ElementsAre("identify id=17 time=2026-03-01T10:00:00+00:00 email=x@y.z"));
  }
  EXPECT_EQ(DecodeAll(*decoder, {Change("d", row, "null")}).skipped, 1);
  const auto deletes = Mapped("string($.source.lsn)", "$.before.seen", "$.before.mail", true);
  EXPECT_THAT(DecodeAll(*deletes, {Change("d", row, "null")}).events,
              ElementsAre("identify id=17 time=2026-03-01T10:00:00+00:00 email=x@y.z"));
}

TEST(RecordDecoderTest, CloudEventsAreTheSameInBothModes) {
  const std::string data = R"({"mail":"x@y.z"})";
  const auto decoder = Mapped("$.id", "$.time", "$.data.mail");
  const std::string shown = "identify id=c-1 time=2026-03-01T10:00:00+00:00 email=x@y.z";
  EXPECT_THAT(DecodeAll(*decoder, {R"({"specversion":"1.0","id":"c-1","type":"seen","source":"/a",)"
                                   R"("time":"2026-03-01T10:00:00Z","data":)" +
                                   data + "}"})
                  .events,
              ElementsAre(shown));
  const Headers headers = {{"ce_specversion", "1.0"},
                           {"ce_id", "c-1"},
                           {"ce_type", "seen"},
                           {"ce_source", "/a"},
                           {"content-type", "application/json"},
                           {"traceparent", "\xFF"},
                           {"ce_time", "2026-03-01T10:00:00Z"}};
  EXPECT_THAT(DecodeRecord(*decoder, data, headers).events, ElementsAre(shown));
  // Without ce_specversion they are headers as any others.
  EXPECT_EQ(DecodeRecord(*decoder, data, {{"ce_id", "c-1"}}).refused.size(), 1u);
}

TEST(RecordDecoderTest, DataThatIsNoJsonIsText) {
  const auto decoder = Mapped("$.id", "\"2026-03-01T10:00:00Z\"", "$.data");
  const Headers headers = {{"ce_specversion", "1.0"}, {"ce_id", "a\"\\\n\x01"}};
  EXPECT_THAT(DecodeRecord(*decoder, "x@y.z", headers).events,
              ElementsAre("identify id=a\"\\\n\x01 time=2026-03-01T10:00:00+00:00 email=x@y.z"));
  // What would end the object early is text too.
  EXPECT_THAT(DecodeRecord(*decoder, R"(1},{"id":"b")", headers).events,
              ElementsAre(HasSubstr(R"(email=1},{"id":"b")")));
}

TEST(RecordDecoderTest, CanonicalEventsAndPresetsAreTheDataOfACloudEvent) {
  const auto decoder = Canonical();
  const std::string head = R"({"specversion":"1.0","id":"c-1","type":"t","source":"/a")";
  EXPECT_THAT(DecodeAll(*decoder, {head + ",\"data\":" + kEvent + "}"}).events,
              ElementsAre(kShown));
  EXPECT_THAT(DecodeRecord(*decoder, kEvent, {{"ce_specversion", "1.0"}}).events,
              ElementsAre(kShown));
  EXPECT_THAT(DecodeAll(*decoder, {head + "}"}).refused, ElementsAre(HasSubstr("`data`")));
  EXPECT_THAT(DecodeAll(*decoder, {head + R"(,"data":"{\"id\":\"e2\",\"kind\":\"identify\",)"
                                          R"(\"time\":0,\"email\":\"a@b.c\"}"})"})
                  .events,
              ElementsAre("identify id=e2 time=1970-01-01T00:00:00+00:00 email=a@b.c"));
}

TEST(RecordDecoderTest, ARecordWithoutAValueIsSkipped) {
  for (const auto& decoder : {Canonical(), Mapped("$.id", "$.time", "$.email")}) {
    const Decoded decoded = DecodeRecord(*decoder, "", {{"ce_specversion", "1.0"}}, true);
    EXPECT_EQ(decoded.skipped, 1);
    EXPECT_THAT(decoded.refused, IsEmpty());
    EXPECT_EQ(DecodeRecord(*decoder, "", {{"a", "b"}}).refused.size(), 1u);
  }
}

TEST(RecordDecoderTest, WhatIsTooLargeOrNoTextIsRefused) {
  for (const auto& decoder : {Canonical(), Mapped("$.id", "$.time", "$.email")}) {
    const Headers headers = {{"ce_specversion", "1.0"}};
    EXPECT_THAT(DecodeRecord(*decoder, std::string(70'000, 'x'), headers).refused,
                ElementsAre(HasSubstr("64 KiB")));
    EXPECT_THAT(DecodeRecord(*decoder, "{\"op\":\"\xFF\"}", headers).refused,
                ElementsAre(HasSubstr("UTF-8")));
    EXPECT_THAT(DecodeAll(*decoder, {"{\"payload\":\"\xFF\"}"}).refused,
                ElementsAre(HasSubstr("UTF-8")));
  }
}

}  // namespace
}  // namespace leadflow
