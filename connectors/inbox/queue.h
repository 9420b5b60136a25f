// InboxQueue: what has arrived, on its way into the log. A thread of its own puts all that waits
// into one transaction, so that many senders share one commit, and tells each when it is durable.
//
// Bounded: see kBytesMax. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/base/status.h"
#include "engine/log/log.h"

namespace leadflow {

class InboxQueue {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{16} << 20;  // That wait.

  // Called once, by the queue's thread or by its destructor. Not OK: it may or may not be in the
  // log; the sender is to send it again.
  using Done = std::function<void(const Status&)>;
  // What went wrong with a transaction; null: nobody wants to know.
  using Trouble = std::function<void(const Status&)>;

  // `log` outlives it; the topics exist. `writer_id`: nobody else's, the same after a restart.
  // kInternal: no thread.
  static Result<std::unique_ptr<InboxQueue>> Start(Log* log, std::string writer_id,
                                                   Trouble trouble);
  InboxQueue(Log* log, std::string writer_id, Trouble trouble);  // Use Start.
  ~InboxQueue();
  InboxQueue(const InboxQueue&) = delete;
  InboxQueue& operator=(const InboxQueue&) = delete;

  // False: too much waits already; `done` is not called.
  bool Add(std::string_view topic, std::string record, Done done);

 private:
  struct Item {
    std::string topic;
    std::string record;
    Done done;
  };

  void Run();
  Status Write(const std::vector<Item>& items);

  Log& log_;
  const std::string writer_id_;
  const Trouble trouble_;
  std::unique_ptr<LogWriter> writer_;  // Of the thread. Null: to be made.

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Item> waiting_;  // Guarded by mutex_.
  std::size_t bytes_ = 0;      // Guarded by mutex_. Of all that is not done.
  bool ending_ = false;        // Guarded by mutex_.
  std::thread thread_;
};

}  // namespace leadflow
