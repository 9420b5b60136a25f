// The Membership of a KafkaLog: a consumer that takes part in the protocol of a consumer group and
// reads nothing. Only for this folder.
//
// Eager and static: the brokers wait until all have given back what they hold, and a member that
// comes back in time under its name finds what it held.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/kafka/client.h"
#include "connectors/kafka/topics.h"
#include "engine/log/log.h"

namespace leadflow::kafka {

// A member as of one generation of its group. Offsets that are sent with one that is over are
// refused by the brokers.
struct GenerationDeleter {
  void operator()(rd_kafka_consumer_group_metadata_t* group) const {
    rd_kafka_consumer_group_metadata_destroy(group);
  }
};
struct Generation {
  std::string group;
  std::string member;
  std::unique_ptr<rd_kafka_consumer_group_metadata_t, GenerationDeleter> metadata;
};

class Member final : public Membership {
 public:
  static Result<std::unique_ptr<Membership>> Join(const KafkaOptions& options,
                                                  std::string_view group, std::string_view topic,
                                                  std::string_view member);
  Member(std::shared_ptr<Client> client, std::string group, std::string name);  // Use Join.
  ~Member() override;
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  Result<State> Poll() override;
  std::span<const std::uint32_t> partitions() const override { return partitions_; }
  void Release() override;

  const std::string& name() const { return name_; }

  // Of what it holds. Null if it holds nothing.
  std::shared_ptr<const Generation> generation() const { return generation_; }

 private:
  Status Subscribe(const std::string& topic);
  void Assigned(const rd_kafka_topic_partition_list_t& partitions);
  void Revoked();
  Status Fatal() const;

  std::shared_ptr<Client> client_;
  const std::string group_;
  const std::string name_;
  Queue events_;
  State state_ = State::kNothing;
  std::vector<std::uint32_t> partitions_;
  std::shared_ptr<const Generation> generation_;
};

}  // namespace leadflow::kafka
