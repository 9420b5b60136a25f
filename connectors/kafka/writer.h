// The writer of a KafkaLog: gathers a transaction in memory and sends it at Commit. Only for this
// folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/kafka/bounded_calls.h"
#include "connectors/kafka/client.h"
#include "connectors/kafka/member.h"
#include "connectors/kafka/topics.h"
#include "engine/log/log.h"

namespace leadflow::kafka {

// A producer and what it has to send. Shared with the call that sends it, which may outlive the
// writer; but for `offsets_call` and what was gathered (which then nobody changes) the two never
// touch it at the same time.
struct Transaction {
  enum class Phase : std::uint8_t {
    kGathered,   // The brokers know nothing of it.
    kProducing,  // The first `produced` records are with librdkafka.
    kOffsets,    // All records are, and the offsets of the first `groups_sent` groups.
    kEnding,     // The brokers may have been told to commit.
    kAborting,   // They have to be told to abort; then kGathered.
    kCommitted,
    kBroken,   // Fatal; nothing was committed, a new producer may try.
    kUnknown,  // Fatal at the end: committed or not.
    kFenced,
  };
  struct Target {
    Transaction* owner = nullptr;
    const TopicPartition* name = nullptr;  // Its key in `targets`.
    rd_kafka_topic_t* topic = nullptr;     // Of `handles`; null until it is needed.
    std::int64_t last_offset = -1;         // In this transaction.
  };
  struct Record {
    Target* target = nullptr;
    const char* bytes = nullptr;  // Key, value, headers as EncodeHeaders makes them.
    std::size_t key_size = 0;
    std::size_t value_size = 0;
    std::size_t headers_size = 0;
    bool tombstone = false;
  };
  struct InputOffset {
    TopicPartition input;
    std::int64_t offset = 0;
  };

  std::string writer_id;
  std::shared_ptr<const Generation> member;  // Sends the offsets of its group; null: nobody does.
  std::shared_ptr<Client> client;
  std::map<std::string, Topic> handles;      // Of `client`; gone before it.
  std::map<TopicPartition, Target> targets;  // Stays from one transaction to the next.
  std::vector<Record> records;
  std::vector<std::vector<char>> chunks;  // The bytes of `records`.
  std::size_t bytes = 0;
  std::map<std::string, std::vector<InputOffset>, std::less<>> offsets;  // By group.

  // librdkafka's call that sends offsets may block for ever (its issue 5456): with small values of
  // retry.backoff.ms it gives up looking for the coordinator of a group after some milliseconds,
  // without a word. A writer forsakes such a call; if it ever returns, it must touch nothing.
  enum class OffsetsCall : std::uint8_t { kNone, kRunning, kForsaken };
  std::atomic<OffsetsCall> offsets_call{OffsetsCall::kNone};

  Phase phase = Phase::kGathered;
  std::size_t produced = 0;
  std::size_t groups_sent = 0;
  const TopicPartition* undelivered = nullptr;  // Where the first record that failed was to go.
  rd_kafka_resp_err_t delivery_error = RD_KAFKA_RESP_ERR_NO_ERROR;  // Why it failed.
  bool unsure = false;  // A record is said to be written, and not where.
  Status status;        // Of the last attempt. kUnavailable: the next one may go on.
};

// Tells the target of a record where it went. For Client::New.
void OnDelivery(rd_kafka_t* handle, const rd_kafka_message_t* message, void* opaque);

// Sends what was gathered, or goes on where the last attempt stopped, for at most about `wait_ms`.
// Sets `phase` and `status`.
void Attempt(Transaction& transaction, std::int64_t wait_ms);

// Tells the brokers to abort. `phase` is then kGathered, or says why not.
void AttemptAbort(Transaction& transaction);

class Writer final : public LogWriter {
 public:
  // The producer's first call to the brokers: fences older ones with this id, ends what they left.
  static Result<std::unique_ptr<LogWriter>> New(const KafkaOptions& options, Topics* topics,
                                                std::string_view id,
                                                std::shared_ptr<const Generation> member);
  Writer(const KafkaOptions& options, Topics* topics, std::string_view id,
         std::shared_ptr<const Generation> member);  // Use New.
  ~Writer() override;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Status Begin() override;
  Status Append(const TopicPartition& partition, std::string_view key,
                std::optional<std::string_view> value, std::string_view headers) override;
  Status SendOffset(std::string_view group, const TopicPartition& input,
                    std::int64_t offset) override;
  using LogWriter::Commit;
  Status Commit(const Meanwhile& meanwhile) override;
  void Abort() override;
  std::int64_t LastOffset(const TopicPartition& partition) const override;

 private:
  Status Connect(std::int64_t wait_ms);
  bool AwaitAttempt(const Meanwhile& meanwhile);
  Status Settle();
  void Clear();
  Transaction::Target* TargetOf(const TopicPartition& partition);
  void Gather(Transaction::Target* target, std::string_view key,
              std::optional<std::string_view> value, std::string_view headers);
  void Forsake();
  void ForsakeOffsetsCall();

  KafkaOptions options_;
  Topics& topics_;
  std::unique_ptr<BoundedCalls> calls_;
  std::shared_ptr<Transaction> transaction_;
  Transaction::Target* last_target_ = nullptr;
  std::map<TopicPartition, std::int64_t> last_offsets_;  // Of the last Commit that succeeded.
  Status ended_;                                         // Why no transaction can begin any more.
  bool open_ = false;
  bool attempting_ = false;  // An attempt runs, or has ended and nobody has looked.
  bool renew_ = false;       // A new producer has to come before the next transaction.
};

}  // namespace leadflow::kafka
