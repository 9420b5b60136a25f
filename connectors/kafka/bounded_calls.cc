#include "connectors/kafka/bounded_calls.h"

#include <chrono>
#include <utility>

#include "engine/base/check.h"

namespace leadflow::kafka {
namespace {

constexpr std::int64_t kLastWaitMs = 5'000;

}  // namespace

BoundedCalls::BoundedCalls()
    : state_(std::make_shared<State>()), thread_([state = state_] { Serve(*state); }) {}

BoundedCalls::~BoundedCalls() {
  if (!thread_.joinable()) return;
  if (!Wait(kLastWaitMs)) {
    Abandon();
    return;
  }
  Stop();
  thread_.join();
}

void BoundedCalls::Abandon() {
  Stop();
  thread_.detach();
}

void BoundedCalls::Stop() {
  const std::lock_guard lock(state_->mutex);
  state_->stop = true;
  state_->changed.notify_all();
}

void BoundedCalls::Start(std::function<void()> call) {
  const std::lock_guard lock(state_->mutex);
  LEADFLOW_CHECK(!state_->running && !state_->stop);
  state_->call = std::move(call);
  state_->running = true;
  state_->changed.notify_all();
}

bool BoundedCalls::Wait(std::int64_t wait_ms) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, std::chrono::milliseconds(wait_ms),
                                  [this] { return !state_->running; });
}

void BoundedCalls::Serve(State& state) {
  std::unique_lock lock(state.mutex);
  while (true) {
    state.changed.wait(lock, [&] { return state.stop || state.call; });
    if (!state.call) return;
    std::function<void()> call = std::exchange(state.call, nullptr);
    lock.unlock();
    call();
    call = nullptr;  // What it owns ends here, before anybody learns that it is done.
    lock.lock();
    state.running = false;
    state.changed.notify_all();
  }
}

}  // namespace leadflow::kafka
