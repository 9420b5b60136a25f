// A job as small as a job can be, for tests of the runtime: messages "key=number" are summed per
// key in the events stage and per first letter of the key in the facts stage.
//
//   "a=5"       adds 5 to a            "a=>b=5"    goes on from a to b, which may lie elsewhere
//   "a=poison"  fails with kInternal   "a=away"    fails with kUnavailable
//   no "="      is refused by ingest
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/base/clock.h"
#include "engine/log/embedded_log.h"
#include "engine/log/memory_file_system.h"
#include "engine/runtime/runtime.h"
#include "engine/state/memory_store.h"

namespace leadflow::toy {

#define EXPECT_OK(expression)                                    \
  do {                                                           \
    const ::leadflow::Status expect_status = (expression);       \
    EXPECT_TRUE(expect_status.ok()) << expect_status.ToString(); \
  } while (false)

using Messages = std::vector<std::string>;
using Sums = std::map<std::string, std::int64_t>;

// A source that hands over `batch` messages of a list at a time. `followed`: never at its end;
// `idle`: what it then says while it has nothing.
class ListSource final : public SourceReader {
 public:
  ListSource(const Messages& messages, std::size_t batch, bool followed, const bool& idle)
      : messages_(messages), batch_(batch), followed_(followed), idle_(idle) {}

  Status Seek(std::string_view position) override;
  Result<std::size_t> Read(std::size_t max_bytes,
                           const std::function<void(std::span<const MessageView>)>& handle,
                           const Bad& bad) override;
  std::string position() const override { return std::to_string(next_); }
  bool AtEnd() const override { return !followed_ && next_ == messages_.size(); }
  bool Idle() const override { return idle_; }
  std::int64_t bytes_read() const override { return static_cast<std::int64_t>(next_); }
  std::int64_t bytes_total() const override { return static_cast<std::int64_t>(messages_.size()); }

 private:
  const Messages& messages_;
  const std::size_t batch_;
  const bool followed_;
  const bool& idle_;
  std::size_t next_ = 0;
};

std::unique_ptr<Operator> MakeIngest();
std::unique_ptr<Operator> MakeSums();    // events stage
std::unique_ptr<Operator> MakeTotals();  // facts stage

// The sums that a store of either stage has committed.
void AddSums(const KeyedStore& store, Sums* sums);

// A disk, and what one process after the other does with it.
struct Machine {
  explicit Machine(std::vector<Messages> lists) : inputs(std::move(lists)) {
    options.until_end = true;
  }

  // The plan over `inputs`, one source partition each. Borrows this.
  Plan MakePlan() const;
  // Opens the log anew: a process begins.
  void OpenLog();
  // Runs a whole job to the end of its inputs.
  Status Run(std::uint32_t threads = 1);
  // What stands in the topic of dead letters.
  Messages DeadLetters();

  std::vector<Messages> inputs;
  std::size_t batch = 3;
  std::uint32_t partitions = 4;
  std::uint64_t rules_hash = 7;
  bool followed = false;
  bool idle = true;
  bool ahead = false;     // All there is is done while a commit is on its way.
  ThreadOptions options;  // until_end is set.

  MemoryFileSystem files;
  MemoryStoreFactory stores;
  std::unique_ptr<EmbeddedLog> log;
  // Of the last Run that ended well.
  Sums sums;    // By key.
  Sums totals;  // By first letter.
  Exchange::CounterValues counters;
  std::int64_t messages_read = 0;  // As shown to people while it ran.
};

}  // namespace leadflow::toy
