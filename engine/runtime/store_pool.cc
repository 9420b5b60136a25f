#include "engine/runtime/store_pool.h"

#include <utility>

namespace leadflow {

// Null if it is not open. REQUIRES: mutex_ is held.
std::unique_ptr<KeyedStore> StorePool::IdleOne(const std::string& name) {
  const auto found = idle_.find(name);
  if (found == idle_.end()) return nullptr;
  std::unique_ptr<KeyedStore> store = std::move(found->second.store);
  idle_.erase(found);
  return store;
}

Result<std::unique_ptr<KeyedStore>> StorePool::Take(const std::string& name,
                                                    const StoreFactory::Keep& keep) {
  std::unique_ptr<KeyedStore> store;
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [&] { return !lent_.contains(name); });
    if (!taken_.insert(name).second) {
      return Status::Unavailable("store `" + name + "` is still in use by another thread");
    }
    store = IdleOne(name);
  }
  auto opened = Open(name, keep, std::move(store));
  if (!opened.ok()) {
    const std::lock_guard lock(mutex_);
    taken_.erase(name);
  }
  return opened;
}

Result<std::unique_ptr<KeyedStore>> StorePool::Borrow(const std::string& name,
                                                      const StoreFactory::Keep& keep) {
  std::unique_ptr<KeyedStore> store;
  {
    const std::lock_guard lock(mutex_);
    if (taken_.contains(name)) return std::unique_ptr<KeyedStore>();
    lent_.insert(name);
    store = IdleOne(name);
  }
  auto opened = Open(name, keep, std::move(store));
  if (!opened.ok()) {
    const std::lock_guard lock(mutex_);
    lent_.erase(name);
    returned_.notify_all();
  }
  return opened;
}

void StorePool::Return(const std::string& name, std::unique_ptr<KeyedStore> store,
                       std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  lent_.erase(name);
  idle_[name] = {std::move(store), now_ns};
  returned_.notify_all();
}

// `store`: null if it is not open.
Result<std::unique_ptr<KeyedStore>> StorePool::Open(const std::string& name,
                                                    const StoreFactory::Keep& keep,
                                                    std::unique_ptr<KeyedStore> store) {
  if (store == nullptr) {
    auto opened = factory_.OpenKept(name, keep);
    if (opened.ok() || opened.status().code() != ErrorCode::kCorruption) return opened;
  } else if (keep(*store)) {
    return store;
  }
  store.reset();
  LEADFLOW_RETURN_IF_ERROR(factory_.Remove(name));
  return factory_.Open(name);
}

void StorePool::Give(const std::string& name, std::unique_ptr<KeyedStore> store,
                     std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  taken_.erase(name);
  idle_[name] = {std::move(store), now_ns};
}

Status StorePool::CloseIdle(std::int64_t before_ns) {
  Status status;
  while (true) {
    std::string name;
    std::unique_ptr<KeyedStore> store;
    {
      const std::lock_guard lock(mutex_);
      for (auto& [idle, held] : idle_) {
        if (held.since_ns >= before_ns) continue;
        name = idle;
        store = std::move(held.store);
        idle_.erase(name);
        taken_.insert(name);
        break;
      }
    }
    if (store == nullptr) return status;
    if (Status flushed = store->Flush(); !flushed.ok()) status = flushed.WithContext(name);
    store.reset();
    const std::lock_guard lock(mutex_);
    taken_.erase(name);
  }
}

}  // namespace leadflow
