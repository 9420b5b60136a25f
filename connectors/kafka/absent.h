// What members that are gone have left open. Only for this folder.
//
// The brokers end a transaction whose producer is dead when its time is up: until then nobody reads
// beyond its records, and a take-over waits. Offsets are therefore sent with a note of who sends
// them; whoever takes inputs over sees who had them, and ends what those have open.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "connectors/kafka/client.h"
#include "connectors/kafka/topics.h"
#include "engine/log/log.h"

namespace leadflow::kafka {

// The note of a writer that a member of the group has made.
std::string NoteOf(std::string_view member, std::string_view writer_id);

// Fences the writers that moved the group's offsets of `inputs` last and whose members are not in
// the group any more. `client` has the group's name and reads uncommitted records. `member`: who
// asks, itself in the group; empty: nobody may be.
void FenceAbsent(const std::shared_ptr<Client>& client, Topics* topics, const std::string& group,
                 std::string_view member, std::span<const TopicPartition> inputs);

}  // namespace leadflow::kafka
