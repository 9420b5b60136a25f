// StorePool: the open stores of a process. A store that a thread gives back stays open for a while,
// so that a partition that returns, to this thread or another one, finds it as it was. Meanwhile it
// may be lent for a moment at a time, to be kept up to date. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "engine/base/status.h"
#include "engine/state/keyed_store.h"
#include "engine/state/store_factory.h"

namespace leadflow {

class StorePool {
 public:
  // The factory outlives it.
  explicit StorePool(StoreFactory& factory) : factory_(factory) {}

  // Opens it, if it is not open. One that is damaged, or that `keep` does not want, is emptied.
  // kUnavailable: another thread still has it.
  Result<std::unique_ptr<KeyedStore>> Take(const std::string& name, const StoreFactory::Keep& keep);
  void Give(const std::string& name, std::unique_ptr<KeyedStore> store, std::int64_t now_ns);

  // As Take, for a moment: Take waits for its Return. Null: a thread has it.
  Result<std::unique_ptr<KeyedStore>> Borrow(const std::string& name,
                                             const StoreFactory::Keep& keep);
  void Return(const std::string& name, std::unique_ptr<KeyedStore> store, std::int64_t now_ns);

  // Makes durable and closes what was given back before `before_ns` and not taken since.
  Status CloseIdle(std::int64_t before_ns);

 private:
  struct Idle {
    std::unique_ptr<KeyedStore> store;
    std::int64_t since_ns = 0;
  };

  Result<std::unique_ptr<KeyedStore>> Open(const std::string& name, const StoreFactory::Keep& keep,
                                           std::unique_ptr<KeyedStore> store);
  std::unique_ptr<KeyedStore> IdleOne(const std::string& name);

  StoreFactory& factory_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::map<std::string, Idle> idle_;  // Guarded by mutex_.
  std::set<std::string> taken_;       // Guarded by mutex_. Also while one is opened or closed.
  std::set<std::string> lent_;        // Guarded by mutex_.
};

}  // namespace leadflow
