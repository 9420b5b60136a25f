#include "connectors/kafka/writer.h"

#include <algorithm>
#include <cstring>

#include "engine/base/check.h"

namespace leadflow::kafka {
namespace {

using Phase = Transaction::Phase;

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kTransactionBytes = std::size_t{256} << 20;
constexpr std::size_t kRecordOverhead = 128;  // Of the record itself, and in what it travels.
constexpr std::int64_t kLookMs = 1;           // While a caller has other work now and then.
constexpr std::int64_t kMarginMs = 1'000;     // A call that keeps its time is at most this late.
constexpr std::int64_t kSocketTimeoutMs = 10'000;

Settings WriterSettings(const KafkaOptions& options, const std::string& id) {
  // librdkafka refuses a request that may outlast the transaction.
  const std::int64_t socket_ms =
      std::min(kSocketTimeoutMs, std::max<std::int64_t>(options.transaction_timeout_ms - 100, 900));
  return {
      {"transactional.id", id},
      {"transaction.timeout.ms", std::to_string(options.transaction_timeout_ms)},
      {"socket.timeout.ms", std::to_string(socket_ms)},
      {"compression.type", "lz4"},
      {"queue.buffering.max.messages", "1000000"},
  };
}

Status InitTransactions(const Client& client, const std::string& id, std::int64_t wait_ms) {
  const Deadline deadline(wait_ms);
  while (true) {
    const bool late = deadline.passed();
    rd_kafka_error_t* const error =
        rd_kafka_init_transactions(client.get(), std::min(deadline.remaining_ms(), 1'000));
    if (error == nullptr) return {};
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    const bool retriable = rd_kafka_error_is_retriable(error) != 0;
    const std::string said = rd_kafka_error_string(error);
    rd_kafka_error_destroy(error);
    Status status = client.StatusOf(code, "writer `" + id + "`");
    if (status.code() == ErrorCode::kInternal) {
      status = {ErrorCode::kInternal, "writer `" + id + "`: " + said};
    }
    // A refused login is as final as an error that librdkafka would not repeat.
    if (late || !retriable || status.code() == ErrorCode::kInvalidArgument) return status;
  }
}

}  // namespace

Result<std::unique_ptr<LogWriter>> Writer::New(const KafkaOptions& options, Topics* topics,
                                               std::string_view id,
                                               std::shared_ptr<const Generation> member) {
  auto writer = std::make_unique<Writer>(options, topics, id, std::move(member));
  LEADFLOW_RETURN_IF_ERROR(writer->Connect(options.answer_timeout_ms));
  return std::unique_ptr<LogWriter>(std::move(writer));
}

Writer::Writer(const KafkaOptions& options, Topics* topics, std::string_view id,
               std::shared_ptr<const Generation> member)
    : options_(options),
      topics_(*topics),
      calls_(std::make_unique<BoundedCalls>()),
      transaction_(std::make_shared<Transaction>()) {
  transaction_->writer_id = id;
  transaction_->member = std::move(member);
}

Writer::~Writer() { Abort(); }

// A new producer, which ends whatever an older one with this id has left.
Status Writer::Connect(std::int64_t wait_ms) {
  const std::string& id = transaction_->writer_id;
  LEADFLOW_ASSIGN_OR_RETURN(std::shared_ptr<Client> client,
                            Client::New(RD_KAFKA_PRODUCER, options_, WriterSettings(options_, id),
                                        {.on_delivery = &OnDelivery, .events = 0}));
  const auto status = std::make_shared<Status>();
  calls_->Start(
      [client, status, id, wait_ms] { *status = InitTransactions(*client, id, wait_ms); });
  if (!calls_->Wait(wait_ms + 2 * kMarginMs)) {
    calls_->Abandon();
    calls_ = std::make_unique<BoundedCalls>();
    return client->StatusOf(RD_KAFKA_RESP_ERR__TIMED_OUT, "writer `" + id + "`");
  }
  LEADFLOW_RETURN_IF_ERROR(*status);
  transaction_->handles.clear();
  for (auto& [name, target] : transaction_->targets) {
    target.topic = nullptr;
    target.last_offset = -1;
  }
  transaction_->client = std::move(client);
  transaction_->phase = Phase::kGathered;
  transaction_->produced = transaction_->groups_sent = 0;
  transaction_->undelivered = nullptr;
  transaction_->unsure = false;
  renew_ = false;
  return {};
}

Status Writer::Begin() {
  LEADFLOW_CHECK(!open_);
  LEADFLOW_RETURN_IF_ERROR(ended_);
  if (renew_) LEADFLOW_RETURN_IF_ERROR(Connect(options_.commit_wait_ms));
  open_ = true;
  return {};
}

Status Writer::Append(const TopicPartition& partition, std::string_view key,
                      std::optional<std::string_view> value, std::string_view headers) {
  LEADFLOW_CHECK(open_ && !attempting_);
  if (last_target_ == nullptr || *last_target_->name != partition) {
    LEADFLOW_RETURN_IF_ERROR(topics_.Check(partition));
    last_target_ = TargetOf(partition);
  }
  const std::size_t size = key.size() + (value ? value->size() : 0) + headers.size();
  if (size + kRecordOverhead > kRecordBytesMax) {
    return Status::InvalidArgument("a record of " + std::to_string(size) + " bytes for " +
                                   NameOf(partition) +
                                   ": Kafka topics of the engine take at most " +
                                   std::to_string(kRecordBytesMax - kRecordOverhead));
  }
  if (size + kRecordOverhead > kTransactionBytes - transaction_->bytes) {
    return Status::InvalidArgument("a transaction of more than 256 MiB; commit before");
  }
  Gather(last_target_, key, value, headers);
  return {};
}

Transaction::Target* Writer::TargetOf(const TopicPartition& partition) {
  const auto at = transaction_->targets.try_emplace(partition).first;
  at->second.owner = transaction_.get();
  at->second.name = &at->first;
  return &at->second;
}

void Writer::Gather(Transaction::Target* target, std::string_view key,
                    std::optional<std::string_view> value, std::string_view headers) {
  const std::size_t value_size = value ? value->size() : 0;
  const std::size_t size = key.size() + value_size + headers.size();
  transaction_->bytes += size + kRecordOverhead;
  auto& chunks = transaction_->chunks;
  if (chunks.empty() || chunks.back().capacity() - chunks.back().size() < size) {
    chunks.emplace_back().reserve(std::max(kChunkBytes, size));
  }
  std::vector<char>& chunk = chunks.back();
  const std::size_t begin = chunk.size();
  chunk.insert(chunk.end(), key.begin(), key.end());
  if (value) chunk.insert(chunk.end(), value->begin(), value->end());
  chunk.insert(chunk.end(), headers.begin(), headers.end());
  transaction_->records.push_back(
      {target, chunk.data() + begin, key.size(), value_size, headers.size(), !value.has_value()});
}

Status Writer::SendOffset(std::string_view group, const TopicPartition& input,
                          std::int64_t offset) {
  LEADFLOW_CHECK(open_ && !attempting_);
  auto at = transaction_->offsets.find(group);
  if (at == transaction_->offsets.end()) {
    at = transaction_->offsets.try_emplace(std::string(group)).first;
  }
  at->second.push_back({input, offset});
  return {};
}

// False: it has not ended in time.
bool Writer::AwaitAttempt(const Meanwhile& meanwhile) {
  const std::int64_t wait_ms = options_.commit_wait_ms + kMarginMs;
  if (!meanwhile) return calls_->Wait(wait_ms);
  const Deadline deadline(wait_ms);
  while (!calls_->Wait(meanwhile() ? 0 : kLookMs)) {
    if (deadline.passed()) return false;
  }
  return true;
}

Status Writer::Commit(const Meanwhile& meanwhile) {
  LEADFLOW_CHECK(open_);
  if (transaction_->records.empty() && transaction_->offsets.empty()) {
    open_ = false;
    last_offsets_.clear();
    return {};
  }
  const std::int64_t wait_ms = options_.commit_wait_ms;
  if (!attempting_) {
    if (transaction_->phase == Phase::kBroken) LEADFLOW_RETURN_IF_ERROR(Connect(wait_ms));
    calls_->Start([transaction = transaction_, wait_ms] { Attempt(*transaction, wait_ms); });
    attempting_ = true;
  }
  if (!AwaitAttempt(meanwhile)) {
    ForsakeOffsetsCall();
    return Status::Unavailable("the transaction of writer `" + transaction_->writer_id +
                               "`: no answer from kafka brokers " + options_.brokers + " within " +
                               std::to_string(wait_ms) + " ms");
  }
  attempting_ = false;
  return Settle();
}

// After an attempt: what has become of the transaction.
Status Writer::Settle() {
  const Status status = transaction_->status;
  switch (transaction_->phase) {
    case Phase::kCommitted:
      last_offsets_.clear();
      for (const auto& [name, target] : transaction_->targets) {
        if (target.last_offset >= 0) last_offsets_.emplace(name, target.last_offset);
      }
      Clear();
      return {};
    case Phase::kFenced:
    case Phase::kUnknown:
      ended_ = status;
      Clear();
      return status;
    default:
      if (!status.retryable()) {
        renew_ = transaction_->phase != Phase::kGathered;
        Clear();
      }
      return status;
  }
}

void Writer::Clear() {
  transaction_->records.clear();
  transaction_->offsets.clear();
  // One chunk serves the next transaction.
  if (transaction_->chunks.size() > 1) transaction_->chunks.resize(1);
  for (std::vector<char>& chunk : transaction_->chunks) chunk.clear();
  for (auto& [name, target] : transaction_->targets) target.last_offset = -1;
  transaction_->bytes = 0;
  transaction_->produced = transaction_->groups_sent = 0;
  transaction_->undelivered = nullptr;
  transaction_->unsure = false;
  transaction_->phase = Phase::kGathered;
  open_ = false;
}

// Leaves the transaction to a call that does not end, and begins with a new producer.
void Writer::Forsake() {
  auto next = std::make_shared<Transaction>();
  next->writer_id = transaction_->writer_id;
  next->member = transaction_->member;
  transaction_ = std::move(next);
  last_target_ = nullptr;
  calls_->Abandon();
  calls_ = std::make_unique<BoundedCalls>();
  attempting_ = false;
  renew_ = true;
}

// If librdkafka is at the offsets, it will not come back, and the end of the transaction was not
// sent: a new producer aborts it and sends all of it again.
void Writer::ForsakeOffsetsCall() {
  auto running = Transaction::OffsetsCall::kRunning;
  if (!transaction_->offsets_call.compare_exchange_strong(running,
                                                          Transaction::OffsetsCall::kForsaken)) {
    return;
  }
  const std::shared_ptr<const Transaction> old = transaction_;
  Forsake();
  // Gathered anew, for the call that is left behind may still look at the old one.
  for (const Transaction::Record& record : old->records) {
    const char* const value = record.bytes + record.key_size;
    Gather(
        TargetOf(*record.target->name), {record.bytes, record.key_size},
        record.tombstone ? std::nullopt : std::optional(std::string_view(value, record.value_size)),
        {value + record.value_size, record.headers_size});
  }
  transaction_->offsets = old->offsets;
  transaction_->phase = Phase::kBroken;
}

void Writer::Abort() {
  if (!open_) return;
  if (attempting_ && !calls_->Wait(options_.commit_wait_ms)) {
    ended_ = {ErrorCode::kInternal,
              "writer `" + transaction_->writer_id +
                  "` gave up a transaction that may be committed: start again"};
    Forsake();
    open_ = false;
    return;
  }
  attempting_ = false;
  switch (transaction_->phase) {
    case Phase::kGathered: break;
    case Phase::kProducing:
    case Phase::kOffsets:
    case Phase::kAborting: {
      // A new producer aborts what the brokers still hold open, if they are not told so now.
      transaction_->phase = Phase::kAborting;
      calls_->Start([transaction = transaction_] { AttemptAbort(*transaction); });
      if (!calls_->Wait(options_.commit_wait_ms)) {
        Forsake();
        open_ = false;
        return;
      }
      renew_ = transaction_->phase != Phase::kGathered;
      break;
    }
    case Phase::kBroken: renew_ = true; break;
    case Phase::kFenced: ended_ = transaction_->status; break;
    case Phase::kEnding:
    case Phase::kCommitted:
    case Phase::kUnknown:
      ended_ = {ErrorCode::kInternal,
                "writer `" + transaction_->writer_id +
                    "` gave up a transaction that may be committed: start again"};
      break;
  }
  Clear();
}

std::int64_t Writer::LastOffset(const TopicPartition& partition) const {
  const auto found = last_offsets_.find(partition);
  return found == last_offsets_.end() ? -1 : found->second;
}

}  // namespace leadflow::kafka
