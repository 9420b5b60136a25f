// The inbox on a log in memory: what is sent is read as a file would be, and is not lost.
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "connectors/inbox/queue.h"
#include "connectors/inbox/reader.h"
#include "connectors/inbox/record.h"
#include "engine/log/embedded_log.h"
#include "engine/log/memory_file_system.h"
#include "tests/unit/log/log_reading.h"

namespace leadflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kDayMs = 86'400'000;
constexpr char kTopic[] = "job.inbox.web";

class InboxTest : public testing::Test {
 protected:
  InboxTest() : files_(1), clock_(100 * kDayMs) { Open(); }

  void Open() {
    log_.reset();
    auto log = EmbeddedLog::Open({.directory = "inbox", .file_system = &files_, .clock = &clock_});
    EXPECT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
    const TopicSpec topic{kTopic, 1, Cleanup::kDelete};
    LOG_EXPECT_OK(log_->EnsureTopics({&topic, 1}));
  }

  void Put(const InboxRecord& record) {
    auto writer = log_->NewWriter("test");
    ASSERT_TRUE(writer.ok()) << writer.status();
    std::string bytes;
    EncodeInboxRecord(record, &bytes);
    LOG_ASSERT_OK((*writer)->Begin());
    LOG_ASSERT_OK((*writer)->Append({kTopic, 0}, {}, bytes));
    LOG_ASSERT_OK((*writer)->Commit());
  }
  void PutBody(std::string_view body) {
    InboxRecord record{.origin = "/hook", .arrived_ms = 7, .modified_ms = 7, .whole = true};
    record.messages.push_back({.bytes = body});
    Put(record);
  }

  std::unique_ptr<InboxReader> Reader(std::string format = "leadflow", std::int64_t keep_ms = 0) {
    InboxReaderOptions options{.topic = kTopic, .format = std::move(format)};
    options.keep_ms = keep_ms;
    options.clock = &clock_;
    return std::make_unique<InboxReader>(log_.get(), options, [this](std::string_view header) {
      if (!header.empty()) read_.push_back("columns " + std::string(header));
      return header == "bad" ? Status::InvalidArgument("no column") : Status();
    });
  }

  // Reads all that is there.
  std::vector<std::string> Read(InboxReader& reader) {
    read_.clear();
    do {
      const auto count = reader.Read(
          1 << 20,
          [&](std::span<const MessageView> batch) {
            for (const MessageView& message : batch) {
              std::string text(message.value);
              for (std::size_t i = 0;
                   message.extras != nullptr && i < message.extras->headers.size(); ++i) {
                text += "|" + std::string(message.extras->headers[i].value);
              }
              read_.push_back(text);
            }
          },
          [&](std::string_view origin, std::int64_t line, std::string_view reason,
              std::string_view bytes) {
            read_.push_back("bad " + std::string(origin) + ":" + std::to_string(line) + " " +
                            std::string(reason) + ": " + std::string(bytes.substr(0, 10)));
          });
      LOG_EXPECT_OK(count.status());
    } while (!reader.Idle());
    return read_;
  }

  MemoryFileSystem files_;
  VirtualClock clock_;
  std::unique_ptr<EmbeddedLog> log_;
  std::vector<std::string> read_;
};

TEST_F(InboxTest, BodiesAreSplitAsFilesAre) {
  for (const std::string_view body :
       {R"({"a":1})", "{\"b\":1}\n{\"b\":2}\n", R"([{"c":1}, {"c":[2]}])", "[{\"d\":1}", "\n\n"}) {
    PutBody(body);
  }
  const auto reader = Reader();
  LOG_ASSERT_OK(reader->Seek(""));
  EXPECT_THAT(Read(*reader),
              ElementsAre(R"({"a":1})", R"({"b":1})", R"({"b":2})", R"({"c":1})", R"({"c":[2]})",
                          "bad /hook:3 the body ends inside of a list: ", R"({"d":1})"));
}

TEST_F(InboxTest, TablesHaveTheirColumnsWithThem) {
  PutBody("a,b\n1,2\n3,\"4\n5\"\n");
  PutBody("bad\n1\n");
  InboxRecord record{.origin = "x.csv", .header = "c,d"};
  record.messages = {{.line = 2, .bytes = "6,7"},
                     {.line = 9, .bytes = "long", .reason = "too long"}};
  Put(record);
  Put(record);
  const auto reader = Reader("csv");
  LOG_ASSERT_OK(reader->Seek(""));
  EXPECT_THAT(Read(*reader), ElementsAre("columns a,b", "1,2", "3,\"4\n5\"", "columns bad",
                                         "bad /hook:1 header: no column: bad", "columns c,d",
                                         "bad x.csv:9 too long: long", "6,7",
                                         "bad x.csv:9 too long: long", "6,7"));
}

TEST_F(InboxTest, HeadersComeWithTheirBody) {
  InboxRecord record{.origin = "/hook", .whole = true};
  record.headers = {{"content-type", "application/json"}, {"ce_id", "7"}};
  record.messages.push_back({.bytes = "{}"});
  Put(record);
  PutBody("[]{}");
  const auto reader = Reader();
  LOG_ASSERT_OK(reader->Seek(""));
  EXPECT_THAT(Read(*reader), ElementsAre("{}|application/json|7", "{}"));
}

