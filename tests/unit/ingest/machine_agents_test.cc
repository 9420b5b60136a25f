#include "operators/ingest/machine_agents.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/unit/ingest/ingest_testing.h"

namespace leadflow {
namespace {

TEST(MachineAgentsTest, LooksForPartsInAnyCase) {
  const std::vector<std::string> parts = {"bot/", "curl"};
  MachineAgents agents(parts);
  const struct {
    const char* agent;
    bool machine;
  } cases[] = {
      {"Googlebot/2.1", true}, {"GOOGLEBOT/2.1", true}, {"curl", true},
      {"Mozilla/5.0", false},  {"robot", false},        {"", false},
      {"cur", false},
  };
  for (const auto& c : cases) EXPECT_EQ(agents.IsMachine(c.agent), c.machine) << c.agent;
}

TEST(MachineAgentsTest, RemembersWithoutMixingUp) {
  const std::vector<std::string> parts = {"7"};
  MachineAgents agents(parts);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 20'000; ++i) {
      const std::string agent = "agent " + std::to_string(i);
      ASSERT_EQ(agents.IsMachine(agent), agent.find('7') != std::string::npos) << agent;
    }
  }
}

TEST(MachineAgentsTest, TheShippedListKnowsMachinesFromBrowsers) {
  const IngestRun run;
  MachineAgents agents(run.pipeline().bots);
  const struct {
    const char* agent;
    bool machine;
  } cases[] = {
      {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", true},
      {"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", true},
      {"curl/8.5.0", true},
      {"python-requests/2.31.0", true},
      {"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
       true},
      {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
       "HeadlessChrome/120.0.0.0 Safari/537.36",
       true},
      {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
       "Chrome/120.0.0.0 Safari/537.36",
       false},
      {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
       "Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
       false},
      {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:109.0) Gecko/20100101 Firefox/111.0",
       false},
      {"Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 Chrome/120.0 Mobile", false},
  };
  for (const auto& c : cases) EXPECT_EQ(agents.IsMachine(c.agent), c.machine) << c.agent;
}

}  // namespace
}  // namespace leadflow
