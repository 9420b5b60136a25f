// B2bJob: the pipeline itself in small. Made-up people leave cookies, mails, forms, deals, orders
// and refunds in two sources, late, doubled and broken; real operators turn them into journeys and
// rows.
//
// In the end all rows must be what one undisturbed thread makes of the same input, what f says of
// the stored journeys, and what the topics of the rows say.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "app/job.h"
#include "tests/simulation/simulation.h"

namespace leadflow::simulation {

class B2bJob final : public Job {
 public:
  explicit B2bJob(std::uint64_t seed);

  const Plan& plan() const override { return plan_; }
  std::string Check(const Outcome& outcome) const override;

 private:
  using Sums = std::map<std::string, std::int64_t>;  // Row group and component.

  Status CheckTopics(const Outcome& outcome, std::string* found) const;
  static Status ReadRows(const std::vector<KeyedStore*>& facts, Sums* sums);

  const Pipeline& pipeline_;
  std::vector<app::SourceMessages> inputs_;
  Plan plan_;
  Sums sums_;  // Of the undisturbed run.
  Exchange::CounterValues counters_;
};

}  // namespace leadflow::simulation
