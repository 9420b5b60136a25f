// StoreFactory: opens the stores of a process by name, one per task. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/state/keyed_store.h"

namespace leadflow {

class StoreFactory {
 public:
  virtual ~StoreFactory() = default;

  // The store of that name, created if there is none. A name has 1 to 200 letters, digits, `.`, `-`
  // and `_`, and does not begin with a point. kFailedPrecondition: it is open already, or a newer
  // release wrote it. kCorruption: its bytes are damaged; Remove it and read the changelog again.
  virtual Result<std::unique_ptr<KeyedStore>> Open(std::string_view name) = 0;

  // Forgets what the store held; none is fine. REQUIRES: it is not open
  virtual Status Remove(std::string_view name) = 0;

  // Opens it; one that `keep` does not want is emptied.
  using Keep = std::function<bool(KeyedStore&)>;
  Result<std::unique_ptr<KeyedStore>> OpenKept(std::string_view name, const Keep& keep) {
    LEADFLOW_ASSIGN_OR_RETURN(std::unique_ptr<KeyedStore> store, Open(name));
    if (keep(*store)) return store;
    store.reset();
    LEADFLOW_RETURN_IF_ERROR(Remove(name));
    return Open(name);
  }
};

// kInvalidArgument unless it is a name that Open takes.
Status CheckStoreName(std::string_view name);

}  // namespace leadflow
