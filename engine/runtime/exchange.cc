#include "engine/runtime/exchange.h"

#include <algorithm>

namespace leadflow {

Result<std::unique_ptr<Exchange>> Exchange::Create(const Plan& plan, Log& log,
                                                   std::uint32_t threads) {
  LEADFLOW_RETURN_IF_ERROR(plan.Check());
  LEADFLOW_RETURN_IF_ERROR(log.EnsureTopics(plan.Topics()));
  auto exchange = std::make_unique<Exchange>(Private{}, plan.partitions, threads);
  for (const std::string& topic : {plan.events_topic(), plan.facts_topic()}) {
    for (std::uint32_t p = 0; p < plan.partitions; ++p) {
      LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t end, log.EndOffset({topic, p}));
      exchange->first_own_offset_.push_back(end);
    }
  }
  return exchange;
}

bool Exchange::AllQuiet() const {
  const std::int64_t now = epoch_.load();
  return std::all_of(threads_.begin(), threads_.end(), [now](const PerThread& thread) {
           return thread.quiet.load() == now;
         }) &&
         epoch_.load() == now;
}

std::int64_t Exchange::MaxBacklog() const {
  std::int64_t most = 0;
  for (const auto& bytes : backlog_) most = std::max(most, bytes.load(std::memory_order_relaxed));
  return most;
}

std::int64_t Exchange::TotalBacklog() const {
  std::int64_t sum = 0;
  for (const auto& bytes : backlog_) sum += bytes.load(std::memory_order_relaxed);
  return sum;
}

void Exchange::PublishCounters(std::uint32_t thread, CounterValues values) {
  const std::lock_guard lock(counters_mutex_);
  threads_[thread].counters = std::move(values);
}

Exchange::CounterValues Exchange::SumCounters() const {
  const std::lock_guard lock(counters_mutex_);
  CounterValues sum;
  for (const PerThread& thread : threads_) {
    for (const auto& [key, value] : thread.counters) sum[key] += value;
  }
  return sum;
}

}  // namespace leadflow
