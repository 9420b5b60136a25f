// Status, hashes, wire primitives, text of JSON, clock.
#include <cstdio>
#include <iterator>
#include <limits>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "engine/base/hash.h"
#include "engine/base/status.h"
#include "engine/base/unicode.h"
#include "engine/base/utf8_text.h"
#include "engine/base/wire.h"

namespace leadflow {
namespace {

TEST(StatusTest, OkIsEmpty) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), ErrorCode::kOk);
  EXPECT_EQ(status.message(), "");
  EXPECT_EQ(status.ToString(), "ok");
  EXPECT_TRUE(status.WithContext("reading").ok());
}

TEST(StatusTest, ContextGoesBeforeTheMessage) {
  const Status status = Status::NotFound("no file `a`").WithContext("source web");
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
  EXPECT_EQ(status.message(), "source web: no file `a`");
  std::ostringstream out;
  out << status;
  EXPECT_EQ(out.str(), "not found: source web: no file `a`");
}

TEST(StatusTest, OnlyUnavailableIsRetryable) {
  EXPECT_TRUE(Status::Unavailable("broker").retryable());
  EXPECT_FALSE(Status::Corruption("block").retryable());
  EXPECT_FALSE(Status().retryable());
}

TEST(StatusTest, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    names.insert(ErrorCodeName(static_cast<ErrorCode>(i)));
  }
  EXPECT_EQ(names.size(), 8U);
  EXPECT_FALSE(names.contains("unknown"));
}

Result<int> Half(int number) {
  if (number % 2 != 0) return Status::InvalidArgument("odd");
  return number / 2;
}

Result<int> Quarter(int number) {
  LEADFLOW_ASSIGN_OR_RETURN(const int half, Half(number));
  LEADFLOW_RETURN_IF_ERROR(half == 0 ? Status::NotFound("zero") : Status());
  return Half(half);
}

TEST(ResultTest, CarriesTheValueOrTheError) {
  ASSERT_TRUE(Quarter(12).ok());
  EXPECT_EQ(*Quarter(12), 3);
  EXPECT_EQ(Quarter(3).status().message(), "odd");
  EXPECT_EQ(Quarter(6).status().message(), "odd");
  EXPECT_EQ(Quarter(0).status().code(), ErrorCode::kNotFound);
}

TEST(CheckDeathTest, BrokenInvariantEndsTheProcess) {
  EXPECT_DEATH(LEADFLOW_CHECK(1 + 1 == 3), "broken invariant: 1 \\+ 1 == 3");
}

TEST(HashTest, StaysTheSameForEver) {
  // The reference values of XXH3 with seed 0.
  EXPECT_EQ(Hash64(""), 0x2d06800538d394c2ULL);
  EXPECT_EQ(Hash64("abc"), 0x78af5f94892f3950ULL);
  const std::array<std::uint8_t, 16> empty = {0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47, 0x98, 0xd8,
                                              0x60, 0x01, 0xc3, 0x24, 0x46, 0x8d, 0x49, 0x7f};
  EXPECT_EQ(Hash128(""), empty);
}

