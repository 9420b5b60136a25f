// What a cluster does seldom, as librdkafka's own small one plays it: old brokers, new leaders.
#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "connectors/kafka/client.h"
#include "connectors/kafka/kafka_log.h"
#include "connectors/kafka/questions.h"

namespace leadflow {
namespace {

class KafkaMockTest : public testing::Test {
 protected:
  KafkaMockTest()
      : cluster_(rd_kafka_mock_cluster_new(host_.get(), 2), &rd_kafka_mock_cluster_destroy) {
    options_.brokers = rd_kafka_mock_cluster_bootstraps(cluster_.get());
    options_.answer_timeout_ms = 10'000;
  }

  static rd_kafka_t* NewHost() {
    std::array<char, 256> text{};
    return rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text.data(), text.size());
  }

  const std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)> host_{NewHost(), &rd_kafka_destroy};
  const std::unique_ptr<rd_kafka_mock_cluster_t, void (*)(rd_kafka_mock_cluster_t*)> cluster_;
  KafkaOptions options_;
};

TEST_F(KafkaMockTest, BrokersThatDoNotFenceAMemberAreRefused) {
  constexpr std::int16_t kTxnOffsetCommit = 28;
  rd_kafka_mock_set_apiversion(cluster_.get(), kTxnOffsetCommit, 0, 2);
  const Status status = KafkaLog::Open(options_).status();
  EXPECT_EQ(status.code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(testing::HasSubstr(options_.brokers), testing::HasSubstr("2.5")));
}

// librdkafka remembers who leads a partition for minutes, also when that one says it does not.
TEST_F(KafkaMockTest, TheEndOfAPartitionIsAskedOfItsNewLeader) {
  rd_kafka_mock_topic_create(cluster_.get(), "events", 1, 2);
  rd_kafka_mock_partition_set_leader(cluster_.get(), "events", 0, 1);
  const auto client = kafka::Client::New(RD_KAFKA_CONSUMER, options_, {});
  ASSERT_TRUE(client.ok()) << client.status();
  for (const std::int32_t leader : {1, 2, 1}) {
    rd_kafka_mock_partition_set_leader(cluster_.get(), "events", 0, leader);
    const auto ends = kafka::AskEnds(*client, {"events", 0});
    ASSERT_TRUE(ends.ok()) << ends.status();
    const TopicPartition asked[] = {{"events", 0}};
    const auto offsets = kafka::AskOffsetsAt(*client, asked, 1);
    ASSERT_TRUE(offsets.ok()) << offsets.status();
  }
}

// A broker may not have heard yet of a topic that another one has made.
TEST_F(KafkaMockTest, ATopicThatIsNotKnownEverywhereYetIsAskedForAgain) {
  rd_kafka_mock_topic_create(cluster_.get(), "events", 1, 2);
  rd_kafka_mock_topic_set_error(cluster_.get(), "events", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  const auto client = kafka::Client::New(RD_KAFKA_CONSUMER, options_, {});
  ASSERT_TRUE(client.ok()) << client.status();
  auto ends = std::async(std::launch::async, [&] {
    return kafka::AskEnds(*client, {"events", 0});
  });
  EXPECT_EQ(ends.wait_for(std::chrono::milliseconds(500)), std::future_status::timeout);
  rd_kafka_mock_topic_set_error(cluster_.get(), "events", RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_TRUE(ends.get().ok());
}

}  // namespace
}  // namespace leadflow
