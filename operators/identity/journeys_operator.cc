#include "operators/identity/journeys_operator.h"

#include <utility>

#include "engine/base/hash.h"

namespace leadflow {
namespace {

// Facts that are held back until Prepare; beyond this they leave early.
constexpr std::size_t kMaxFactBytes = std::size_t{32} << 20;

// Not to an identifier.
bool GoesToKey(MessageType type) {
  return type == MessageType::kRecordEvent || type == MessageType::kStandalone;
}

}  // namespace

IdentityLimits LimitsOf(const Pipeline& pipeline) {
  IdentityLimits limits;
  for (const IdentifierType type : pipeline.identity.unique) {
    limits.guards.unique_types |= std::uint32_t{1} << static_cast<int>(type);
  }
  limits.guards.max_identifiers = pipeline.identity.max_identifiers;
  limits.max_shared = static_cast<std::size_t>(pipeline.identity.max_shared);
  limits.source_names = pipeline.source_names;
  limits.erase_keeps_counts = pipeline.identity.erase_keeps_counts;
  if (__builtin_add_overflow(pipeline.journey_ttl_ms, pipeline.lateness_ms, &limits.horizon_ms)) {
    limits.horizon_ms = std::numeric_limits<std::int64_t>::max();
  }
  return limits;
}

JourneysOperator::JourneysOperator(std::unique_ptr<Contribution> contribution,
                                   const IdentityLimits& limits, std::size_t cache_bytes)
    : contribution_(std::move(contribution)), limits_(limits), cache_bytes_(cache_bytes) {}

JourneysOperator::~JourneysOperator() = default;

Status JourneysOperator::Open(OperatorContext& context) {
  context_ = &context;
  nodes_ = std::make_unique<NodeStore>(
      &context.store(), limits_.guards, cache_bytes_,
      [this](Journey& journey) { return contribution_->Settle(journey, facts_); });
  protocol_ =
      std::make_unique<Protocol>(&context, nodes_.get(), contribution_.get(), limits_, &facts_);
  records_ =
      std::make_unique<RecordOwner>(&context, contribution_.get(), &limits_.source_names, &facts_);
  return Status();
}

Status JourneysOperator::Process(std::span<const MessageView> batch) {
  goals_.clear();
  for (const MessageView& message : batch) {
    MessageType type;
    if (!ReadMessageType(message.value, &type)) {
      return Status(ErrorCode::kInternal, "malformed message: unknown type");
    }
    if (GoesToKey(type)) continue;
    if (message.value.size() < 17) {
      return Status(ErrorCode::kInternal, "malformed message: head");
    }
    goals_.push_back(Identifier::From(message.value.substr(1, 16)));
  }
  LEADFLOW_RETURN_IF_ERROR(nodes_->GetAll(goals_, &goal_nodes_));
  std::size_t next = 0;
  for (const MessageView& message : batch) {
    const auto type = static_cast<MessageType>(message.value[0]);
    if (GoesToKey(type)) {
      LEADFLOW_RETURN_IF_ERROR(ProcessKeyed(message.value, type));
      continue;
    }
    MessageHead head;
    if (!ReadMessageHead(message.value, &head)) {
      return Status(ErrorCode::kInternal, "malformed message: head");
    }
    LEADFLOW_RETURN_IF_ERROR(protocol_->Handle(head, goal_nodes_[next++]));
  }
  if (facts_.bytes() > kMaxFactBytes) EmitFacts();
  // Now, while they are in the caches of the processor, and not all of them at the commit. Large
  // ones once for all that comes until then.
  LEADFLOW_RETURN_IF_ERROR(nodes_->WriteSmall());
  return nodes_->Trim();
}

Status JourneysOperator::ProcessKeyed(std::string_view message, MessageType type) {
  KeyedMessage keyed;
  if (!ReadKeyedMessage(message, &keyed)) {
    return Status(ErrorCode::kInternal, "malformed message: keyed");
  }
  return type == MessageType::kRecordEvent ? records_->OnRecordEvent(keyed)
                                           : records_->OnStandalone(keyed);
}

void JourneysOperator::EmitFacts() {
  facts_.ForEach([&](std::string_view group, std::string_view component, std::int64_t delta) {
    out_.clear();
    AppendFact(group, component, delta, &out_);
    context_->Emit(OutputId::kFacts, Hash64(group), out_);
  });
  facts_.Clear();
}

Status JourneysOperator::Prepare() {
  LEADFLOW_RETURN_IF_ERROR(nodes_->Write());
  EmitFacts();
  return Status();
}

void JourneysOperator::Sealed() { nodes_->Sealed(); }

void JourneysOperator::Committed() { nodes_->Committed(); }

void JourneysOperator::Aborted() {
  facts_.Clear();
  nodes_->Aborted();
}

}  // namespace leadflow
