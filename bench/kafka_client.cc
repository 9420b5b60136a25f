#include "bench/kafka_client.h"

#include <cstdlib>
#include <iostream>

namespace leadflow::bench {
namespace {

[[noreturn]] void Fail(std::string_view what) {
  std::cerr << "kafka: " << what << "\n";
  std::exit(1);
}

std::string_view LeadOf(std::string_view event) {
  constexpr std::string_view kName = "\"user_id\":\"";
  const std::size_t at = event.find(kName);
  if (at == std::string_view::npos) return {};
  const std::size_t begin = at + kName.size();
  return event.substr(begin, event.find('"', begin) - begin);
}

}  // namespace

rd_kafka_t* NewClient(rd_kafka_type_t type, std::initializer_list<Setting> settings, bool* failed) {
  char text[256] = "";
  rd_kafka_conf_t* const config = rd_kafka_conf_new();
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(config, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) Fail(text);
  }
  if (failed != nullptr) {
    rd_kafka_conf_set_opaque(config, failed);
    rd_kafka_conf_set_dr_msg_cb(config,
                                [](rd_kafka_t*, const rd_kafka_message_t* message, void* to) {
                                  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
                                    *static_cast<bool*>(to) = true;
                                });
  }
  rd_kafka_t* const client = rd_kafka_new(type, config, text, sizeof text);
  if (client == nullptr) Fail(text);
  return client;
}

void Send(rd_kafka_t* producer, const char* topic, std::string_view event) {
  const std::string_view lead = LeadOf(event);
  while (true) {
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(lead.data(), lead.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(event.data()), event.size()), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) Fail(rd_kafka_err2str(error));
    rd_kafka_poll(producer, 10);
  }
  rd_kafka_poll(producer, 0);
}

}  // namespace leadflow::bench