TEST_F(InboxTest, GoesOnWhereItWas) {
  PutBody("{1}");
  const auto first = Reader();
  LOG_ASSERT_OK(first->Seek(""));
  EXPECT_THAT(Read(*first), ElementsAre("{1}"));
  PutBody("{2}");
  const std::string position = first->position();
  EXPECT_EQ(first->records_left(), 1);
  EXPECT_THAT(Read(*first), ElementsAre("{2}"));
  EXPECT_EQ(first->records_left(), 0);
  Open();
  const auto second = Reader();
  LOG_ASSERT_OK(second->Seek(position));
  EXPECT_THAT(Read(*second), ElementsAre("{2}"));
  EXPECT_FALSE(second->AtEnd());
  EXPECT_EQ(Reader()->Seek("x").code(), ErrorCode::kCorruption);
  EXPECT_EQ(Reader()->Seek(std::string("\1\x63", 2)).code(), ErrorCode::kFailedPrecondition);
}

TEST_F(InboxTest, WhatIsCountedStaysAsLongAsItIsToBeKept) {
  for (int day = 0; day < 5; ++day) {
    PutBody("{" + std::to_string(day) + "}");
    clock_.Advance(kDayMs);
  }
  const auto reader = Reader("leadflow", 3 * kDayMs);
  LOG_ASSERT_OK(reader->Seek(""));
  const std::string nothing = reader->position();
  EXPECT_EQ(Read(*reader).size(), 5u);
  const auto kept_from = [&](const std::string& position, std::int64_t days) {
    clock_.Advance(days * kDayMs);
    for (int i = 0; i < 10; ++i) reader->Committed(position);
    return *log_->StartOffset({kTopic, 0});
  };
  EXPECT_EQ(kept_from(nothing, 0), 0) << "nothing is counted yet";
  EXPECT_EQ(kept_from(reader->position(), 0), 3);
  EXPECT_EQ(kept_from(reader->position(), 1), 4);
  EXPECT_EQ(kept_from(reader->position(), 100), 5);
}

TEST_F(InboxTest, BytesThatMeanNothingAreRefused) {
  InboxRecord record{.origin = "o", .arrived_ms = -1, .modified_ms = 5, .header = "h"};
  record.headers = {{"n", "v"}};
  record.messages = {{.line = 1, .bytes = "b", .reason = "r"}};
  std::string bytes;
  EncodeInboxRecord(record, &bytes);
  InboxRecord read;
  LOG_ASSERT_OK(DecodeInboxRecord(bytes, &read));
  EXPECT_EQ(read.arrived_ms, -1);
  EXPECT_EQ(read.messages[0].reason, "r");
  for (std::size_t size = 0; size + 1 < bytes.size(); ++size) {
    InboxRecord part;
    const Status status = DecodeInboxRecord(std::string_view(bytes).substr(0, size), &part);
    EXPECT_TRUE(status.ok() ? part.messages.empty() : status.code() == ErrorCode::kCorruption);
  }
  bytes[0] = 2;
  EXPECT_THAT(std::string(DecodeInboxRecord(bytes, &read).message()), HasSubstr("version 2"));
}

// What a queue told those who asked.
class Told {
 public:
  InboxQueue::Done New() {
    return [this](const Status& status) {
      const std::lock_guard lock(mutex_);
      ++(status.ok() ? good_ : bad_);
      changed_.notify_all();
    };
  }
  void Await(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return good_ + bad_ >= count; });
  }
  int good() { return Get(good_); }
  int bad() { return Get(bad_); }

 private:
  int Get(const int& count) {
    const std::lock_guard lock(mutex_);
    return count;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int good_ = 0, bad_ = 0;
};

TEST_F(InboxTest, WhatTheQueueHasTakenSurvivesACrash) {
  Told told;
  auto queue = InboxQueue::Start(log_.get(), "queue", {});
  ASSERT_TRUE(queue.ok()) << queue.status();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE((*queue)->Add(kTopic, std::to_string(i), told.New()));
  }
  told.Await(100);
  EXPECT_EQ(told.good(), 100);
  files_.CrashAfterChanges(0);
  ASSERT_TRUE((*queue)->Add(kTopic, "lost", told.New()));
  told.Await(101);
  EXPECT_EQ(told.bad(), 1);
  queue = Status::NotFound("");
  log_.reset();
  files_.Restart();
  Open();
  EXPECT_EQ(ValuesFrom(*log_, {kTopic, 0}).size(), 100u);
}

TEST_F(InboxTest, AQueueGoesOnAfterAnErrorAndTellsOfWhatItLeaves) {
  Told told;
  auto queue = InboxQueue::Start(log_.get(), "queue", {});
  ASSERT_TRUE(queue.ok()) << queue.status();
  ASSERT_TRUE((*queue)->Add("no such topic", "1", told.New()));
  told.Await(1);
  EXPECT_EQ(told.bad(), 1);
  ASSERT_TRUE((*queue)->Add(kTopic, "2", told.New()));
  told.Await(2);
  EXPECT_EQ(told.good(), 1);
  EXPECT_THAT(ValuesFrom(*log_, {kTopic, 0}), ElementsAre("2"));
}

TEST_F(InboxTest, AQueueThatIsFullSaysSo) {
  Told told;
  {
    InboxQueue queue(log_.get(), "queue", {});  // Without its thread: nothing leaves it.
    const std::string half(InboxQueue::kBytesMax / 2, 'x');
    EXPECT_TRUE(queue.Add(kTopic, half, told.New()));
    EXPECT_TRUE(queue.Add(kTopic, half, told.New()));
    EXPECT_FALSE(queue.Add(kTopic, "x", told.New()));
    EXPECT_EQ(told.bad(), 0);
  }
  EXPECT_EQ(told.bad(), 2);
}

}  // namespace
}  // namespace leadflow
