#include "engine/runtime/exchange.h"

#include <algorithm>

namespace leadflow {

Result<std::unique_ptr<Exchange>> Exchange::Create(const Plan& plan, Log& log,
                                                   std::uint32_t threads) {
  LEADFLOW_RETURN_IF_ERROR(plan.Check());
  LEADFLOW_RETURN_IF_ERROR(log.EnsureTopics(plan.Topics()));
  auto exchange = std::make_unique<Exchange>(Private{}, plan.partitions, threads);
  for (const OutputTopic& topic : plan.output_topics) {
    LEADFLOW_ASSIGN_OR_RETURN(const std::uint32_t partitions, log.Partitions(topic.name));
    exchange->output_partitions_.push_back(partitions);
  }
  return exchange;
}

bool Exchange::AllAt(std::atomic<std::int64_t> PerThread::*reached) const {
  const std::int64_t now = epoch_.load();
  return std::all_of(
             threads_.begin(), threads_.end(),
             [now, reached](const PerThread& thread) { return (thread.*reached).load() == now; }) &&
         epoch_.load() == now;
}

Status Exchange::AskForHandled(const Plan& plan, Log& log) {
  const std::vector<std::size_t> waiting = backlog_.Unfinished();
  std::vector<TopicPartition> inputs;
  for (const std::size_t index : waiting) {
    inputs.push_back({index < partitions_ ? plan.events_topic() : plan.facts_topic(),
                      static_cast<std::uint32_t>(index % partitions_)});
  }
  LEADFLOW_ASSIGN_OR_RETURN(const std::vector<std::int64_t> offsets,
                            log.CommittedOffsets(plan.app, inputs, Log::OffsetsAs::kLast));
  for (std::size_t i = 0; i < waiting.size(); ++i) backlog_.Handled(waiting[i], offsets[i]);
  return {};
}

void Exchange::Publish(std::uint32_t thread, Published published) {
  const std::lock_guard lock(mutex_);
  threads_[thread].published = std::move(published);
}

void Exchange::Withdraw(std::uint32_t thread) {
  const std::lock_guard lock(mutex_);
  PerThread& one = threads_[thread];
  for (const auto& [key, value] : one.published.counted) one.counted[key] += value;
  one.published = {};
}

Exchange::Published Exchange::Sum() const {
  const std::lock_guard lock(mutex_);
  Published sum;
  for (const PerThread& thread : threads_) {
    for (const auto& [key, value] : thread.published.counters) sum.counters[key] += value;
    for (const auto& [key, value] : thread.published.counted) sum.counted[key] += value;
    for (const auto& [key, value] : thread.counted) sum.counted[key] += value;
    for (const auto& [name, bytes] : thread.published.sources) {
      SourceBytes& source = sum.sources[name];
      source.read += bytes.read;
      source.total += bytes.total;
      if (bytes.records_left) {
        source.records_left = source.records_left.value_or(0) + *bytes.records_left;
      }
    }
  }
  return sum;
}

}  // namespace leadflow
