// StreamThread: the tasks of some partitions, and the one transaction they share. Not a thread
// itself: whoever owns it calls Step in a loop, a thread of the process or a simulation. Every Step
// is a function of the log, the inputs, the clock and what was before.
//
// A thread holds some partitions of every stage, and the source partitions whose changelog
// partition is one of them. A message for a partition of the same thread is handed over in memory,
// in the same transaction; for another thread it travels through the log in blocks. Of what senders
// that are here now have sent from elsewhere before, a partition's topic may hold some: see
// detours.cc.
//
//     Start -> Step* -> Close -> ReleaseStores
//
// While a commit is on its way the thread goes on: it reads sources and handles what becomes of
// them, for the next commit, but for the facts, whose rows tell what is committed.
//
// After an error of any call only ReleaseStores and the destructor may be called: what was
// committed is safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/log/log.h"
#include "engine/runtime/block.h"
#include "engine/runtime/exchange.h"
#include "engine/runtime/plan.h"
#include "engine/runtime/task.h"
#include "engine/state/store_factory.h"

namespace leadflow {

// Opens the store of a task, by a name that is a valid file name. One that `keep` does not want is
// emptied.
using StoreOpener = std::function<Result<std::unique_ptr<KeyedStore>>(
    const std::string& name, const StoreFactory::Keep& keep)>;

// Deliberate mistakes in the commit protocol, to test that the simulation finds them.
enum class Mutation : std::uint8_t {
  kNone,
  kOffsetNotInBatch,   // State is committed without the position it belongs to.
  kApplyBeforeCommit,  // The store is written before the transaction is durable.
  kDropChained,        // Now and then a message handed over in memory is lost.
  kCommitTwice,        // A committed transaction is sent again.
  kKeepStagedOnAbort,  // An abort rewinds the inputs and keeps the staged writes.
  kAheadNotSealed,     // What is done while a commit is on its way counts as part of it.
};

struct ThreadOptions {
  std::int64_t commit_interval_ms = 200;
  std::int64_t commit_bytes = std::int64_t{16} << 20;
  std::size_t slice_bytes = std::size_t{256} << 10;  // Of a source or the log, per step.
  std::int64_t backlog_bytes = std::int64_t{64} << 20;
  std::int64_t flush_interval_ms = 60'000;
  std::int64_t flush_bytes = std::int64_t{256} << 20;
  std::size_t openers = 4;  // Of stores, at once.
  // Commit as soon as all inputs are at their end and nothing is left to do.
  bool until_end = false;

  // For tests. `crash` is asked at every named step of a commit; true ends the call with
  // kCancelled.
  std::function<bool(std::string_view point)> crash;
  Mutation mutation = Mutation::kNone;
};

// What a thread holds.
struct ThreadShare {
  std::vector<std::uint32_t> partitions;  // Ascending.
  std::string writer_id;                  // An older thread with it is fenced.
  const Membership* member = nullptr;  // The thread is fenced with its share; null: only by the id.
};

class StreamThread {
 public:
  // All references outlive the thread. `index`: of its place in the exchange.
  StreamThread(const Plan& plan, Log& log, Exchange& exchange, Clock& clock, StoreOpener open_store,
               ThreadOptions options, std::uint32_t index, ThreadShare share);
  ~StreamThread();
  StreamThread(const StreamThread&) = delete;
  StreamThread& operator=(const StreamThread&) = delete;

  // Fences older owners of its partitions, brings every store up to date from its changelog and
  // seeks the inputs to where the state is. `go_on` is asked now and then; no: kCancelled.
  Status Start(const std::function<bool()>& go_on = {});

  // Does one piece of work, at most about 50 ms; false: there was nothing to do, wait a moment.
  // kFailedPrecondition: fenced, another process has taken over. "no space left": the disk is full.
  Result<bool> Step();

  // The next Step commits.
  void RequestCommit() { commit_requested_ = true; }

  // Commits what is done, so that others can go on with it.
  Status GiveUp();

  // Commits and calls `committed`; then flushes the stores, drops what is not needed any more from
  // the log and lets the operators go. After it only the committed state may be asked for.
  Status Close(const std::function<void()>& committed = {});

  // Whether the last error came from the writer in such a way that another one may do better: this
  // one is fenced, or the log does not answer, or nobody knows what became of a commit.
  bool writer_failed() const { return writer_failed_; }

  // Hands over the stores, with what is committed, by their names.
  void ReleaseStores(
      const std::function<void(const std::string& name, std::unique_ptr<KeyedStore>)>& take);

  // The committed state of a stage's partitions here. Any thread, between Start and destruction.
  void VisitStores(
      Stage stage,
      const std::function<void(std::uint32_t partition, const KeyedStore& store)>& visit) const;

  Exchange::CounterValues counters() const { return SumCounters(false); }

 private:
  struct Source;
  struct Outbox;
  struct Detour;
  struct Handover;
  struct Inputs;

