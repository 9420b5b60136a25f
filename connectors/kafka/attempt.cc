// One attempt to bring a transaction to its end, and what each class of error makes of it.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "connectors/kafka/absent.h"
#include "connectors/kafka/writer.h"
#include "engine/base/record_header.h"

namespace leadflow::kafka {
namespace {

using Phase = Transaction::Phase;

constexpr int kPauseMs = 20;
constexpr std::int64_t kAbortWaitMs = 5'000;

// The steps return true if the next one may follow; else `phase` and `status` tell why not.
class Sending {
 public:
  Sending(Transaction* transaction, std::int64_t wait_ms)
      : transaction_(*transaction),
        client_(*transaction->client),
        handle_(transaction->client->get()),
        deadline_(wait_ms) {}

  // Only tells the brokers to abort.
  void RunAbort() {
    transaction_.status = {};
    static_cast<void>(Abort());
  }

  void Run() {
    transaction_.status = {};
    if (transaction_.phase == Phase::kAborting && !Abort()) return;
    if (Begin() && Produce() && SendOffsets() && End()) return;
    if (transaction_.phase == Phase::kAborting) static_cast<void>(Abort());
  }

 private:
  std::string What() const { return "the transaction of writer `" + transaction_.writer_id + "`"; }

  bool Begin() {
    if (transaction_.phase != Phase::kGathered) return true;
    if (!Fine(rd_kafka_begin_transaction(handle_))) return false;
    transaction_.phase = Phase::kProducing;
    return true;
  }

  bool Produce() {
    if (transaction_.phase != Phase::kProducing) return true;
    for (; transaction_.produced < transaction_.records.size(); ++transaction_.produced) {
      if (!ProduceOne(transaction_.records[transaction_.produced])) return false;
    }
    transaction_.phase = Phase::kOffsets;
    return true;
  }

  bool ProduceOne(const Transaction::Record& record) {
    Transaction::Target& target = *record.target;
    if (target.topic == nullptr) {
      Topic& topic = transaction_.handles[target.name->topic];
      if (topic == nullptr) {
        topic.reset(rd_kafka_topic_new(handle_, target.name->topic.c_str(), nullptr));
      }
      target.topic = topic.get();
    }
    // An empty key is a key: compacted topics refuse records without one. librdkafka copies, for
    // what it holds may outlive this transaction.
    while (true) {
      const rd_kafka_resp_err_t error = Give(record);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
      if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) return Refused(error, target);
      if (deadline_.passed()) return Late();
      rd_kafka_poll(handle_, kPauseMs);
    }
  }

