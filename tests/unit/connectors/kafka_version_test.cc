// Brokers that are too old, as librdkafka's own small cluster plays them.
#include <array>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "connectors/kafka/kafka_log.h"

namespace leadflow {
namespace {

TEST(KafkaVersionTest, BrokersThatDoNotFenceAMemberAreRefused) {
  constexpr std::int16_t kTxnOffsetCommit = 28;
  std::array<char, 256> text{};
  const std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)> host(
      rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text.data(), text.size()),
      &rd_kafka_destroy);
  ASSERT_NE(host, nullptr) << text.data();
  const std::unique_ptr<rd_kafka_mock_cluster_t, void (*)(rd_kafka_mock_cluster_t*)> cluster(
      rd_kafka_mock_cluster_new(host.get(), 1), &rd_kafka_mock_cluster_destroy);
  ASSERT_NE(cluster, nullptr);
  rd_kafka_mock_set_apiversion(cluster.get(), kTxnOffsetCommit, 0, 2);
  KafkaOptions options;
  options.brokers = rd_kafka_mock_cluster_bootstraps(cluster.get());
  const Status status = KafkaLog::Open(options).status();
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(testing::HasSubstr(options.brokers), testing::HasSubstr("2.5")));
}

}  // namespace
}  // namespace leadflow
