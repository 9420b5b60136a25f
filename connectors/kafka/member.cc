#include "connectors/kafka/member.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/check.h"

namespace leadflow::kafka {
namespace {

// How often a member tells that it is there, and hears that others have come or gone.
std::int64_t HeartbeatMs(const KafkaOptions& options) {
  return std::max<std::int64_t>(options.session_timeout_ms / 10, 100);
}

// For so long the others wait for one that does not give back what it holds.
std::int64_t PatienceMs(const KafkaOptions& options) {
  return std::max<std::int64_t>(3 * options.session_timeout_ms, 60'000);
}

Settings MemberSettings(const KafkaOptions& options, std::string_view group,
                        std::string_view member) {
  return {
      {"group.id", std::string(group)},
      {"group.instance.id", std::string(member)},
      {"partition.assignment.strategy", "range"},
      {"session.timeout.ms", std::to_string(options.session_timeout_ms)},
      {"heartbeat.interval.ms", std::to_string(HeartbeatMs(options))},
      {"max.poll.interval.ms", std::to_string(PatienceMs(options))},
      {"enable.auto.commit", "false"},
      {"isolation.level", "read_committed"},
  };
}

// The broker will never take this member, and librdkafka asks again for ever.
bool Refused(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT ||
         code == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL ||
         code == RD_KAFKA_RESP_ERR_INVALID_GROUP_ID ||
         code == RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED;
}

}  // namespace

Result<std::unique_ptr<Membership>> Member::Join(const KafkaOptions& options,
                                                 std::string_view group, std::string_view topic,
                                                 std::string_view member) {
  LEADFLOW_ASSIGN_OR_RETURN(
      std::shared_ptr<Client> client,
      Client::New(RD_KAFKA_CONSUMER, options, MemberSettings(options, group, member),
                  {.on_delivery = nullptr, .events = RD_KAFKA_EVENT_REBALANCE}));
  auto joined =
      std::make_unique<Member>(std::move(client), std::string(group), std::string(member));
  LEADFLOW_RETURN_IF_ERROR(joined->Subscribe(std::string(topic)));
  return std::unique_ptr<Membership>(std::move(joined));
}

Member::Member(std::shared_ptr<Client> client, std::string group, std::string name)
    : client_(std::move(client)),
      group_(std::move(group)),
      name_(std::move(name)),
      events_(rd_kafka_queue_get_consumer(client_->get())) {}

Member::~Member() = default;

Status Member::Subscribe(const std::string& topic) {
  const Offsets topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  const rd_kafka_resp_err_t error = rd_kafka_subscribe(client_->get(), topics.get());
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return client_->StatusOf(error, "group `" + group_ + "`");
}

// A member whose session ended before it looked at its assignment has no generation any more, and
// offsets without one are taken by a group that is empty. It waits for what follows.
bool IsOver(const rd_kafka_consumer_group_metadata_t* metadata) {
  // librdkafka's only way to say: "CGMDv2:", four bytes of generation, names that end in zero.
  void* bytes = nullptr;
  std::size_t size = 0;
  rd_kafka_error_t* const error = rd_kafka_consumer_group_metadata_write(metadata, &bytes, &size);
  if (error != nullptr) {
    rd_kafka_error_destroy(error);
    return true;
  }
  constexpr std::string_view kMagic = "CGMDv2:";
  const std::string text(static_cast<const char*>(bytes), size);
  rd_kafka_mem_free(nullptr, bytes);
  if (!text.starts_with(kMagic) || text.size() < kMagic.size() + 5) return true;
  const std::size_t group = kMagic.size() + 4;
  const std::size_t member = text.find('\0', group) + 1;
  const bool no_generation = std::all_of(text.begin() + kMagic.size(), text.begin() + group,
                                         [](char c) { return c == '\xff'; });
  return no_generation || member >= text.size() || text[member] == '\0';
}

// The client is told of an empty assignment: others read the records.
void Member::Assigned(const rd_kafka_topic_partition_list_t& partitions) {
  partitions_.clear();
  for (int i = 0; i < partitions.cnt; ++i) {
    partitions_.push_back(static_cast<std::uint32_t>(partitions.elems[i].partition));
  }
  std::sort(partitions_.begin(), partitions_.end());
  auto generation = std::make_shared<Generation>();
  generation->group = group_;
  generation->member = name_;
  generation->metadata.reset(rd_kafka_consumer_group_metadata(client_->get()));
  const bool over = generation->metadata == nullptr || IsOver(generation->metadata.get());
  const Offsets nothing(rd_kafka_topic_partition_list_new(0));
  rd_kafka_assign(client_->get(), nothing.get());
  if (over) {
    state_ = State::kNothing;
    return;
  }
  generation_ = std::move(generation);
  state_ = State::kAssigned;
}

void Member::Revoked() {
  if (state_ == State::kNothing) {
    rd_kafka_assign(client_->get(), nullptr);
    return;
  }
  state_ = rd_kafka_assignment_lost(client_->get()) != 0 ? State::kLost : State::kRevoked;
}

Status Member::Fatal() const {
  std::array<char, 512> text{};
  const rd_kafka_resp_err_t code = rd_kafka_fatal_error(client_->get(), text.data(), text.size());
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  if (code != RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
    return {ErrorCode::kInternal, "group `" + group_ + "`: " + text.data()};
  }
  return {ErrorCode::kFailedPrecondition,
          "another process is the member `" + name_ + "` of group `" + group_ +
              "`: does it run on a copy of this state directory? give each process its own"};
}

Result<Membership::State> Member::Poll() {
  rd_kafka_poll(client_->get(), 0);
  while (const Event event{rd_kafka_queue_poll(events_.get(), 0)}) {
    if (Refused(rd_kafka_event_error(event.get()))) {
      return client_->StatusOf(rd_kafka_event_error(event.get()), "group `" + group_ + "`");
    }
    if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_REBALANCE) continue;
    if (rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      Assigned(*rd_kafka_event_topic_partition_list(event.get()));
    } else {
      Revoked();
    }
  }
  LEADFLOW_RETURN_IF_ERROR(Fatal());
  if (state_ == State::kRevoked && rd_kafka_assignment_lost(client_->get()) != 0) {
    state_ = State::kLost;
  }
  return state_;
}

void Member::Release() {
  LEADFLOW_CHECK(state_ == State::kRevoked || state_ == State::kLost);
  state_ = State::kNothing;
  partitions_.clear();
  generation_ = nullptr;
  rd_kafka_assign(client_->get(), nullptr);
}

}  // namespace leadflow::kafka