TEST(HashTest, PartitionsAreEvenForAnyCount) {
  for (const std::uint32_t partitions : {1U, 4U, 7U, 32U}) {
    std::vector<int> counts(partitions);
    for (int i = 0; i < 20'000; ++i) {
      const std::uint32_t partition = PartitionOf(Hash64("lead-" + std::to_string(i)), partitions);
      ASSERT_LT(partition, partitions);
      ++counts[partition];
    }
    for (const int count : counts) EXPECT_NEAR(count, 20'000.0 / partitions, 3000.0 / partitions);
  }
}

// The values of Kafka's own tests.
TEST(HashTest, KafkaPartitionIsThatOfItsDefaultPartitioner) {
  const struct {
    std::string_view key;
    std::int32_t hash;
  } known[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const auto& one : known) {
    const auto positive = static_cast<std::uint32_t>(one.hash) & 0x7fffffffU;
    EXPECT_EQ(KafkaPartitionOf(one.key, 0x7fffffffU), positive) << one.key;
    EXPECT_EQ(KafkaPartitionOf(one.key, 7), positive % 7) << one.key;
  }
}

TEST(HashTest, KeyedHashIsSipHash24With128Bits) {
  KeyedHash::Key key;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  // First vector of the reference implementation's vectors_sip128.
  const std::array<std::uint8_t, 16> expected = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                                 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
  EXPECT_EQ(KeyedHash(key)(""), expected);
  KeyedHash::Key other = key;
  other[0] ^= 1;
  EXPECT_NE(KeyedHash(other)("a"), KeyedHash(key)("a"));
}

TEST(WireTest, RoundTrips) {
  std::mt19937_64 random(3);
  std::vector<std::int64_t> numbers = {0,
                                       1,
                                       -1,
                                       127,
                                       128,
                                       std::numeric_limits<std::int64_t>::min(),
                                       std::numeric_limits<std::int64_t>::max()};
  for (int i = 0; i < 1000; ++i) {
    numbers.push_back(static_cast<std::int64_t>(random()) >> (random() % 64));
  }
  std::string bytes;
  WireWriter writer(&bytes);
  for (const std::int64_t number : numbers) {
    writer.Varint(static_cast<std::uint64_t>(number));
    writer.Signed(number);
    writer.Fixed64(static_cast<std::uint64_t>(number));
    writer.Ordered64(number);
    writer.Byte(static_cast<std::uint8_t>(number));
    writer.Bytes(std::to_string(number));
  }
  writer.Raw("end");
  WireReader reader(bytes);
  for (const std::int64_t number : numbers) {
    std::uint64_t varint = 0;
    std::uint64_t fixed = 0;
    std::int64_t zigzag = 0;
    std::int64_t ordered = 0;
    std::uint8_t byte = 0;
    std::string_view text;
    ASSERT_TRUE(reader.Varint(&varint) && reader.Signed(&zigzag) && reader.Fixed64(&fixed) &&
                reader.Ordered64(&ordered) && reader.Byte(&byte) && reader.Bytes(&text));
    ASSERT_EQ(varint, static_cast<std::uint64_t>(number));
    ASSERT_EQ(zigzag, number);
    ASSERT_EQ(fixed, static_cast<std::uint64_t>(number));
    ASSERT_EQ(ordered, number);
    ASSERT_EQ(byte, static_cast<std::uint8_t>(number));
    ASSERT_EQ(text, std::to_string(number));
  }
  EXPECT_EQ(reader.Rest(), "end");
  EXPECT_TRUE(reader.ok());
}

TEST(WireTest, OrderedBytesOrderLikeNumbers) {
  std::mt19937_64 random(5);
  const auto key = [](std::int64_t number) {
    std::string bytes;
    WireWriter(&bytes).Ordered64(number);
    return bytes;
  };
  for (int i = 0; i < 5000; ++i) {
    const auto a = static_cast<std::int64_t>(random()) >> (random() % 64);
    const auto b = static_cast<std::int64_t>(random()) >> (random() % 64);
    ASSERT_EQ(a < b, key(a) < key(b));
  }
}

TEST(WireTest, TruncatedBytesFailAndStayFailed) {
  std::string bytes;
  WireWriter(&bytes).Bytes("hello");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    WireReader reader(std::string_view(bytes).substr(0, size));
    std::string_view text;
    EXPECT_FALSE(reader.Bytes(&text)) << size;
    EXPECT_FALSE(reader.ok());
    std::uint8_t byte = 0;
    EXPECT_FALSE(reader.Byte(&byte));
  }
}

TEST(WireTest, HostileLengthsAndVarintsAreRefused) {
  std::string bytes;
  WireWriter(&bytes).Varint(std::numeric_limits<std::uint64_t>::max());
  std::string_view text;
  WireReader length(bytes);
  EXPECT_FALSE(length.Bytes(&text));
  const std::string endless(11, '\xff');
  std::uint64_t number = 0;
  WireReader varint(endless);
  EXPECT_FALSE(varint.Varint(&number));
}

// The slow obvious way: one code point after the other.
std::string JsonTextByCodePoints(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = CodePointAt(text, at);
    char escaped[8] = {};
    std::snprintf(escaped, sizeof escaped, "\\u%04x", point.value & 0xFFFF);
    if (point.value == '"' || point.value == '\\') out.push_back('\\');
    if (point.value < 0x20) {
      out += escaped;
    } else {
      AppendUtf8(point.value, &out);
    }
    at += point.size;
  }
  return out + '"';
}

TEST(JsonTextTest, IsWhatItIsByCodePoints) {
  const std::string_view pieces[] = {
      "a", "plain text ",      "\"",   "\\",   "\n",  "\x1F", "\x7F", "~", "\xC3\xA4",
      "€", "\xF0\x9F\x99\x82", "\xC3", "\x80", "\xFF"};
  std::mt19937 random(7);
  for (int i = 0; i < 2'000; ++i) {
    std::string text;
    for (auto left = random() % 8; left > 0; --left) text += pieces[random() % std::size(pieces)];
    std::string json;
    AppendJsonText(text, &json);
    ASSERT_EQ(json, JsonTextByCodePoints(text)) << text;
  }
}

TEST(ClockTest, VirtualClockMovesOnlyWhenTold) {
  VirtualClock clock(1000);
  EXPECT_EQ(clock.WallMillis(), 1000);
  clock.Advance(5);
  EXPECT_EQ(clock.WallMillis(), 1005);
  EXPECT_EQ(clock.MonotonicNanos(), 5'000'000);
}

TEST(ClockTest, SystemClockIsLaterThanThisCode) {
  EXPECT_GT(Clock::System().WallMillis(), 1'767'225'600'000);
  const std::int64_t before = Clock::System().MonotonicNanos();
  EXPECT_GE(Clock::System().MonotonicNanos(), before);
}

}  // namespace
}  // namespace leadflow
