// RowWriter: the `file` outputs. Writes the rows of every KPI to `out/{kpi}.csv` or `.jsonl`,
// sorted by window and dimensions, whole files at a time: to a temporary file beside it, fsync,
// rename, so that a reader sees the old rows or the new ones. A file whose rows have not changed is
// left alone.
//
// Two KPIs are written at a time, and the rows of both are in memory meanwhile (bounded by their
// max_cells). Used by one thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/status.h"
#include "operators/kpi/scan_rows.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow {

class RowWriter {
 public:
  // `pipeline` outlives it.
  explicit RowWriter(const Pipeline& pipeline);

  // Writes the outputs whose `every` has passed since they were written last (at first: all).
  // `monotonic_ms`: of a clock that never goes back.
  Status WriteDue(std::span<const KeyedStore* const> partitions, std::int64_t watermark_ms,
                  std::int64_t monotonic_ms);
  // Writes all outputs: at the end.
  Status WriteAll(std::span<const KeyedStore* const> partitions, std::int64_t watermark_ms);

  // Files written (not those that were left alone) since it was made.
  std::int64_t files_written() const { return files_written_; }

 private:
  Status Write(std::span<const KeyedStore* const> partitions, std::int64_t watermark_ms,
               std::span<const OutputSpec* const> outputs);
  Status WriteKpi(const KpiSpec& kpi, std::span<const KeyedStore* const> partitions,
                  std::int64_t watermark_ms, std::span<const OutputSpec* const> outputs);
  Status WriteFile(const std::string& path, const std::string& text);

  const Pipeline& pipeline_;
  std::vector<std::int64_t> due_ms_;  // per output
  std::mutex mutex_;                  // Guards what follows while files are written.
  std::unordered_map<std::string, std::string> written_;  // path -> hash of its bytes
  std::int64_t files_written_ = 0;
};

// Where an output writes the rows of a KPI: `{kpi}` replaced.
std::string RowPath(const OutputSpec& output, std::string_view kpi);

// Replaces the file as a whole, or leaves it as it is; makes its folders. kUnavailable: no space
// and the like, later it may work.
Status ReplaceFile(const std::string& path, std::string_view bytes);

}  // namespace leadflow
