// What the programs of this folder do with librdkafka alike. Each error ends the program.
#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>

#include <librdkafka/rdkafka.h>

namespace leadflow::bench {

using Setting = std::pair<const char*, const char*>;

// `failed` (may be null) turns true if a record was not written.
rd_kafka_t* NewClient(rd_kafka_type_t type, std::initializer_list<Setting> settings,
                      bool* failed = nullptr);

// Hands an event over, in the order of its lead; waits where there is no room.
void Send(rd_kafka_t* producer, const char* topic, std::string_view event);

}  // namespace leadflow::bench
