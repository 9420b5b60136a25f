// The broker that tests/kafka/broker.py has started for this test, and what a test needs of it
// beside the Log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/kafka/kafka_options.h"

struct rd_kafka_s;

namespace leadflow {

// One of broker.py's variables; ends the process with a hint if the test was started without it.
std::string BrokerVariable(const char* name);

// For the port without login; waits that are short enough for a test.
KafkaOptions BrokerOptions();

// A name that no other test, and no other run of this one, has used.
std::string UniqueName(std::string_view name);

// Makes a topic as somebody else would have: one broker, these settings. It is ready for records.
void CreateTopic(const std::string& name, int partitions,
                 const std::map<std::string, std::string>& settings);

// A record as somebody else's producer writes it.
struct ProducedRecord {
  std::optional<std::string> value;  // nullopt: none at all.
  int partition = 0;
  std::string key = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::int64_t timestamp_ms = 0;  // 0: now.
};

// Returns once the broker has them all, in order in each partition.
void Produce(const std::string& topic, const std::vector<ProducedRecord>& records);

// A transaction of somebody's producer. At the end of the scope its producer is gone without a
// word, as one that dies.
class OpenTransaction {
 public:
  // What an older one with this id has left is over.
  OpenTransaction(const std::string& id, int timeout_ms);
  ~OpenTransaction();
  OpenTransaction(const OpenTransaction&) = delete;
  OpenTransaction& operator=(const OpenTransaction&) = delete;

  void Append(const std::string& topic, int partition, const std::string& value);
  void SendOffset(const std::string& group, const std::string& topic, int partition,
                  std::int64_t offset);
  bool Commit();  // False if somebody else has ended it.

 private:
  rd_kafka_s* handle_ = nullptr;
};

// Stops the broker's process as SIGSTOP does, and lets it go on at the end of the scope.
class StoppedBroker {
 public:
  StoppedBroker();
  ~StoppedBroker() { Continue(); }
  StoppedBroker(const StoppedBroker&) = delete;
  StoppedBroker& operator=(const StoppedBroker&) = delete;
  void Continue();

 private:
  int pid_;
};

}  // namespace leadflow
