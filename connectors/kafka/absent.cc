#include "connectors/kafka/absent.h"

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "connectors/kafka/client.h"
#include "connectors/kafka/questions.h"
#include "connectors/kafka/writer.h"

namespace leadflow::kafka {
namespace {

// Of each question. What is not known by then is left to the brokers.
constexpr std::int64_t kWaitMs = 3'000;
constexpr std::size_t kUuidBytes = 36;

using Names = std::set<std::string, std::less<>>;

// The static members of the group; nothing if that is not known. Brokers name them by their
// `group.instance.id`, a dash and a UUID.
std::optional<Names> MembersOf(const std::shared_ptr<Client>& client, const std::string& group) {
  struct Answer {
    std::optional<Names> members;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
  };
  const auto answer = AskInTime<Answer>(
      *client, kWaitMs, "group `" + group + "`", [client, group](Answer& to, int wait_ms) {
        const rd_kafka_group_list* groups = nullptr;
        to.error = rd_kafka_list_groups(client->get(), group.c_str(), &groups, wait_ms);
        // Some brokers may be away: who leads the group has answered, or it is not in the list.
        if (to.error == RD_KAFKA_RESP_ERR__PARTIAL) to.error = RD_KAFKA_RESP_ERR_NO_ERROR;
        if (to.error != RD_KAFKA_RESP_ERR_NO_ERROR) return;
        for (int i = 0; i < groups->group_cnt; ++i) {
          const rd_kafka_group_info& one = groups->groups[i];
          if (one.group != group || one.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
          to.members.emplace();
          for (int m = 0; m < one.member_cnt; ++m) {
            const std::string_view id(one.members[m].member_id);
            if (id.size() <= kUuidBytes) continue;
            to.members->emplace(id.substr(0, id.size() - kUuidBytes - 1));
          }
        }
        rd_kafka_group_list_destroy(groups);
      });
  return answer.ok() ? (*answer)->members : std::nullopt;
}

}  // namespace

std::string NoteOf(std::string_view member, std::string_view writer_id) {
  return std::string(member) + " " + std::string(writer_id);
}

void FenceAbsent(const std::shared_ptr<Client>& client, Topics* topics, const std::string& group,
                 std::string_view member, std::span<const TopicPartition> inputs) {
  const auto offsets = AskGroupOffsets(client, kWaitMs, group, inputs);
  if (!offsets.ok()) return;
  std::map<std::string_view, std::string_view> writers;  // By the member that made them.
  for (const GroupOffset& one : *offsets) {
    const std::string_view note = one.note;
    const std::size_t space = note.find(' ');
    if (space == std::string_view::npos || note.substr(0, space) == member) continue;
    writers.emplace(note.substr(0, space), note.substr(space + 1));
  }
  if (writers.empty()) return;
  const std::optional<Names> members = MembersOf(client, group);
  if (!members || (member.empty() ? !members->empty() : !members->contains(member))) return;
  KafkaOptions soon = client->options();
  soon.answer_timeout_ms = kWaitMs;
  for (const auto& [name, writer_id] : writers) {
    // What others may have noted beside offsets names no writer of this group.
    if (members->contains(name) || !writer_id.starts_with(group + "-")) continue;
    // To make one of the same name is to fence it.
    static_cast<void>(Writer::New(soon, topics, writer_id, nullptr));
  }
}

}  // namespace leadflow::kafka
