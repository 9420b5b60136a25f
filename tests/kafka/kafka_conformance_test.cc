// The suite that every Log has to pass, on a real broker.
#include "connectors/kafka/kafka_log.h"
#include "tests/kafka/cluster.h"
#include "tests/unit/log/conformance.h"
#include "tests/unit/log/membership_conformance.h"

namespace leadflow {
namespace {

class KafkaHarness final : public LogHarness {
 public:
  KafkaHarness() : suffix_(UniqueName("")) { Reopen(); }

  Log& log() override { return *log_; }
  std::string Name(std::string_view name) override { return suffix_ + std::string(name); }
  void Reopen() override {
    log_.reset();
    Result<std::unique_ptr<KafkaLog>> opened = KafkaLog::Open(BrokerOptions());
    LOG_EXPECT_OK(opened.status());
    log_ = *std::move(opened);
  }
  // The broker cleans by itself; this gives it the time for it, or until it has.
  void Compact() override {
    const TopicPartition state{Name("state"), 0};
    const std::size_t before = ReadFrom(*log_, state, 0).size();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(1000);
    while (std::chrono::steady_clock::now() < deadline &&
           ReadFrom(*log_, state, 0).size() == before) {
    }
  }

 private:
  std::string suffix_;
  std::unique_ptr<KafkaLog> log_;
};

std::unique_ptr<LogHarness> MakeKafkaHarness() { return std::make_unique<KafkaHarness>(); }

INSTANTIATE_TEST_SUITE_P(Kafka, LogConformanceTest, testing::Values(&MakeKafkaHarness));
INSTANTIATE_TEST_SUITE_P(Kafka, MembershipConformanceTest, testing::Values(&MakeKafkaHarness));

}  // namespace
}  // namespace leadflow
