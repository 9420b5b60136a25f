// What a webhook is answered while the inbox comes, breaks and goes.
#include "app/webhooks.h"

#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

#include "app/inbox.h"
#include "app/pipeline_file.h"
#include "engine/log/embedded_log.h"
#include "engine/log/memory_file_system.h"

namespace leadflow::app {
namespace {

constexpr char kPipeline[] = R"(version: 1
name: hooks
http: {listen: "127.0.0.1:0"}
sources:
  web: {http: {path: "/{name}"}, format: leadflow}
)";

HttpAnswer Ask(Webhooks& webhooks, std::string_view body) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<HttpAnswer> answer;
  webhooks.Take({.path = "/hooks", .token = {}, .post = true, .body = body}, [&](HttpAnswer given) {
    const std::lock_guard lock(mutex);
    answer = std::move(given);
    changed.notify_all();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return answer.has_value(); });
  return *answer;
}

TEST(WebhooksTest, SayWhenTheyCannotTakeAnything) {
  const LoadedPipeline loaded = LoadPipelineText("test.yaml", kPipeline, ".", {});
  ASSERT_NE(loaded.pipeline, nullptr) << loaded.diagnostics->Text();
  auto webhooks = Webhooks::Make(*loaded.pipeline, Clock::System());
  ASSERT_TRUE(webhooks.ok()) << webhooks.status();
  ASSERT_TRUE((*webhooks)->Has("/hooks"));
  EXPECT_FALSE((*webhooks)->Has("/hooks/"));
  HttpAnswer answer = Ask(**webhooks, "{}");
  EXPECT_EQ(answer.status, 503) << "there is no inbox yet";
  EXPECT_GT(answer.retry_after_s, 0);

  MemoryFileSystem files(1);
  auto log = EmbeddedLog::Open({.directory = "inbox", .file_system = &files});
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_TRUE((*log)->EnsureTopics(InboxTopics(*loaded.pipeline)).ok());
  std::string trouble;
  auto queue = InboxQueue::Start(log->get(), "queue",
                                 [&](const Status& status) { trouble = status.message(); });
  ASSERT_TRUE(queue.ok()) << queue.status();
  (*webhooks)->SetQueue(queue->get());
  EXPECT_EQ(Ask(**webhooks, "{}").status, 200);
  files.CrashAfterChanges(0);
  answer = Ask(**webhooks, "{}");
  EXPECT_EQ(answer.status, 503) << "the log is broken";
  EXPECT_GT(answer.retry_after_s, 0);
  EXPECT_NE(trouble, "");
  (*webhooks)->SetQueue(nullptr);
  EXPECT_EQ(Ask(**webhooks, "{}").status, 503);

  Exposition out;
  (*webhooks)->Expose(&out);
  const std::string text = out.Text();
  EXPECT_NE(text.find("requests_total{source=\"web\",status=\"200\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("requests_total{source=\"web\",status=\"503\"} 3\n"), std::string::npos);
}

}  // namespace
}  // namespace leadflow::app
