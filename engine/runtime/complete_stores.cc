#include "engine/runtime/complete_stores.h"

#include <memory>

#include "engine/runtime/exchange.h"
#include "engine/runtime/stream_thread.h"

namespace leadflow {

Result<std::int64_t> CompleteStores(const Plan& plan, Log& log, StoreFactory& stores,
                                    Clock& clock) {
  LEADFLOW_ASSIGN_OR_RETURN(const std::unique_ptr<Exchange> exchange,
                            Exchange::Create(plan, log, 1));
  StreamThread thread(plan, log, *exchange, clock,
                      [&stores](const std::string& name, const StoreFactory::Keep& keep) {
                        return stores.OpenKept(name, keep);
                      },
                      {}, 0, {.partitions = plan.AllPartitions(), .writer_id = plan.app + "-0"});
  LEADFLOW_RETURN_IF_ERROR(thread.Start());
  LEADFLOW_RETURN_IF_ERROR(thread.Close());
  return exchange->progress(0).watermark_ms.load();
}

}  // namespace leadflow
