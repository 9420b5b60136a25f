#include "operators/identity/contribution.h"
#include "operators/identity/journeys_operator.h"

namespace leadflow {
namespace {

class LeadContribution final : public Contribution {
 public:
  explicit LeadContribution(const Pipeline& pipeline) : function_(pipeline) {}

  Status Batch(Journey& journey, const HomeFilter& in, int sign, FactSink& sink) const override {
    return function_.Batch(journey, in, sign, sink);
  }
  Result<bool> ApplyEntry(Journey& journey, const Entry& entry, FactSink& sink) override {
    return function_.ApplyEntry(journey, entry, sink);
  }
  Status ApplyRecord(Journey& journey, const Record& record, FactSink& sink) override {
    return function_.ApplyRecord(journey, record, sink);
  }
  Status TakeBackRecord(Journey& journey, const std::string& id, FactSink& sink) override {
    return function_.TakeBackRecord(journey, id, sink);
  }
  Status Settle(Journey& journey, FactSink& sink) override {
    return function_.Settle(journey, sink);
  }
  Status Rebuild(Journey& journey) override { return function_.Rebuild(journey); }
  void Unowned(const Record& record, int sign, FactSink& sink) const override {
    function_.Unowned(record, sign, sink);
  }
  void Standalone(const Entry& entry, int sign, FactSink& sink) const override {
    function_.Standalone(entry, sign, sink);
  }

 private:
  LeadFunction function_;
};

}  // namespace

std::unique_ptr<Contribution> MakeLeadContribution(const Pipeline& pipeline) {
  return std::make_unique<LeadContribution>(pipeline);
}

std::unique_ptr<Operator> MakeJourneysOperator(const Pipeline& pipeline, std::size_t cache_bytes) {
  return std::make_unique<JourneysOperator>(MakeLeadContribution(pipeline), LimitsOf(pipeline),
                                            cache_bytes);
}

}  // namespace leadflow
