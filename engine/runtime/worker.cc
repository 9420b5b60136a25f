#include "engine/runtime/worker.h"

#include <utility>

#include "engine/state/memory_store.h"

namespace leadflow {
namespace {

constexpr std::int64_t kPauseNs = 1'000'000'000;
// A membership may end by the group's mistake, but not again and again.
constexpr int kRejoinsMax = 10;
constexpr std::int64_t kRejoinsApartNs = 60 * kPauseNs;

}  // namespace

Worker::Worker(const Plan& plan, Log& log, Exchange& exchange, Clock& clock, StorePool& stores,
               WorkerOptions options, std::uint32_t index)
    : plan_(plan),
      log_(log),
      exchange_(exchange),
      clock_(clock),
      stores_(stores),
      options_(std::move(options)),
      index_(index) {}

Worker::~Worker() {
  if (thread_ != nullptr) Release(thread_.get());
}

std::string Worker::Name() const {
  const std::string index = std::to_string(index_);
  return options_.member.empty() ? index : options_.member + "-" + index;
}

Status Worker::Join() {
  LEADFLOW_ASSIGN_OR_RETURN(membership_, log_.Join(plan_.app, plan_.events_topic(), Name()));
  return {};
}

// Sources keep a few bytes. Where the whole changelog is at hand, they need no store on disk.
Result<std::unique_ptr<KeyedStore>> Worker::OpenStore(const std::string& name,
                                                      const StoreFactory::Keep& keep) {
  if (options_.member.empty() && name.starts_with("ingest-")) {
    return std::unique_ptr<KeyedStore>(
        std::make_unique<MemoryStore>(std::make_shared<MemoryStore::Data>()));
  }
  return stores_.Take(name, keep);
}

void Worker::Release(StreamThread* thread) {
  thread->ReleaseStores([this](const std::string& name, std::unique_ptr<KeyedStore> store) {
    if (options_.member.empty() && name.starts_with("ingest-")) return;
    stores_.Give(name, std::move(store), clock_.MonotonicNanos());
  });
}

void Worker::Drop() {
  const std::lock_guard lock(mutex_);
  if (thread_ == nullptr) return;
  Release(thread_.get());
  thread_.reset();
  exchange_.SetBusy(index_);
  exchange_.progress(index_).restored.store(false);
  exchange_.progress(index_).partitions.store(0);
  exchange_.Withdraw(index_);
}

// False if it may pass: waits a while before it begins anew.
Result<bool> Worker::Endure(const Status& status, const StreamThread* thread) {
  if (!options_.patient || (!status.retryable() && !thread->writer_failed())) return status;
  if (options_.on_trouble) options_.on_trouble(status);
  wait_until_ns_ = clock_.MonotonicNanos() + kPauseNs;
  return false;
}

// The membership has ended: becomes a member anew.
Result<bool> Worker::Rejoin(const Status& status) {
  const std::int64_t now_ns = clock_.MonotonicNanos();
  if (now_ns - last_rejoin_ns_ > kRejoinsApartNs) rejoins_ = 0;
  last_rejoin_ns_ = now_ns;
  const bool may_pass = status.code() != ErrorCode::kInvalidArgument;
  if (!options_.patient || !may_pass || ++rejoins_ > kRejoinsMax) return status;
  if (options_.on_trouble) options_.on_trouble(status);
  Drop();
  membership_.reset();
  LEADFLOW_RETURN_IF_ERROR(Join());
  wait_until_ns_ = now_ns + kPauseNs;
  return false;
}

Result<bool> Worker::Begin(const std::function<bool()>& stop) {
  ThreadShare share;
  share.partitions.assign(membership_->partitions().begin(), membership_->partitions().end());
  share.writer_id = plan_.app + "-" + Name();
  share.member = membership_.get();
  auto thread = std::make_unique<StreamThread>(
      plan_, log_, exchange_, clock_,
      [this](const std::string& name, const StoreFactory::Keep& keep) {
        return OpenStore(name, keep);
      },
      options_.thread, index_, std::move(share));
  const Status status = thread->Start([&] {
    const Result<Membership::State> state = membership_->Poll();
    return state.ok() && *state == Membership::State::kAssigned && !stop();
  });
  if (status.ok()) {
    const std::lock_guard lock(mutex_);
    thread_ = std::move(thread);
    return true;
  }
  Release(thread.get());
  const Result<Membership::State> state = membership_->Poll();
  const bool held = state.ok() && *state == Membership::State::kAssigned;
  if (status.code() == ErrorCode::kCancelled && (!held || stop())) return true;
  return Endure(status, thread.get());
}

// What is held is asked back, or lost.
Status Worker::End(Membership::State state) {
  Status status;
  exchange_.activity().rebalances.fetch_add(1);
  if (thread_ != nullptr && state == Membership::State::kLost) {
    exchange_.activity().Rewound(RewindCause::kMembership);
  }
  if (thread_ != nullptr && state == Membership::State::kRevoked) {
    status = thread_->GiveUp();
    if (!status.ok()) status = Endure(status, thread_.get()).status();
  }
  Drop();
  membership_->Release();
  return status;
}

Result<bool> Worker::Step(const std::function<bool()>& stop) {
  const Result<Membership::State> state = membership_->Poll();
  if (!state.ok()) return Rejoin(state.status());
  switch (*state) {
    case Membership::State::kNothing: return false;
    case Membership::State::kRevoked:
    case Membership::State::kLost: LEADFLOW_RETURN_IF_ERROR(End(*state)); return true;
    case Membership::State::kAssigned: break;
  }
  if (thread_ == nullptr) {
    if (clock_.MonotonicNanos() < wait_until_ns_) return false;
    return Begin(stop);
  }
  auto worked = thread_->Step();
  if (worked.ok()) return worked;
  auto endured = Endure(worked.status(), thread_.get());
  if (endured.ok()) {
    exchange_.activity().Rewound(RewindCause::kTransaction);
    Drop();
  }
  return endured;
}

Status Worker::Close(const std::function<void()>& committed) {
  if (thread_ != nullptr) return thread_->Close(committed);
  if (committed) committed();
  return {};
}

void Worker::RequestCommit() {
  if (thread_ != nullptr) thread_->RequestCommit();
}

void Worker::WithStores(Stage stage,
                        const std::function<void(const StoresByPartition&)>& use) const {
  StoresByPartition stores;
  const std::lock_guard lock(mutex_);
  if (thread_ != nullptr) {
    thread_->VisitStores(stage, [&](std::uint32_t partition, const KeyedStore& store) {
      stores.emplace_back(partition, &store);
    });
  }
  use(stores);
}

}  // namespace leadflow