  rd_kafka_resp_err_t Give(const Transaction::Record& record) {
    char* const value = const_cast<char*>(record.bytes) + record.key_size;
    void* const bytes = record.tombstone ? nullptr : value;
    const auto partition = static_cast<std::int32_t>(record.target->name->partition);
    if (record.headers_size == 0) {
      return rd_kafka_produce(record.target->topic, partition, RD_KAFKA_MSG_F_COPY, bytes,
                              record.value_size, record.bytes, record.key_size, record.target) == 0
                 ? RD_KAFKA_RESP_ERR_NO_ERROR
                 : rd_kafka_last_error();
    }
    rd_kafka_headers_t* const headers = rd_kafka_headers_new(8);
    WireReader reader({value + record.value_size, record.headers_size});
    for (RecordHeader header; NextHeader(&reader, &header);) {
      rd_kafka_header_add(headers, header.name.data(), static_cast<ssize_t>(header.name.size()),
                          header.value.data(), static_cast<ssize_t>(header.value.size()));
    }
    // The headers belong to librdkafka once it has taken the record.
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        handle_, RD_KAFKA_V_RKT(record.target->topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(bytes, record.value_size),
        RD_KAFKA_V_KEY(record.bytes, record.key_size), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE(record.target), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(headers);
    return error;
  }

  // librdkafka takes no record any more: its own reason comes with the next call.
  bool Refused(rd_kafka_resp_err_t error, const Transaction::Target& target) {
    if (error == RD_KAFKA_RESP_ERR__FATAL || error == RD_KAFKA_RESP_ERR__STATE) {
      return Fine(rd_kafka_commit_transaction(handle_, deadline_.remaining_ms())) && Impossible();
    }
    transaction_.undelivered = target.name;
    transaction_.delivery_error = error;
    transaction_.phase = Phase::kAborting;
    return false;
  }

  bool Impossible() {
    transaction_.phase = Phase::kUnknown;
    transaction_.status = {ErrorCode::kInternal, What() + ": librdkafka committed a part of it"};
    return false;
  }

  bool Late() {
    transaction_.status = client_.StatusOf(RD_KAFKA_RESP_ERR__TIMED_OUT, What());
    return false;
  }

  // Of every group, also if they have not moved: only this fences a writer that was left behind.
  bool SendOffsets() {
    if (transaction_.phase != Phase::kOffsets) return true;
    std::size_t index = 0;
    for (const auto& [group, offsets] : transaction_.offsets) {
      if (index++ < transaction_.groups_sent) continue;
      const Generation nobody{
          group, "",
          decltype(Generation::metadata)(rd_kafka_consumer_group_metadata_new(group.c_str()))};
      const Generation* const member = transaction_.member.get();
      const Generation& as = member != nullptr && member->group == group ? *member : nobody;
      const std::string note = as.member.empty() ? "" : NoteOf(as.member, transaction_.writer_id);
      const Offsets list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
      for (const Transaction::InputOffset& one : offsets) {
        const auto partition = static_cast<std::int32_t>(one.input.partition);
        rd_kafka_topic_partition_t* const to =
            rd_kafka_topic_partition_list_add(list.get(), one.input.topic.c_str(), partition);
        to->offset = one.offset;
        if (!note.empty()) Attach(note, to);
      }
      if (!Repeat([&](int wait_ms) { return Send(list.get(), as.metadata.get(), wait_ms); })) {
        return false;
      }
      ++transaction_.groups_sent;
    }
    transaction_.phase = Phase::kEnding;
    return true;
  }

  // librdkafka frees it with the list.
  void Attach(const std::string& note, rd_kafka_topic_partition_t* to) const {
    to->metadata = rd_kafka_mem_malloc(handle_, note.size());
    to->metadata_size = note.size();
    std::memcpy(to->metadata, note.data(), note.size());
  }

  rd_kafka_error_t* Send(const rd_kafka_topic_partition_list_t* offsets,
                         const rd_kafka_consumer_group_metadata_t* group, int wait_ms) {
    using Call = Transaction::OffsetsCall;
    transaction_.offsets_call = Call::kRunning;
    rd_kafka_error_t* const error =
        rd_kafka_send_offsets_to_transaction(handle_, offsets, group, wait_ms);
    Call running = Call::kRunning;
    transaction_.offsets_call.compare_exchange_strong(running, Call::kNone);
    return error;
  }

  bool End() {
    if (transaction_.phase != Phase::kEnding) return true;
    if (!Delivered()) return false;
    if (!Repeat([&](int wait_ms) { return rd_kafka_commit_transaction(handle_, wait_ms); })) {
      return false;
    }
    transaction_.phase = Phase::kCommitted;
    return true;
  }

  // If the first request to a partition fails that is new, and those behind it do not, the broker
  // takes the first for a duplicate when it comes again, and librdkafka reports its records as
  // written, without an offset. They are not.
  bool Delivered() {
    if (rd_kafka_flush(handle_, deadline_.remaining_ms()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return Late();
    }
    if (!transaction_.unsure) return true;
    transaction_.status = Status::Unavailable(What() + ": a record was not written");
    transaction_.phase = Phase::kAborting;
    return false;
  }

  // A record that cannot be delivered says more than the transaction that fails of it. A fenced one
  // tells the abort that follows.
  Status Cause() const {
    const rd_kafka_resp_err_t error = transaction_.delivery_error;
    if (transaction_.undelivered == nullptr) return transaction_.status;
    if (!transaction_.status.ok() && (Client::Transient(error) || Client::Fenced(error))) {
      return transaction_.status;
    }
    return client_.StatusOf(error, NameOf(*transaction_.undelivered));
  }

  // To kGathered, with `status` telling why; a reason that may pass becomes kUnavailable.
  bool Abort() {
    const Status cause = Cause();
    deadline_ = Deadline(kAbortWaitMs);
    if (!Repeat([&](int wait_ms) { return rd_kafka_abort_transaction(handle_, wait_ms); })) {
      return false;
    }
    transaction_.phase = Phase::kGathered;
    transaction_.produced = 0;
    transaction_.groups_sent = 0;
    transaction_.undelivered = nullptr;
    transaction_.delivery_error = RD_KAFKA_RESP_ERR_NO_ERROR;
    transaction_.unsure = false;
    for (auto& [name, target] : transaction_.targets) target.last_offset = -1;
    transaction_.status = cause;
    return true;
  }

  template <class Call>
  bool Repeat(const Call& call) {
    while (true) {
      const bool late = deadline_.passed();
      rd_kafka_error_t* const error = call(deadline_.remaining_ms());
      if (transaction_.offsets_call == Transaction::OffsetsCall::kForsaken) {
        rd_kafka_error_destroy(error);
        return false;
      }
      if (error == nullptr) return true;
      if (late || rd_kafka_error_is_retriable(error) == 0) return Fine(error);
      rd_kafka_error_destroy(error);
      rd_kafka_poll(handle_, kPauseMs);
    }
  }

  // Judges an error of the transaction by its class, and frees it. True: there is none.
  bool Fine(rd_kafka_error_t* error) {
    if (error == nullptr) return true;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    const bool fatal = rd_kafka_error_is_fatal(error) != 0;
    const bool abortable = rd_kafka_error_txn_requires_abort(error) != 0;
    const bool retriable = rd_kafka_error_is_retriable(error) != 0;
    std::string said = rd_kafka_error_string(error);
    rd_kafka_error_destroy(error);
    if (fatal) {
      std::array<char, 512> text{};
      code = rd_kafka_fatal_error(handle_, text.data(), text.size());
      said = text.data();
    }
    if (Client::Fenced(code) && abortable && !fatal) {
      transaction_.phase = Phase::kAborting;
      transaction_.status = {ErrorCode::kFailedPrecondition,
                             "writer `" + transaction_.writer_id +
                                 "` is fenced: its member of the group has lost its partitions (" +
                                 said + ")"};
    } else if (Client::Fenced(code)) {
      transaction_.phase = Phase::kFenced;
      transaction_.status = {ErrorCode::kFailedPrecondition,
                             "writer `" + transaction_.writer_id +
                                 "` is fenced: a newer one with its id was started, or it was "
                                 "silent for longer than a transaction may last"};
    } else if (retriable) {
      transaction_.status =
          Status::Unavailable(std::string(client_.StatusOf(code, What()).message()));
    } else if (abortable && !fatal) {
      const Status status = client_.StatusOf(code, What());
      const bool passes = status.retryable() || status.code() == ErrorCode::kInternal;
      transaction_.status = passes ? Status::Unavailable(What() + " was aborted: " + said) : status;
      transaction_.phase = Phase::kAborting;
    } else if (transaction_.phase == Phase::kEnding) {
      transaction_.phase = Phase::kUnknown;
      transaction_.status = {
          ErrorCode::kInternal,
          What() + ": it is not known whether it was committed (" + said + "): start again"};
    } else {
      transaction_.phase = Phase::kBroken;
      transaction_.status = Status::Unavailable(What() + " needs a new producer: " + said);
    }
    return false;
  }

  Transaction& transaction_;
  const Client& client_;
  rd_kafka_t* handle_;
  Deadline deadline_;
};

}  // namespace

void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto* const target = static_cast<Transaction::Target*>(message->_private);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset < 0) {
    target->owner->unsure = true;
  } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    target->last_offset = std::max(target->last_offset, message->offset);
  } else if (target->owner->undelivered == nullptr) {
    target->owner->undelivered = target->name;
    target->owner->delivery_error = message->err;
  }
}

void Attempt(Transaction& transaction, std::int64_t wait_ms) {
  Sending(&transaction, wait_ms).Run();
}

void AttemptAbort(Transaction& transaction) { Sending(&transaction, kAbortWaitMs).RunAbort(); }

}  // namespace leadflow::kafka
