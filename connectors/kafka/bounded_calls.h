// BoundedCalls: a thread on which calls run that may block for ever, one at a time. The caller
// waits for as long as it likes, and comes back later or gives up.
//
// Used by one thread at a time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace leadflow::kafka {

class BoundedCalls {
 public:
  BoundedCalls();
  ~BoundedCalls();  // Gives a call that runs some seconds to end; else as Abandon.
  BoundedCalls(const BoundedCalls&) = delete;
  BoundedCalls& operator=(const BoundedCalls&) = delete;

  // `call` must own all that it touches: it may outlive this object. REQUIRES: none is running.
  void Start(std::function<void()> call);

  // True if none is running, at the latest after `wait_ms`. What the call wrote is then visible.
  bool Wait(std::int64_t wait_ms);

  // Leaves a call that does not end behind, with its thread. Nothing can be started any more.
  void Abandon();

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::function<void()> call;  // Empty: none.
    bool running = false;
    bool stop = false;
  };
  static void Serve(State& state);
  void Stop();

  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace leadflow::kafka
