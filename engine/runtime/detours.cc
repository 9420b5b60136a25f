// Which way messages take. A sender that is here now may have been elsewhere before, or this thread
// may have been another one: then the topic of a partition that is here holds messages that must
// not be overtaken by what is handed over in memory. So each such partition begins with a detour:
// its messages go through the log, as those of other threads do. Sources wait until what was there
// before is handled; then, between two commits, all detours end at once: from then on messages are
// handed over in memory, and before the first of them is looked at, the thread handles what it sent
// through the log itself.
#include <algorithm>

#include "engine/runtime/stream_thread.h"
#include "engine/runtime/thread_parts.h"

namespace leadflow {

Target StreamThread::AddOutbox(const std::string& topic, Stage stage, std::uint32_t partition,
                               bool counted) {
  auto& made = outboxes_.emplace_back(std::make_unique<Outbox>());
  made->to = {topic, partition};
  made->stage = stage;
  made->counted = counted;
  return {nullptr, &made->blocks};
}

// `task`: null if the partition is another thread's.
Result<Target> StreamThread::TargetOf(Stage stage, std::uint32_t partition, Task* task) {
  const std::string topic = stage == Stage::kEvents ? plan_.events_topic() : plan_.facts_topic();
  if (task == nullptr) return AddOutbox(topic, stage, partition, true);
  // Older owners of the senders that are here are fenced: nothing is added to what they have sent.
  LEADFLOW_ASSIGN_OR_RETURN(const std::int64_t before, log_.WrittenOffset({topic, partition}));
  if (task->committed_input_offset() >= before) return Target{&task->inbox(), nullptr};
  const Target target = AddOutbox(topic, stage, partition, true);
  detours_.push_back({task, outboxes_.back().get(), before, 0});
  return target;
}

Status StreamThread::BuildRoutes() {
  auto& to_events = routes_[static_cast<std::size_t>(OutputId::kEvents)];
  auto& to_facts = routes_[static_cast<std::size_t>(OutputId::kFacts)];
  for (std::uint32_t p = 0; p < plan_.partitions; ++p) {
    LEADFLOW_ASSIGN_OR_RETURN(const Target event,
                              TargetOf(Stage::kEvents, p, events_by_partition_[p]));
    LEADFLOW_ASSIGN_OR_RETURN(const Target fact,
                              TargetOf(Stage::kFacts, p, facts_by_partition_[p]));
    to_events.push_back(event);
    to_facts.push_back(fact);
  }
  return {};
}

// Whether all that was there before is handled. A position counts what of the log is no record.
bool StreamThread::BacklogHandled() const {
  return std::all_of(detours_.begin(), detours_.end(), [this](const Detour& detour) {
    return reader_->Position(InputOf(*detour.task)) >= detour.before;
  });
}

// REQUIRES: all that was done is committed.
void StreamThread::EndDetours() {
  std::erase_if(handovers_, [](const Handover& handover) {
    return handover.task->committed_input_offset() >= handover.until;
  });
  for (Detour& detour : detours_) {
    detour.sent = std::max(detour.sent, writer_->LastOffset(detour.outbox->to) + 1);
  }
  if (detours_.empty() || !BacklogHandled()) return;
  for (const Detour& detour : detours_) {
    const bool events = detour.task->spec().stage == Stage::kEvents;
    auto& targets =
        routes_[static_cast<std::size_t>(events ? OutputId::kEvents : OutputId::kFacts)];
    targets[detour.task->partition()] = {&detour.task->inbox(), nullptr};
    std::erase_if(outboxes_, [&](const auto& outbox) { return outbox.get() == detour.outbox; });
    if (detour.task->committed_input_offset() < detour.sent) {
      handovers_.push_back({detour.task, detour.sent});
    }
  }
  detours_.clear();
}

// Whether what waits in memory has to wait for what lies in the log.
bool StreamThread::HandingOver() const {
  return std::any_of(handovers_.begin(), handovers_.end(), [this](const Handover& handover) {
    return reader_->Position(InputOf(*handover.task)) < handover.until;
  });
}

// While partitions are handed over the others rest, so that not much gathers in memory.
void StreamThread::Rest(bool rest) {
  if (rest == resting_) return;
  resting_ = rest;
  for (const auto* tasks : {&events_, &facts_}) {
    for (const auto& task : *tasks) {
      const bool handed_over =
          std::any_of(handovers_.begin(), handovers_.end(),
                      [&](const Handover& handover) { return handover.task == task.get(); });
      if (rest && !handed_over) {
        reader_->Pause(InputOf(*task));
      } else {
        reader_->Resume(InputOf(*task));
      }
    }
  }
}

}  // namespace leadflow
