// JourneysOperator: the stage behind `<app>.events`. Keeps the clusters of the identifiers, records
// and standalone entries that a partition owns, and sends what they contribute to the kpis stage.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/api/operator.h"
#include "operators/identity/cluster.h"
#include "operators/identity/contribution.h"
#include "operators/identity/fact_sum.h"
#include "operators/identity/protocol.h"
#include "operators/identity/record.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

// From `identity:`, `journey_ttl:` and `allowed_lateness:`.
IdentityLimits LimitsOf(const Pipeline& pipeline);

class JourneysOperator final : public Operator {
 public:
  // Decoded clusters are kept up to about `cache_bytes`.
  JourneysOperator(std::unique_ptr<Contribution> contribution, const IdentityLimits& limits,
                   std::size_t cache_bytes);
  ~JourneysOperator() override;

  Status Open(OperatorContext& context) override;
  Status Process(std::span<const MessageView> batch) override;
  Status Prepare() override;
  void Sealed() override;
  void Committed() override;
  void Aborted() override;

 private:
  Status ProcessKeyed(std::string_view message, MessageType type);
  void EmitFacts();

  std::unique_ptr<Contribution> contribution_;
  const IdentityLimits limits_;
  const std::size_t cache_bytes_;
  OperatorContext* context_ = nullptr;
  FactSum facts_;
  std::unique_ptr<NodeStore> nodes_;
  std::unique_ptr<Protocol> protocol_;
  std::unique_ptr<RecordOwner> records_;
  std::vector<Identifier> goals_;  // reused
  std::vector<Node*> goal_nodes_;  // reused
  std::string out_;                // reused
};

// The operator of a pipeline, which outlives it.
std::unique_ptr<Operator> MakeJourneysOperator(const Pipeline& pipeline, std::size_t cache_bytes);

}  // namespace leadflow
