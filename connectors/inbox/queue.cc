#include "connectors/inbox/queue.h"

#include <system_error>
#include <utility>

namespace leadflow {

Result<std::unique_ptr<InboxQueue>> InboxQueue::Start(Log* log, std::string writer_id,
                                                      Trouble trouble) {
  auto queue = std::make_unique<InboxQueue>(log, std::move(writer_id), std::move(trouble));
  try {
    queue->thread_ = std::thread([it = queue.get()] { it->Run(); });
  } catch (const std::system_error& no_thread) {
    return Status(ErrorCode::kInternal, std::string("cannot start a thread: ") + no_thread.what());
  }
  return queue;
}

InboxQueue::InboxQueue(Log* log, std::string writer_id, Trouble trouble)
    : log_(*log), writer_id_(std::move(writer_id)), trouble_(std::move(trouble)) {}

InboxQueue::~InboxQueue() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (const Item& item : waiting_) item.done({ErrorCode::kCancelled, "stopping"});
}

bool InboxQueue::Add(std::string_view topic, std::string record, Done done) {
  const std::lock_guard lock(mutex_);
  if (ending_ || bytes_ + record.size() > kBytesMax) return false;
  bytes_ += record.size();
  waiting_.push_back({std::string(topic), std::move(record), std::move(done)});
  changed_.notify_all();
  return true;
}

void InboxQueue::Run() {
  while (true) {
    std::vector<Item> items;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      if (ending_) return;
      items.swap(waiting_);
    }
    const Status written = Write(items);
    // Whatever became of the transaction, the next one begins with a clean writer.
    if (!written.ok()) writer_.reset();
    if (!written.ok() && trouble_) trouble_(written.WithContext("webhooks"));
    std::size_t bytes = 0;
    for (const Item& item : items) {
      bytes += item.record.size();
      item.done(written);
    }
    const std::lock_guard lock(mutex_);
    bytes_ -= bytes;
  }
}

Status InboxQueue::Write(const std::vector<Item>& items) {
  if (writer_ == nullptr) {
    LEADFLOW_ASSIGN_OR_RETURN(writer_, log_.NewWriter(writer_id_));
  }
  LEADFLOW_RETURN_IF_ERROR(writer_->Begin());
  for (const Item& item : items) {
    LEADFLOW_RETURN_IF_ERROR(writer_->Append({item.topic, 0}, {}, item.record));
  }
  return writer_->Commit();
}

}  // namespace leadflow
