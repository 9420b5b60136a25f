// What a running pipeline shows: its health, its metrics, and nothing of its data.
#include "app/service.h"

#include <gtest/gtest.h>

#include "app/process_metrics.h"

namespace leadflow::app {
namespace {

int StatusOf(Service& service, std::string_view path) {
  return service.Answer({.path = path, .token = {}}).status;
}

TEST(ServiceTest, HealthFollowsTheState) {
  Service service{Tokens()};
  const struct {
    Service::State state;
    int ready, started;
    std::string reason;
  } steps[] = {{Service::State::kStarting, 503, 503, "starting\n"},
               {Service::State::kRestoring, 503, 503, "restoring the state\n"},
               {Service::State::kServing, 200, 200, "ready\n"},
               {Service::State::kRestoring, 503, 200, "restoring the state\n"},
               {Service::State::kStopping, 503, 200, "stopping\n"}};
  for (const auto& [state, ready, started, reason] : steps) {
    service.SetState(state);
    EXPECT_EQ(StatusOf(service, "/livez"), 200) << reason;
    EXPECT_EQ(StatusOf(service, "/readyz"), ready) << reason;
    EXPECT_EQ(StatusOf(service, "/startupz"), started) << reason;
    EXPECT_EQ(service.Answer({.path = "/readyz", .token = {}}).body, reason);
  }
  EXPECT_EQ(StatusOf(service, "/nowhere"), 404);
  EXPECT_EQ(service.Answer({.path = "/livez", .token = {}, .post = true}).status, 405);
}

TEST(ServiceTest, MetricsAskForATokenHealthDoesNot) {
  Service service(*Tokens::Parse("0123456789abcdef\n"));
  EXPECT_EQ(service.Answer({.path = "/metrics", .token = {}}).status, 401);
  EXPECT_EQ(service.Answer({.path = "/metrics", .token = "0123456789abcdeX"}).status, 401);
  EXPECT_EQ(service.Answer({.path = "/metrics", .token = "0123456789abcdef"}).status, 200);
  EXPECT_EQ(service.Answer({.path = "/livez", .token = {}}).status, 200);
}

TEST(ServiceTest, ShowsWhatItIsGivenAsLongAsItIsThere) {
  Service service{Tokens()};
  {
    const Shown shown(&service, [](Exposition* out) {
      out->Family("mine", Exposition::Type::kGauge, "Of mine.");
      out->Sample({}, 5);
    });
    const std::string text = service.Answer({.path = "/metrics", .token = {}}).body;
    EXPECT_NE(text.find("\nmine 5\n"), std::string::npos);
    EXPECT_NE(text.find("\nleadflow_build_info{version=\""), std::string::npos);
    EXPECT_NE(text.find("\nprocess_resident_memory_bytes "), std::string::npos);
  }
  EXPECT_EQ(service.Answer({.path = "/metrics", .token = {}}).body.find("mine"), std::string::npos);
}

TEST(ProcessMetricsTest, CountersBecomeFamiliesWithLabels) {
  Exposition out;
  ExposeCounters({{{"events", "web"}, 7},
                  {{"duplicates", ""}, 2},
                  {{"dead_letters", "web: no `id`"}, 1},
                  {{"dead_letters", "web: no field `ann` in an event"}, 3},
                  {{"dead_letters", "web: no field `bob` in an event"}, 4},
                  {{"excluded", "test \"orders\""}, 5}},
                 &out);
  const std::string text = out.Text();
  for (const std::string line :
       {"leadflow_events_total{source=\"web\"} 7", "leadflow_duplicates_total 2",
        "leadflow_dead_letters_total{source=\"web\",reason=\"no `id`\"} 1",
        "leadflow_dead_letters_total{source=\"web\",reason=\"no field `...` in an event\"} 7",
        "leadflow_excluded_events_total{rule=\"test \\\"orders\\\"\"} 5",
        "# TYPE leadflow_refused_links_total counter", "leadflow_moves_total 0"}) {
    EXPECT_NE(text.find("\n" + line + "\n"), std::string::npos) << line << "\n" << text;
  }
}

TEST(ProcessMetricsTest, AReasonLosesWhatItQuotes) {
  const struct {
    std::string reason, plain;
  } cases[] = {
      {"late", "late"},
      {"`status` is \"ann@example.com\"; one of open, won",
       "`status` is \"...\"; one of open, won"},
      {"`email` has a \"x\"ann\"y\"", "`...` has a \"...\""},
      {"no field `ann miller` in `profile`", "no field `...`"},
      {"open `ann", "open `...`"},
      {"open \"ann", "open \"...\""},
      {"``", "`...`"},
  };
  for (const auto& [reason, plain] : cases) EXPECT_EQ(PlainReason(reason), plain);
}

}  // namespace
}  // namespace leadflow::app
