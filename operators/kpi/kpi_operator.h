// KpiOperator: the kpis stage. Adds facts up into the components of row groups and stores them;
// rows are made from them when somebody looks (kpi_row.h), so a fact costs an addition. Rows that
// topics carry are published with the commit that changes them (row_publisher.h).
//
// Nothing is read while facts come in: what is not in the cache collects its changes, and Prepare
// reads all of those groups by one sorted look-up.
//
// max_cells: a group that would be one too many of its KPI and window in this partition is added to
// the group whose dimensions are all `(other)`; counted as `overflow` by KPI. Once a group has a
// row it keeps it, also at 0, so a group is either always a row of its own or always in `(other)`.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "engine/api/operator.h"
#include "operators/kpi/row_publisher.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

class KpiOperator final : public Operator {
 public:
  static constexpr std::size_t kCacheBytes = std::size_t{64} << 20;

  // `pipeline` outlives it. `cache_bytes` bounds what stays in memory between two commits.
  explicit KpiOperator(const Pipeline& pipeline, std::size_t cache_bytes = kCacheBytes,
                       RowPublisher::Limits limits = {}, const SchemaIdsByTopic& schemas = {});
  ~KpiOperator() override;

  Status Open(OperatorContext& context) override;
  Status Process(std::span<const MessageView> batch) override;
  Status Prepare() override;
  std::int64_t due_ms() const override;
  void Committed() override;
  void Aborted() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leadflow
