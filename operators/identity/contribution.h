// Contribution: f as the identity protocol sees it: what a lead, a record without a lead, or a
// standalone entry adds to the rows. In production LeadFunction; in tests anything pure.
#pragma once

#include <memory>

#include "engine/base/status.h"
#include "operators/facts/fact.h"
#include "operators/journey/journey.h"
#include "operators/journey/lead_function.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

// Each method as its namesake of LeadFunction.
class Contribution {
 public:
  virtual ~Contribution() = default;

  virtual Status Batch(Journey& journey, const HomeFilter& in, int sign, FactSink& sink) const = 0;
  virtual Result<bool> ApplyEntry(Journey& journey, const Entry& entry, FactSink& sink) = 0;
  virtual Status ApplyRecord(Journey& journey, const Record& record, FactSink& sink) = 0;
  virtual Status TakeBackRecord(Journey& journey, const std::string& id, FactSink& sink) = 0;
  virtual Status Settle(Journey& journey, FactSink& sink) = 0;
  virtual Status Rebuild(Journey& journey) = 0;
  virtual void Unowned(const Record& record, int sign, FactSink& sink) const = 0;
  virtual void Standalone(const Entry& entry, int sign, FactSink& sink) const = 0;
};

// The one of a pipeline, which outlives it.
std::unique_ptr<Contribution> MakeLeadContribution(const Pipeline& pipeline);

}  // namespace leadflow