  // start.cc
  Status OpenWriter();
  Result<Inputs> FenceOthers(const std::function<bool()>& go_on);
  void FenceAbsent(const Inputs& inputs);
  Status MakeStage(Stage stage, std::string_view stage_name);
  void MakeSources();
  Status HoldStores();
  Status HoldStore(Task* task);
  Status RestoreOnce(const Inputs& inputs, const std::function<bool()>& go_on);
  Status RestoreStores(const Inputs& inputs, const std::function<bool()>& go_on);
  Result<std::string> BehindGroup(const Inputs& inputs);
  Status OpenTasks();
  Task& TaskOf(const Inputs& inputs, std::size_t i) const;
  Status SeekInputs();
  TopicPartition InputOf(const Task& task) const;

  // detours.cc
  Status BuildRoutes();
  Target AddOutbox(const std::string& topic, Stage stage, std::uint32_t partition, bool counted);
  Result<Target> TargetOf(Stage stage, std::uint32_t partition, Task* task);
  bool BacklogHandled() const;
  void EndDetours();
  bool HandingOver() const;
  void Rest(bool rest);

  // stream_thread.cc
  bool CommitDue() const;
  bool Clean() const;
  bool SourcesAtEnd() const;
  bool Owes() const;
  Result<bool> DrainOne();
  Result<bool> PollLog();
  Status TakeBlock(const TopicPartition& from, const LogRecord& record);
  Result<bool> ReadSources();
  Result<bool> ReadSource(Source& source);
  Status Recover(const Status& error);
  Status Rewind();
  bool NoteEnds();
  bool SourcesSilent() const;
  Task* TaskOf(const TopicPartition& input);
  Status Crash(std::string_view point) const;

  // commit.cc
  Status Commit();
  Status PrepareAll();
  Status PrepareRound(bool force, bool* again);
  Status Drain(std::vector<std::unique_ptr<Task>>& tasks);
  void PassMarksToEvents();
  void PassMarksToFacts();
  Status FillTransaction();
  Status AppendTask(Task& task);
  Status AppendPublished(const Task& task);
  Status AppendOffsets();
  Status AppendOutboxes();
  void SealAll();
  bool WorkAhead();
  Result<bool> StepAhead();
  void NoteSent();
  Status SendTransaction();
  Status TryCommit();
  Status AfterCommit();
  Status ApplyAll();
  void Publish();
  Exchange::CounterValues SumCounters(bool of_this_process) const;
  Status Flush(bool wait);
  Status PurgeLog();
  template <class F>
  Status ForEachTask(const F& f);

  const Plan& plan_;
  Log& log_;
  Exchange& exchange_;
  Clock& clock_;
  const StoreOpener open_store_;
  const ThreadOptions options_;
  const std::uint32_t index_;
  const ThreadShare share_;

  std::unique_ptr<LogReader> reader_;
  std::unique_ptr<LogWriter> writer_;
  std::vector<std::unique_ptr<Outbox>> outboxes_;
  Routes routes_;  // Of ingest and events.
  Routes facts_routes_;
  std::vector<Detour> detours_;      // Of partitions of this thread.
  std::vector<Handover> handovers_;  // Of partitions whose detour has ended.
  bool resting_ = false;             // Inputs that are not handed over wait.
  std::vector<Source> sources_;
  std::vector<std::unique_ptr<Task>> ingest_;
  std::vector<std::unique_ptr<Task>> events_;
  std::vector<std::unique_ptr<Task>> facts_;
  std::vector<Task*> events_by_partition_;  // Null: another thread's.
  std::vector<Task*> facts_by_partition_;

  std::size_t next_source_ = 0;
  bool commit_requested_ = false;
  bool committing_ = false;  // The transaction is filled; Commit has to be called (again).
  bool sealed_ = false;      // What it holds is sealed: what is done now is the next one's.
  bool leaving_ = false;     // Nothing is done ahead any more.
  Status ahead_error_;       // Of what was done ahead; it waits for the commit.
  int commit_attempts_ = 0;
  std::int64_t commit_began_ns_ = 0;  // The last one.
  bool writer_failed_ = false;
  std::int64_t last_commit_ns_ = 0;  // Its end.
  std::int64_t last_commit_took_ns_ = 0;
  bool caught_up_ = false;  // Since the last commit there was a moment in which nothing was left.
  std::int64_t last_flush_ns_ = 0;
  std::optional<std::int64_t> fenced_absent_ns_;  // When it was last tried.
  std::int64_t applied_bytes_ = 0;                // Since the last flush.
  std::int64_t messages_read_ = 0;
  std::int64_t messages_sealed_ = 0, messages_committed_ = 0;
  std::uint64_t drains_ = 0;

  // Scratch, kept for its memory.
  std::vector<MessageView> block_messages_;
  std::vector<BlockMark> block_marks_;
  std::string key_;
};

}  // namespace leadflow
